"""Functions that check their arguments' variables and end the script where one is missing."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from dsv4_env.lang.bash.lookup import find
from dsv4_env.lang.bash.special import empty_condition
from dsv4_env.lang.bash.syntax import Param, Simple, Word
from dsv4_env.lang.bash.ways import decide
from dsv4_env.model import Location, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsv4_env.lang.bash.state import Condition, Run, State


def checked_call(
    run: Run,
    state: State,
    body: Any,
    args: list[Value],
    place: Location,
    call: Callable[[State], list[State]],
) -> list[State] | None:
    """The ends of a call like ``check_env_vars A B C``, None where it isn't one.

    Following all 2**n ways that n variables may be missing would be too much. The call is
    followed with all of them there and with each one missing: where the former goes on and each
    of the latter ends the script, so does any other.
    """
    if run.pure or len(args) < 2:
        return None
    if (known := run.guards.get(id(body))) is None:
        known = run.guards[id(body)] = _looks_like_guard(run, body)
    if not known:
        return None
    conditions: list[Condition] = []
    for name in args:
        if not isinstance(name, str) or not name.isidentifier():
            return None
        var = find(state, run, name)
        value = var.value if var is not None and var.kind == "s" and var.maybe else ""
        if isinstance(value, Unknown):
            condition = empty_condition(value)
            if condition.key not in state.decided and condition not in conditions:
                conditions.append(condition)
    if len(conditions) < 2:
        return None
    mark, exits = len(run.launches), set(run.exits)
    result = None
    for missing in (None, *conditions):
        way = state.copy()
        if not all(decide(way, run, c, c is missing) for c in conditions):
            return None
        ends = call(way)
        if missing is None:
            result = ends
            good = len(ends) == 1 and ends[0].flow is None
        else:
            good = all(e.flow is not None and e.flow[0] == "exit" for e in ends)
        if not good or len(run.launches) > mark:
            del run.launches[mark:]
            run.exits = exits
            return None
    for condition in conditions:
        run.where.setdefault(condition.key, place)
    return result


def _looks_like_guard(run: Run, body: Any) -> bool:
    """Whether a function looks at variables by name and may end the script."""
    indirect = ends = False
    todo: list[Any] = [body]
    while todo:
        one = todo.pop()
        run.budget.step()
        if isinstance(one, (list, tuple)):
            todo += one
        elif is_dataclass(one) and not isinstance(one, type):
            if isinstance(one, Param):
                indirect = indirect or one.kind == "!"
            elif isinstance(one, Simple) and one.words and isinstance(one.words[0], Word):
                ends = ends or one.words[0].plain == "exit"
            todo += [getattr(one, f.name) for f in fields(one)]
    return indirect and ends
