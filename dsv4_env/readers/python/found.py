"""Launches found on several paths through a file as one, with what each setting depends on."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TypeAlias, TypeVar

from dsv4_env.model import EnvVar, Fact, Location, Note, ServerArg, Unknown, Value
from dsv4_env.model.condition import Condition, Test, both, either

_T = TypeVar("_T", EnvVar, ServerArg)


@dataclass(frozen=True, slots=True)
class PathLaunch:
    """A launch as one path through the file has it; *entry*: of a list of launches, unused.

    *unit* is what a test runner runs to make it.
    """

    location: Location
    end_line: int
    symbol: str | None
    env: tuple[EnvVar, ...]
    args: tuple[ServerArg, ...]
    notes: tuple[Note, ...] = ()
    condition: Condition | None = None
    entry: bool = False
    partial: bool = False
    order: tuple[int, int, int] = (0, 0, 0)
    facts: tuple[Fact, ...] = ()
    unit: str | None = None
    command: tuple[Value, ...] = ()


PathLaunches: TypeAlias = dict[Hashable, PathLaunch]
_Leaf: TypeAlias = tuple[list[tuple[Test, bool]], PathLaunches]
_COMPARED = 250_000  # pairs of settings
_CUT = "too many conditions to follow: some ways through the file weren't"


def launches_size(results: PathLaunches) -> int:
    """How much there is to keep of some launches."""
    return sum(2 + 4 * len(f.env) + len(f.args) for f in results.values())


def merged_paths(leaves: Sequence[_Leaf], *, cut: bool, depth: int = 0) -> PathLaunches:
    """The launches of all paths; *leaves* are in the order of a tree of decisions.

    Where one ends, others may go on: the budget ended on it.
    """
    if not leaves:
        return {}
    if len(leaves) == 1 and (not cut or depth == len(leaves[0][0])):
        alone = leaves[0][1]
        return {k: _marked(f) for k, f in alone.items()} if cut else alone
    if short := [result for decisions, result in leaves if len(decisions) == depth]:
        further = merged_paths(
            [leaf for leaf in leaves if len(leaf[0]) > depth], cut=True, depth=depth
        )
        for result in short:
            for key, found in result.items():
                further.setdefault(key, _marked(found))
        return further
    test = leaves[0][0][depth][0]
    sides = [[leaf for leaf in leaves if leaf[0][depth][1] is side] for side in (True, False)]
    if not all(sides):  # only one side was followed: what was found holds on that side
        held = test if sides[0] else ~test
        one = merged_paths(leaves, cut=cut, depth=depth + 1)
        return {k: replace(f, condition=both(held, f.condition)) for k, f in one.items()}
    yes, no = (merged_paths(side, cut=cut, depth=depth + 1) for side in sides)
    results: PathLaunches = {}
    for key in [*yes, *(k for k in no if k not in yes)]:
        results[key] = _combined(yes.get(key), no.get(key), test)
    return results


def _marked(found: PathLaunch) -> PathLaunch:
    note = Note(_CUT, found.location)
    notes = found.notes if note in found.notes else (*found.notes, note)
    return replace(found, partial=True, notes=notes)


def _of_both(test: Test, yes: Condition | None, no: Condition | None) -> Condition | None:
    """The condition of what holds under *yes* where the test does and under *no* elsewhere."""
    return yes if yes == no else either(both(test, yes), both(~test, no))


def _combined(yes: PathLaunch | None, no: PathLaunch | None, test: Test) -> PathLaunch:
    if yes is None or no is None:
        found = yes or no
        assert found is not None
        return replace(found, condition=both(test if yes else ~test, found.condition))
    return replace(
        yes,
        env=_items(yes.env, no.env, test),
        args=_items(yes.args, no.args, test),
        notes=(*yes.notes, *(n for n in no.notes if n not in yes.notes)),
        condition=_of_both(test, yes.condition, no.condition),
        entry=yes.entry and no.entry,
        partial=yes.partial or no.partial,
        facts=_facts(yes.facts, no.facts, test),
    )


def _facts(yes: tuple[Fact, ...], no: tuple[Fact, ...], test: Test) -> tuple[Fact, ...]:
    """What both say; a value that depends on the condition isn't known."""
    if [(f.key, f.value) for f in yes] == [(f.key, f.value) for f in no]:
        return yes
    found: dict[tuple[str, str], Fact] = {}
    for fact in (*yes, *no):
        unknown = Unknown(str(fact.value), f"it depends on {test}", location=fact.location)
        found.setdefault((fact.table, fact.key), replace(fact, value=unknown))
    return tuple(found.values())


def _items(yes: tuple[_T, ...], no: tuple[_T, ...], test: Test) -> tuple[_T, ...]:
    """One list of both: what only one of them has gets the condition."""
    if yes == no:
        return yes
    found: list[_T] = []
    if len(yes) * len(no) > _COMPARED:  # which are the same would take too long to tell
        found = [replace(e, condition=both(test, e.condition)) for e in yes]
        found += [replace(e, condition=both(~test, e.condition)) for e in no]
        return tuple(found)
    a, b = ([replace(e, condition=None) if e.condition else e for e in s] for s in (yes, no))
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            for one, two in zip(yes[i:j], no[k:m], strict=True):
                condition = _of_both(test, one.condition, two.condition)
                found.append(replace(one, condition=condition))
            continue
        found += [replace(e, condition=both(test, e.condition)) for e in yes[i:j]]
        found += [replace(e, condition=both(~test, e.condition)) for e in no[k:m]]
    return tuple(found)
