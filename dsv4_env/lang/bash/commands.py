"""Simple commands: expansion, redirection, builtins, functions and all others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsv4_env.guard.files import looked_at, read_bytes
from dsv4_env.lang.bash import arrays, guards, output
from dsv4_env.lang.bash import words as w
from dsv4_env.lang.bash.builtins import BUILTINS
from dsv4_env.lang.bash.declare import declare, taint, unknown_status
from dsv4_env.lang.bash.launch import external
from dsv4_env.lang.bash.simple import DECLARERS
from dsv4_env.lang.bash.special import unknown_params
from dsv4_env.lang.bash.state import Condition, FatalError, ForkError, Run, State, Var
from dsv4_env.lang.bash.syntax import Assign, Function, Lit, Param, Redirect, Simple, Word
from dsv4_env.lang.bash.variables import forget, restore
from dsv4_env.lang.bash.ways import MAX_STATES, contradicts, decide, merge
from dsv4_env.model import Note
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import meet

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsv4_env.model import Location, Value

MAX_DEPTH = 50
MAX_WORDS = 50_000  # of a command
MAX_FORKS = 7  # decisions of one command: 128 ways it may go
_COPY = 7  # steps of a copy of a state, and of trying a command that may need a decision
_SURE = frozenset({"echo", ":", "true", "false"})  # builtins that never need one, given plain words


def forking(
    run: Run,
    state: State,
    then: Callable[[State], list[State]],
    otherwise: Callable[[State], list[State]] | None = None,
) -> list[State]:
    """Do something that may need decisions, once per way they may go.

    *otherwise* is done instead where one command needs too many of them.
    """
    if run.pure:
        return then(state)
    found: list[State] = []
    pending = [(state, 0)]
    outer = run.forks
    while pending:
        way, run.forks = pending.pop()
        run.budget.step(count=_COPY)
        before = way.copy()
        mark = len(run.launches)
        try:
            found += then(way)
        except ForkError as fork:
            del run.launches[mark:]
            if otherwise is not None and run.forks >= MAX_FORKS:
                found += otherwise(before)
                continue
            for answer in (False, True):
                one = before.copy()
                if decide(one, run, fork.condition, answer):
                    pending.append((one, run.forks + 1))
        if len(found) > 2 * MAX_STATES:
            found = merge(found, run)
    run.forks = outer
    return found


def branch(run: Run, state: State) -> list[tuple[State, bool]]:
    """The states in which the last command succeeded, and those in which it failed."""
    if state.flow is not None:
        return [(state, False)]
    if isinstance(state.status, int):
        return [(state, state.status == 0)]
    condition = state.status
    known = contradicts(state, condition)
    if known is not None:
        state.status = 0 if known else 1
        return [(state, known)]
    found: list[tuple[State, bool]] = []
    run.budget.step(count=2 * _COPY)
    for answer in (True, False):
        way = state.copy()
        if decide(way, run, condition, answer):
            way.status = 0 if answer else 1
            found.append((way, answer))
    return found


def checked(state: State) -> State:
    """``set -e``: a failure that nothing tests ends the shell; an unknown one is a success."""
    if "errexit" in state.opts and not state.tested and state.flow is None:
        if isinstance(state.status, Condition):
            state.status = 0
        elif state.status:
            state.flow = ("exit", state.status)
    return state


def ended(run: Run, state: State) -> State:
    """The shell ends here."""
    state.flow = ("exit", 1)
    state.status = 1
    for path in state.alts:
        run.exits.update(path)
    return state


def simple_command(run: Run, node: Simple, state: State) -> list[State]:
    """The states after a simple command."""
    lent = state.lent
    if node.fixed is None:
        node.fixed = _fixed(node)
    if node.fixed or (not node.words and _known(node, state)):
        found = _attempt(run, node, state)
    else:
        found = forking(
            run, state, lambda s: _attempt(run, node, s), lambda s: _undecided(run, node, s)
        )
    if lent:
        for after in found:
            arrays.reclaim(run, after, node, lent)
    return found


def _undecided(run: Run, node: Simple, state: State) -> list[State]:
    """A test of too many unknown things: its status isn't known."""
    first = node.words[0] if node.words else None
    name = first.plain if isinstance(first, Word) else None
    if name not in ("[", "test"):
        return forking(run, state, lambda s: _attempt(run, node, s))
    state.status = unknown_status(state, node)
    return [checked(state)]


