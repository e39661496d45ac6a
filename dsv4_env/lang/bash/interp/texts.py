"""Texts that are run: lines of a script, sourced files, ``eval``, traps; a part may be unknown."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, is_dataclass
from typing import Any

from dsv4_env.lang.bash.expand.decisions import decide
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import FatalError, State, Undecided, Var
from dsv4_env.lang.bash.expand.values import Argv, Symbol, Text, shown_as
from dsv4_env.lang.bash.interp.asides import run_items
from dsv4_env.lang.bash.interp.paths import give_up, havoc_all, unknown_status
from dsv4_env.lang.bash.interp.streams import file_name, read_file
from dsv4_env.lang.bash.syntax.nodes import (
    CRLF,
    Block,
    Param,
    Simple,
    Source,
    SyntaxProblemError,
    ends_in_crlf,
)
from dsv4_env.lang.bash.syntax.tree import affordable, parse
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

MAX_PIECES = 1_000
_NAME = "__unknown_{}__"
MAX_TEXTS = 50  # of texts that run texts


def code_of(
    vm: Machine, state: State, text: Text, place: Location
) -> tuple[str, Block, SyntaxProblemError | None] | None:
    """The text as code and as parsed; where parts aren't known, variables stand for them.

    Those are set in *state*, and a note says what was taken for granted: that the unknown parts
    are plain text, not shell syntax. None where the whole text isn't known.
    """
    if isinstance(text, str):
        return (text, *parsed(vm, text))
    pieces = _flat(vm, text)
    if pieces is None:
        return None
    known = "".join(p for p in pieces if isinstance(p, str)).strip()
    if not known:
        return None
    quoted: set[int] = set()
    for _ in range(2):
        code = "".join(
            p if isinstance(p, str) else _reference(i, i in quoted) for i, p in enumerate(pieces)
        )
        block, problem = parsed(vm, code)
        seen = _names(block)
        missing = {
            i for i, p in enumerate(pieces) if isinstance(p, Symbol) and _NAME.format(i) not in seen
        }
        if not missing:
            break
        quoted |= missing
    else:
        return None
    names: dict[str, None] = {}
    for i, piece in enumerate(pieces):
        if isinstance(piece, Symbol):
            state.vars[_NAME.format(i)] = Var("s", piece)
            names[f"`{piece.text}`"] = None
    message = f"{', '.join(names)} in the text of a command: taken for plain text, not for syntax"
    note = Note(message, place)
    state.note(note)
    return code, block, problem


def parsed(vm: Machine, code: str) -> tuple[Block, SyntaxProblemError | None]:
    """The text parsed, once per text."""
    found = vm.parsed.get(code)
    if found is None:
        found = vm.parsed[code] = _parsed(vm, code)
    return found


_LEAST, _MOST = 2_000, 500_000  # characters of a text that is kept, and of all that are
# What was parsed last, with the steps that it took: many scripts source one large file.
_kept: OrderedDict[tuple[str, bool], tuple[Block, int]] = OrderedDict()


def _parsed(vm: Machine, code: str) -> tuple[Block, SyntaxProblemError | None]:
    """The text parsed, or taken from what was parsed for another script, at the same price."""
    if len(code) < _LEAST:
        return parse(code, vm.budget, narrow=vm.narrow)
    key = code, vm.narrow
    if key in _kept:
        block, steps = _kept[key]
        if steps <= affordable(vm.budget):
            vm.budget.step(count=steps)
            _kept.move_to_end(key)
            return block, None
    before = vm.budget.spent_steps
    block, problem = parse(code, vm.budget, narrow=vm.narrow)
    if problem is None:
        _kept[key] = block, vm.budget.spent_steps - before
        while sum(len(text) for text, _ in _kept) > _MOST:
            _kept.popitem(last=False)
    return block, problem


def _reference(i: int, quoted: bool) -> str:
    reference = "${" + _NAME.format(i) + "}"
    return f"'\"{reference}\"'" if quoted else reference


def _flat(vm: Machine, value: Text) -> list[Text] | None:
    """What a text is made of, None where that's more than any command has."""
    found: list[Text] = []
    todo = [value]
    while todo:
        one = todo.pop()
        pieces = () if isinstance(one, str) else one.parts
        if not pieces:
            found.append(one)
        else:
            todo += reversed(pieces)
        vm.budget.step()
        if len(found) + len(todo) > MAX_PIECES:
            return None
    return found


def _names(node: Any) -> set[str]:
    names: set[str] = set()
    todo: list[Any] = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, (list, tuple)):
            todo += one
        elif is_dataclass(one) and not isinstance(one, type):
            if isinstance(one, Param):
                names.add(one.name)
            todo += [getattr(one, f.name) for f in fields(one)]
    return names


def run_text(vm: Machine, state: State, node: Simple, text: Text, place: Location) -> list[State]:
    """Run a text in this shell."""
    parsed = code_of(vm, state, text, place)
    if parsed is None:
        shown = text if isinstance(text, str) else text.text
        why = _why(vm, text)
        havoc_all(vm, state, f"`eval {shown[:60]}` ran text that isn't known{why}", place)
        state.status = unknown_status(state, node)
        return [state]
    code, block, problem = parsed
    if problem is not None:
        havoc_all(vm, state, "what `eval` of text with a syntax error sets isn't known", place)
        state.partial = True
        state.status = unknown_status(state, node)
        state.seq += 1
        key = ("ends", node, state.seq)
        decide(vm, state, Undecided(key, Test("what `eval` runs", "goes on")), True)
        return [state]
    if state.depth >= MAX_TEXTS or not vm.follows(block, state):
        why = "a text that `eval` runs takes too many steps to follow"
        return give_up(vm, state, node, why, place)
    outer = state.source
    state.source = Source(code, place.path, at=vm.watch.whence(code, place))
    state.depth += 1
    if not block.items:
        state.status = 0
    found = run_lines(vm, block, [state], outermost=False)
    for after in found:
        after.source = outer
        after.depth -= 1
        if after.flow == ("discard", 1):
            after.flow = None
    return found


