"""Places in a text as an editor counts: from 0, in units of UTF-16 where nothing else is said."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher

_BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line and a place in it, both from 0; the latter in the units of the editor."""

    line: int
    character: int


@dataclass(frozen=True, slots=True)
class Span:
    """From one place to another, which doesn't belong to it any more."""

    start: Place
    end: Place

    def touches(self, other: Span) -> bool:
        """Whether two spans have a place in common, their ends included."""
        return self.start <= other.end and other.start <= self.end


@dataclass(frozen=True, slots=True)
class TextEdit:
    """What is between two places becomes *text*."""

    span: Span
    text: str


class Lines:
    """A text by its lines, whose columns here are characters, from 0."""

    def __init__(self, text: str, encoding: str = "utf-16") -> None:
        self.text = text
        *lines, last = text.split("\n")
        self.lines = [*(line.removesuffix("\r") for line in lines), last]
        self._codec, self._unit = _BYTES[encoding]

    def line(self, number: int) -> str:
        """A line without its end; an empty one behind the last."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def place(self, number: int, column: int) -> Place:
        """A column of a line as the editor counts; of what isn't there the nearest that is."""
        number = min(max(number, 0), len(self.lines) - 1)
        before = self.lines[number][: max(column, 0)]
        if self._unit > 1 and before.isascii():
            return Place(number, len(before))
        return Place(number, len(before.encode(self._codec, "surrogatepass")) // self._unit)

    def column(self, place: Place) -> int:
        """The column of a place; of one behind the end of its line the end."""
        line = self.line(place.line)
        if self._unit > 1 and line.isascii():
            return min(place.character, len(line))
        data = line.encode(self._codec, "surrogatepass")[: place.character * self._unit]
        return len(data.decode(self._codec, "ignore"))

    def span(self, number: int, start: int, end: int) -> Span:
        """A part of one line."""
        return Span(self.place(number, start), self.place(number, end))

    def whole(self, number: int) -> Span:
        """What of a line isn't blank before and behind."""
        line = self.line(number)
        return self.span(number, len(line) - len(line.lstrip()), len(line.rstrip()))

    def edits(self, new: str) -> list[TextEdit]:
        """The edits that make another text of it: whole lines, where they differ."""
        if new == self.text:
            return []
        a, b = _cut(self.text), _cut(new)
        matcher = SequenceMatcher(None, a, b, autojunk=False)
        return [
            TextEdit(Span(self._start(i), self._start(j)), "".join(b[k:m]))
            for tag, i, j, k, m in matcher.get_opcodes()
            if tag != "equal"
        ]

    def _start(self, number: int) -> Place:
        """Where a line starts; behind the last one the end of the text."""
        if number < len(self.lines):
            return Place(number, 0)
        return self.place(len(self.lines) - 1, len(self.lines[-1]))


def _cut(text: str) -> list[str]:
    """The lines of a text with their ends; the last one may be empty."""
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), last]
