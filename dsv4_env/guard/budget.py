"""What the reading of one input may cost, counted in steps and in bytes made, never in seconds.

The same input spends the same on every machine and under every load, so it gets the same answer.
A clock stands behind as a last resort: no input that was tried reaches it before its budget.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from dsv4_env.errors import ReadError
from dsv4_env.model import Location, Note

STEPS = 1_000_000  # of a reader: a word expanded, a statement followed, two paths compared
BYTES = 100_000_000  # of text that a reader makes
SECONDS = 60.0  # the last resort


class BudgetError(ReadError):
    """One input asks for more work than any launch needs. Readers keep what they found before."""


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
    _deadline: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def step(self, at: Hashable = None, count: int = 1) -> None:
        """Spend *count* steps at a place. Raises BudgetError where there are none left."""
        before = self.spent_steps
        self.spent_steps += count
        self.places[at] += count
        if self.spent_steps > self.steps:
            raise BudgetError(f"it takes more than {self.steps:,} steps to follow")
        if before >> 12 != self.spent_steps >> 12 and time.monotonic() > self._deadline:
            raise BudgetError(f"it takes more than {SECONDS:g} seconds to follow")

    def make(self, size: int, at: Hashable = None) -> None:
        """Spend *size* bytes of text, before they are made. Raises BudgetError as :meth:`step`."""
        self.spent_bytes += size
        self.places[at] += size >> 8  # copying 256 bytes takes about as long as a step
        if self.spent_bytes > self.made:
            raise BudgetError(f"it makes more than {self.made:,} bytes of text")

    def most(self) -> Hashable:
        """The place that cost the most, None where no place was told."""
        told = [(count, at) for at, count in self.places.items() if at is not None]
        return max(told, key=lambda each: each[0])[1] if told else None


def partial_note(error: BudgetError, place: Location | None) -> Note:
    """Say on a launch that was found before *error* that more may follow; *place* cost the most."""
    where = f"; most of them at {place}" if place else ""
    return Note(f"the file is read in part: {error.found}{where}", place, opens=True)
