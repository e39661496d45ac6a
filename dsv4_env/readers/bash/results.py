"""Launches found on several paths through a script as one, with what each setting depends on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from dsv4_env.lang.bash.expand.decisions import settled_alike, shortened_paths, whole_paths
from dsv4_env.lang.bash.expand.machine import Invocation, Machine
from dsv4_env.lang.bash.expand.values import Alternatives, Key, PathCondition, Text
from dsv4_env.model import (
    EnvVar,
    Image,
    LaunchConfig,
    Location,
    Note,
    Origin,
    RequiredInput,
    ServerArg,
    Unknown,
    Value,
)
from dsv4_env.model.budget import Budget, BudgetError
from dsv4_env.model.condition import All, Condition, Some, Test, both, covers
from dsv4_env.model.errors import shortened
from dsv4_env.readers.bash.choices import Ways, clusters, left_of, options_in
from dsv4_env.readers.kind import MAX_SETTINGS
from dsv4_env.readers.launcher import grouped

MAX_CHOICES = 8
MAX_LOST = 4  # values of a variable that one place gives and another one replaces
MAX_ENDS = 16  # that it may have in the end
MAX_SORTED = 100
MAX_ARGS = 64  # beside twice those of one path: more of them tell nobody anything
MAX_TOLD = 50  # notes of a launch
MAX_TOLD_TEXT = 1_000  # of a condition or a note
_MANY = "too many undecided tests"


def collect(vm: Machine, path: str, *, whole: bool = True) -> list[LaunchConfig]:
    """The launches in the order bash makes them; those of one command on several paths are one.

    *whole* is false where not all paths were followed to their end: then each launch is told with
    all that its paths have in common, because what lies on the others isn't known.
    """
    given, vm.budget = vm.budget, Budget(vm.budget.steps // 4, vm.budget.made // 4)
    try:
        return _collected(vm, path, whole)
    finally:  # what follows on this budget, if anything, has less of it
        given.spent_steps += vm.budget.spent_steps


def _collected(vm: Machine, path: str, whole: bool) -> list[LaunchConfig]:
    groups: dict[tuple[int, ...], list[Invocation]] = {}
    for found in vm.invocations:
        groups.setdefault(found.key, []).append(found)
    common = _factored(vm, vm.invocations)
    try:
        ordered = _ordered(vm, vm.invocations, groups)
    except BudgetError:
        ordered = list(groups.values())
    every = [f for g in ordered for f in g]
    _number(vm, every, common)
    dropped = _one_sided(vm, every, common) if whole else set()
    made: list[LaunchConfig] = []
    settings = 0
    for group in ordered:
        made.append(_merged(vm, group, path, dropped, whole, common))
        settings += len(made[-1].env)
        if settings > MAX_SETTINGS:  # what is behind it is cut off, and that is told
            break
    return made


def _factored(vm: Machine, founds: list[Invocation]) -> tuple[Alternatives, ...]:
    """What is settled for all launches; what else is goes into the alternatives of each."""
    shared = settled_alike([f.settled for f in founds])
    for found in founds:
        found.alts = whole_paths(vm, found.settled[shared:], found.alts)
    return founds[0].settled[:shared] if founds else ()


def _ordered(
    vm: Machine, launches: list[Invocation], groups: dict[tuple[int, ...], list[Invocation]]
) -> list[list[Invocation]]:
    """As bash would come to them: what is found later on the same path comes later."""
    if len(launches) > MAX_SORTED or not any(path for f in launches for path in f.alts):
        return list(groups.values())
    before: dict[tuple[int, ...], set[tuple[int, ...]]] = {key: set() for key in groups}
    for at, one in enumerate(launches):
        for other in launches[at + 1 :]:
            if one.key != other.key:
                vm.budget.step(count=1 + (len(one.alts) * len(other.alts) >> 3))
                if _together(one, other):
                    before[other.key].add(one.key)
    left = dict(groups)
    result: list[list[Invocation]] = []
    while left:  # of two that come before each other, the one that was found first
        key = next((k for k in left if before[k].isdisjoint(left)), next(iter(left)))
        result.append(left.pop(key))
    return result


def _together(one: Invocation, other: Invocation) -> bool:
    """Whether both launches may happen on one path through the script."""
    opposite = [frozenset((k, not v) for k, v in a) for a in one.alts]
    return any(a.isdisjoint(b) for a in opposite for b in other.alts)


def _one_sided(
    vm: Machine, founds: list[Invocation], common: tuple[Alternatives, ...]
) -> set[tuple[Key, bool]]:
    """Decisions that only say a command succeeded, with every launch on that side."""
    literals = {x for alts in (*common, *(f.alts for f in founds)) for path in alts for x in path}
    dropped: set[tuple[Key, bool]] = set()
    for key, answer in literals:
        condition = vm.conditions[key]
        if (
            not condition.command
            or answer is not condition.success
            or ((key, not answer) in literals)
        ):
            continue
        dropped.add((key, answer))
    return dropped


def _required(
    vm: Machine, founds: list[Invocation], settled: tuple[Alternatives, ...]
) -> dict[tuple[Key, bool], RequiredInput]:
    """Decisions that an outside variable isn't empty, where the script ends if it is."""
    result: dict[tuple[Key, bool], RequiredInput] = {}
    common = _common(path for f in founds for path in f.alts).union(*map(_common, settled))
    keys = {key for key, answer in common if not answer and (key, True) in vm.exits}
    for key in sorted(keys, key=vm.ordered().__getitem__):
        unknown = vm.conditions[key].empty
        if unknown is not None and len(unknown.names) == 1:
            result[key, False] = RequiredInput(unknown.names[0], vm.where.get(key))
    return result


