"""Colour where a person reads it, none elsewhere; numbers with what they count; inert text."""

from __future__ import annotations

import re

_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "bold": 1, "dim": 2}
_COMMAND = re.compile(r"(?m)^([^\S\n]*):(?=:)")


def paint(text: str, style: str, color: bool) -> str:
    """The text in a style, or as it is."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if color and text else text


def plain(text: str) -> str:
    """Text without control characters: a hostile value can't steer a terminal.

    Nor GitHub's log, which takes ``##[name]`` for a command wherever it stands.
    """
    text = text.replace("##[", "#\\x23[")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else _escaped(ord(c)) for c in text)


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 setting``, ``2 settings``, ``2,000 launches``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def opening(text: str) -> str:
    """Plain text that may begin a line: GitHub's log takes ``::name::`` there for a command."""
    text = plain(text)
    return f"./{text}" if text.lstrip().startswith("::") else text


def inert(text: str) -> str:
    """Lines none of which is a command to GitHub's log, which trims the blanks before it."""
    return _COMMAND.sub(r"\1\\x3a", text) if "::" in text else text


def _escaped(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, kept as Python keeps it
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
