"""The pieces of a word: literals, tildes, parameters, substitutions."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dsv4_env.lang.bash.expand.arithmetic import arithmetic
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.parameters import expand_parameter
from dsv4_env.lang.bash.expand.sinks import begin_capture, spill
from dsv4_env.lang.bash.expand.state import ForkError, Piece, State, Undecided
from dsv4_env.lang.bash.expand.values import Alternatives, Key, Symbol, Text, identity
from dsv4_env.lang.bash.expand.variables import scalar_value, settle
from dsv4_env.lang.bash.syntax.nodes import Arith, CmdSub, Lit, Param, ProcSub, Word
from dsv4_env.model.condition import Test

MAX_GIVEN = 4  # that a substitution may give, by tests that are asked for it
MAX_ASKED = 3  # such tests in one command
_OUTPUT = "the output of a command"
_TILDE = re.compile(r"~([^/:]*)")
_ASSIGNMENT_TILDE = re.compile(r"[A-Za-z_]\w*\+?=~", re.ASCII)


def pieces(vm: Machine, state: State, word: Word, *, assignment: bool = False) -> list[Piece]:
    """The parts of a word, expanded."""
    out: list[Piece] = []
    vm.budget.step(count=len(word.parts))
    for i, part in enumerate(word.parts):
        kind = type(part)
        if kind is Lit:
            assert isinstance(part, Lit)
            if part.quoted:
                out.append((part.text, "Q"))
            elif "~" in part.text:
                _tildes(vm, state, word, i, part.text, out, assignment)
            else:
                out.append((part.text, "L"))
        elif kind is Param:
            assert isinstance(part, Param)
            out += expand_parameter(vm, state, part)
        elif kind is CmdSub:
            assert isinstance(part, CmdSub)
            value = settle(state, substitute(vm, state, part))
            out.append((value, "Q" if part.quoted else "E"))
        elif kind is Arith:
            assert isinstance(part, Arith)
            value = arithmetic(vm, state, part.expr, part.text)
            out.append((value, "Q" if part.quoted else "E"))
        else:
            assert isinstance(part, ProcSub)
            out.append((_process(vm, state, part), "Q"))
    return out


def _tildes(
    vm: Machine, state: State, word: Word, i: int, text: str, out: list[Piece], assignment: bool
) -> None:
    starts: list[int] = []
    if i == 0 and text.startswith("~"):
        starts.append(0)
    if assignment:
        starts += [m.start() + 1 for m in re.finditer(r":~", text)]
    elif i == 0 and (m := _ASSIGNMENT_TILDE.match(text)):
        starts.append(m.end() - 1)
        starts += [m.start() + 1 for m in re.finditer(r":~", text)]
    done = 0
    for start in starts:
        m = _TILDE.match(text, start)
        if m is None or (m.end() == len(text) and i + 1 < len(word.parts)):
            continue  # a quote or an expansion in the name: no tilde expansion
        if done < start:
            out.append((text[done:start], "L"))
        home: Text = scalar_value(vm, state, "HOME") if not m[1] else ""
        if m[1]:
            home = vm.unknown(m[0], "a user's home folder", ("home", m[0]))
        out.append((home, "Q"))
        done = m.end()
    if done < len(text):
        out.append((text[done:], "L"))


def _process(vm: Machine, state: State, part: ProcSub) -> Symbol:
    """``<(…)``: a file that isn't known, but for what it holds."""
    state.seq += 1
    key = ("proc", part, state.seq)
    content: str | None = None
    end = _subshell(vm, state, part)
    if part.text.startswith("<") and end is not None and end.out is not None:
        known = [v for v in end.out if v is not None]
        text = vm.join(known) if known else ""
        content = text if isinstance(text, str) and len(known) == len(end.out) else None
        if isinstance(text, Symbol) and text.reason in vm.reasons:
            return vm.unknown(part.text, text.reason, key)
    return vm.unknown(part.text, "a process substitution", key, content=content)


