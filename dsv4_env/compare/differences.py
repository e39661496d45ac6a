"""How two launches differ, exactly: by name, by spelling and by order."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TypeAlias

from dsv4_env.model import LaunchConfig, Location, Outside, Unknown, Value

POSITIONAL = "(positional)"
UNORDERED = {"environment", "capture", "process"}  # an environment of a process has no order


class Kind(enum.StrEnum):
    """What became of a setting from left to right."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    EQUIVALENT = "equivalent"
    REORDERED = "reordered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that isn't the same on both sides.

    *section* is ``env`` or ``args``; *left* and *right* are the values as spelled (a flag's
    words), None where the side doesn't have the setting. *condition* is when it differs, None
    where it always does. *right_name* is what the right side calls it, where that is another
    name; *reason* is a sentence on what SGLang makes of the two.
    """

    kind: Kind
    section: str
    name: str
    left: tuple[Value, ...] | None
    right: tuple[Value, ...] | None
    left_location: Location | None = None
    right_location: Location | None = None
    condition: str | None = None
    right_name: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a side: its words as spelled, and *spelling*, what is compared of them."""

    name: str
    words: tuple[Value, ...]
    location: Location | None
    condition: str | None = None
    spelling: tuple[str, ...] = ()


Side: TypeAlias = dict[str, list[Setting]]
"""Name to the setting, or to its alternatives where it depends on conditions."""


def setting(
    name: str, words: tuple[Value, ...], location: Location | None, condition: str | None = None
) -> Setting:
    """A setting compared by its spelling; of a value with a default, the default counts."""
    spelling = tuple(text for word in words for text in _spelling(word))
    return Setting(name, words, location, condition, spelling)


def _spelling(word: Value) -> list[str]:
    if isinstance(word, str):
        return [word]
    if word.default is None:
        return [f"\0{word.text}"]
    return word.default.split() if word.splits else [word.default]


def settings(config: LaunchConfig) -> dict[str, Side]:
    """The settings of a launch that count, by section and name."""
    env: Side = {}
    for e in config.env:
        if not e.superseded:
            env.setdefault(e.name, []).append(setting(e.name, (e.value,), e.location, e.condition))
    args: Side = {}
    for arg in config.args or ():
        name = arg.flag or POSITIONAL
        found = args.setdefault(name, [])
        if found and arg.condition is None and found[-1].condition is None:
            before = found.pop()  # a repeated flag is one setting of several words
            found.append(setting(name, before.words + arg.words, arg.location))
        else:
            found.append(setting(name, arg.words, arg.location, arg.condition))
    return {"env": env, "args": args}


def is_unknown(words: tuple[Value, ...]) -> bool:
    """Whether what the words stand for can't be known."""
    return any(
        isinstance(w, Unknown) and w.default is None and not isinstance(w, Outside) for w in words
    )


def without_outside(left: LaunchConfig, right: LaunchConfig) -> tuple[LaunchConfig, LaunchConfig]:
    """Both sides without what one takes from the environment where the other agrees to that.

    A source does where it doesn't set the variable, or from what can't be known; an environment,
    which holds the values themselves, where it has it.
    """
    for a, b in ((left, right), (right, left)):
        agreed = {e.name for e in a.env if isinstance(e.value, Outside) and _agrees(b, e.name)}
        if agreed:
            left, right = (
                replace(side, env=tuple(e for e in side.env if e.name not in agreed))
                for side in (left, right)
            )
    return left, right


def _agrees(config: LaunchConfig, name: str) -> bool:
    """Whether a launch takes a variable from outside, by all the settings that it makes of it."""
    made = [e for e in config.env if e.name == name and not e.superseded]
    if config.reader in UNORDERED:
        return any(e.value for e in made)
    if config.reader == "profile":
        return any(isinstance(e.value, Outside) for e in made)
    return all(isinstance(e.value, Unknown) and not e.value.default for e in made)


def compared_sections(left: LaunchConfig, right: LaunchConfig) -> list[str]:
    """``env``, and ``args`` where both sides can hold arguments."""
    return ["env"] if left.args is None or right.args is None else ["env", "args"]


