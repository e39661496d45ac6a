"""Symbols: equal as they read, told apart by their numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dsv4_env.lang.bash.expand.values import Symbol, identity


def test_symbols_that_read_the_same_are_equal_but_not_the_same() -> None:
    one = Symbol("$(date)", "the output of a command", number=1)
    two = replace(one, number=2, path=Path("/x"), filled=True)
    assert one == two
    assert hash(one) == hash(two)
    assert identity(one) != identity(two)


def test_a_text_is_the_same_as_any_that_reads_so() -> None:
    assert identity("a") == identity("a")
