"""Conditions as tests write them."""

from __future__ import annotations

from dsv4_env.model.condition import Condition, Test


def told(condition: Condition | None) -> str | None:
    """What is told of a condition, None where there is none."""
    return None if condition is None else str(condition)


def condition(text: str | None) -> Condition | None:
    """The condition that is told like this: a test, or its opposite; None where it's None."""
    if text is None:
        return None
    return ~Test(text[5:-1]) if text.startswith("not (") else Test(text)
