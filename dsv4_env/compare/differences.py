"""How two launches differ, exactly: by name, by spelling and by order."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Container
from dataclasses import dataclass

from dsv4_env.compare.normalise import (
    UNORDERED,
    ComparedSetting,
    Side,
    compared_sections,
    compared_settings,
    is_unknown,
    without_outside,
)
from dsv4_env.model import LaunchConfig, Location, Value
from dsv4_env.model.condition import Condition, covers, either


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
    where it always does; *conditional*: the values are the same, but it is set only then.
    *right_name* is what the right side calls it, where that is another name; *reason* is a
    sentence on what SGLang makes of the two. *placed*: only where it stands is another.
    """

    kind: Kind
    section: str
    name: str
    left: tuple[Value, ...] | None
    right: tuple[Value, ...] | None
    left_location: Location | None = None
    right_location: Location | None = None
    condition: Condition | None = None
    right_name: str | None = None
    reason: str | None = None
    conditional: bool = False
    placed: bool = False


def diff(left: LaunchConfig, right: LaunchConfig) -> list[Difference]:
    """The differences from *left* to *right*, exact on spelling, in the order of the sides.

    An unknown value with a default is compared by its default; one without is reported as
    ``unknown`` unless both sides spell it the same. What one side can't hold (an environment
    holds no arguments, a file of arguments no environment) isn't compared.
    """
    left, right = without_outside(left, right)
    sides = compared_settings(left), compared_settings(right)
    found: list[Difference] = []
    for section in compared_sections(left, right):
        a, b = sides[0][section], sides[1][section]
        ordered = section == "args" or not {left.reader, right.reader} & UNORDERED
        found += differences(section, a, b, moved(list(a), list(b)) if ordered else ())
    return found


@dataclass(frozen=True, slots=True)
class _Case:
    """A setting of one name on both sides, under a condition where one of them depends on it."""

    name: str
    left: ComparedSetting | None
    right: ComparedSetting | None
    condition: Condition | None = None


def differences(
    section: str, left: Side, right: Side, reordered: Container[str] = ()
) -> list[Difference]:
    """How two sides differ, in the order of their names; *reordered* names have moved."""
    names = [*left, *(n for n in right if n not in left)]
    cases = [case for name in names for case in _cases(name, left.get(name), right.get(name))]
    kinds = _kinds(cases)
    found: list[Difference] = []
    for at, case in enumerate(cases):
        kind = kinds.get(at)
        if kind is None and case.name in reordered and case.condition is None:
            kind = Kind.REORDERED
        if kind is not None:
            found.append(_difference(kind, section, case))
        last = at + 1 == len(cases) or cases[at + 1].name != case.name
        if last and case.condition is not None and case.name not in {d.name for d in found}:
            found += _conditional(section, case, left[case.name], right[case.name])
    return found


def _cases(
    name: str, left: list[ComparedSetting] | None, right: list[ComparedSetting] | None
) -> list[_Case]:
    """What is compared of one name: of a setting that depends on conditions, each alternative."""
    one, two = left or [], right or []
    if not _depends(one) and not _depends(two):
        return [_Case(name, one[0] if one else None, two[0] if two else None)]
    if [(s.spelling, s.condition) for s in one] == [(s.spelling, s.condition) for s in two]:
        return []
    if _depends(one) and not _depends(two):
        base = two[0] if two else None
        return [_Case(name, s, base, s.condition) for s in one]
    base = one[0] if one else None
    return [_Case(name, base, s, s.condition) for s in two]


def _depends(alternatives: list[ComparedSetting]) -> bool:
    return any(s.condition is not None for s in alternatives)


def _kinds(cases: list[_Case]) -> dict[int, Kind]:
    """What became of each case that isn't the same on both sides."""
    left = {at: "\0\0".join(c.left.spelling) for at, c in enumerate(cases) if c.left}
    right = {at: "\0\0".join(c.right.spelling) for at, c in enumerate(cases) if c.right}
    if left == right:
        return {}
    from deepdiff import DeepDiff  # 85 ms, which only those pay who differ

    tree = DeepDiff(left, right, view="tree", threshold_to_diff_deeper=0)
    kinds: dict[int, Kind] = {}
    for group, kind in (
        ("dictionary_item_added", Kind.ADDED),
        ("dictionary_item_removed", Kind.REMOVED),
        ("values_changed", Kind.CHANGED),
    ):
        for item in tree.get(group, ()):
            at = item.path(output_format="list")[0]
            both = (cases[at].left, cases[at].right)
            unknown = all(both) and any(is_unknown(s.words) for s in both if s)
            kinds[at] = Kind.UNKNOWN if unknown else kind
    return kinds


def _conditional(
    section: str, case: _Case, left: list[ComparedSetting], right: list[ComparedSetting]
) -> list[Difference]:
    """A setting that is the same on both sides, but that one side makes only under conditions."""
    varied = left if _depends(left) and not _depends(right) else right
    conditions = [s.condition for s in varied]
    if covers(conditions):
        return []
    whole = _Case(case.name, left[0], right[0], either(*conditions))
    return [_difference(Kind.UNKNOWN, section, whole, conditional=True)]


def _difference(kind: Kind, section: str, case: _Case, *, conditional: bool = False) -> Difference:
    return Difference(
        kind,
        section,
        case.name,
        case.left.words if case.left else None,
        case.right.words if case.right else None,
        case.left.location if case.left else None,
        case.right.location if case.right else None,
        case.condition,
        conditional=conditional,
    )


def moved(left: list[str], right: list[str]) -> list[str]:
    """The names on both sides that stand in another order, as few as explain it."""
    common = set(left) & set(right)
    a = [n for n in left if n in common]
    b = [n for n in right if n in common]
    if a == b:
        return []
    kept: set[str] = set()
    for block in difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        kept.update(a[block.a : block.a + block.size])
    return [n for n in a if n not in kept]