def _common(paths: Iterable[PathCondition]) -> PathCondition:
    """What all of the paths have decided."""
    listed = list(paths)
    return frozenset.intersection(*listed) if listed else frozenset()


def _merged(
    vm: Machine,
    group: list[Invocation],
    path: str,
    dropped: set[tuple[Key, bool]],
    whole: bool,
    common: tuple[Alternatives, ...],
) -> LaunchConfig:
    first = group[0]
    required = _required(vm, group, common) if whole else {}
    gone = dropped | set(required)
    alts = [[frozenset(a - gone) for a in f.alts] for f in group]
    universe = frozenset(a for many in alts for a in many)
    notes: dict[Note, None] = {}
    for found in group:
        notes.update(dict.fromkeys(found.notes))
    inputs = {r.name: r for f in group for r in f.required}
    for one in required.values():
        inputs.setdefault(one.name, one)
    try:
        if len(group) == 1:
            env = tuple(e for _, e in _settings(vm, first))
            args = _arguments(vm, first)
        else:
            env = _merged_env(vm, group, alts, universe)
            args = _woven_args(vm, [_arguments(vm, f) for f in group], alts, universe)
        condition = _text(vm, shortened_paths(vm, universe))
        for settled in common:
            left = frozenset(frozenset(a - gone) for a in settled)
            condition = both(_text(vm, shortened_paths(vm, left)), condition)
    except BudgetError:
        env, args = _rough_env(vm, group), _rough_args([_arguments(vm, f) for f in group])
        condition = _depends(vm, universe)
        notes[Note(f"{_MANY}: some values are left unknown")] = None
    return LaunchConfig(
        path,
        "bash",
        env,
        args,
        tuple(_plain(v, p) for v, p in first.command),
        first.location,
        first.end_line,
        _told_notes(list(notes)),
        condition,
        tuple(inputs.values()),
        any(f.partial for f in group),
        image=_image(notes),
    )


def _image(notes: Iterable[Note]) -> Image | None:
    """The container that the launch runs in; one that isn't known where they differ."""
    found = {n.image for n in notes if n.image is not None}
    return found.pop() if len(found) == 1 else Image() if found else None


def _told_notes(notes: list[Note]) -> tuple[Note, ...]:
    """The notes that are told: each in so many words, and so many of them."""
    if len(notes) > MAX_TOLD:
        left = notes[MAX_TOLD:]
        opens = any(n.opens for n in left)
        more = Note(f"{len(left):,} more notes like these", left[0].location, opens)
        notes = [*notes[:MAX_TOLD], more]
    return tuple(
        n if len(n.message) <= MAX_TOLD_TEXT else replace(n, message=shortened(n.message))
        for n in notes
    )


