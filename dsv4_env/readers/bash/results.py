"""Launches found on several ways through a script as one, with what each setting depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsv4_env.model import (
    EnvVar,
    LaunchConfig,
    Note,
    Origin,
    RequiredInput,
    ServerArg,
    Unknown,
    group_args,
)
from dsv4_env.readers.bash.ways import simplify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsv4_env.readers.bash.launch import Found
    from dsv4_env.readers.bash.state import Key, Path1, Run

MAX_CHOICES = 8
MAX_SORTED = 100


def collect(run: Run, path: str) -> list[LaunchConfig]:
    """The launches in the order bash makes them; those of one command on several ways are one."""
    groups: dict[tuple[int, ...], list[Found]] = {}
    for found in run.launches:
        groups.setdefault(found.key, []).append(found)
    ordered = _ordered(run.launches, groups)
    every = [f for g in ordered for f in g]
    dropped = _one_sided(run, every)
    return [_merged(run, g, path, dropped) for g in ordered]


def _ordered(
    launches: list[Found], groups: dict[tuple[int, ...], list[Found]]
) -> list[list[Found]]:
    """As bash would come to them: what is found later on the same way comes later."""
    if len(launches) > MAX_SORTED or not any(path for f in launches for path in f.alts):
        return list(groups.values())
    before: dict[tuple[int, ...], set[tuple[int, ...]]] = {key: set() for key in groups}
    for at, one in enumerate(launches):
        for other in launches[at + 1 :]:
            if one.key != other.key and _together(one, other):
                before[other.key].add(one.key)
    left = dict(groups)
    result: list[list[Found]] = []
    while left:  # of two that come before each other, the one that was found first
        key = next((k for k in left if before[k].isdisjoint(left)), next(iter(left)))
        result.append(left.pop(key))
    return result


def _together(one: Found, other: Found) -> bool:
    """Whether both launches may happen on one way through the script."""
    opposite = [frozenset((k, not v) for k, v in a) for a in one.alts]
    return any(a.isdisjoint(b) for a in opposite for b in other.alts)


def _one_sided(run: Run, founds: list[Found]) -> set[tuple[Key, bool]]:
    """Decisions that only say a command succeeded, with every launch on that side."""
    literals = {x for f in founds for path in f.alts for x in path}
    dropped: set[tuple[Key, bool]] = set()
    for key, answer in literals:
        condition = run.conditions[key]
        if (
            not condition.command
            or answer is not condition.success
            or ((key, not answer) in literals)
        ):
            continue
        dropped.add((key, answer))
    return dropped


def _required(run: Run, founds: list[Found]) -> dict[tuple[Key, bool], RequiredInput]:
    """Decisions that an outside variable isn't empty, where the script ends if it is."""
    result: dict[tuple[Key, bool], RequiredInput] = {}
    literals = {x for f in founds for path in f.alts for x in path}
    for key, condition in run.conditions.items():
        unknown, answer = condition.empty, False
        if (key, answer) not in literals or unknown is None or len(unknown.names) != 1:
            continue
        if all((key, False) in path for f in founds for path in f.alts) and (
            (key, True) in run.exits
        ):
            result[key, answer] = RequiredInput(unknown.names[0], run.where.get(key))
    return result


def _merged(
    run: Run, group: list[Found], path: str, dropped: set[tuple[Key, bool]]
) -> LaunchConfig:
    first = group[0]
    required = _required(run, group)
    gone = dropped | set(required)
    alts = [[frozenset(a - gone) for a in f.alts] for f in group]
    universe = frozenset(a for many in alts for a in many)
    notes: dict[Note, None] = {}
    for found in group:
        notes.update(dict.fromkeys(found.notes))
    inputs = {r.name: r for f in group for r in f.required}
    for one in required.values():
        inputs.setdefault(one.name, one)
    if len(group) == 1:
        env = tuple(_settings(first))
        args = group_args(first.args, "bash")
    else:
        env = _merged_env(run, group, alts, universe)
        args = _merged_args(run, group, alts, universe)
    return LaunchConfig(
        path,
        "bash",
        env,
        args,
        tuple(first.command),
        first.location,
        first.end_line,
        tuple(notes),
        _text(run, simplify(run, universe)),
        tuple(inputs.values()),
        any(f.partial for f in group),
    )


def _settings(found: Found) -> Iterable[EnvVar]:
    last: dict[str, int] = {}
    for i, (name, _, _) in enumerate(found.env):
        last[name] = i
    for i, (name, event, perhaps) in enumerate(found.env):
        origin = Origin("bash", event.location, event.spelled)
        value = event.value
        if isinstance(value, Unknown) and value.location is None:
            value = replace(value, location=event.location)
        yield EnvVar(name, value, origin, last[name] != i, perhaps or None)


