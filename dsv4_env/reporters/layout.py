"""How wide text is on a terminal, and where a sentence is broken that is too wide for a line."""

from __future__ import annotations

import unicodedata

WIDEST = 120  # columns of a line
INDENT = "    "
_MARKS = ("; ", ": ", ", ", " (")  # what ends a clause, the best place first


def width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in text)


def fits(text: str, room: int = WIDEST) -> bool:
    """Whether a line isn't too wide to be read at a glance."""
    return width(text) <= room


def wrapped(text: str) -> list[str]:
    """The text in indented lines: one where it fits, else broken behind clauses, else words."""
    room = WIDEST - len(INDENT)
    lines: list[str] = []
    text = text.strip()
    while not fits(text, room):
        at = _break(text, room)
        if at is None:
            break
        lines.append(text[:at].rstrip())
        text = text[at:].strip()
    return [f"{INDENT}{line}" for line in (*lines, text) if line]


def _break(text: str, room: int) -> int | None:
    """Where the first line of a text ends; None where the rest is one word."""
    end = _reach(text, room)
    for mark in _MARKS:
        at = text.rfind(mark, 0, end + len(mark) - 1)
        if at > end // 3:
            return at + (mark[0] in ";:,")
    at = text.rfind(" ", 0, end + 1)
    at = at if at > 0 else text.find(" ", end)
    return at if at > 0 else None


def _reach(text: str, room: int) -> int:
    """How many characters from the first on take no more than so many columns."""
    if text.isascii():
        return room
    taken = 0
    for at, char in enumerate(text):
        taken += width(char)
        if taken > room:
            return at
    return len(text)