def diff(left: LaunchConfig, right: LaunchConfig) -> list[Difference]:
    """The differences from *left* to *right*, exact on spelling, in the order of the sides.

    An unknown value with a default is compared by its default; one without is reported as
    ``unknown`` unless both sides spell it the same. Where one side can't hold arguments
    (an environment), arguments aren't compared.
    """
    left, right = without_outside(left, right)
    sides = settings(left), settings(right)
    found: list[Difference] = []
    for section in compared_sections(left, right):
        a, b = sides[0][section], sides[1][section]
        kinds = _compare(a, b)
        if section == "args" or not {left.reader, right.reader} & UNORDERED:
            kinds.update((n, Kind.REORDERED) for n in moved(list(a), list(b)) if n not in kinds)
        for name in [*a, *(n for n in b if n not in a)]:
            one, two = a.get(name, []), b.get(name, [])
            if _depends(one) or _depends(two):
                found += _alternatives(section, name, one, two)
            elif name in kinds:
                found.append(_difference(kinds[name], section, name, one[:1], two[:1]))
    return found


def _difference(
    kind: Kind,
    section: str,
    name: str,
    one: list[Setting],
    two: list[Setting],
    condition: str | None = None,
) -> Difference:
    return Difference(
        kind,
        section,
        name,
        one[0].words if one else None,
        two[0].words if two else None,
        one[0].location if one else None,
        two[0].location if two else None,
        condition,
    )


def _depends(alternatives: list[Setting]) -> bool:
    return any(s.condition is not None for s in alternatives)


def differences(
    section: str, name: str, left: list[Setting], right: list[Setting]
) -> list[Difference]:
    """How one setting differs, each side given as its alternatives (none: it isn't made)."""
    if _depends(left) or _depends(right):
        return _alternatives(section, name, left, right)
    if not left or not right:
        if not left and not right:
            return []
        kind = Kind.REMOVED if left else Kind.ADDED
    elif left[0].spelling == right[0].spelling:
        return []
    else:
        unknown = is_unknown(left[0].words) or is_unknown(right[0].words)
        kind = Kind.UNKNOWN if unknown else Kind.CHANGED
    return [_difference(kind, section, name, left[:1], right[:1])]


def _alternatives(
    section: str, name: str, left: list[Setting], right: list[Setting]
) -> list[Difference]:
    """The differences of a setting that depends on conditions on one side (or both)."""
    if [(s.spelling, s.condition) for s in left] == [(s.spelling, s.condition) for s in right]:
        return []
    base, varied = (right, left) if _depends(left) and not _depends(right) else (left, right)
    found: list[Difference] = []
    for varying in varied:
        sides = ([varying], base[:1]) if varied is left else (base[:1], [varying])
        if not base:
            kind = Kind.ADDED if varied is right else Kind.REMOVED
        elif varying.spelling == base[0].spelling:
            continue
        else:
            unknown = is_unknown(varying.words) or is_unknown(base[0].words)
            kind = Kind.UNKNOWN if unknown else Kind.CHANGED
        found.append(_difference(kind, section, name, *sides, varying.condition))
    if base and not found and not _covers(varied):
        sides = (varied[:1], base[:1]) if varied is left else (base[:1], varied[:1])
        condition = " or ".join(s.condition or "always" for s in varied)
        found.append(_difference(Kind.UNKNOWN, section, name, *sides, f"only {condition}"))
    return found


def _covers(alternatives: list[Setting]) -> bool:
    """Whether one of the alternatives always holds, as far as their conditions say."""
    conditions = {s.condition for s in alternatives}
    return None in conditions or any(f"not ({c})" in conditions for c in conditions)


def _compare(a: Side, b: Side) -> dict[str, Kind]:
    left, right = ({n: "\0\0".join(s[0].spelling) for n, s in side.items()} for side in (a, b))
    if left == right:
        return {}
    from deepdiff import DeepDiff  # 85 ms, which only those pay who differ

    tree = DeepDiff(left, right, view="tree", threshold_to_diff_deeper=0)
    kinds: dict[str, Kind] = {}
    for group, kind in (
        ("dictionary_item_added", Kind.ADDED),
        ("dictionary_item_removed", Kind.REMOVED),
        ("values_changed", Kind.CHANGED),
    ):
        for item in tree.get(group, ()):
            name = item.path(output_format="list")[0]
            kinds[name] = kind
            if kind is Kind.CHANGED and (
                is_unknown(a[name][0].words) or is_unknown(b[name][0].words)
            ):
                kinds[name] = Kind.UNKNOWN
    return kinds


def moved(left: list[str], right: list[str]) -> list[str]:
    """The names on both sides that stand in another order, as few as explain it."""
    common = set(left) & set(right)
    a = [n for n in left if n in common]
    b = [n for n in right if n in common]
    if a == b:
        return []
    import difflib  # of launches that are alike, nothing has moved

    kept: set[str] = set()
    for block in difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        kept.update(a[block.a : block.a + block.size])
    return [n for n in a if n not in kept]
