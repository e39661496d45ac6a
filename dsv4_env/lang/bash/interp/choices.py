"""What differs between paths that are made one, kept as a choice: which value, and on which paths.

Twenty optional flags are twenty choices, where to keep their paths apart would take a million.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dsv4_env.lang.bash.expand.decisions import both_paths, look_at, shortened_paths
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import Event, State, Var
from dsv4_env.lang.bash.expand.tables import Elements
from dsv4_env.lang.bash.expand.values import (
    ALWAYS,
    MAX_PIECES,
    Alternatives,
    Key,
    Option,
    Symbol,
    Text,
    identity,
    pieces_of,
)
from dsv4_env.lang.bash.expand.variables import outside_value
from dsv4_env.model.condition import All, Condition, Some

MAX_OPTIONS = 16
MAX_TOLD = 32  # alternatives of an option before they are made shorter: of more nobody reads
_REASON = "too many undecided tests"


class _ManyError(Exception):
    """What decides can't be told in few words."""


def choice_of(
    vm: Machine, state: State, name: str, variants: Sequence[Var | None], paths: list[Alternatives]
) -> Var | None:
    """A variable that is another one on each of the paths; None where that isn't told so."""
    sets = [v for v in variants if v is not None]
    first = sets[0]
    if len({(v.kind, v.readonly, v.integer, v.case, v.vague) for v in sets}) > 1:
        return None
    if len(sets) == len(variants) and all(_given_alike(v, first) for v in sets):
        return first
    outside = {(v.perhaps, v.exported, v.maybe, _has_options(v)) for v in variants if v}
    known = len(outside) == 1 and len(sets) == len(variants) and not (first.maybe or first.exported)
    if first.readonly or first.vague or not (known or all(_is_plain(v) for v in sets)):
        return None
    try:
        if first.kind == "a" and len(sets) == len(variants):
            return _array(vm, name, sets, paths)
        if first.kind == "s" and not first.integer:
            alike = known and not _has_options(first)
            return _scalar(vm, state, name, variants, paths, alike=alike)
    except _ManyError:
        pass
    return None


def _has_options(var: Var) -> bool:
    return var.event is not None and bool(var.event.options)


def _is_plain(var: Var) -> bool:
    """Whether a variable is surely set, and exported or not, but for what its own options say."""
    if var.event is None or not var.event.options:
        return not (var.maybe or var.perhaps)
    return var.exported or var.perhaps is not None or not any(s for _, _, s in var.event.options)


def _array(vm: Machine, name: str, variants: list[Var], paths: list[Alternatives]) -> Var | None:
    lists: list[list[Text]] = []
    for var in variants:
        if var.items is None or list(var.items) != list(range(len(var.items))):
            return None
        lists.append(list(var.items.values()))
    merged = _woven(vm, name, lists, paths, splits=True)
    if merged is None or len({v.exported for v in variants}) > 1:
        return None
    last = max((v.event for v in variants if v.event), key=lambda e: e.seq, default=None)
    return replace(variants[0], items=Elements(dict(enumerate(merged))), event=last)


def _scalar(
    vm: Machine,
    state: State,
    name: str,
    variants: Sequence[Var | None],
    paths: list[Alternatives],
    *,
    alike: bool,
) -> Var | None:
    """*alike*: it's the value alone that differs."""
    # What the script hasn't set there has the value that it has outside.
    unset = outside_value(vm, state, name) if state.open and None in variants else None
    values = [unset if v is None else v.value for v in variants]
    known = [v for v in values if v is not None]
    if len({*map(identity, known)}) == 1 and len(known) == len(values):
        value: Text | None = known[0]
    else:
        value = _text(vm, name, values, paths) or _whole(vm, name, values, paths)
    if value is None:
        return None
    sets = [v for v in variants if v is not None]
    grouped = [(list(range(len(sets))), sets[0])] if alike else _grouped(variants)
    if len(grouped) > MAX_OPTIONS:
        return None
    found = [(_decisive(vm, m, paths), var) for m, var in grouped] if not alike else []
    options = tuple(
        (alts, v.event, v.exported) for alts, v in found if v is not None and v.event is not None
    )
    events = [e for v in sets if (e := v.event) is not None]
    last = max(events, key=lambda e: e.seq, default=None)
    event = None
    if last is not None:
        state.seq += 1
        event = Event(state.seq, value, last.location, last.spelled, _before(events), options)
    exported = all(v is not None and v.exported for v in variants)
    perhaps = sets[0].perhaps if alike else None
    if not exported and event is not None and options:
        sent = given_on(vm, event, ALWAYS, exported=False)
        on = frozenset(a for _, alts in sent for a in alts)
        perhaps = _told(vm, shortened_paths(vm, on)) if on else None
    return replace(
        sets[0],
        value=value,
        exported=exported,
        maybe=len(sets) < len(variants) or any(v.maybe for v in sets),
        event=event,
        perhaps=perhaps,
    )