def _rough_env(vm: Machine, group: list[Invocation]) -> tuple[EnvVar, ...]:
    """What all paths set alike; where they don't, the value isn't known."""
    members = [{e.name: e for _, e in _settings(vm, f) if not e.superseded} for f in group]
    result: list[EnvVar] = []
    for name in dict.fromkeys(n for w in members for n in w):
        found = [w[name] for w in members if name in w]
        one = found[0]
        if len(found) < len(members) or any(e != one for e in found):
            value = Unknown(f"${{{name}}}", _MANY, location=one.location)
            many = Test("one of many undecided tests holds")
            condition = None if len(found) == len(members) else many
            one = replace(one, value=value, condition=condition)
        result.append(one)
    return tuple(result)


def _rough_args(members: list[tuple[ServerArg, ...]]) -> tuple[ServerArg, ...]:
    """The words that all paths begin and end with; what is between them isn't known."""
    shortest = min(members, key=len)
    start = 0
    while start < len(shortest) and all(w[start] == shortest[start] for w in members):
        start += 1
    end = 0
    while end < len(shortest) - start and all(w[-1 - end] == shortest[-1 - end] for w in members):
        end += 1
    if all(len(w) == start + end for w in members):
        return shortest
    place = next((w[start].location for w in members if len(w) > start), None)
    return (
        *shortest[:start],
        ServerArg(None, (_some_args(place),), Origin("bash", place)),
        *shortest[len(shortest) - end :],
    )


def _some_args(place: Location | None) -> Unknown:
    return Unknown("…", f"{_MANY} decide which arguments stand here", splits=True, location=place)


def _plain(value: Text, place: Location | None) -> Value:
    """A value as it is told: of a symbol, what everybody may know."""
    if isinstance(value, str):
        return value
    known = (value.text, value.reason, value.names, value.default, value.splits)
    return Unknown(*known, value.location or place, file=value.named_file())


def _arguments(vm: Machine, found: Invocation) -> tuple[ServerArg, ...]:
    """The arguments on one path; those that choices are made of, each with its condition."""
    result: list[ServerArg] = []
    choices = Ways(vm, _decided(found))
    for words in clusters(found.args):
        ways = choices.of_words(words)
        members = [grouped([(_plain(v, p), p) for v, p in way], "bash") for _, way in ways]
        if len(members) == 1:
            result += members[0]
        else:
            alts = [list(paths) for paths, _ in ways]
            result += _woven_args(vm, members, alts, frozenset(a for m in alts for a in m))
    return tuple(result)


def _settings(vm: Machine, found: Invocation) -> Iterable[tuple[int, EnvVar]]:
    """What is set on one path, each with when; of choices, each option with its condition."""
    last = {given.name: given.event.seq for given in found.env}
    choices = Ways(vm, _decided(found))
    for name, event, condition, on in found.env:
        origin = Origin("bash", event.location, event.spelled)
        left = left_of(on, choices.known)
        if not left:
            continue
        condition = both(condition, _text(vm, shortened_paths(vm, left)))
        superseded = last[name] != event.seq
        for paths, value in choices.of_value(event.value):
            further = both(condition, _text(vm, shortened_paths(vm, paths)))
            told = _plain(value, event.location)
            yield event.seq, EnvVar(name, told, origin, superseded, further)


def _options(found: Invocation) -> Iterator[Alternatives]:
    """The paths that the choices of a launch tell apart."""
    for given in found.env:
        yield given.on
        yield from options_in(given.event.value)
    for word, _ in found.args:
        yield from options_in(word)


def _decided(found: Invocation) -> PathCondition:
    """What is decided on all paths of a launch."""
    return _common(found.alts).union(*map(_common, found.settled))


def _merged_env(
    vm: Machine,
    group: list[Invocation],
    alts: list[list[PathCondition]],
    universe: Alternatives,
) -> tuple[EnvVar, ...]:
    where: dict[tuple[Any, ...], set[int]] = {}
    counts: dict[tuple[Any, ...], set[int]] = {}
    shown: dict[tuple[Any, ...], EnvVar] = {}
    seqs: dict[tuple[Any, ...], list[int]] = {}
    for i, found in enumerate(group):
        for seq, setting in _settings(vm, found):
            key = (setting.name, setting.value, setting.origin, setting.condition)
            counts.setdefault(key, set()).add(i)
            if not setting.superseded:
                where.setdefault(key, set()).add(i)
            seqs.setdefault(key, []).append(seq)
            shown[key] = replace(setting, superseded=False)

    _collapse(where, counts, shown, seqs)

    def place(key: tuple[Any, ...]) -> int:
        # Paths count their steps apart: what never counts goes before all that ever does.
        return max(seqs[key]) if key in where else min(seqs[key])

    result: list[EnvVar] = []
    for key in sorted(shown, key=place):
        effective, setting = where.get(key), shown[key]
        members = effective or counts[key]
        condition = _condition(vm, members, alts, universe)
        condition = both(setting.condition, condition)
        result.append(replace(setting, superseded=effective is None, condition=condition))
    return tuple(result)


