"""A terminal of one's own: what is drawn on it, which keys are pressed, and how it's given back."""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import tty
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_ENTER = "\x1b[?1049h\x1b[?25l"  # the other screen, no cursor
_LEAVE = "\x1b[0m\x1b[?25h\x1b[?1049l"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_KEYS = re.compile(rb"\x1b\[(?:[0-9;]*)([A-Za-z~])|\x1bO([A-Z])|(.)", re.DOTALL)
_NAMED = {
    b"A": "up", b"B": "down", b"H": "home", b"F": "end", b"k": "up", b"j": "down",
    b"\r": "enter", b"\n": "enter", b" ": "page down", b"\x0c": "redraw", b"\x1b": "escape",
    b"\x04": "q",
}  # fmt: skip
_TILDE = {b"1": "home", b"4": "end", b"5": "page up", b"6": "page down"}


def keys(data: bytes) -> Iterator[str]:
    """The keys of what a terminal sent: letters, digits, and names of others."""
    for match in _KEYS.finditer(data):
        if match[1] == b"~":
            yield _TILDE.get(match[0][2:-1].partition(b";")[0], "")
        elif (code := match[1] or match[2]) is not None:
            yield _NAMED.get(code, "") if code in b"ABHF" else ""
        else:
            yield _NAMED.get(match[3]) or match[3].decode("ascii", "ignore")


def wrapped(line: str, width: int) -> list[str]:
    """A line, which may have colours, as rows of at most *width* columns."""
    rows, row, used = [], "", 0
    for part in re.split(rf"({_STYLE.pattern})", line):
        if _STYLE.fullmatch(part):
            row += part
            continue
        for char in part:
            size = 8 - used % 8 if char == "\t" else _columns(char)
            if used + size > width and used:
                rows.append(row)
                row, used = "", 0
                size = min(size, width)
            row += " " * size if char == "\t" else char
            used += size
    return [*rows, row]


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Part:
    """Lines that belong together; *number* is that of a finding among them, from 1 on."""

    lines: tuple[str, ...]
    number: int | None = None


@dataclass(slots=True)
class View:
    """What of many lines is shown: from the row *top* on, one finding *chosen* among them."""

    top: int = 0
    chosen: int = 1

    def rows(self, parts: Sequence[Part], size: tuple[int, int], *, follow: bool) -> list[str]:
        """The rows of a screen of *size* (columns, rows), without that of the foot.

        *follow*: the chosen finding is among them.
        """
        width, height = size[0], max(size[1] - 1, 1)
        rows: list[str] = []
        first, last = 0, 0
        for part in parts:
            begun = len(rows)
            for at, line in enumerate(part.lines):
                rows += wrapped(self._mark(part, line) if at == 0 else line, width)
            if part.number == self.chosen:
                first, last = begun, len(rows)
        if follow and last > self.top + height:
            self.top = last - height
        if follow and (first < self.top or self.chosen == 1):
            self.top = min(first, self.top)
        self.top = max(0, min(self.top, len(rows) - height))
        return rows[self.top : self.top + height]

    def _mark(self, part: Part, line: str) -> str:
        if part.number is None:
            return line
        mark = ">" if part.number == self.chosen else " "
        return f"{mark}{part.number} {line}"


def foot(left: str, right: str, width: int) -> str:
    """The line at the foot of a screen: of the right side as many words as there is room for."""
    words = right.split("  ")
    while words and len(left) + len(right := "  ".join(words)) > width:
        del words[0]
    room = width - len(left) - len(right)
    text = left + " " * room + right if words else left[:width]
    return f"\x1b[7m{text:{width}}\x1b[0m"


@dataclass(slots=True)
class Terminal:
    """The terminal that a program has for itself: cleared, without a cursor, keys as they come."""

    out: int
    into: int | None
    _kept: list[Any] = field(default_factory=list)
    taken: bool = False

    def take(self) -> None:
        """Take it over."""
        if self.into is not None and not self._kept:
            self._kept = termios.tcgetattr(self.into)
        if self.into is not None:
            tty.setcbreak(self.into, termios.TCSADRAIN)  # keys that are typed ahead stay
        self.taken = True
        self._write(_ENTER)

    def give_back(self) -> None:
        """Make it what it was before."""
        if not self.taken:
            return
        self.taken = False
        with contextlib.suppress(OSError, termios.error):  # it may be gone
            self._write(_LEAVE)
            if self.into is not None:
                termios.tcsetattr(self.into, termios.TCSADRAIN, self._kept)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """Within it another program has the terminal; it stays with one that has it already."""
        taken = self.taken
        self.give_back()
        try:
            yield
        finally:
            if taken:
                self.take()

    def size(self) -> tuple[int, int]:
        """Its columns and rows."""
        try:
            columns, rows = os.get_terminal_size(self.out)
        except OSError:
            columns, rows = 0, 0
        return columns or 80, rows or 24

    def draw(self, rows: Sequence[str], last: str) -> None:
        """Draw rows from the top on, and the last one at the foot."""
        height = self.size()[1]
        shown = [*rows[: height - 1], *[""] * (height - 1 - len(rows)), last]
        self._write("\x1b[H" + "\r\n".join(f"{row}\x1b[0m\x1b[K" for row in shown) + "\x1b[J")

    def pressed(self) -> list[str] | None:
        """The keys that were pressed; None where there is no keyboard any more."""
        assert self.into is not None
        try:
            if not select.select([self.into], [], [], 0)[0]:
                return []
            data = os.read(self.into, 1024)
        except OSError:
            return None
        return [key for key in keys(data) if key] if data else None

    def _write(self, text: str) -> None:
        data = text.encode(errors="replace")
        while data:
            data = data[os.write(self.out, data) :]
