"""Ways through a script: deciding tests, and making ways one again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsv4_env.lang.bash.layers import Elements, Layers
from dsv4_env.lang.bash.state import Condition, Event, ForkError, Key, Path1, Run, State, Var
from dsv4_env.model import Note

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STATES = 256
MAX_ALTERNATIVES = 512
MAX_COMPARED = 4_000_000  # of their lengths, squared and added up
MAX_TESTS = 8  # that are told of alternatives that are too many
_LITTLE_LEFT = 32  # ways that are followed apart where half of the budget is used up
_FEW = 24


def decide(state: State, run: Run, condition: Condition, answer: bool) -> bool:
    """Take a decision on this path; False when the path can't be."""
    key = condition.key
    known = state.decided.get(key)
    if known is not None:
        return known is answer
    run.conditions[key] = condition
    opposite = (key, not answer)
    _count(run, state.alts)
    alts = frozenset(a | {(key, answer)} for a in state.alts if opposite not in a)
    if not alts:
        return False
    state.alts = alts
    state.decided[key] = answer
    if answer and condition.solves is not None:
        unknown, text = condition.solves
        state.solved[id(unknown)] = text
    return True


def contradicts(state: State, condition: Condition) -> bool | None:
    """What is already known of a condition on this path, None when nothing is."""
    known = state.decided.get(condition.key)
    if known is not None:
        return known
    if condition.solves is not None:
        unknown, text = condition.solves
        solved = state.solved.get(id(unknown))
        if solved is not None:
            return solved == text
        if text and state.decided.get(("empty", id(unknown))) is True:
            return False
    return None


def negated(condition: Condition) -> Condition:
    """The condition that holds where this one doesn't."""
    return replace(
        condition,
        key=("not", *condition.key),
        true=condition.false,
        false=condition.true,
        solves=None,
        success=not condition.success,
    )


def require(state: State, run: Run, condition: Condition) -> bool:
    """The answer of a condition on this path, or a ForkError."""
    known = contradicts(state, condition)
    if known is None:
        run.conditions[condition.key] = condition
        raise ForkError(condition)
    return known


def _count(run: Run, alts: frozenset[Path1] | set[Path1]) -> None:
    """Spend what it takes to look at alternatives once."""
    run.budget.step(count=1 + (sum(len(a) for a in alts) >> 3))


def simplify(run: Run, alts: frozenset[Path1]) -> frozenset[Path1]:
    """The same alternatives, shorter: ``a and b or a and not b`` is ``a``."""
    if len(alts) < 2:
        return alts
    if sum(len(a) * len(a) for a in alts) > MAX_COMPARED:  # they stay as they are
        run.budget.step(count=sum(len(a) for a in alts))
        return alts
    order = run.ordered()

    def ordered(path: Path1) -> list[tuple[Key, bool]]:
        return sorted(path, key=lambda x: (order[x[0]], x[1]), reverse=True)

    def rank(path: Path1) -> list[tuple[int, bool]]:
        return [(order[k], v) for k, v in ordered(path)]

    current = set(alts)
    changed = True
    while changed:
        changed = False
        run.budget.step(count=1 + sum(4 * len(a) + (len(a) * len(a) >> 5) for a in current))
        for path in sorted(current, key=rank):
            if path not in current:
                continue
            for key, answer in ordered(path):
                rest = path - {(key, answer)}
                other = rest | {(key, not answer)}
                if other in current:
                    current -= {path, other}
                    current.add(rest)
                    changed = True
                    break
    if len(current) <= _FEW:
        current = _absorbed(run, current, ordered, rank)
    return frozenset(current)


def _absorbed(
    run: Run,
    current: set[Path1],
    ordered: Callable[[Path1], list[tuple[Key, bool]]],
    rank: Callable[[Path1], list[tuple[int, bool]]],
) -> set[Path1]:
    """``a or not a and b`` is ``a or b``; tried only for few alternatives, as it takes long."""
    changed = True
    while changed:
        run.budget.step(count=1 + (len(current) * sum(len(a) for a in current) >> 2))
        current = {p for p in current if not any(o < p for o in current)}
        changed = False
        for path in sorted(current, key=rank):
            for key, answer in ordered(path):
                rest = path - {(key, answer)}
                opposite = (key, not answer)
                if any(opposite in o and o - {opposite} <= rest for o in current):
                    current = (current - {path}) | {rest}
                    changed = True
                    break
            if changed:
                break
    return current


def merge(states: list[State], run: Run) -> list[State]:
    """The states with those made one that are the same again; at most MAX_STATES.

    Where the budget runs low it's fewer: what differs between them is unknown then.
    """
    if len(states) < 2:
        return states
    groups: dict[object, list[list[State]]] = {}
    merged: list[list[State]] = []
    for state in states:
        run.budget.step(count=2 + (_size(state) >> 3))
        alike = groups.setdefault(_print(state), [])
        members = next((m for m in alike if m[0].signature() == state.signature()), None)
        if members is None:
            members = []
            alike.append(members)
            merged.append(members)
        members.append(state)
    found = [m[0] if len(m) == 1 else _union(run, m) for m in merged]
    spent = run.spent()
    most = MAX_STATES if spent < 0.5 else _LITTLE_LEFT if spent < 0.85 else 1
    return _degrade(found, run) if len(found) > most else found


def _size(state: State) -> int:
    """What comparing a state with another takes."""
    changed = state.vars.changes()
    listed = sum(len(v.items) for v in changed if v.items is not None)
    others = len(state.params or ()) + len(state.out or ()) + len(state.counts)
    return 2 * len(changed) + listed + others


def _print(state: State) -> object:
    """The same for the same state, hardly ever for others."""
    status = state.status if isinstance(state.status, int) else None
    counts = sum(map(hash, state.counts.items()))
    return state.vars.digest(_content), len(state.notes), state.flow, status, counts