def _collapse(
    where: dict[tuple[Any, ...], set[int]],
    counts: dict[tuple[Any, ...], set[int]],
    shown: dict[tuple[Any, ...], EnvVar],
    seqs: dict[tuple[Any, ...], list[int]],
) -> None:
    """Make one of many values: of those that one place gives before another does, and of the last.

    There may be twice as many with each test that comes before, and each would be told.
    """
    lost: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    last: dict[str, list[tuple[Any, ...]]] = {}
    for key, setting in shown.items():
        if key in where:
            last.setdefault(setting.name, []).append(key)
        else:
            lost.setdefault((setting.name, setting.origin.location), []).append(key)
    many = [keys for keys in lost.values() if len(keys) > MAX_LOST]
    many += [keys for keys in last.values() if len(keys) > MAX_ENDS]
    for keys in many:
        first = max(
            (shown[k] for k in keys),
            key=lambda e: (e.origin.location is not None and e.origin.location.line) or 0,
        )
        spelled = first.origin.value or f"${{{first.name}}}"
        value = Unknown(spelled, "many tests decide", location=first.origin.location)
        one = (first.name, value, first.origin, None)
        counts[one] = set().union(*(counts.pop(k) for k in keys))
        if keys[0] in where:
            where[one] = set().union(*(where.pop(k) for k in keys))
        seqs[one] = [s for k in keys for s in seqs.pop(k)]
        for key in keys:
            del shown[key]
        shown[one] = replace(first, value=value, condition=None)


def _woven_args(
    vm: Machine,
    members: list[tuple[ServerArg, ...]],
    alts: list[list[PathCondition]],
    universe: Alternatives,
) -> tuple[ServerArg, ...]:
    merged: list[tuple[ServerArg, set[int]]] = []
    longest = 0
    for i, mine in enumerate(members):
        longest = max(longest, len(mine))
        if not merged:
            merged = [(a, {i}) for a in mine]
            continue
        known = [a for a, _ in merged]
        if known == list(mine):
            merged = [(a, on | {i}) for a, on in merged]
            continue
        counts = Counter(known)
        vm.budget.step(count=sum(1 + counts[a] for a in mine) + len(known))
        combined: list[tuple[ServerArg, set[int]]] = []
        matcher = SequenceMatcher(None, known, mine, autojunk=False)
        for tag, a1, a2, b1, b2 in matcher.get_opcodes():
            if tag == "equal":
                combined += [(a, on | {i}) for a, on in merged[a1:a2]]
            else:
                combined += merged[a1:a2]
                combined += [(b, {i}) for b in mine[b1:b2]]
        merged = combined
        if len(merged) > 2 * longest + MAX_ARGS:
            return _rough_args(members)
    conditions: dict[frozenset[int], Condition | None] = {}
    for _, on in merged:
        key = frozenset(on)
        if key not in conditions:
            conditions[key] = _condition(vm, on, alts, universe)
    return tuple(
        replace(a, condition=both(a.condition, conditions[frozenset(on)])) for a, on in merged
    )


def _condition(
    vm: Machine,
    members: set[int],
    alts: list[list[PathCondition]],
    universe: Alternatives,
) -> Condition | None:
    """What must hold for one of these paths to be taken, as short as it easily gets."""
    if len(members) == len(alts):
        return None
    values = _values_tested(vm, universe)
    inside = frozenset(_with_ruled_out(a, values) for i in members for a in alts[i])
    others = (i for i in range(len(alts)) if i not in members)
    outside = frozenset(_with_ruled_out(a, values) for i in others for a in alts[i])
    order = vm.ordered()
    # Only what holds on all of these paths can decide that one of them is taken.
    literals = sorted(_common(inside), key=lambda x: (order[x[0]], not x[1]))
    vm.budget.step(count=1 + sum(len(a) for a in inside) + len(outside))

    def decides(chosen: tuple[tuple[Key, bool], ...]) -> bool:
        vm.budget.step()
        return all(any((k, not v) in a for k, v in chosen) for a in outside)

    for literal in literals:
        if decides((literal,)):
            return _literal(vm, literal)
    for i, one in enumerate(literals):
        for two in literals[i + 1 :]:
            if decides((one, two)):
                return _together_hold(vm, (one, two))
    common = _common(universe)
    return _text(vm, shortened_paths(vm, frozenset(a - common for a in inside)))


