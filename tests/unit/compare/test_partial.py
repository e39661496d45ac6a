"""What is said of a launch of which only a part was read."""

from __future__ import annotations

import pytest

from dsv4_env.compare.findings import partial_finding
from dsv4_env.model.launch import LaunchConfig, Location, Note

END = Location("t.py", 9, 1)


@pytest.mark.parametrize(
    ("notes", "message", "line"),
    [
        ((), "only a part of what leads to this launch was read", 2),
        (
            (Note("", END, ended="'fi' is missing"),),
            "only what stands before this syntax error was read: 'fi' is missing",
            9,
        ),
    ],
)
def test_a_syntax_error_is_told_where_there_is_one(
    notes: tuple[Note, ...], message: str, line: int
) -> None:
    place = Location("t.py", 2, 1)
    config = LaunchConfig("t.py", "python", (), (), location=place, notes=notes, partial=True)
    finding = partial_finding(config)
    assert finding.message == message
    assert finding.location is not None
    assert finding.location.line == line