def _fixed(node: Simple) -> bool:
    """Whether nothing in a command can need a decision, so that no copy is kept for one."""
    for word in (*node.words, *node.assigns):
        if isinstance(word, Assign):
            if isinstance(word.value, list) or word.value.plain is None or word.sub is not None:
                return False
        elif word.plain is None:
            return False
    if any(r.word.plain is None for r in node.redirs):
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
        if not _plain(state.vars.get(assign.name, _NEW)):
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


_NEW = Var("s")


def _plain(var: Var) -> bool:
    """Whether a variable is a set scalar without attributes that change what it may be given."""
    limited = var.readonly or var.integer or var.case or var.vague or var.maybe
    return var.kind == "s" and not limited


def _attempt(run: Run, node: Simple, state: State) -> list[State]:
    try:
        return _run_simple(run, node, state)
    except FatalError as fatal:
        return [failed(run, state, fatal)]


def failed(run: Run, state: State, fatal: FatalError) -> State:
    """An error in an expansion or assignment: the line or the whole shell ends."""
    ends = fatal.readonly and "errexit" in state.opts and not state.tested
    if ends or not fatal.discard:
        return ended(run, state)
    state.flow = ("discard", 2 if fatal.whole else 1)
    state.status = 1
    return state


def _run_simple(run: Run, node: Simple, state: State) -> list[State]:
    if not node.words:
        run.tick(state, node.pos)
        state.substituted = None
        for assign in node.assigns:
            arrays.perform(run, state, assign)
        if node.redirs:
            redirected(run, state, node.redirs)
        if not node.assigns and len(node.redirs) == 1 and node.redirs[0].op == "<":
            _emit_file(run, state, node.redirs[0])
        state.status = 0 if state.substituted is None else state.substituted
        return [checked(state)]
    first = node.words[0]
    if (
        isinstance(first, Word)
        and first.plain in DECLARERS
        and not node.assigns
        and (first.plain not in state.funcs)
    ):
        run.tick(state, node.pos, len(node.words))
        try:
            declare(run, state, node, str(first.plain), node.words[1:])
        except FatalError as fatal:
            if not fatal.readonly:
                raise
            state.status = 1
        redirected(run, state, node.redirs)
        return [checked(state)]
    words: list[tuple[Value, Location]] = []
    state.substituted = None
    for word in node.words:
        place = state.source.place(word.pos)
        words += [(value, place) for value in arrays.as_words(run, state, word)]
    run.tick(state, node.pos, len(words))
    if len(words) > 1_000 and len(words) > run.most(MAX_WORDS):
        return [_too_long(run, node, state, words[0])]
    if not words:
        for assign in node.assigns:
            arrays.perform(run, state, assign)
        state.status = 0 if state.substituted is None else state.substituted
        return [checked(state)]
    return _call(run, node, state, words)


def _too_long(run: Run, node: Simple, state: State, first: tuple[Value, Location]) -> State:
    """A command of more words than any has: what it does isn't known."""
    name, place = first
    why = f"a command of more than {MAX_WORDS:,} words isn't followed"
    run.skipped.append(Note(why, place))
    if name in ("set", "shift"):
        unknown_params(state, id(node))
    elif not (isinstance(name, str) and name in ("echo", "printf", ":", "true")):
        taint(run, state, why, place)
        state.partial = True
    output.unknown(state)
    state.status = unknown_status(state, node)
    return checked(state)


