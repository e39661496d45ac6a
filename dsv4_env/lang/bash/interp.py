"""Following a script: statements, compound commands and functions, over all ways it may go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dsv4_env.lang.bash import arrays, loops, params
from dsv4_env.lang.bash import conditions as tests
from dsv4_env.lang.bash import words as w
from dsv4_env.lang.bash.builtins import ended as run_trap
from dsv4_env.lang.bash.commands import (
    branch,
    captured,
    checked,
    ended,
    failed,
    forking,
    redirected,
    simple_command,
)
from dsv4_env.lang.bash.declare import taint
from dsv4_env.lang.bash.results import shortened
from dsv4_env.lang.bash.state import Condition, FatalError, Run, State
from dsv4_env.lang.bash.syntax import (
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
from dsv4_env.lang.bash.ways import MAX_STATES, contradicts, merge, negated
from dsv4_env.model import Note, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable


def execute(run: Run, node: Node, states: list[State]) -> list[State]:
    """The states after a command, for each it may begin in."""
    handler = _HANDLERS[type(node)]
    if len(states) == 1:
        state = states[0]
        if state.flow is not None:
            return states
        after = handler(run, node, state)
        return merge(after, run) if len(after) > 1 else after
    found: list[State] = []
    for state in states:
        if state.flow is not None:
            found.append(state)
        else:
            found += handler(run, node, state)
    return merge(found, run)


def program(run: Run, lines: Block, states: list[State], *, outermost: bool = True) -> list[State]:
    """Run a script, sourced file or text given to ``eval`` line by line."""
    for line in lines.items:
        states = execute(run, line, states)
        for state in states:
            if state.flow == ("discard", 1) or (outermost and state.flow == ("discard", 2)):
                state.flow = None
    return states


def _block(run: Run, node: Block, state: State) -> list[State]:
    if not node.items:
        state.status = 0
    states = [state]
    for item in node.items:
        states = execute(run, item, states)
    return states


def _tested(run: Run, node: Node, state: State) -> list[State]:
    state.tested += 1
    found = execute(run, node, [state])
    for after in found:
        after.tested -= 1
    return found


def _and_or(run: Run, node: AndOr, state: State) -> list[State]:
    states = _tested(run, node.first, state)
    for i, (op, right) in enumerate(node.rest):
        last = i == len(node.rest) - 1
        found: list[State] = []
        for before in states:
            for way, ok in branch(run, before):
                if way.flow is not None or ok is not (op == "&&"):
                    found.append(way)
                elif last:
                    found += execute(run, right, [way])
                else:
                    found += _tested(run, right, way)
        states = merge(found, run)
    return states


def apart(run: Run, node: Node, state: State, out: list[Value | None] | None) -> list[State]:
    """A command in a subshell: the states it ends in."""
    run.budget.step(count=16)  # a copy of all there is, and what comes out of it put together
    inner = state.copy()
    inner.out = out
    inner.trap = None
    inner.loops = 0
    found = execute(run, node, [inner])
    for after in found:
        flow = after.flow
        run_trap(run, [after])
        after.flow = flow
        if after.flow is not None and after.flow[0] == "exit":
            after.status = after.flow[1] if after.flow[1] >= 0 else after.status
        after.flow = None
    return found


def absorb(_run: Run, state: State, ends: list[State], node: Any, text: str) -> None:
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
        state.status = Condition(
            ("status", id(node), state.seq), f"$({text}) succeeds", f"$({text}) fails", command=True
        )
    if state.out is not None:
        same = all(e.out == first.out for e in ends)
        state.out = first.out if same and first.out is not None else [*state.out, None]
    if len(ends) == 1:
        state.required = first.required
    for end in ends:
        for note in end.notes if end.notes is not state.notes else ():
            state.note(note)


def _pipeline(run: Run, node: Pipeline, state: State) -> list[State]:
    if len(node.commands) == 1:
        found = (
            _tested(run, node.commands[0], state)
            if node.bang
            else execute(run, node.commands[0], [state])
        )
    else:
        found = _piped(run, node, state)
    if node.bang:
        for after in found:
            if isinstance(after.status, int):
                after.status = int(after.status == 0)
            else:
                after.status = negated(after.status)
    elif len(node.commands) > 1:
        for after in found:
            checked(after)
    return found


def _piped(run: Run, node: Pipeline, state: State) -> list[State]:
    statuses: list[int | Condition] = []
    carrier, outer = state.copy(), state.out
    piped: Value | None = state.stdin
    for i, command in enumerate(node.commands):
        last = i == len(node.commands) - 1
        if last and "lastpipe" in state.opts:
            carrier.stdin = piped
            return execute(run, command, [carrier])
        inner = carrier.copy()
        inner.stdin = piped if i else state.stdin
        inner.piped, inner.status = id(command) if i else 0, state.status
        out: list[Value | None] | None = (
            (outer.copy() if outer is not None else None) if (last) else []
        )
        ends = apart(run, command, inner, out)
        carrier.out = outer if last else None
        absorb(run, carrier, ends, node, node.text)
        statuses.append(carrier.status)
        piped = None
        output = ends[0].out if len(ends) == 1 else None
        if not last and output is not None and None not in output:
            piped = run.join([v for v in output if v is not None]) if output else ""
    carrier.out, carrier.stdin = None if outer is None else carrier.out, state.stdin
    arrays.given_back(run, carrier, node.commands)
    if "pipefail" in state.opts:
        known = [s for s in statuses if isinstance(s, int)]
        if len(known) == len(statuses):
            carrier.status = next((s for s in reversed(known) if s), 0)
        elif not (isinstance(statuses[-1], int) and statuses[-1]):
            carrier.status = Condition(
                ("pipe", id(node), carrier.seq),
                f"$({shortened(node.text)}) succeeds",
                f"$({shortened(node.text)}) fails",
                command=True,
            )
    return [carrier]


def _background(run: Run, node: Background, state: State) -> list[State]:
    ends = apart(run, node.body, state, [])
    out = state.out
    state.out = None
    absorb(run, state, ends, node, "…")
    state.out = out
    state.status = 0
    arrays.given_back(run, state, [node.body])
    return [state]


def _group(run: Run, node: Group, state: State) -> list[State]:
    def then(state: State) -> list[State]:
        try:
            given = redirected(run, state, node.redirs)
        except FatalError as fatal:
            return [failed(run, state, fatal)]
        saved_in, saved_out = state.stdin, state.out
        if given is not None:
            state.stdin = given[0]
        kept = captured(node.redirs)
        if not kept and state.out is not None:
            state.out = []
        if node.subshell:
            inner_out = None if state.out is None else state.out.copy()
            ends = apart(run, node.body, state, inner_out)
            found = []
            for end in ends:
                way = state.copy()
                way.alts, way.decided, way.solved = end.alts, end.decided, end.solved
                absorb(run, way, [end], node, "…")
                found.append(checked(way))
        else:
            found = execute(run, node.body, [state])
        for after in found:
            after.stdin = saved_in
            if not kept:
                after.out = None if saved_out is None else saved_out.copy()
        return found

    return forking(run, state, then) if node.redirs else then(state)


def _if(run: Run, node: If, state: State) -> list[State]:
    pending, done = [state], list[State]()
    for test, body in node.branches:
        following: list[State] = []
        for before in pending:
            for after in _tested(run, test, before):
                for way, ok in branch(run, after):
                    if way.flow is not None:
                        done.append(way)
                    elif ok:
                        done += execute(run, body, [way])
                    else:
                        following.append(way)
        pending = following
        if len(done) > 2 * MAX_STATES:
            done = merge(done, run)
    for before in pending:
        if node.other:
            done += execute(run, node.other, [before])
        else:
            before.status = 0
            done.append(before)
    return done


def _case(run: Run, node: Case, state: State) -> list[State]:
    chosen: list[tuple[State, int]] = []
    run.budget.step(count=8)

    def then(state: State) -> list[State]:
        try:
            subject = w.single(run, state, node.subject)
            words = (node.subject, *(p for i in node.items for p in i[0]))
            if isinstance(subject, str) and any(params.nothing(run, state, x) for x in words):
                subject = run.unknown(subject, "nothing in quotes", ("case", subject, id(node)))
            index = len(node.items)
            extended = "extglob" in state.opts
            for i, (patterns, _, _) in enumerate(node.items):
                if any(tests.matches(run, state, subject, p, extended=extended) for p in patterns):
                    index = i
                    break
        except FatalError as fatal:
            return [failed(run, state, fatal)]
        if index == len(node.items):
            state.status = 0
        chosen.append((state, index))
        return [state]

    found: list[State] = []
    for way in forking(run, state, then):
        if way.flow is not None:
            found.append(way)
            continue
        index = next(i for s, i in chosen if s is way)
        found += _case_from(run, node, way, index)
    return found


def _case_from(run: Run, node: Case, state: State, index: int) -> list[State]:
    states = [state]
    while index < len(node.items):
        _, body, ends = node.items[index]
        states = execute(run, body, states)
        if ends == ";;&":
            rest = Case(node.subject, node.items[index + 1 :], node.pos)
            found: list[State] = []
            for way in states:
                status = way.status
                after = execute(run, rest, [way])
                for s in after:
                    if s is way and not s.flow and s.status == 0:
                        s.status = status
                found += after
            return found
        if ends != ";&":
            break
        index += 1
    return states


def _cond(run: Run, node: Cond, state: State) -> list[State]:
    def then(state: State) -> list[State]:
        try:
            state.status = 0 if tests.conditional(run, state, node.expr) else 1
        except tests.TestProblemError:
            state.status = 1
        except FatalError as fatal:
            return [failed(run, state, fatal)]
        return [checked(state)]

    def otherwise(state: State) -> list[State]:
        text = shortened(re.sub(r"\s+", " ", node.text))
        state.seq += 1
        state.status = Condition(("test", id(node), state.seq), text, f"not ({text})")
        return [checked(state)]

    return forking(run, state, then, otherwise)


def _arith_cmd(run: Run, node: ArithCmd, state: State) -> list[State]:
    def then(state: State) -> list[State]:
        try:
            value = w.arithmetic(run, state, node.expr, node.text)
        except FatalError as fatal:
            if not fatal.discard:
                return [ended(run, state)]
            state.status = 1
            return [checked(state)]
        state.status = truth(run, state, value, node.text)
        return [checked(state)]

    return forking(run, state, then)


def truth(run: Run, state: State, value: Value, text: str) -> int | Condition:
    """The status of an arithmetic command."""
    if isinstance(value, Unknown):
        condition = Condition(("nonzero", id(value)), text, f"not {text}")
        run.conditions[condition.key] = condition
        known = contradicts(state, condition)
        return condition if known is None else 0 if known else 1
    return 0 if int(value) else 1


def _define(_run: Run, node: Function, state: State) -> list[State]:
    state.funcs = state.funcs.plus(node.name, (node, state.source))
    state.status = 0
    return [state]


def _unsupported(run: Run, node: Unsupported, state: State) -> list[State]:
    note = Note(f"{node.what} isn't followed", state.source.place(node.pos))
    state.note(note)
    state.partial |= "sglang" in node.text
    run.skipped.append(note)
    taint(run, state, f"{node.what} isn't followed", state.source.place(node.pos))
    state.seq += 1
    state.status = Condition(("status", id(node), state.seq), "…", "not …", command=True)
    return [state]


_HANDLERS: dict[type, Callable[[Run, Any, State], list[State]]] = {
    Simple: simple_command,
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
    For: loops.counted(loops.for_words),
    ForArith: loops.counted(loops.for_arith),
    While: loops.counted(loops.while_loop),
}
