"""Paths through a script: where they part, and where they are one again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from dsv4_env.lang.bash.expand.decisions import (
    contradicts,
    decide,
    look_at,
    settle_paths,
    settled_alike,
    shortened_paths,
    whole_paths,
)
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import written_together
from dsv4_env.lang.bash.expand.state import (
    Event,
    FatalError,
    ForkError,
    Items,
    State,
    Undecided,
    Var,
)
from dsv4_env.lang.bash.expand.tables import Elements, Layers
from dsv4_env.lang.bash.expand.values import Alternatives, Key, Symbol, Text
from dsv4_env.lang.bash.expand.variables import havoc
from dsv4_env.lang.bash.interp.choices import choice_of
from dsv4_env.lang.bash.syntax.nodes import Simple
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

T = TypeVar("T")
MAX_STATES = 256
_MANY = 48  # paths that are followed apart where what differs can be kept as choices
MAX_FORKS = 7  # decisions of one command: 128 paths
_COPY = 7  # steps of a copy of a state, and of trying a command that may need a decision
MAX_ALTERNATIVES = 512
MAX_HELD = 4  # states that are kept apart by the launches that variables hold
MAX_TESTS = 8  # that are told of alternatives that are too many
_LITTLE_LEFT = 32  # paths that are followed apart where half of the budget is used up


def merge_paths(vm: Machine, states: list[State]) -> list[State]:
    """The states with those made one that are the same again; at most MAX_STATES.

    Where the budget runs low it's fewer: what differs between them is unknown then.
    """
    if len(states) < 2:
        return states
    ended = [s for s in states if s.flow is not None and s.flow[0] == "exit" and s.trap is None]
    going = [s for s in states if s not in ended] if ended else states
    found = [_made_one(vm, members) for members in _alike(vm, going, _fingerprint, _same)]
    if len(found) > 1:
        found = _without_dead(vm, found)
    if len(found) > max(_MANY, 2 * vm.apart):
        found = _as_choices(vm, found)
        vm.apart = len(found)
    if len(found) == 1:
        settle_paths(found[0])
    found += [_made_one(vm, m) for m in _alike(vm, ended, lambda s: s.flow, _same_end)]
    spent = vm.spent()
    most = MAX_STATES if spent < 0.5 else _LITTLE_LEFT if spent < 0.85 else 1
    return _widen(vm, found) if len(found) > most else found


def _made_one(vm: Machine, members: list[State]) -> State:
    return members[0] if len(members) == 1 else _union(vm, members)


def _alike(
    vm: Machine,
    states: list[State],
    of: Callable[[State], object],
    same: Callable[[State, State], bool],
) -> list[list[State]]:
    """The states in groups of those that are the same; *of* is equal for any that are."""
    groups: dict[object, list[list[State]]] = {}
    merged: list[list[State]] = []
    for state in states:
        vm.budget.step(count=2 + (_size(state) >> 3))
        alike = groups.setdefault(of(state), [])
        members = next((m for m in alike if same(m[0], state)), None)
        if members is None:
            members = []
            alike.append(members)
            merged.append(members)
        members.append(state)
    return merged


def _same(one: State, other: State) -> bool:
    return one.vars == other.vars and one.signature() == other.signature()


def _same_end(one: State, other: State) -> bool:
    """Whether two shells that have ended say the same to the one around them."""
    return (one.status, one.out, one.spilled, one.counts, one.partial) == (
        other.status,
        other.out,
        other.spilled,
        other.counts,
        other.partial,
    )


def _size(state: State) -> int:
    """What comparing a state with another takes."""
    changed = state.vars.changes()
    listed = sum(len(v.items) for v in changed if v.items is not None)
    others = len(state.params or ()) + len(state.out or ()) + len(state.counts)
    return 2 * len(changed) + listed + others


def _fingerprint(state: State) -> object:
    """The same for the same state, hardly ever for others."""
    status = state.status if isinstance(state.status, int) else None
    counts = sum(map(hash, state.counts.items()))
    return state.vars.digest(_content), state.flow, status, counts


def _content(var: Var) -> object:
    value = var.value
    items = var.items.digest if isinstance(var.items, Elements) else 0
    return value if isinstance(value, str) else value.text, items


# Variables that bash itself reads.
_OWN = frozenset("IFS PWD OLDPWD HOME PATH OPTIND POSIXLY_CORRECT LC_ALL LC_CTYPE LANG".split())


def _without_dead(vm: Machine, states: list[State]) -> list[State]:
    """The states with those made one that differ only in variables that count for no launch."""
    names = _differing(vm, states)
    dead = _dead(vm, states, names)
    if not dead:
        return states
    kept = [n for n in names if n not in dead]

    def known(state: State) -> object:
        listed = ((n, state.vars.get(n)) for n in kept)
        return tuple((n, v and _content(v)) for n, v in listed), state.flow

    found: list[State] = []
    for members in _alike(vm, states, known, lambda a, b: _same_but(a, b, kept)):
        if len(members) == 1:
            found.append(members[0])
            continue
        one = _union(vm, members)
        one.vars.update(_blended(vm, one, members, sorted(dead)))
        found.append(one)
    return found


def _differing(vm: Machine, states: list[State]) -> list[str]:
    """The variables in which states may differ."""
    first = states[0].vars
    names = sorted({n for s in states[1:] for n in first.differing(s.vars)})
    vm.budget.step(count=len(names) * len(states) >> 3)
    return names


def _dead(vm: Machine, states: list[State], names: list[str]) -> set[str]:
    """Those of the variables that count for no launch."""
    live = vm.outline.live()
    if live is None:
        return set()
    return {n for n in names if n not in live and n not in _OWN and _is_own(states, n)}


def _is_own(states: list[State], name: str) -> bool:
    """Whether a variable is none that other commands see."""
    found = (s.vars.get(name) for s in states)
    return all(v is None or not (v.exported or v.perhaps or v.readonly) for v in found)


def _same_but(one: State, other: State, names: list[str]) -> bool:
    """Whether states are the same in what keeps them apart, of variables in those named."""
    return one.signature() == other.signature() and all(
        one.vars.get(n) == other.vars.get(n) for n in names
    )


def _as_choices(vm: Machine, states: list[State]) -> list[State]:
    """The states with those made one that differ only in variables which can be kept as choices."""

    def known(state: State) -> object:
        return state.flow, state.status if isinstance(state.status, int) else None

    found: list[State] = []
    for members in _alike(vm, states, known, _same_but_variables):
        names = _differing(vm, members)
        dead = _dead(vm, members, names)
        paths = _paths_of(vm, members) if len(members) > 1 else None
        one = members[0].copy()
        one.seq = max(s.seq for s in members)
        chosen = paths and _chosen(vm, one, members, names, dead, paths)
        if not chosen:
            found += members
            continue
        seq, one = one.seq, _union(vm, members)
        one.seq = seq
        one.vars.update(chosen)
        found.append(one)
    return found


def _same_but_variables(one: State, other: State) -> bool:
    return one.signature() == other.signature() and _same_end(one, other)


def _paths_of(vm: Machine, members: list[State]) -> list[Alternatives] | None:
    """The alternatives of each of the states, without what they have in common.

    None where they don't exclude each other: of too many, not all is told.
    """
    shared = settled_alike([s.settled for s in members])
    every = [whole_paths(vm, s.settled[shared:], s.alts) for s in members]
    common = frozenset.intersection(*(a for alts in every for a in alts))
    found = [frozenset(a - common for a in alts) for alts in every]
    listed = [(i, a, frozenset((k, not v) for k, v in a)) for i, s in enumerate(found) for a in s]
    if len(listed) > MAX_ALTERNATIVES:
        return None
    vm.budget.step(count=len(listed) * len(listed) >> 3)
    for at, (i, _, opposite) in enumerate(listed):
        if any(i != j and a.isdisjoint(opposite) for j, a, _ in listed[at + 1 :]):
            return None
    return found


def _chosen(
    vm: Machine,
    one: State,
    members: list[State],
    names: list[str],
    dead: set[str],
    paths: list[Alternatives],
) -> dict[str, Var] | None:
    """The variables in which the members differ, as choices; None where one can't be told so.

    Of the dead ones it doesn't matter.
    """
    found: dict[str, Var] = {}
    for name in names:
        variants = [s.vars.get(name) for s in members]
        if any(v != variants[0] for v in variants):
            if name in dead:
                choice: Var | None = _one_of(vm, one, name, variants)
            else:
                choice = choice_of(vm, one, name, variants, paths)
            if choice is None:
                return None
            found[name] = choice
    return found


def _blended(
    vm: Machine,
    one: State,
    members: list[State],
    names: list[str],
    paths: list[Alternatives] | None = None,
) -> dict[str, Var]:
    """The variables in which the members differ: as choices where *paths* are given, or unknown."""
    found: dict[str, Var] = {}
    for name in names:
        variants = [s.vars.get(name) for s in members]
        if any(v != variants[0] for v in variants):
            choice = choice_of(vm, one, name, variants, paths) if paths is not None else None
            found[name] = choice or _one_of(vm, one, name, variants)
    return found


def _union(vm: Machine, states: list[State], *, rough: bool = False) -> State:
    first = states[0].copy()
    shared = settled_alike([s.settled for s in states])
    first.settled = first.settled[:shared]
    alts = frozenset(a for s in states for a in whole_paths(vm, s.settled[shared:], s.alts))
    look_at(vm, alts)
    common = frozenset.intersection(*alts)
    first.written = written_together(states)
    first.alts = frozenset([common]) if rough else shortened_paths(vm, alts)
    first.seq = max(s.seq for s in states)
    first.required = tuple({r: None for s in states for r in s.required})
    for other in states[1:]:
        for note in other.notes if other.notes is not first.notes else ():
            first.note(note)
    common = frozenset.intersection(*first.alts)
    known = dict(states[0].decided)
    for other in states[1:]:
        known = {k: v for k, v in known.items() if other.decided.get(k) is v}
    first.decided = Layers(known)
    first.solved = Layers(
        {k: v for k, v in first.solved.items() if all(s.solved.get(k) == v for s in states)}
    )
    if len(first.alts) > MAX_ALTERNATIVES:
        first.alts = frozenset([common | {(_many(vm, first), True)}])
    return first


def _many(vm: Machine, state: State) -> Key:
    """A condition that stands for alternatives that are too many to be told apart."""
    order = vm.ordered()
    keys = sorted({key for path in state.alts for key, _ in path}, key=order.__getitem__)
    tests = [str(vm.conditions[k].test) for k in keys]
    key = ("alternatives", len(vm.conditions))
    shown = list(dict.fromkeys(tests))
    more = ", …" if len(shown) > MAX_TESTS else ""
    text = f"some of many tests hold ({', '.join(shown[:MAX_TESTS])}{more})"
    vm.conditions[key] = Undecided(key, Test(text))
    return key


def _widen(vm: Machine, states: list[State]) -> list[State]:
    """Too many paths: one state per kind of end, and what differs between them is unknown."""
    groups: dict[Any, list[State]] = {}
    held = _launches_held(vm, states)
    for state in states:
        key = (state.flow, state.opts, len(state.scopes), held.get(id(state)))
        groups.setdefault(key, []).append(state)
    result: list[State] = []
    for members in groups.values():
        one = _union(vm, members, rough=True)
        names = _differing(vm, members)
        one.vars.update(_blended(vm, one, members, names, _paths_of(vm, members)))
        if any(s.params != one.params for s in members):
            one.params, one.given = None, (False, "many", one.seq)
        if any(s.status != one.status for s in members):
            one.status = Undecided(("status", "many", one.seq), Test("…"), command=True)
        _leave_open(one, members)
        result.append(one)
    return result


def _launches_held(vm: Machine, states: list[State]) -> dict[int, tuple[bool, ...]]:
    """Which variables that may hold a launch are set in each state; nothing where that's too many.

    A state in which one is set doesn't go together with one where it isn't: what it runs, and
    whether, would be lost.
    """
    names = vm.outline.carrying()
    vm.budget.step(count=len(states) * len(names) >> 3)
    found = {id(s): tuple(n in s.vars for n in names) for s in states}
    return found if len(set(found.values())) <= MAX_HELD else {}


def _leave_open(one: State, members: list[State]) -> None:
    """What else differs between paths that are made one."""
    one.note(Note("too many undecided tests: some values are left unknown"))
    one.partial = any(s.partial for s in members)
    one.inputs = {k: v for k, v in one.inputs.items() if all(s.inputs.get(k) == v for s in members)}
    one.fds = {k: v for k, v in one.fds.items() if all(s.fds.get(k) == v for s in members)}
    one.spilled = frozenset(x for s in members for x in s.spilled)
    one.stdin = one.stdin if all(s.stdin == one.stdin for s in members) else None
    if one.out is not None and any(s.out != one.out for s in members):
        one.out = [None]
    for other in members[1:]:
        for key, count in other.counts.items():
            one.counts[key] = max(count, one.counts.get(key, 0))
        if (other.funcs, other.trap) != (one.funcs, one.trap):
            one.partial = True
            one.note(Note("which functions and traps there are isn't known", None, opens=True))


def _one_of(vm: Machine, state: State, name: str, variants: list[Var | None]) -> Var:
    """A variable that is one of several: not known which."""
    sets = [v for v in variants if v is not None]
    first = min(sets, key=lambda v: ("aAsn".find(v.kind) + 1 or 9) if v.kind else 9)
    many = first.kind in ("a", "A")
    state.seq += 1
    key = ("many", name, state.seq)
    text = f"${{{name}[@]}}" if many else f"${{{name}}}"
    unknown = vm.unknown(text, "too many undecided tests", key, splits=many)
    events = [v.event for v in sets]
    last = max((e for e in events if e is not None), key=lambda e: e.seq, default=None)
    event = last and Event(state.seq, unknown, last.location, last.spelled, _shared(events))
    exported = all(v is not None and v.exported for v in variants)
    perhaps = not exported and any(v.exported or v.perhaps for v in sets)
    alike = first.kind == "a" and len(sets) == len(variants)
    items = _items_alike(vm, name, key, sets) if alike else None
    return replace(
        first,
        value=unknown,
        items=items,
        maybe=items is None,
        readonly=all(v is not None and v.readonly for v in variants),
        vague=any(v.vague or v.readonly for v in sets),
        exported=exported,
        event=event,
        perhaps=Test("one of too many undecided tests holds") if perhaps else None,
    )


def _items_alike(vm: Machine, name: str, key: Key, sets: list[Var]) -> Items | None:
    """The elements of arrays that are equally long, where one isn't known that differs.

    A command in an array, whose arguments depend on tests, stays that command.
    """
    first = sets[0].items
    if first is None or any(v.kind != "a" or v.items is None or v.maybe for v in sets):
        return None
    if any(v.items is not None and v.items.keys() != first.keys() for v in sets):
        return None
    found = dict(first)
    for index, item in first.items():
        others = [v.items[index] for v in sets if v.items is not None]
        if any(isinstance(o, Symbol) and o.splits for o in others):
            return None  # any number of elements: none has its place
        if any(o != item for o in others):
            text = f"${{{name}[{index}]}}"
            found[index] = vm.unknown(text, "too many undecided tests", (*key, index))
    return found


def join_attributes(state: State, ends: list[State]) -> None:
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
            scope.escaped |= after.escaped


def _shared(events: list[Event | None]) -> Event | None:
    """The last setting that is in the history of all of them: mostly not far back in any."""
    while True:
        known = [e for e in events if e is not None]
        if len(known) < len(events) or not known:
            return None
        if all(e.alike(known[0]) for e in known):
            return known[0]
        last = max(e.seq for e in known)
        events = [e.before if e.seq == last else e for e in known]


def forking(
    vm: Machine,
    state: State,
    then: Callable[[State], list[State]],
    otherwise: Callable[[State], list[State]] | None = None,
) -> list[State]:
    """Do something that may need decisions, once on each path.

    *otherwise* is done instead where one command needs too many of them.
    """
    if vm.pure:
        return then(state)
    found: list[State] = []
    pending = [(state, 0)]
    outer = vm.forks
    while pending:
        path, vm.forks = pending.pop()
        vm.budget.step(count=_COPY)
        before = path.copy()
        mark = len(vm.invocations)
        try:
            found += then(path)
        except ForkError as fork:
            del vm.invocations[mark:]
            if otherwise is not None and vm.forks >= MAX_FORKS:
                found += otherwise(before)
                continue
            for answer in (False, True):
                one = before.copy()
                if decide(vm, one, fork.condition, answer):
                    pending.append((one, vm.forks + 1))
        if len(found) > 2 * MAX_STATES:
            found = merge_paths(vm, found)
    vm.forks = outer
    return found


def forking_on(
    vm: Machine, state: State, find: Callable[[State], T]
) -> Iterator[tuple[State, T | None]]:
    """Find something that may need decisions: the paths, each with what is found on it.

    None is found where an error ends the path.
    """
    results: list[tuple[State, T]] = []

    def then(state: State) -> list[State]:
        try:
            results.append((state, find(state)))
        except FatalError as fatal:
            return [after_error(vm, state, fatal)]
        return [state]

    for path in forking(vm, state, then):
        yield path, next((found for on, found in results if on is path), None)


def branch(vm: Machine, state: State) -> list[tuple[State, bool]]:
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
    vm.budget.step(count=2 * _COPY)
    for answer in (True, False):
        path = state.copy()
        if decide(vm, path, condition, answer):
            path.status = 0 if answer else 1
            found.append((path, answer))
    return found


def with_errexit(state: State) -> State:
    """``set -e``: a failure that nothing tests ends the shell; an unknown one is a success."""
    if state.tested or state.flow is not None:
        return state
    err = state.err
    if err is not None and state.status != 0:
        state.failing = "errtrace" in state.opts or len(state.scopes) <= err[3]
    if "errexit" in state.opts:
        if isinstance(state.status, Undecided):
            if not state.failing:
                state.status = 0
        elif state.status:
            state.flow = ("exit", state.status)
    return state


def end_shell(vm: Machine, state: State) -> State:
    """The shell ends here."""
    state.flow = ("exit", 1)
    state.status = 1
    for alts in (*state.settled, state.alts):
        for path in alts:
            vm.exits.update(path)
    return state


def after_error(vm: Machine, state: State, fatal: FatalError) -> State:
    """An error in an expansion or assignment: the line or the whole shell ends."""
    ends = fatal.readonly and "errexit" in state.opts and not state.tested
    if ends or not fatal.discard:
        return end_shell(vm, state)
    state.flow = ("discard", 2 if fatal.whole else 1)
    state.status = 1
    return state


def spelled_command(node: Simple, state: State) -> str:
    """The command as spelled, on one line."""
    source = state.source.text[node.pos : node.end]
    return re.sub(r"\s+", " ", source)[:80]


def unknown_status(state: State, node: Simple) -> Undecided:
    """The status of a command that isn't known."""
    state.seq += 1
    text = spelled_command(node, state)
    return Undecided(("status", node, state.seq), Test(f"$({text})", "succeeds"), command=True)


