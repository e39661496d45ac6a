"""Values that several launches have, told by as few rules as do: each a condition and a value.

A rule holds for the launches that its condition fits. All of them have its value, except that a
rule without a condition may be overridden: so no two of the others ever disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TypeAlias

from dsv4_env.adopt.carried import Held, Key

_FEW = 12  # words, of which pairs are tried, too


@dataclass(frozen=True, slots=True, order=True)
class RuleCondition:
    """What has to hold of a launch: words of its profile, overlays that it takes, or doesn't."""

    of: tuple[str, ...] = ()
    with_: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def cost(self) -> int:
        """How much there is to read."""
        return 2 * len(self.of) + 2 * len(self.with_) + 3 * len(self.without)

    def fits(self, member: Member) -> bool:
        """Whether a launch is one of those."""
        return (
            member.of.issuperset(self.of)
            and member.overlays.issuperset(self.with_)
            and member.overlays.isdisjoint(self.without)
        )


ALWAYS = RuleCondition()


@dataclass(frozen=True, slots=True)
class Member:
    """One of the launches, as conditions see it."""

    of: frozenset[str]
    overlays: frozenset[str]


@dataclass(frozen=True, slots=True)
class Column:
    """One key: for each launch its value, what lies *below* it, and the overlays that set that.

    None is a key that isn't set. With *free* a rule without a condition may be overridden, which
    takes a layer that lies below all others.
    """

    values: Sequence[Held | None]
    below: Sequence[Held | None]
    setters: Sequence[frozenset[str]] = ()
    free: bool = False


Rules: TypeAlias = "dict[RuleCondition, dict[Key, Held | None]]"


@dataclass(slots=True)
class Ruling:
    """The conditions that tell some launches apart, as sets of their numbers (bits)."""

    members: Sequence[Member]
    known: dict[int, RuleCondition] = field(init=False)
    numbers: dict[int, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.known = {}
        for condition in self._conditions():
            mask = self._mask(condition)
            best = self.known.get(mask)
            if mask and (best is None or (condition.cost, condition) < (best.cost, best)):
                self.known[mask] = condition
        every = range(len(self.members))
        self.numbers = {m: tuple(i for i in every if m >> i & 1) for m in self.known}

    def _mask(self, condition: RuleCondition) -> int:
        return sum(1 << i for i, m in enumerate(self.members) if condition.fits(m))

    def _conditions(self) -> Iterable[RuleCondition]:
        words = sorted({w for m in self.members for w in m.of})
        overlays = sorted({o for m in self.members for o in m.overlays})
        of = _choices(words, [m.of for m in self.members])
        taken = _choices(overlays, [m.overlays for m in self.members])
        missing = _choices(overlays, [frozenset(overlays) - m.overlays for m in self.members])
        for a, b, c in product(of, taken, missing):
            if not set(b) & set(c):
                yield RuleCondition(a, b, c)

    def rules(self, columns: Mapping[Key, Column]) -> Rules:
        """The rules for every key, by their condition, the keys in the order of *columns*.

        Raises ValueError where two launches that no condition tells apart have different values.
        """
        liked: Counter[int] = Counter()
        for column in columns.values():
            wanted = self._open(column)
            liked.update(mask for mask, _ in self._usable(column) if mask & wanted)
        found: Rules = {}
        for key, column in columns.items():
            for condition, value in self._told(column, liked):
                found.setdefault(condition, {})[key] = value
        return found

    def _open(self, column: Column, given: Held | None = None) -> int:
        """The launches that have another value than lies below them, or than is *given*."""
        return sum(
            1 << i
            for i, value in enumerate(column.values)
            if value != (column.below[i] if given is None else given)
        )

    def _usable(self, column: Column) -> list[tuple[int, RuleCondition]]:
        """The sets of launches that have one value, and their condition."""
        found = []
        for mask, condition in self.known.items():
            numbers = self.numbers[mask]
            first = column.values[numbers[0]]
            if any(column.values[i] != first for i in numbers):
                continue
            if first is None and not column.free and any(column.below[i] is None for i in numbers):
                continue  # only what is set there can be taken away
            asked = self._asked(column, numbers, condition)
            if asked is not None:
                found.append((mask, asked))
        return found

    def _asked(
        self, column: Column, numbers: Sequence[int], condition: RuleCondition
    ) -> RuleCondition | None:
        """The condition with the overlays that the rule has to lie over; None where not all do."""
        if not column.setters:
            return condition
        over = {
            o for i in numbers if column.below[i] != column.values[i] for o in column.setters[i]
        }
        if not all(over <= self.members[i].overlays for i in numbers):
            return None
        return RuleCondition(
            condition.of, tuple(sorted({*condition.with_, *over})), condition.without
        )

    def _told(self, column: Column, liked: Counter[int]) -> list[tuple[RuleCondition, Held | None]]:
        """The rules of one key."""
        wanted = self._open(column)
        if not wanted:
            return []
        usable = self._usable(column)
        found: list[tuple[RuleCondition, Held | None]] = []
        different = len(set(map(repr, column.values)))
        if column.free and None not in column.values and different > 1:
            words = [u for u in usable if len(u[1].of) == 1 and not (u[1].with_ or u[1].without)]
            plain = self._covered(column, words, wanted, liked)
            if plain is not None and len(plain) <= different:
                return plain  # one line more, and it reads as it is meant
        if column.free:
            count = Counter(map(repr, column.values))
            usual = max(column.values, key=lambda v: (count[repr(v)], v is not None))
            if usual is not None and count[repr(usual)] > 1:
                found.append((ALWAYS, usual))
                wanted = self._open(column, usual)
        told = self._covered(column, usable, wanted, liked)
        if told is None:
            raise ValueError("launches that no name tells apart have different values")
        return found + told

    def _covered(
        self,
        column: Column,
        usable: Sequence[tuple[int, RuleCondition]],
        wanted: int,
        liked: Counter[int],
    ) -> list[tuple[RuleCondition, Held | None]] | None:
        """The fewest rules that cover all *wanted* launches, as far as the greedy choice finds."""
        found: list[tuple[RuleCondition, Held | None]] = []
        while wanted:
            best = max(
                usable,
                key=lambda u: (
                    (u[0] & wanted).bit_count(),
                    -u[1].cost,
                    liked[u[0]],
                    [-ord(c) for c in repr(u[1])],
                ),
                default=None,
            )
            if best is None or not best[0] & wanted:
                return None
            found.append((best[1], column.values[self.numbers[best[0]][0]]))
            wanted &= ~best[0]
        return found


def _choices(words: Sequence[str], whole: Sequence[frozenset[str]]) -> list[tuple[str, ...]]:
    """No word, each alone, pairs where there are few, and all that some launch has."""
    found: dict[tuple[str, ...], None] = {(): None}
    found |= {(w,): None for w in words}
    if len(words) <= _FEW:
        found |= dict.fromkeys(combinations(words, 2))
    found |= {tuple(sorted(each)): None for each in whole}
    return list(found)
