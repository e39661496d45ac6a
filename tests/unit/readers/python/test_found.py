"""Launches of several paths as one."""

from __future__ import annotations

from dsv4_env.model import Location
from dsv4_env.model.condition import Test
from dsv4_env.readers.python.found import PathLaunch, PathLaunches, merged_paths


def test_a_way_that_ends_within_a_call_is_shorter_than_others() -> None:
    """Those that go on are told apart as before; what it found is kept, marked."""
    one, two = (PathLaunch(Location("f", line, 1), line, None, (), ()) for line in (1, 2))
    leaves: list[tuple[list[tuple[Test, bool]], PathLaunches]]
    a, b = Test("a"), Test("b")
    leaves = [([(a, True), (b, True)], {"k": one}), ([(a, True)], {"l": two})]
    found = merged_paths(leaves, cut=True)
    assert set(found) == {"k", "l"}
    assert found["l"].partial
