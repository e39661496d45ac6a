"""Markdown and MDX: the fenced blocks of code of a page, and where each character of them stands.

Fences are CommonMark's (spec 0.31, 4.5), at any indentation: in lists, quotes and components. What
stands in a comment, of HTML or of MDX, is no block.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from dsv4_env.lang.yaml import Lines
from dsv4_env.model.budget import Budget

_QUOTE = re.compile(r"[ ]{0,3}>[ ]?")
_OPENING = re.compile(
    r"(?P<indent>[ \t]*)(?P<marks>(?:[-*+]|\d{1,9}[.)])[ \t]+)*+"
    r"(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[ \t]*(?P<info>[^\n]*)"
)
_LANGUAGE = re.compile(r"\{?\.?([\w+#-]+)")
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})[ \t]++(?P<text>[^\n]*+)")
_MARKUP = re.compile(r"!?\[([^\]\[]*)\]\([^()]*\)|<[^<>]*>|[`*]+|\{#[^{}]*\}")
_COMMENTS = (("<!--", "-->"), ("{/*", "*/}"))
_TAB = 4  # columns; a tab goes on to the next multiple (spec, 2.2)


@dataclass(slots=True)
class Fence:
    """A fenced block: its *text* without the fence's own indentation.

    *language* is the first word behind the fence, in small letters, empty where there is none;
    *offsets* has for each character of the text where it stands in the page, *start* is where the
    fence does; *heading* is the last one above it.
    """

    language: str
    start: int
    heading: str
    closed: bool = False
    pieces: list[str] = field(default_factory=list)
    offsets: array[int] = field(default_factory=lambda: array("l"))

    @property
    def text(self) -> str:
        """What stands in the block."""
        return "".join(self.pieces)

    def take(self, text: str, start: int) -> None:
        """Add a text that stands at *start*."""
        self.pieces.append(text)
        self.offsets.extend(range(start, start + len(text)))


def fences(lines: Lines, budget: Budget) -> Iterator[Fence]:
    """The fenced blocks of a page, in order; one that isn't closed goes on to the end."""
    fence: Fence | None = None
    opened, indent, quoted, heading, comment = "", 0, False, "", ""
    for number, start in enumerate(lines.starts):
        end = lines.starts[number + 1] if number + 1 < len(lines.starts) else len(lines.text)
        budget.step(None, 1 + ((end - start) >> 6))
        raw = lines.text[start:end]
        if fence is not None:
            at = _unquoted(raw, 0) if quoted else 0
            if _closes(raw[at:], opened):
                fence.closed = True
                yield fence
                fence = None
                continue
            at, blanks = _unindented(raw, at, indent)
            fence.pieces.append(" " * blanks)
            fence.offsets.extend([start + at] * blanks)
            line = raw[at:]
            if line.endswith("\r\n"):
                fence.take(line[:-2], start + at)
                fence.take("\n", start + len(raw) - 1)
            else:
                fence.take(line, start + at)
            continue
        if comment:
            comment = "" if comment in raw else comment
            continue
        if m := _HEADING.match(raw):
            text = m["text"].rstrip(" \t").rstrip("#")
            heading = _MARKUP.sub(lambda m: m[1] or "", text).strip()
            continue
        at = _unquoted(raw, 0)
        quoted = at > 0
        stripped = raw.strip()
        comment = next((e for b, e in _COMMENTS if stripped.startswith(b) and e not in raw), "")
        if comment or not (m := _OPENING.match(raw.rstrip("\r\n"), at)):
            continue
        opened, indent = m["fence"], _columns(raw[at : m.start("fence")])
        named = _LANGUAGE.match(m["info"])
        fence = Fence(named[1].lower() if named else "", start + m.start("fence"), heading)
    if fence is not None:
        yield fence


def _closes(line: str, opened: str) -> bool:
    bare = line.strip(" \t\r\n")
    return len(bare) >= len(opened) and not bare.strip(opened[0])


def _unquoted(raw: str, at: int) -> int:
    """Where a line begins behind the marks of a quotation."""
    while m := _QUOTE.match(raw, at):
        at = m.end()
    return at


def _columns(text: str) -> int:
    """How many columns a text takes from the beginning of a line."""
    column = 0
    for ch in text:
        column += _TAB - column % _TAB if ch == "\t" else 1
    return column


def _unindented(raw: str, at: int, indent: int) -> tuple[int, int]:
    """Where a line begins without the fence's indentation, and the blanks left of a tab."""
    column = 0
    while column < indent and at < len(raw) and raw[at] in " \t":
        column += _TAB - column % _TAB if raw[at] == "\t" else 1
        at += 1
    return at, max(0, column - indent)
