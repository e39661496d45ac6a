"""Simple commands: expansion, redirection, builtins, functions and all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from dsv4_env.lang.bash.expand.assignments import (
    as_words,
    assign_for_builtin,
    assign_node,
    leave_function,
    local_export,
    reclaim,
    set_inside,
)
from dsv4_env.lang.bash.expand.decisions import decide, empty_condition
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import emit_unknown
from dsv4_env.lang.bash.expand.state import FatalError, Scope, State, Undecided, Var
from dsv4_env.lang.bash.expand.values import Argv, Symbol, Text
from dsv4_env.lang.bash.expand.variables import find_variable, havoc, restore, unknown_params
from dsv4_env.lang.bash.interp.builtins import BUILTINS
from dsv4_env.lang.bash.interp.declare import declare
from dsv4_env.lang.bash.interp.paths import (
    after_error,
    forking,
    give_up,
    havoc_all,
    merge_paths,
    unknown_status,
    with_errexit,
)
from dsv4_env.lang.bash.interp.streams import (
    RedirectError,
    emit_file,
    give_back,
    held_streams,
    redirected,
)
from dsv4_env.lang.bash.interp.texts import run_text
from dsv4_env.lang.bash.interp.wrappers import external
from dsv4_env.lang.bash.syntax.commands import DECLARERS
from dsv4_env.lang.bash.syntax.nodes import Assign, Function, Lit, Param, Simple, Word
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

MAX_CALLS = 50
MAX_ARGV = 50_000  # of a command
_SURE = frozenset({"echo", ":", "true", "false"})  # builtins that never need one, given plain words
_NEW = Var("s")
SPECIAL = frozenset(
    ". : break continue eval exec exit export readonly return set shift source times trap "
    "unset".split()
)


def checked_call(
    vm: Machine,
    state: State,
    body: Any,
    args: list[Text],
    place: Location,
    call: Callable[[State], list[State]],
) -> list[State] | None:
    """The ends of a call like ``check_env_vars A B C``, None where it isn't one.

    Following all 2**n ways that n variables may be missing would be too much. The call is
    followed with all of them there and with each one missing: where the former goes on and each
    of the latter ends the script, so does any other.
    """
    if vm.pure or len(args) < 2:
        return None
    if (known := vm.guards.get(body)) is None:
        known = vm.guards[body] = _is_guard(vm, body)
    if not known:
        return None
    conditions: list[Undecided] = []
    for name in args:
        if not isinstance(name, str) or not name.isidentifier():
            return None
        var = find_variable(vm, state, name)
        value = var.value if var is not None and var.kind == "s" and var.maybe else ""
        if isinstance(value, Symbol):
            condition = empty_condition(value)
            if condition.key not in state.decided and condition not in conditions:
                conditions.append(condition)
    if len(conditions) < 2:
        return None
    mark, exits = len(vm.invocations), set(vm.exits)
    result = None
    for missing in (None, *conditions):
        path = state.copy()
        if not all(decide(vm, path, c, c is missing) for c in conditions):
            return None
        ends = call(path)
        if missing is None:
            result = ends
            good = len(ends) == 1 and ends[0].flow is None
        else:
            good = all(e.flow is not None and e.flow[0] == "exit" for e in ends)
        if not good or len(vm.invocations) > mark:
            del vm.invocations[mark:]
            vm.exits = exits
            return None
    for condition in conditions:
        vm.where.setdefault(condition.key, place)
    return result


def _is_guard(vm: Machine, body: Any) -> bool:
    """Whether a function looks at variables by name and may end the script."""
    indirect = ends = False
    todo: list[Any] = [body]
    while todo:
        one = todo.pop()
        vm.budget.step()
        if isinstance(one, (list, tuple)):
            todo += one
        elif is_dataclass(one) and not isinstance(one, type):
            if isinstance(one, Param):
                indirect = indirect or one.kind == "!"
            elif isinstance(one, Simple) and one.words and isinstance(one.words[0], Word):
                ends = ends or one.words[0].plain == "exit"
            todo += [getattr(one, f.name) for f in fields(one)]
    return indirect and ends


def run_simple(vm: Machine, node: Simple, state: State) -> list[State]:
    """The states after a simple command."""
    lent = state.lent
    if node.fixed is None:
        node.fixed = _fixed(node)
    if node.fixed or (not node.words and _known(node, state)):
        found = _attempt(vm, node, state)
    else:
        found = forking(
            vm, state, lambda s: _attempt(vm, node, s), lambda s: _test_of_too_much(vm, node, s)
        )
    if lent:
        for after in found:
            reclaim(vm, after, node, lent)
    return found


def _test_of_too_much(vm: Machine, node: Simple, state: State) -> list[State]:
    """A test of too many unknown things: its status isn't known."""
    first = node.words[0] if node.words else None
    name = first.plain if isinstance(first, Word) else None
    if name not in ("[", "test"):
        return forking(vm, state, lambda s: _attempt(vm, node, s))
    state.status = unknown_status(state, node)
    return [with_errexit(state)]