def _merged_env(
    run: Run, group: list[Found], alts: list[list[Path1]], universe: frozenset[Path1]
) -> tuple[EnvVar, ...]:
    where: dict[tuple[Any, ...], set[int]] = {}
    counts: dict[tuple[Any, ...], set[int]] = {}
    shown: dict[tuple[Any, ...], EnvVar] = {}
    seqs: dict[tuple[Any, ...], list[int]] = {}
    for i, found in enumerate(group):
        for (_, event, _), setting in zip(found.env, _settings(found), strict=True):
            key = (setting.name, setting.value, setting.origin, setting.condition)
            counts.setdefault(key, set()).add(i)
            if not setting.superseded:
                where.setdefault(key, set()).add(i)
            seqs.setdefault(key, []).append(event.seq)
            shown[key] = replace(setting, superseded=False)

    def place(key: tuple[Any, ...]) -> int:
        # Ways count their steps apart: what never counts goes before all that ever does.
        return max(seqs[key]) if key in where else min(seqs[key])

    result: list[EnvVar] = []
    for key in sorted(shown, key=place):
        effective, setting = where.get(key), shown[key]
        ways = effective or counts[key]
        condition = _condition(run, ways, alts, universe)
        both = [c for c in (setting.condition, condition) if c]
        result.append(
            replace(setting, superseded=effective is None, condition=" and ".join(both) or None)
        )
    return tuple(result)


def _merged_args(
    run: Run, group: list[Found], alts: list[list[Path1]], universe: frozenset[Path1]
) -> tuple[ServerArg, ...]:
    merged: list[tuple[ServerArg, set[int]]] = []
    for i, found in enumerate(group):
        mine = group_args(found.args, "bash")
        if not merged:
            merged = [(a, {i}) for a in mine]
            continue
        from difflib import SequenceMatcher  # scripts with one way to a launch need none

        known = [a for a, _ in merged]
        combined: list[tuple[ServerArg, set[int]]] = []
        matcher = SequenceMatcher(None, known, mine, autojunk=False)
        for tag, a1, a2, b1, b2 in matcher.get_opcodes():
            if tag == "equal":
                combined += [(a, ways | {i}) for a, ways in merged[a1:a2]]
            else:
                combined += merged[a1:a2]
                combined += [(b, {i}) for b in mine[b1:b2]]
        merged = combined
    return tuple(replace(a, condition=_condition(run, ways, alts, universe)) for a, ways in merged)


def _condition(
    run: Run, ways: set[int], alts: list[list[Path1]], universe: frozenset[Path1]
) -> str | None:
    """What must hold for one of these ways to be taken, as short as it easily gets."""
    if len(ways) == len(alts):
        return None
    inside = frozenset(a for i in ways for a in alts[i])
    outside = frozenset(a for i in range(len(alts)) if i not in ways for a in alts[i])
    present = {x for a in inside for x in a}
    literals = [x for key in run.conditions for x in ((key, True), (key, False)) if x in present]

    def decides(chosen: tuple[tuple[Key, bool], ...]) -> bool:
        return all(set(chosen) <= a for a in inside) and all(
            any((k, not v) in a for k, v in chosen) for a in outside
        )

    for literal in literals:
        if decides((literal,)):
            return _literal(run, literal)
    for i, one in enumerate(literals):
        for two in literals[i + 1 :]:
            if decides((one, two)):
                return " and ".join(sorted(_literal(run, x) for x in (one, two)))
    common = frozenset.intersection(*universe) if universe else frozenset()
    return _text(run, simplify(run, frozenset(a - common for a in inside)))


def _literal(run: Run, literal: tuple[Key, bool]) -> str:
    condition = run.conditions[literal[0]]
    return condition.true if literal[1] else condition.false


def _text(run: Run, alts: frozenset[Path1]) -> str | None:
    """Alternatives in words, None where they are always true."""
    if not alts or frozenset() in alts:
        return None
    choices = sorted(" and ".join(dict.fromkeys(sorted(_literal(run, x) for x in a))) for a in alts)
    if len(choices) == 1:
        return choices[0]
    if len(choices) > MAX_CHOICES:
        present = {key for a in alts for key, _ in a}
        tests = [run.conditions[k].true for k in run.conditions if k in present]
        return f"depends on {', '.join(dict.fromkeys(tests))}"
    return " or ".join(f"({c})" if " and " in c else c for c in choices)
