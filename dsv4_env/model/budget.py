"""What the reading of one input may cost, counted in steps and in bytes made, never in seconds.

The same input spends the same on every machine and under every load, so it gets the same answer.
A clock stands behind as a last resort: no input that was tried reaches it before its budget.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dsv4_env.model.errors import ReadError
from dsv4_env.model.launch import LaunchConfig, Location, Note

STEPS = 800_000  # of a reader: a word expanded, a statement followed, two paths compared
BYTES = 20_000_000  # of text that a reader makes: four times as much as the largest file holds
SECONDS = 60.0  # the last resort


class BudgetError(ReadError):
    """One input asks for more work than any launch needs. Readers keep what they found before."""


class AllowanceError(BudgetError):
    """A part of an input asks for more than its allowance: the rest can go on without it."""


@dataclass(slots=True, eq=False)
class Budget:
    """Steps and bytes that may still be spent on one input, by all readers that work on it.

    *at* is any key of a place in the input; :meth:`most` tells which of them cost the most.
    """

    steps: int = STEPS
    made: int = BYTES
    spent_steps: int = 0
    spent_bytes: int = 0
    places: Counter[Hashable] = field(default_factory=Counter)
    _share: int | None = None
    _allowed: int | None = None
    _deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def step(self, at: Hashable = None, count: int = 1) -> None:
        """Spend *count* steps at a place. Raises BudgetError where there are none left."""
        before = self.spent_steps
        self.spent_steps += count
        self.places[at] += count
        if self._allowed is not None and self.spent_steps > self._allowed:
            raise AllowanceError("it takes more steps than it's allowed")
        if self.spent_steps > self.steps:
            raise BudgetError(f"it takes more than {self._share or self.steps:,} steps to follow")
        if before >> 12 != self.spent_steps >> 12 and time.monotonic() > self._deadline:
            raise BudgetError(f"it takes more than {SECONDS:g} seconds to follow")

    def take(self, other: Budget, at: Hashable = None) -> None:
        """Spend what another one was spent on: a file of its own, read for this input.

        Raises BudgetError as :meth:`step`; the clock begins anew with each such file.
        """
        self._deadline = max(self._deadline, other._deadline)
        self.spent_bytes += other.spent_bytes
        self.step(at, other.spent_steps)

    @contextmanager
    def share(self, count: int) -> Iterator[None]:
        """Within it, no more than *count* steps of those that are left may be spent."""
        before, self.steps = self.steps, min(self.steps, self.spent_steps + count)
        self._share = self.steps - self.spent_steps if self.steps < before else None
        try:
            yield
        finally:
            self.steps, self._share = before, None

    @contextmanager
    def allowance(self, count: int) -> Iterator[None]:
        """Within it, :meth:`step` raises AllowanceError once *count* steps are spent."""
        before, mine = self._allowed, self.spent_steps + count
        self._allowed = mine if before is None else min(before, mine)
        try:
            yield
        finally:
            self._allowed = before

    @property
    def left(self) -> int:
        """How many steps may still be spent here."""
        ends = self.steps if self._allowed is None else min(self.steps, self._allowed)
        return max(ends - self.spent_steps, 0)

    @property
    def overdrawn(self) -> bool:
        """Whether the allowance that holds here is spent, too."""
        return self._allowed is not None and self.spent_steps > self._allowed

    def make(self, size: int, at: Hashable = None) -> None:
        """Spend *size* bytes of text, before they are made. Raises BudgetError as :meth:`step`."""
        self.spent_bytes += size
        self.places[at] += size >> 8  # copying 256 bytes takes about as long as a step
        if self.spent_bytes > self.made:
            raise BudgetError(f"it makes more than {self.made:,} bytes of text")

    def charge(self, at: Hashable, before: int) -> None:
        """Say that a place cost all steps since *before* were spent, whatever they were said of."""
        self.places[at] += self.spent_steps - before

    def most(self, kind: type = object) -> Hashable:
        """The place that cost the most, None where no place was told; *kind*: of these alone."""
        told = [(c, p) for p, c in self.places.items() if p is not None and isinstance(p, kind)]
        return max(told, key=lambda each: each[0])[1] if told else None

    def place(self) -> Location | None:
        """The location that cost the most, where places are told as locations."""
        found = self.most(Location)
        return found if isinstance(found, Location) else None


def partial_note(error: BudgetError, place: Location | None) -> Note:
    """Say on a launch that was found before *error* that more may follow; *place* cost the most."""
    where = f"; most of them at {place}" if place else ""
    message = f"the file is read in part: {error.found}{where}"
    return Note(message, place, opens=True, cut=True)


def kept(
    found: list[LaunchConfig], error: BudgetError, place: Location | None, path: str
) -> list[LaunchConfig]:
    """The launches found before *error*, marked; raises it, located, where there are none."""
    if not found:
        expected = "a file that can be followed within the limits"
        raise BudgetError(error.found, where=place or path, expected=expected) from None
    note = partial_note(error, place)
    return [
        replace(c, partial=True, notes=c.notes if _told(c) else (*c.notes, note)) for c in found
    ]


def _told(config: LaunchConfig) -> bool:
    """Whether it is said already: a script within the file may have ended there, too."""
    return any(n.cut for n in config.notes)