def _content(var: Var) -> object:
    value = var.value
    items = var.items.digest if isinstance(var.items, Elements) else 0
    return value if isinstance(value, str) else value.text, items


def _union(run: Run, states: list[State], *, rough: bool = False) -> State:
    first = states[0].copy()
    alts = frozenset(a for s in states for a in s.alts)
    _count(run, alts)
    common = frozenset.intersection(*alts)
    first.alts = frozenset([common]) if rough else simplify(run, alts)
    first.seq = max(s.seq for s in states)
    common = frozenset.intersection(*first.alts)
    first.decided = Layers(dict(common))
    first.solved = Layers(
        {k: v for k, v in first.solved.items() if all(s.solved.get(k) == v for s in states)}
    )
    if len(first.alts) > MAX_ALTERNATIVES:
        first.alts = frozenset([common | {(_many(run, first), True)}])
    return first


def _many(run: Run, state: State) -> Key:
    """A condition that stands for alternatives that are too many to be told apart."""
    order = run.ordered()
    keys = sorted({key for path in state.alts for key, _ in path}, key=order.__getitem__)
    tests = [run.conditions[k].true for k in keys]
    key = ("alternatives", len(run.conditions))
    shown = list(dict.fromkeys(tests))
    more = ", …" if len(shown) > MAX_TESTS else ""
    text = f"some of many tests hold ({', '.join(shown[:MAX_TESTS])}{more})"
    run.conditions[key] = Condition(key, text, f"not ({text})")
    return key


def _degrade(states: list[State], run: Run) -> list[State]:
    """Too many ways: one state per kind of end, and what differs between them is unknown."""
    groups: dict[Any, list[State]] = {}
    for state in states:
        groups.setdefault((state.flow, state.opts, len(state.scopes)), []).append(state)
    result: list[State] = []
    for members in groups.values():
        one = _union(run, members, rough=True)
        names = {n: None for s in members for n in members[0].vars.differing(s.vars)}
        run.budget.step(count=len(names) * len(members) >> 3)
        for name in sorted(names):
            variants = [s.vars.get(name) for s in members]
            if any(v != variants[0] for v in variants):
                one.vars[name] = _one_of(run, one, name, variants)
        if any(s.params != one.params for s in members):
            one.params, one.given = None, (False, "many", one.seq)
        if any(s.status != one.status for s in members):
            one.status = Condition(("status", "many", one.seq), "…", "not (…)", command=True)
        _leave_open(one, members)
        result.append(one)
    return result


def _leave_open(one: State, members: list[State]) -> None:
    """What else differs between ways that are made one."""
    one.note(Note("too many undecided tests: some values are left unknown"))
    one.partial = any(s.partial for s in members)
    one.required = tuple(r for r in one.required if all(r in s.required for s in members))
    one.stdin = one.stdin if all(s.stdin == one.stdin for s in members) else None
    if one.out is not None and any(s.out != one.out for s in members):
        one.out = [None]
    for other in members[1:]:
        for note in other.notes:
            one.note(note)
        for key, count in other.counts.items():
            one.counts[key] = max(count, one.counts.get(key, 0))
        if (other.funcs, other.trap) != (one.funcs, one.trap):
            one.partial = True
            one.note(Note("which functions and traps there are isn't known", None, opens=True))


def _one_of(run: Run, state: State, name: str, variants: list[Var | None]) -> Var:
    """A variable that is one of several: not known which."""
    sets = [v for v in variants if v is not None]
    first = min(sets, key=lambda v: ("aAsn".find(v.kind) + 1 or 9) if v.kind else 9)
    many = first.kind in ("a", "A")
    state.seq += 1
    key = ("many", name, state.seq)
    text = f"${{{name}[@]}}" if many else f"${{{name}}}"
    unknown = run.unknown(text, "too many undecided tests", key, splits=many)
    events = [v.event for v in sets]
    last = max((e for e in events if e is not None), key=lambda e: e.seq, default=None)
    event = last and Event(state.seq, unknown, last.location, last.spelled, _shared(events))
    exported = all(v is not None and v.exported for v in variants)
    perhaps = any(v.exported or v.perhaps for v in sets) and not exported
    return replace(
        first,
        value=unknown,
        items=None,
        maybe=True,
        readonly=all(v is not None and v.readonly for v in variants),
        vague=any(v.vague or v.readonly for v in sets),
        exported=exported,
        event=event,
        perhaps="one of too many undecided tests holds" if perhaps else "",
    )


def attributes(state: State, ends: list[State]) -> None:
    """What a loop that may run makes of variables: readonly, of integers, let out of functions."""
    for end in ends:
        for name in state.vars.differing(end.vars):
            var = end.vars.get(name)
            old = state.vars.get(name, Var())
            if var is not None and (var.readonly, var.integer, var.case) != (
                old.readonly,
                old.integer,
                old.case,
            ):
                state.vars[name] = replace(old, vague=True)
        for scope, after in zip(state.scopes, end.scopes, strict=False):
            scope.update({n: None for n in after if n[0] == "!"})


def _same(one: Event, other: Event) -> bool:
    """Whether two settings are alike, whatever was set before: comparing that may take long."""
    return one is other or (
        (one.seq, one.location, one.spelled) == (other.seq, other.location, other.spelled)
        and one.value == other.value
    )


def _shared(events: list[Event | None]) -> Event | None:
    """The last setting that is in the history of all of them: mostly not far back in any."""
    while True:
        known = [e for e in events if e is not None]
        if len(known) < len(events) or not known:
            return None
        if all(_same(e, known[0]) for e in known):
            return known[0]
        last = max(e.seq for e in known)
        events = [e.before if e.seq == last else e for e in known]
