"""A change as a diff: what may be shown of it."""

from __future__ import annotations

import pytest

from dsv4_env.model.style import inert
from dsv4_env.reporters.unified import unified


def test_no_line_is_a_command_to_a_log() -> None:
    old = "::warning::a\n  ::error::b\nx::c\nA=1\n"
    found = unified("run.sh", old, old.replace("A=1", "A=2"))
    assert "\n \\x3a:warning::a\n   \\x3a:error::b\n x::c\n-A=1\n+A=2\n" in found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::add-mask::x", "\\x3a:add-mask::x"),
        (" \t::x\na\n ::y\n", " \t\\x3a:x\na\n \\x3a:y\n"),
        ("a::b\n", "a::b\n"),
        ("", ""),
    ],
)
def test_inert(text: str, shown: str) -> None:
    assert inert(text) == shown
