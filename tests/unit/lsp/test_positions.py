"""Places are counted as the editor counts them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dsv4_env.lsp.positions import Lines, Place, Span, TextEdit


@pytest.mark.parametrize(("encoding", "at"), [("utf-8", 5), ("utf-16", 3), ("utf-32", 2)])
def test_units(encoding: str, at: int) -> None:
    """What is beyond ASCII takes as many units as the encoding that was agreed on says."""
    lines = Lines("first\nä😀b"[:-1] + "b", encoding)
    assert lines.place(1, 2) == Place(1, {"utf-8": 6, "utf-16": 3, "utf-32": 2}[encoding])
    assert lines.column(lines.place(1, 2)) == 2
    assert at <= lines.place(1, 2).character


def test_a_place_that_is_not_there() -> None:
    """It's the nearest one that is."""
    lines = Lines("ab\r\ncd")
    assert lines.place(7, 9) == Place(1, 2)
    assert lines.column(Place(0, 99)) == 2
    assert lines.line(5) == ""
    assert lines.lines == ["ab", "cd"]


def test_within_a_character() -> None:
    """A place between the halves of a character is before it."""
    assert Lines("😀b").column(Place(0, 1)) == 0


def test_edits_keep_what_is_equal() -> None:
    """Only the lines that differ are replaced."""
    found = Lines("a\nb\nc").edits("a\nB\nc")
    assert found == [TextEdit(Span(Place(1, 0), Place(2, 0)), "B\n")]
    assert Lines("a").edits("a") == []


def made(lines: Lines, edits: list[TextEdit]) -> str:
    """The text with edits made, as the protocol says."""
    cut = lines.text.split("\n")
    starts = [sum(len(x) + 1 for x in cut[:n]) for n in range(len(cut) + 1)]
    text = lines.text
    for edit in reversed(edits):
        start, end = (
            min(starts[p.line] + lines.column(p), len(text))
            for p in (edit.span.start, edit.span.end)
        )
        text = text[:start] + edit.text + text[end:]
    return text


@given(
    st.lists(st.sampled_from(["a", "b", "😀", "", "ä\r"]), max_size=8),
    st.lists(st.sampled_from(["a", "b", "😀", "", "ä\r"]), max_size=8),
)
def test_edits_make_the_other_text(old: list[str], new: list[str]) -> None:
    """Whatever the two texts are."""
    lines = Lines("\n".join(old))
    assert made(lines, lines.edits("\n".join(new))) == "\n".join(new)