def _grouped(variants: Sequence[Var | None]) -> list[tuple[list[int], Var | None]]:
    """The variants that were given their values alike, each with those that are the same."""
    found: list[tuple[list[int], Var | None]] = []
    for i, var in enumerate(variants):
        for members, other in found:
            if _given_alike(var, other):
                members.append(i)
                break
        else:
            found.append(([i], var))
    return found


def given_on(
    vm: Machine, event: Event, on: Alternatives, *, exported: bool
) -> Iterator[tuple[Event, Alternatives]]:
    """What a variable was given on which paths, where it counts for other commands there."""
    for alts, one, sent in event.options:
        paths = both_paths(vm, alts, on)
        if one.options:
            yield from given_on(vm, one, paths, exported=exported or sent)
        elif paths and (exported or sent):
            yield one, paths


def _given_alike(one: Var | None, other: Var | None) -> bool:
    """Whether a variable was given its value alike on two paths."""
    if one is None or other is None:
        return one is other
    same = (one.exported, one.maybe) == (other.exported, other.maybe)
    if not same or identity(one.value) != identity(other.value) or one.items != other.items:
        return False
    mine, theirs = one.event, other.event
    return mine is theirs or (mine is not None and theirs is not None and _alike(mine, theirs))


def _alike(one: Event, other: Event) -> bool:
    """Whether a value was given at the same place, whenever it was and whatever was before."""
    return (one.location, one.spelled, identity(one.value), len(one.options)) == (
        other.location,
        other.spelled,
        identity(other.value),
        len(other.options),
    ) and all(
        (a[0], a[2]) == (b[0], b[2]) and _alike(a[1], b[1])
        for a, b in zip(one.options, other.options, strict=True)
    )


def _before(events: Sequence[Event]) -> Event | None:
    """What was given before any of these."""
    first = min(events, key=lambda e: e.seq)
    return first.before if all(_follows(e, first.before) for e in events) else None


def _follows(event: Event, before: Event | None) -> bool:
    at: Event | None = event
    while at is not None and at is not before:
        at = at.before
    return at is before


def _told(vm: Machine, alts: Alternatives) -> Condition:
    """The alternatives as a condition."""
    choices: list[Condition] = []
    for path in alts:
        parts = tuple(
            vm.conditions[k].test if answer else ~vm.conditions[k].test
            for k, answer in sorted(path, key=lambda x: vm.ordered()[x[0]])
        )
        choices.append(parts[0] if len(parts) == 1 else All(parts))
    choices.sort(key=str)
    return choices[0] if len(choices) == 1 else Some(tuple(choices))


def _decisive(vm: Machine, members: list[int], paths: list[Alternatives]) -> Alternatives:
    """What tells these paths from the others, as short as it easily gets."""
    chosen = set(members)
    inside = frozenset(a for i in members for a in paths[i])
    outside = frozenset(a for i, s in enumerate(paths) if i not in chosen for a in s)
    look_at(vm, inside)
    look_at(vm, outside)
    keys = {k for a in inside for k, v in a if (a - {(k, v)}) | {(k, not v)} in outside}
    ours = _telling(vm, inside, outside, keys)
    if ours is None:  # one test alone changes what others are about
        every = (frozenset.intersection(*inside), frozenset.intersection(*outside))
        keys |= {k for literals in every for k, _ in literals}
        ours = _telling(vm, inside, outside, keys) or inside
    if len(ours) > MAX_TOLD:
        raise _ManyError
    return shortened_paths(vm, ours)


def _telling(
    vm: Machine, inside: Alternatives, outside: Alternatives, keys: set[Key]
) -> Alternatives | None:
    """What alternatives say of some tests, where that tells them from the others; else None."""
    ours, others = (
        frozenset(frozenset((k, v) for k, v in a if k in keys) for a in alts)
        for alts in (inside, outside)
    )
    opposites = [frozenset((k, not v) for k, v in a) for a in ours]
    vm.budget.step(count=len(ours) * len(others) >> 3)
    return None if any(a.isdisjoint(b) for a in opposites for b in others) else ours