def _values_tested(vm: Machine, universe: Alternatives) -> dict[Key, set[tuple[Key, bool]]]:
    """The tests that say which value something has, each with what can't hold beside it."""
    vm.budget.step(count=1 + (sum(map(len, universe)) >> 3))
    about: dict[int, list[Key]] = {}
    for key in dict.fromkeys(k for a in universe for k, _ in a):
        solves = vm.conditions[key].solves
        if solves is not None:
            about.setdefault(solves[0].number, []).append(key)
    return {
        key: {(k, False) for k in keys if vm.conditions[k].solves != vm.conditions[key].solves}
        for keys in about.values()
        if len(keys) > 1
        for key in keys
    }


def _with_ruled_out(path: PathCondition, values: dict[Key, set[tuple[Key, bool]]]) -> PathCondition:
    """The path with what it rules out told, too: what is "a" isn't "b"."""
    return path.union(*(values[k] for k, answer in path if answer and k in values))


def _number(vm: Machine, founds: list[Invocation], common: tuple[Alternatives, ...]) -> None:
    """Tell apart the tests that read the same: each has its number in the order it was met."""
    order = vm.ordered()
    every = (*common, *(f.alts for f in founds), *(on for f in founds for on in _options(f)))
    keys = sorted({k for alts in every for a in alts for k, _ in a}, key=order.__getitem__)
    met: dict[Test, dict[Key, int]] = {}
    for key in keys:
        undecided, about = vm.conditions[key], key
        while about[0] == "not":
            about = about[1:]
        numbers = met.setdefault(replace(undecided.test, positive=True), {})
        test = replace(undecided.test, occurrence=numbers.setdefault(about, len(numbers)))
        vm.conditions[key] = replace(undecided, test=test)


def _literal(vm: Machine, literal: tuple[Key, bool]) -> Test:
    test = vm.conditions[literal[0]].test
    test = replace(test, subject=shortened(test.subject), operand=shortened(test.operand))
    return test if literal[1] else ~test


def _rank(condition: Condition) -> tuple[str, list[int]]:
    """By its text, and what reads the same in the order it was met."""
    return str(condition), [t.occurrence for t in condition.tests()]


def _together_hold(vm: Machine, path: Iterable[tuple[Key, bool]]) -> Condition:
    """What holds where all of these decisions are taken, but for what others of them imply."""
    listed = frozenset(path)
    values = _values_tested(vm, frozenset([listed]))
    implied = set().union(*(values[k] for k, answer in listed if answer and k in values))
    parts = tuple(sorted((_literal(vm, x) for x in listed - implied), key=_rank))
    return parts[0] if len(parts) == 1 else All(parts)


def _text(vm: Machine, alts: Alternatives) -> Condition | None:
    """Alternatives as a condition, None where they are always true."""
    if not alts or frozenset() in alts:
        return None
    if len(alts) > MAX_CHOICES:
        return _depends(vm, alts)
    choices = tuple(sorted((_together_hold(vm, a) for a in alts), key=_rank))
    if covers(choices):
        return None
    found = choices[0] if len(choices) == 1 else Some(choices)
    return _depends(vm, alts) if len(str(found)) > MAX_TOLD_TEXT else found


def _depends(vm: Machine, alts: Alternatives) -> Condition | None:
    """What alternatives depend on, where they are too many to be told one by one."""
    if not alts or frozenset() in alts:
        return None
    order = vm.ordered()
    present = sorted({key for a in alts for key, _ in a}, key=order.__getitem__)
    tests = dict.fromkeys(str(_literal(vm, (key, True))) for key in present)
    return Test(shortened(f"depends on {', '.join(tests)}"))