def _fixed(node: Simple) -> bool:
    """Whether nothing in a command can need a decision, so that no copy is kept for one."""
    for word in (*node.words, *node.assigns):
        if isinstance(word, Assign):
            if isinstance(word.value, list) or word.value.plain is None or word.sub is not None:
                return False
        elif word.plain is None:
            return False
    if any(r.word.plain is None or r.op in ("<", "<>") for r in node.redirs):
        return False
    first = node.words[0] if node.words else None
    name = first.plain if isinstance(first, Word) else None
    return name is None or name in DECLARERS or name in _SURE or name not in BUILTINS


def _known(node: Simple, state: State) -> bool:
    """Whether plain variables get values of others and nothing is asked, as in ``A="$B"``."""
    if node.redirs:
        return False
    for assign in node.assigns:
        if isinstance(assign.value, list) or assign.sub is not None or assign.append:
            return False
        if not _plain_scalar(state.vars.get(assign.name, _NEW)):
            return False
        for part in assign.value.parts:
            if isinstance(part, Lit):
                if "~" in part.text:
                    return False
            elif not isinstance(part, Param) or part.op or part.kind or part.sub is not None:
                return False
            else:
                var = state.vars.get(part.name)
                if not part.name.isidentifier() or (var is not None and var.kind != "s"):
                    return False
                if "nounset" in state.opts and (var is None or var.maybe):
                    return False
    return True


def _plain_scalar(var: Var) -> bool:
    """Whether a variable is a set scalar without attributes that change what it may be given."""
    limited = var.readonly or var.integer or var.case or var.vague or var.maybe
    return var.kind == "s" and not limited


def _attempt(vm: Machine, node: Simple, state: State) -> list[State]:
    try:
        return _run_simple(vm, node, state)
    except FatalError as fatal:
        return [after_error(vm, state, fatal)]


def _run_simple(vm: Machine, node: Simple, state: State) -> list[State]:
    if not node.words:
        vm.tick(state, node.pos)
        state.substituted = None
        for assign in node.assigns:
            assign_node(vm, state, assign)
        if node.redirs:
            held = held_streams(state)
            redirected(vm, state, node.redirs)
            give_back(state, held, node.redirs)
        if not node.assigns and len(node.redirs) == 1 and node.redirs[0].op == "<":
            emit_file(vm, state, node.redirs[0])
        state.status = 0 if state.substituted is None else state.substituted
        return [with_errexit(state)]
    first = node.words[0]
    if state.aliases and isinstance(first, Word) and first.plain in state.aliases:
        aliased = _aliased(vm, node, state, first)
        if aliased is not None:
            return aliased
    if (
        isinstance(first, Word)
        and first.plain in DECLARERS
        and not node.assigns
        and (first.plain not in state.funcs)
    ):
        vm.tick(state, node.pos, len(node.words))
        try:
            declare(vm, state, node, str(first.plain), node.words[1:])
        except FatalError as fatal:
            if not fatal.readonly:
                raise
            state.status = 1
        held = held_streams(state)
        redirected(vm, state, node.redirs)
        give_back(state, held, node.redirs)
        return [with_errexit(state)]
    words: Argv = []
    state.substituted = None
    for word in node.words:
        place = state.source.place(word.pos)
        words += [(value, place) for value in as_words(vm, state, word)]
    vm.tick(state, node.pos, len(words))
    if len(words) > 1_000 and len(words) > vm.most(MAX_ARGV):
        return [_too_long(vm, node, state, words[0])]
    if not words:
        for assign in node.assigns:
            assign_node(vm, state, assign)
        state.status = 0 if state.substituted is None else state.substituted
        return [with_errexit(state)]
    return _call(vm, node, state, words)


def _aliased(vm: Machine, node: Simple, state: State, first: Word) -> list[State] | None:
    """What an alias stands for, with the words behind it; None where it isn't one there.

    bash replaces it as it reads a line, so one that is set in the same line counts for the next.
    """
    text = state.source.text
    spelled = text[first.pos : first.end]
    value = state.aliases.get(spelled)
    if "expand_aliases" not in state.opts or value is None:
        return None
    aliases = state.aliases
    state.aliases = {n: v for n, v in aliases.items() if n != spelled}
    place = state.source.place(first.pos)
    end = max([node.end, *(w.end for w in node.words)])
    if any(r.op.startswith("<<") for r in node.redirs):
        return give_up(vm, state, node, f"the alias {spelled} with a here-document", place)
    code = vm.join([text[node.pos : first.pos], value, text[first.end : end]])
    found = run_text(vm, state, node, code, place)
    for after in found:
        changed = after.aliases != state.aliases
        after.aliases = after.aliases if changed else aliases
    return found