def give_up(vm: Machine, state: State, node: Simple, why: str, place: Location) -> list[State]:
    """A command isn't followed, as that takes too much: what it does isn't known."""
    vm.skipped.append(Note(why, place))
    havoc_all(vm, state, why, place)
    state.partial = True
    state.status = unknown_status(state, node)
    return [state]


def havoc_all(
    vm: Machine, state: State, reason: str, place: Location, *, settled: str = ""
) -> None:
    """Something ran that may have changed any variable; *settled* is what would tell."""
    havoc(
        vm,
        state,
        sorted(n for n, v in state.vars.items() if v.kind and n != "IFS"),
        reason,
        quiet=True,
    )
    state.havocked = True
    state.world += "~"
    for name in [n for n, v in state.vars.items() if not v.kind]:
        del state.vars[name]
    state.open = True
    what = f"{reason}: variables may have been set, changed or exported there"
    state.note(Note(what, place, opens=True, settled=settled))


def arithmetic_status(vm: Machine, state: State, value: Text, text: str) -> int | Undecided:
    """The status of an arithmetic command."""
    if isinstance(value, Symbol):
        condition = Undecided(("nonzero", value.number), Test(text, "nonzero"))
        vm.conditions[condition.key] = condition
        known = contradicts(state, condition)
        return condition if known is None else 0 if known else 1
    return 0 if int(value) else 1
