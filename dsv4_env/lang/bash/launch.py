"""External commands: which of them launch a server, through which wrappers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.lang.bash import arrays, output, wrappers
from dsv4_env.lang.bash.state import Condition
from dsv4_env.lang.bash.ways import decide
from dsv4_env.model import Location, Note, RequiredInput, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsv4_env.lang.bash.state import Event, Path1, Run, State, Var
    from dsv4_env.lang.bash.syntax import Simple

Words: TypeAlias = list[tuple[Value, Location]]

_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)(?:\d+(?:\.\d+)*)?t?")
_FLAGS = re.compile(r"-[bBdEhiIOPqsSuvVx?]+")
_SCRIPT = re.compile(r"(?:.*/)?launch_server\.py")
MODULE = "sglang.launch_server"


@dataclass(slots=True, eq=False, repr=False)
class Found:
    """A launch on one way through the script."""

    key: tuple[int, ...]
    alts: frozenset[Path1]
    env: list[tuple[str, Event, str]]  # the last: what must hold for it, "" for nothing
    command: list[Value]
    args: Words
    location: Location
    end_line: int | None
    notes: tuple[Note, ...]
    required: tuple[RequiredInput, ...]
    partial: bool


def split(words: Sequence[tuple[Value, Location | None]], start: int = 0) -> int | None:
    """How many words from *start* on are the launcher, None where they don't launch a server."""
    first = words[start][0]
    if not isinstance(first, str):
        texts = [v for v, _ in words[start + 1 : start + 3]]
        return 3 if texts == ["-m", MODULE] else None
    if first == "sglang" or first.endswith("/sglang"):
        return 2 if len(words) > start + 1 and words[start + 1][0] == "serve" else None
    if not _PYTHON.fullmatch(first):
        return None
    size = _launcher(words, start + 1)
    return None if size is None else size - start


def _launcher(words: Sequence[tuple[Value, Location | None]], i: int) -> int | None:
    while i < len(words):
        word = words[i][0]
        if not isinstance(word, str):
            return None
        if word in ("-X", "-W", "--check-hash-based-pycs"):
            i += 2
        elif word.startswith(("-X", "-W")) or _FLAGS.fullmatch(word):
            i += 1
        elif m := re.fullmatch(r"-[bBdEiIOPqsSuvx]*m(.*)", word):
            if m[1]:
                return i + 1 if m[1] == MODULE else None
            return i + 2 if i + 1 < len(words) and words[i + 1][0] == MODULE else None
        elif _SCRIPT.fullmatch(word):
            return i + 1
        else:
            return None
    return None


def external(run: Run, state: State, node: Simple, words: Words) -> list[State]:
    """A command that isn't a builtin or a function."""
    output.unknown(state)
    output_before = state.out
    name = words[0][0]
    given = any(r.op in ("<<", "<<-", "<<<", "<") for r in node.redirs) or state.piped == id(node)
    place = wrappers.Place(run, state, node, given)
    if isinstance(name, str):
        known = run.facts.get(" ".join(v for v, _ in words if isinstance(v, str)))
        if known is not None and all(isinstance(v, str) for v, _ in words) and state.out:
            state.out[-1] = known + "\n"
            state.status = 0
            return [state]
    inner, given_names = assigned_before(run, state, node)
    if wrappers.follows(words):
        env = exported(run, inner, given_names)
        wrappers.follow(place, words, env, ())
    state.out = output_before
    state.status = output.undecided(state, node) if place.status is None else place.status
    if place.broken and "errexit" in state.opts and not state.tested:
        text = "the shell given a text with a syntax error"
        key = ("broken", id(node), state.seq)
        decide(state, run, Condition(key, f"{text} succeeds", f"{text} fails"), True)
    return [state]


def assigned_before(run: Run, state: State, node: Simple) -> tuple[State, dict[str, Var]]:
    """The state as a command sees it, with the assignments before it, and what they set."""
    given: dict[str, Var] = {}
    if not node.assigns or state.applied is node.assigns:
        return state, given
    inner = state.copy()
    for assign in node.assigns:
        if not isinstance(assign.value, list) and arrays.for_command(run, inner, assign):
            given.pop(assign.name, None)
            given[assign.name] = replace(inner.vars[assign.name], exported=True)
    state.seq, state.required, state.decided = inner.seq, inner.required, inner.decided
    names = {a.name for a in node.assigns}
    for name in state.vars.differing(inner.vars):
        if name not in names and name in inner.vars:
            state.vars[name] = inner.vars[name]
    return inner, given


def exported(run: Run, inner: State, given: dict[str, Var]) -> dict[str, Var]:
    """The environment of a command: exported variables and the assignments before it."""
    run.budget.step(count=len(inner.vars) >> 4)
    # What the expansions in them set counts here too; they stand behind all that was exported.
    env = {n: v for n, v in inner.vars.items() if n not in given and (v.exported or v.perhaps)}
    env = {n: v for n, v in (env | given).items() if v.kind == "s"}
    for scope in reversed(inner.scopes):  # a local that isn't exported doesn't hide one that is
        for name, old in scope.items():
            if old is not None and old.exported and old.kind == "s" and f"={name}" not in scope:
                env.setdefault(name, old)
    return env


def record(
    run: Run,
    state: State,
    node: Simple,
    words: Words,
    size: int,
    env: dict[str, Var],
    notes: tuple[Note, ...],
) -> None:
    """Note a launch on this way through the script."""
    key = (id(node), *state.rounds)
    occurrence = state.counts.get(key, 0)
    state.counts[key] = occurrence + 1
    words = [(_located(v, at), at) for v, at in words]
    events: list[tuple[str, Event, str]] = []
    for name, var in env.items():
        event = var.event
        while event is not None:
            events.append((name, event, "" if var.exported else var.perhaps))
            event = event.before
    run.budget.step((state.source, node.pos), len(words) + len(events) + (len(state.vars) >> 4))
    events.sort(key=lambda e: e[1].seq)
    end = state.source.place(max(node.pos, node.end - 1))
    missing = tuple(
        Note("the variable is an array, which is never exported", state.source.place(node.pos))
        for name, v in state.vars.items()
        if v.exported and v.kind in ("a", "A") and not name
    )
    more = (
        (Note(f"{state.unsaid:,} more notes like these", state.source.place(node.pos)),)
        if state.unsaid
        else ()
    )
    run.launches.append(
        Found(
            (node.pos, *key, occurrence),
            state.alts,
            events,
            [v for v, _ in words[:size]],
            words[size:],
            state.source.place(node.pos),
            end.line,
            (*state.notes, *notes, *missing, *more),
            state.required,
            state.partial,
        )
    )


def _located(value: Value, place: Location) -> Value:
    if isinstance(value, Unknown) and value.location is None:
        return replace(value, location=place)
    return value