def _too_long(vm: Machine, node: Simple, state: State, first: tuple[Text, Location]) -> State:
    """A command of more words than any has: what it does isn't known."""
    name, place = first
    why = f"a command of more than {MAX_ARGV:,} words isn't followed"
    vm.skipped.append(Note(why, place))
    if name in ("set", "shift"):
        unknown_params(state, node)
    elif not (isinstance(name, str) and name in ("echo", "printf", ":", "true")):
        havoc_all(vm, state, why, place)
        state.partial = True
    emit_unknown(state)
    state.status = unknown_status(state, node)
    return with_errexit(state)


def _call(vm: Machine, node: Simple, state: State, words: Argv) -> list[State]:
    name = words[0][0]
    lost = set_inside(vm, node.assigns, state) if node.assigns else []
    function = state.funcs.get(name) if isinstance(name, str) else None
    held = held_streams(state)
    if node.redirs:
        inside = function is not None or (isinstance(name, str) and name in BUILTINS)
        try:
            redirected(vm, state, node.redirs, may_fail=state.tested > 0 and inside and not vm.pure)
        except RedirectError:
            give_back(state, held, node.redirs)
            state.status = 1
            return [with_errexit(state)]
    if function is not None:
        found = _function(vm, node, state, function, [v for v, _ in words[1:]])
    elif isinstance(name, str) and (builtin := BUILTINS.get(name)) is not None:
        before = assign_for_builtin(vm, state, node.assigns)
        outer, state.applied = state.applied, node.assigns
        try:
            found = builtin(vm, state, node, words)
        except FatalError as fatal:
            if not fatal.readonly:
                state.applied = outer
                give_back(state, held, node.redirs)
                restore(state, before)
                raise
            state.status = 2 if name == "getopts" else 1  # ``read`` into a readonly name just fails
            found = [state]
        for after in found:
            after.applied = outer
            if name not in SPECIAL or "posix" not in after.opts:  # there, they stay
                restore(after, before)
    else:
        found = external(vm, state, node, words)
    stays = [v for v, _ in words if v not in ("command", "builtin")] == ["exec"]
    for after in found:
        if node.redirs and not stays:
            give_back(after, held, node.redirs)
        if lost:
            havoc(vm, after, lost, "set by an expansion before a command", quiet=True)
        with_errexit(after)
    return found


def _function(
    vm: Machine, node: Simple, state: State, function: tuple[Function, Any], args: list[Text]
) -> list[State]:
    definition = function[0]

    def call(path: State) -> list[State]:
        return _called(vm, node, path, function, list(args))

    found = checked_call(vm, state, definition.body, args, state.source.place(node.pos), call)
    return call(state) if found is None else found


def _called(
    vm: Machine, node: Simple, state: State, function: tuple[Function, Any], args: list[Text]
) -> list[State]:
    definition, source = function
    if state.depth >= MAX_CALLS or not vm.follows(definition, state):
        place = state.source.place(node.pos)
        why = f"functions call each other more than {MAX_CALLS} deep"
        if state.depth < MAX_CALLS:
            why = f"the function {definition.name[:60]} takes too many steps to follow"
        return give_up(vm, state, node, why, place)
    vm.budget.step((state.source, node.pos), 8)
    outer_params, outer_source = state.params, state.source
    shifted, given = state.shifted, state.given
    loops, state.loops = state.loops, 0
    state.scopes = (*state.scopes, Scope())
    try:
        for assign in node.assigns:
            local_export(vm, state, assign)
    except FatalError:
        leave_function(state)
        state.loops = loops
        raise
    finally:
        state.lent = {}
    state.params = args
    state.source = source
    state.depth += 1
    vm.whole += (matters := definition.name in vm.outline.whole())
    found = vm.execute(definition.body, [state])
    vm.whole -= matters
    for after in found:
        after.params = None if outer_params is None else outer_params.copy()
        after.shifted, after.given = shifted, given
        after.source, after.loops = outer_source, loops
        after.depth -= 1
        escaped = leave_function(after)
        if escaped:
            havoc(vm, after, escaped, "exported in a function and set before its call")
            for name in escaped:
                after.vars[name] = replace(
                    after.vars[name], perhaps=Test("bash lets it out of the function")
                )
        if after.flow is not None and after.flow[0] == "return":
            after.flow = None
    return merge_paths(vm, found)