def _why(vm: Machine, text: Text) -> str:
    """Why the output of a command isn't known that this reader might know."""
    return f": {text.reason}" if isinstance(text, Symbol) and text.reason in vm.reasons else ""


def run_traps(vm: Machine, states: list[State]) -> list[State]:
    """The states after what was to run when the shell ends."""
    found: list[State] = []
    for state in states:
        if state.trap is None:
            found.append(state)
            continue
        node, action, place = state.trap
        state.trap = None
        found += _beside(vm, state, node, action, place)
    return found


def run_err_traps(vm: Machine, states: list[State]) -> list[State]:
    """The states after what was to run when a command fails, where one has."""
    found: list[State] = []
    for state in states:
        if not state.failing or state.err is None:
            found.append(state)
            continue
        state.failing = False
        node, action, place, _ = state.err
        if isinstance(state.status, int):
            found += _beside(vm, state, node, action, place)
            continue
        if not vm.pure and vm.watch.mention in str(action):  # beside: it may succeed as well
            path = state.copy()
            if decide(vm, path, state.status, False):
                path.status = 1
                mark = len(vm.invocations)
                _beside(vm, path, node, action, place)
                # What it surely ran before is told already; else it's one, whatever fails.
                again = [f for f in vm.invocations[mark:] if not f.key[-1]]
                vm.invocations[mark:] = again
        if "errexit" in state.opts:
            state.status = 0
        found.append(state)
    return found


def _beside(vm: Machine, state: State, node: Simple, action: Text, place: Location) -> list[State]:
    """Run the text of a trap: the status and where the shell goes on stay, unless it leaves."""
    status, flow, err = state.status, state.flow, state.err
    state.flow, state.err = None, None
    found = run_text(vm, state, node, action, place)
    for after in found:
        if after.flow is None or after.flow[0] != "exit":
            after.status, after.flow = status, flow
        after.err = err if after.err is None else after.err
    return found


def run_sourced(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
    """``source file [arguments]``: run where the file lies below the root, else unknown."""
    if len(words) < 2:
        state.status = 2
        return [state]
    vm.budget.step(count=12)  # looking for it
    name = words[1][0]
    text = state.stdin if name in ("/dev/stdin", "/dev/fd/0", "-") else read_file(vm, name, state)
    vm.used.add(file_name(vm, state, name))
    vm.outline.resolve(node)
    place = words[0][1]
    if not isinstance(text, str) or "\0" in text:
        if isinstance(text, Symbol) and vm.watch.told(text.text):
            vm.lose(f"what `{shown_as(words[0][0])}` runs isn't all known", place)
        shown = name.text if isinstance(name, Symbol) else name
        gone = not vm.root_given and isinstance(name, str) and text is None
        settled = "name the folder that it lies in with --root DIR" if gone else ""
        reason = f"`{words[0][0]} {shown}` ran a file that isn't known{_why(vm, name)}"
        havoc_all(vm, state, reason, place, settled=settled)
        state.status = unknown_status(state, node)
        return [state]
    located = None if text is state.stdin else vm.located(name, state)
    file = place.path if located is None else str(located)
    source = Source(text, file, at=vm.watch.whence(text, place) if located is None else None)
    if located is not None and ends_in_crlf(text):
        where = source.place(text.index("\r\n"))
        state.note(Note(f"{where} {CRLF}", where))
    block, problem = parsed(vm, text)
    if problem is not None:
        where = source.place(problem.pos)
        what = f"{where} syntax error: {problem.message}"
        state.note(Note(what, where, ended=problem.message))
        state.partial = True
    outer_source, outer_params = state.source, state.params
    outer_given = state.shifted, state.given
    replaced, state.replaced = state.replaced, False
    state.source = source
    if len(words) > 2:
        state.params = [v for v, _ in words[2:]]
    state.depth += 1
    state.sourced += 1
    if state.depth > MAX_TEXTS:
        raise FatalError
    state.status = 0
    found = run_lines(vm, block, [state], outermost=False)
    for after in found:
        after.source = outer_source
        if problem is not None:
            havoc_all(vm, after, f"`{file}` isn't known beyond a syntax error", place)
        after.depth -= 1
        after.sourced -= 1
        if len(words) > 2 and (after.scopes or not after.replaced):
            after.params = outer_params
            after.shifted, after.given = outer_given
        after.replaced |= replaced
        if after.flow is not None and after.flow[0] == "return":
            after.flow = None
    return found


def _hidden(vm: Machine, states: list[State]) -> bool:
    """Whether the script has written a file that may hold what is watched for."""
    texts = (t for s in states for w in s.written.values() for t in w if t is not None)
    return any(vm.watch.hint(t if isinstance(t, str) else t.text) for t in texts)


def run_lines(
    vm: Machine,
    lines: Block,
    states: list[State],
    *,
    outermost: bool = True,
    whole: bool = True,
) -> list[State]:
    """Run a script, sourced file or text given to ``eval`` line by line.

    Where not the *whole* of it matters, nothing is run behind the last line that may lead to what
    is watched for.
    """
    vm.outline.add(lines)
    for i, line in enumerate(lines.items):
        if not whole and i > vm.outline.last(lines) and not _hidden(vm, states):
            break
        states = run_items(vm, [line], states, status=whole)
        for state in states:
            if state.flow == ("discard", 1) or (outermost and state.flow == ("discard", 2)):
                state.flow = None
    return states