def _choice(vm: Machine, name: str, options: tuple[Option, ...], *, splits: bool) -> Symbol:
    told = tuple((alts, tuple(map(identity, words))) for alts, words in options)
    text = f"${{{name}[@]}}" if splits else f"${{{name}}}"
    return vm.unknown(text, _REASON, ("choice", name, told), splits=splits, options=options)


def _whole(
    vm: Machine, name: str, values: Sequence[Text | None], paths: list[Alternatives]
) -> Symbol | None:
    """One of several values."""
    groups: dict[str | int | None, tuple[Text | None, list[int]]] = {}
    for i, value in enumerate(values):
        groups.setdefault(None if value is None else identity(value), (value, []))[1].append(i)
    if len(groups) > MAX_OPTIONS:
        return None
    options = tuple(
        (_decisive(vm, members, paths), ("" if value is None else value,))
        for value, members in groups.values()
    )
    return _choice(vm, name, options, splits=False)


def _text(
    vm: Machine, name: str, values: Sequence[Text | None], paths: list[Alternatives]
) -> Text | None:
    """A text that has some of its pieces on some paths only."""
    flat = [pieces_of(v) for v in values if v is not None]
    if len(flat) < len(values) or not any(
        isinstance(p, str) and re.search(r"\s", p) for f in flat for p in f
    ):
        return None
    behind = any(f and isinstance(f[-1], str) and f[-1][-1:].isspace() for f in flat)
    token = re.compile(r"\s*\S+|\s+" if not behind else r"\S+\s*|\s+")
    lists: list[list[Text]] = []
    for parts in flat:
        lists.append([])
        for part in parts:
            lists[-1] += token.findall(part) if isinstance(part, str) else [part]
    merged = _woven(vm, name, lists, paths, splits=False)
    return None if merged is None else vm.join(merged) if merged else ""


def _woven(
    vm: Machine,
    name: str,
    lists: list[list[Text]],
    paths: list[Alternatives],
    *,
    splits: bool,
) -> list[Text] | None:
    """One list of which each of the lists has some of the pieces; those that differ as choices.

    None where there is no such list: where an order differs or there are too many pieces.
    """
    marked = [_numbered(pieces) for pieces in lists]
    vm.budget.step(count=1 + (sum(map(len, marked)) >> 2))
    order: list[tuple[str | int, int]] = []
    shown: dict[tuple[str | int, int], Text] = {}
    for marks, pieces in sorted(zip(marked, lists, strict=True), key=lambda p: -len(p[0])):
        shown.update(zip(marks, pieces, strict=True))
        at = 0
        for mark in marks:
            if mark in order[at:]:
                at = order.index(mark, at) + 1
            elif mark in order:
                return None
            else:
                order.insert(at, mark)
                at += 1
        if len(order) > MAX_PIECES:
            return None
    has = [set(marks) for marks in marked]
    if any([m for m in order if m in own] != marks for own, marks in zip(has, marked, strict=True)):
        return None
    result: list[Text] = []
    together: list[Text] = []
    on: tuple[int, ...] = ()
    every = range(len(lists))

    def close() -> None:
        if not together:
            return
        if len(on) == len(lists):
            result.extend(together)
        else:
            words = tuple(together) if splits else (vm.join(together),)
            without: tuple[Text, ...] = () if splits else ("",)
            off = [i for i in every if i not in set(on)]
            options = (
                (_decisive(vm, list(on), paths), words),
                (_decisive(vm, off, paths), without),
            )
            result.append(_choice(vm, name, options, splits=splits))
        together.clear()

    for mark in order:
        members = tuple(i for i in every if mark in has[i])
        if members != on:
            close()
            on = members
        together.append(shown[mark])
    close()
    return result


def _numbered(pieces: Iterable[Text]) -> list[tuple[str | int, int]]:
    """The pieces, each with how many times it was there before."""
    seen: dict[str | int, int] = {}
    found: list[tuple[str | int, int]] = []
    for piece in pieces:
        own = identity(piece)
        seen[own] = seen.get(own, -1) + 1
        found.append((own, seen[own]))
    return found
