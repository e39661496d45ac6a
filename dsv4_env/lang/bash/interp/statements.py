"""Statements: compound commands and functions, over all paths they may take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dsv4_env.lang.bash.expand.arithmetic import arithmetic
from dsv4_env.lang.bash.expand.assignments import given_back
from dsv4_env.lang.bash.expand.decisions import negated
from dsv4_env.lang.bash.expand.fields import single
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.parameters import nothing
from dsv4_env.lang.bash.expand.sinks import begin_capture, spill
from dsv4_env.lang.bash.expand.state import FatalError, State, Undecided
from dsv4_env.lang.bash.expand.values import Text
from dsv4_env.lang.bash.interp.asides import run_items
from dsv4_env.lang.bash.interp.commands import run_simple
from dsv4_env.lang.bash.interp.loops import counted, for_arith, for_words, while_loop
from dsv4_env.lang.bash.interp.paths import (
    MAX_STATES,
    after_error,
    arithmetic_status,
    branch,
    end_shell,
    forking,
    forking_on,
    havoc_all,
    merge_paths,
    with_errexit,
)
from dsv4_env.lang.bash.interp.streams import (
    RedirectError,
    give_back,
    held_streams,
    redirected,
)
from dsv4_env.lang.bash.interp.tests import TestProblemError, conditional_holds, matches_pattern
from dsv4_env.lang.bash.interp.texts import run_traps
from dsv4_env.lang.bash.syntax.nodes import (
    AndOr,
    ArithCmd,
    Background,
    Block,
    Case,
    Cond,
    For,
    ForArith,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Simple,
    Unsupported,
    While,
)
from dsv4_env.model import Note
from dsv4_env.model.condition import Test
from dsv4_env.model.errors import shortened


def _block(vm: Machine, node: Block, state: State) -> list[State]:
    if not node.items:
        state.status = 0
    return run_items(vm, node.items, [state], status=True)


def _without_errexit(vm: Machine, node: Node, state: State) -> list[State]:
    state.tested += 1
    vm.whole += 1
    found = vm.execute(node, [state])
    vm.whole -= 1
    for after in found:
        after.tested -= 1
    return found


def _and_or(vm: Machine, node: AndOr, state: State) -> list[State]:
    states = _without_errexit(vm, node.first, state)
    for i, (op, right) in enumerate(node.rest):
        last = i == len(node.rest) - 1
        found: list[State] = []
        for before in states:
            for path, ok in branch(vm, before):
                if path.flow is not None or ok is not (op == "&&"):
                    found.append(path)
                elif last:
                    found += vm.execute(right, [path])
                else:
                    found += _without_errexit(vm, right, path)
        states = merge_paths(vm, found)
    return states


def in_subshell(vm: Machine, node: Node, state: State) -> list[State]:
    """A command in a subshell: the states it ends in."""
    vm.budget.step(count=16)  # a copy of all there is, and what comes out of it put together
    inner = state.copy()
    inner.trap = None
    inner.err = inner.err if "errtrace" in state.opts else None
    inner.loops = 0
    found = run_traps(vm, vm.execute(node, [inner]))
    for after in found:
        if after.flow is not None and after.flow[0] == "exit":
            after.status = after.flow[1] if after.flow[1] >= 0 else after.status
        after.flow = None
    return found


def _absorb(state: State, ends: list[State], node: Any, text: str) -> None:
    """Take over from a subshell what comes out of it: status, output, requirements, notes."""
    first = ends[0]
    text = shortened(text)
    state.seq = max([state.seq, *(e.seq for e in ends)]) + 1
    for end in ends:
        for key, count in end.counts.items():
            state.counts[key] = max(count, state.counts.get(key, 0))
    if all(e.status == first.status for e in ends):
        state.status = first.status
    else:
        state.status = Undecided(
            ("status", node, state.seq), Test(f"$({text})", "succeeds"), command=True
        )
    if state.out is not None and first.level == state.level:
        same = all(e.out == first.out for e in ends)
        state.out = first.out if same and first.out is not None else [*state.out, None]
    spill(state, ends)
    if len(ends) == 1:
        state.required = first.required
    for end in ends:
        for note in end.notes if end.notes is not state.notes else ():
            state.note(note)


def _pipeline(vm: Machine, node: Pipeline, state: State) -> list[State]:
    if len(node.commands) == 1:
        found = (
            _without_errexit(vm, node.commands[0], state)
            if node.bang
            else vm.execute(node.commands[0], [state])
        )
    else:
        found = _piped(vm, node, state)
    if node.bang:
        for after in found:
            if isinstance(after.status, int):
                after.status = int(after.status == 0)
            else:
                after.status = negated(after.status)
    elif len(node.commands) > 1:
        for after in found:
            with_errexit(after)
    return found


def _piped(vm: Machine, node: Pipeline, state: State) -> list[State]:
    statuses: list[int | Undecided] = []
    carrier = state.copy()
    piped: Text | None = state.stdin
    for i, command in enumerate(node.commands):
        last = i == len(node.commands) - 1
        if last and "lastpipe" in state.opts:
            carrier.stdin = piped
            return vm.execute(command, [carrier])
        inner = carrier.copy()
        inner.stdin = piped if i else state.stdin
        inner.piped, inner.status = command if i else None, state.status
        if not last:
            begin_capture(inner)
        if isinstance(command, Simple):  # one that is a part of a pipe isn't trapped itself
            inner.err = None
        ends = in_subshell(vm, command, inner)
        _absorb(carrier, ends, node, node.text)
        statuses.append(carrier.status)
        piped = None
        output = ends[0].out if len(ends) == 1 else None
        if not last and output is not None and None not in output:
            piped = vm.join([v for v in output if v is not None]) if output else ""
    carrier.stdin = state.stdin
    given_back(vm, carrier, node.commands)
    if "pipefail" in state.opts:
        known = [s for s in statuses if isinstance(s, int)]
        if len(known) == len(statuses):
            carrier.status = next((s for s in reversed(known) if s), 0)
        elif not (isinstance(statuses[-1], int) and statuses[-1]):
            carrier.status = Undecided(
                ("pipe", node, carrier.seq),
                Test(f"$({shortened(node.text)})", "succeeds"),
                command=True,
            )
    return [carrier]


def _background(vm: Machine, node: Background, state: State) -> list[State]:
    out = state.out
    ends = in_subshell(vm, node.body, state)
    printed = any(e.out != out for e in ends)
    _absorb(state, ends, node, "…")
    if out is not None:  # it comes sooner or later
        state.out = [*out, None] if printed else out
    state.status = 0
    given_back(vm, state, [node.body])
    return [state]


def _group(vm: Machine, node: Group, state: State) -> list[State]:
    def then(state: State) -> list[State]:
        held = held_streams(state)
        try:
            redirected(vm, state, node.redirs, may_fail=state.tested > 0)
        except FatalError as fatal:
            return [after_error(vm, state, fatal)]
        except RedirectError:
            give_back(state, held, node.redirs)
            state.status = 1
            return [with_errexit(state)]
        if node.subshell:
            ends = in_subshell(vm, node.body, state)
            found = []
            for end in ends:
                path = state.copy()
                path.alts, path.settled = end.alts, end.settled
                path.decided, path.solved = end.decided, end.solved
                _absorb(path, [end], node, "…")
                found.append(with_errexit(path))
        else:
            found = vm.execute(node.body, [state])
        for after in found:
            give_back(after, held, node.redirs)
        return found

    return forking(vm, state, then) if node.redirs else then(state)


def _if(vm: Machine, node: If, state: State) -> list[State]:
    pending, done = [state], list[State]()
    for test, body in node.branches:
        following: list[State] = []
        for before in pending:
            for after in _without_errexit(vm, test, before):
                for path, ok in branch(vm, after):
                    if path.flow is not None:
                        done.append(path)
                    elif ok:
                        done += vm.execute(body, [path])
                    else:
                        following.append(path)
        pending = following
        if len(done) > 2 * MAX_STATES:
            done = merge_paths(vm, done)
    for before in pending:
        if node.other:
            done += vm.execute(node.other, [before])
        else:
            before.status = 0
            done.append(before)
    return done


def _case(vm: Machine, node: Case, state: State) -> list[State]:
    vm.budget.step(count=8)

    def chosen(state: State) -> int:
        subject = single(vm, state, node.subject)
        words = (node.subject, *(p for i in node.items for p in i[0]))
        if isinstance(subject, str) and any(nothing(vm, state, x) for x in words):
            subject = vm.unknown(subject, "nothing in quotes", ("case", subject, node))
        extended = "extglob" in state.opts
        for i, (patterns, _, _) in enumerate(node.items):
            if any(matches_pattern(vm, state, subject, p, extended=extended) for p in patterns):
                return i
        state.status = 0
        return len(node.items)

    found: list[State] = []
    for path, index in forking_on(vm, state, chosen):
        found += [path] if index is None else _case_from(vm, node, path, index)
    return found


def _case_from(vm: Machine, node: Case, state: State, index: int) -> list[State]:
    states = [state]
    while index < len(node.items):
        _, body, ends = node.items[index]
        states = vm.execute(body, states)
        if ends == ";;&":
            rest = Case(node.subject, node.items[index + 1 :], node.pos)
            found: list[State] = []
            for path in states:
                status = path.status
                after = vm.execute(rest, [path])
                for s in after:
                    if s is path and not s.flow and s.status == 0:
                        s.status = status
                found += after
            return found
        if ends != ";&":
            break
        index += 1
    return states


def _cond(vm: Machine, node: Cond, state: State) -> list[State]:
    def then(state: State) -> list[State]:
        try:
            state.status = 0 if conditional_holds(vm, state, node.expr) else 1
        except TestProblemError:
            state.status = 1
        except FatalError as fatal:
            return [after_error(vm, state, fatal)]
        return [with_errexit(state)]

    def otherwise(state: State) -> list[State]:
        text = shortened(re.sub(r"\s+", " ", node.text))
        state.seq += 1
        state.status = Undecided(("test", node, state.seq), Test(text))
        return [with_errexit(state)]

    return forking(vm, state, then, otherwise)


def _arith_cmd(vm: Machine, node: ArithCmd, state: State) -> list[State]:
    def then(state: State) -> list[State]:
        try:
            value = arithmetic(vm, state, node.expr, node.text)
        except FatalError as fatal:
            if not fatal.discard:
                return [end_shell(vm, state)]
            state.status = 1
            return [with_errexit(state)]
        state.status = arithmetic_status(vm, state, value, node.text)
        return [with_errexit(state)]

    return forking(vm, state, then)


def _define(_vm: Machine, node: Function, state: State) -> list[State]:
    state.funcs = state.funcs.plus(node.name, (node, state.source))
    state.status = 0
    return [state]


def _unsupported(vm: Machine, node: Unsupported, state: State) -> list[State]:
    place = state.source.place(node.pos)
    note = Note(f"{node.what} isn't followed", place)
    state.note(note)
    state.partial |= vm.watch.mention in node.text
    vm.skipped.append(note)
    havoc_all(vm, state, note.message, place)
    state.seq += 1
    state.status = Undecided(("status", node, state.seq), Test("…", "nonzero"), command=True)
    return [state]


STATEMENTS: dict[type, Callable[[Machine, Any, State], list[State]]] = {
    Simple: run_simple,
    Block: _block,
    AndOr: _and_or,
    Background: _background,
    Pipeline: _pipeline,
    Group: _group,
    If: _if,
    Case: _case,
    Cond: _cond,
    ArithCmd: _arith_cmd,
    Function: _define,
    Unsupported: _unsupported,
    For: counted(for_words),
    ForArith: counted(for_arith),
    While: counted(while_loop),
}