def _subshell(vm: Machine, state: State, part: CmdSub | ProcSub) -> State | None:
    """The state in which a substitution ends, None where there are several.

    Its own tests are its own affair: only those that decide what it gives are asked of the
    command around it.
    """
    vm.budget.step(count=16)
    inner = state.copy()
    begin_capture(inner)
    inner.stdin = None
    if not state.opts & {"inherit_errexit", "posix"}:
        inner.opts -= {"errexit"}
    inner.trap = None
    inner.err = inner.err if "errtrace" in state.opts else None
    state.seq += 1
    (pure, vm.pure), forks = (vm.pure, 0), vm.forks
    vm.whole += 1
    try:
        ends = vm.ended(vm.execute(part.body, [inner]))
    finally:
        vm.pure, vm.forks = pure, forks
        vm.whole -= 1
    spill(state, ends)
    if len(ends) == 1:
        return ends[0]
    one = _alike(vm, state, part, ends)
    if one is not None:
        one.seq = max(e.seq for e in ends)
        one.required = state.required
        for end in ends:
            for place, count in end.counts.items():
                one.counts[place] = max(count, one.counts.get(place, 0))
            for note in end.notes if end.notes is not state.notes else ():
                one.note(note)
    return one


def _alike(vm: Machine, state: State, part: CmdSub | ProcSub, ends: list[State]) -> State | None:
    """One of the ends of a substitution where all give the same, None where they don't.

    Raises ForkError where a few give different texts, of a test that tells them apart.
    """
    texts = [None if e.out is None else _text(vm, e.out) for e in ends]
    shown = [
        None if t is None or (isinstance(t, Symbol) and t.reason == _OUTPUT) else identity(t)
        for t in texts
    ]
    certain = all(isinstance(e.status, int) for e in ends)
    if len(set(shown)) == 1 and (not certain or len({e.status for e in ends}) == 1):
        one = ends[0]
        if shown[0] is None:
            one.out = [None]
        if not certain:
            key = ("status", "sub", part, state.seq)
            one.status = Undecided(key, Test(part.text, "succeeds"), command=True)
        return one
    few = len(set(shown)) <= (MAX_GIVEN if None not in shown else 2)
    if vm.forks < MAX_ASKED and few:
        given = [(*e.settled[len(state.settled) :], e.alts) for e in ends]
        taken = [_decided(state, all_) for all_ in given]
        for key in sorted(taken[0], key=vm.ordered().__getitem__):
            if {True, False} <= {t.get(key) for t in taken}:
                raise ForkError(vm.conditions[key])
    return None


def _decided(state: State, given: Iterable[Alternatives]) -> dict[Key, bool]:
    """What an end has decided beyond a state: what all of its alternatives answer alike."""
    answers: dict[Key, set[bool]] = {}
    for key, answer in (one for alts in given for path in alts for one in path):
        if key not in state.decided:
            answers.setdefault(key, set()).add(answer)
    return {key: found.pop() for key, found in answers.items() if len(found) == 1}


def _text(vm: Machine, out: list[Text | None]) -> Text | None:
    """What was printed without the newlines at its end, None where that isn't known."""
    if None in out:
        return None
    output = [v for v in out if v is not None]
    while output and isinstance(output[-1], str):
        stripped = output[-1].rstrip("\n")
        output = [*output[:-1], stripped] if stripped else output[:-1]
        if stripped:
            break
    return vm.join(output) if output else ""


def substitute(vm: Machine, state: State, part: CmdSub) -> Text:
    """What a command substitution gives; the status is left in the state."""
    key = ("sub", part, state.seq + 1)
    end = _subshell(vm, state, part)
    if end is None:
        state.status = state.substituted = Undecided(
            ("status", *key), Test(part.text, "succeeds"), command=True
        )
        return vm.unknown(part.text, _OUTPUT, key)
    state.seq = max(state.seq, end.seq)
    state.status = state.substituted = end.status
    for node, count in end.counts.items():
        state.counts[node] = max(count, state.counts.get(node, 0))
    state.required = end.required
    for note in end.notes if end.notes is not state.notes else ():
        state.note(note)
    value = None if end.out is None else _text(vm, end.out)
    if value is None:
        return vm.unknown(part.text, _OUTPUT, key)
    if isinstance(value, str):
        return value.replace("\0", "")
    default = None if value.default is None else value.default.rstrip("\n")
    return vm.derived(part.text, [value, "output"], default=default, path=value.path)