def _call(run: Run, node: Simple, state: State, words: list[tuple[Value, Location]]) -> list[State]:
    name = words[0][0]
    lost = arrays.set_inside(run, node.assigns, state) if node.assigns else []
    saved_out, saved_in = state.out, state.stdin
    input_ = redirected(run, state, node.redirs)
    if input_ is not None:
        state.stdin = input_[0]
    if state.out is not None and not captured(node.redirs):
        state.out = []
    function = state.funcs.get(name) if isinstance(name, str) else None
    if function is not None:
        found = _function(run, node, state, function, [v for v, _ in words[1:]])
    elif isinstance(name, str) and (builtin := BUILTINS.get(name)) is not None:
        before = arrays.temporary(run, state, node.assigns)
        outer, state.applied = state.applied, node.assigns
        try:
            found = builtin(run, state, node, words)
        except FatalError as fatal:
            if not fatal.readonly:
                state.applied, state.out, state.stdin = outer, saved_out, saved_in
                restore(state, before)
                raise
            state.status = 2 if name == "getopts" else 1  # ``read`` into a readonly name just fails
            found = [state]
        for after in found:
            after.applied = outer
            restore(after, before)
    else:
        found = external(run, state, node, words)
    for after in found:
        if saved_out is None:
            after.out = None
        elif not captured(node.redirs):
            after.out = saved_out.copy()
        if input_ is not None:
            after.stdin = saved_in
        if lost:
            forget(after, run, lost, "set by an expansion before a command", quiet=True)
        checked(after)
    return found


def captured(redirs: list[Redirect]) -> bool:
    """Whether standard output still goes where it went."""
    for r in redirs:
        if r.op in (">", ">>", "&>", "&>>", ">|", ">&", "<>") and r.fd in ("", "1"):
            return False
    return True


def redirected(run: Run, state: State, redirs: list[Redirect]) -> tuple[Value | None] | None:
    """Expand what redirections need; what standard input is then, where one sets it."""
    found: tuple[Value | None] | None = None
    for r in redirs:
        value = w.single(run, state, r.word)
        if r.op == "<<<":
            found = (run.join([value, "\n"]),)
        elif r.op in ("<<", "<<-"):
            found = (value,)
        elif r.op in ("<", "<>", "<&") and r.fd in ("", "0"):
            found = (read_file(run, value, state),)
    return found


def read_file(run: Run, path: Value, state: State) -> str | None:
    """What a file below the root holds, None where that isn't known."""
    if id(path) in run.contents:
        return run.contents[id(path)]
    file = run.located(path, state)
    if file is None or not run.below_root(file):
        return None
    looked_at(file)
    try:
        text = read_bytes(file, root=run.root).decode("utf-8", "surrogateescape")
    except ReadError:
        return None
    meet(text)
    return text


def _emit_file(run: Run, state: State, redirect: Redirect) -> None:
    if state.out is not None:
        state.out.append(read_file(run, w.single(run, state, redirect.word), state))


def _function(
    run: Run, node: Simple, state: State, function: tuple[Function, Any], args: list[Value]
) -> list[State]:
    definition = function[0]

    def call(way: State) -> list[State]:
        return _called(run, node, way, function, list(args))

    found = guards.checked_call(
        run, state, definition.body, args, state.source.place(node.pos), call
    )
    return call(state) if found is None else found


def _called(
    run: Run, node: Simple, state: State, function: tuple[Function, Any], args: list[Value]
) -> list[State]:
    definition, source = function
    if state.depth >= MAX_DEPTH or not run.follows(definition, state):
        place = state.source.place(node.pos)
        why = f"functions call each other more than {MAX_DEPTH} deep"
        if state.depth < MAX_DEPTH:
            why = f"the function {definition.name[:60]} takes too many steps to follow"
        run.skipped.append(Note(why, place))
        taint(run, state, why, place)
        state.partial = True
        state.status = unknown_status(state, node)
        return [state]
    run.budget.step((state.source, node.pos), 8)
    outer_params, outer_source = state.params, state.source
    shifted, given = state.shifted, state.given
    loops, state.loops = state.loops, 0
    state.scopes = (*state.scopes, {})
    try:
        for assign in node.assigns:
            arrays.local_export(run, state, assign)
    except FatalError:
        arrays.leave(state)
        state.loops = loops
        raise
    finally:
        state.lent = {}
    state.params = args
    state.source = source
    state.depth += 1
    found = run.execute(run, definition.body, [state])
    for after in found:
        after.params = None if outer_params is None else outer_params.copy()
        after.shifted, after.given = shifted, given
        after.source, after.loops = outer_source, loops
        after.depth -= 1
        escaped = arrays.leave(after)
        if escaped:
            forget(after, run, escaped, "exported in a function and set before its call")
            for name in escaped:
                after.vars[name] = replace(
                    after.vars[name], perhaps="bash lets it out of the function"
                )
        if after.flow is not None and after.flow[0] == "return":
            after.flow = None
    return merge(found, run)
