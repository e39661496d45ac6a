"""A budget ends at the same step on every machine, and says where the work went."""

from __future__ import annotations

import time

import pytest

from dsv4_env.model import Location, budget
from dsv4_env.model.budget import Budget, BudgetError, partial_note


def test_steps_end_at_the_same_one_each_time() -> None:
    """The hundredth step is the last of a hundred."""
    for _ in range(2):
        spent = Budget(steps=100)
        for _ in range(100):
            spent.step()
        with pytest.raises(BudgetError, match=r"it takes more than 100 steps to follow"):
            spent.step()


def test_bytes_are_counted_before_they_are_made() -> None:
    """What would be too long is refused, whatever its size."""
    spent = Budget(made=1000)
    spent.make(1000)
    with pytest.raises(BudgetError, match=r"it makes more than 1,000 bytes of text"):
        spent.make(10**15)


def test_the_place_that_cost_the_most_is_told() -> None:
    """Steps and bytes count together; what has no place is left out."""
    spent = Budget()
    spent.step(at=3, count=5)
    spent.step(at=7, count=20)
    spent.step(count=500)
    assert spent.most() == 7
    spent.make(1 << 20, at=3)
    assert spent.most() == 3
    assert Budget().most() is None


def test_a_clock_stands_behind_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an input that the steps don't stop for a minute meets it."""
    spent = Budget(steps=10**9)
    spent.step(count=5000)
    now = time.monotonic() + budget.SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with pytest.raises(BudgetError, match="more than 60 seconds"):
        spent.step(count=5000)


def test_a_launch_in_part_says_so() -> None:
    """The note stands at the place that cost the most, and leaves the environment open."""
    note = partial_note(BudgetError("it takes more than 9 steps to follow"), Location("a.sh", 4, 2))
    assert note.message == (
        "the file is read in part: it takes more than 9 steps to follow; most of them at a.sh:4:2"
    )
    assert note.opens
    assert note.location == Location("a.sh", 4, 2)
