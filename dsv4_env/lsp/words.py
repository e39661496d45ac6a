"""The word at a place, and the table of a TOML file that the place is in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dsv4_env.catalogue import Catalogue, owner
from dsv4_env.lsp.positions import Lines, Place, Span
from dsv4_env.readers import READERS

_WORD = re.compile(r"--?[A-Za-z][\w-]*|[A-Za-z_]\w*(?:[-.]\w+)*(?:[+@][\w.-]+)*", re.ASCII)
_LONGEST = 20_000  # characters of a line; what is longer isn't written by hand
_HEADER = re.compile(r"\s*(\[{1,2})([\w\s.\"'-]+)\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"\s*[\"']?(?P<key>[\w-]+(?:\s*\.\s*[\w-]+)*)[\"']?\s*=")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, and where it stands; *line* is all of its line, from *start* to *end*."""

    text: str
    span: Span
    line: str
    start: int
    end: int


def word_at(lines: Lines, place: Place) -> Word | None:
    """The word that a place is in or at the end of."""
    line = lines.line(place.line)
    if len(line) > _LONGEST:
        return None
    column = lines.column(place)
    for match in _WORD.finditer(line):
        if match.start() <= column <= match.end():
            span = lines.span(place.line, match.start(), match.end())
            return Word(match[0], span, line, match.start(), match.end())
    return None


def setting_name(word: Word, reader: str, catalogue: Catalogue | None) -> str | None:
    """The variable or flag that a word stands for; None where it's any other word.

    In YAML and JSON a flag may be spelled without its dashes, as a key.
    """
    text = word.text
    if text.startswith("-"):
        return text
    if text.isidentifier() and (text.isupper() or owner(text) is not None):
        known = catalogue is not None and catalogue.variable(text) is not None
        return text if known or "_" in text else None
    behind = word.line[word.end :].lstrip("\"'")
    flag = f"--{text.replace('_', '-')}"
    if reader in READERS and reader not in ("bash", "python") and behind.startswith(":"):
        known = catalogue is not None and flag in catalogue.option_strings()
        return flag if known else None
    return None


def table_at(lines: Lines, number: int) -> tuple[str, ...]:
    """The table of a TOML file that a line is in, by the nearest header above it."""
    for at in range(min(number, len(lines.lines) - 1), -1, -1):
        match = _HEADER.match(lines.line(at))
        if match:
            return tuple(part.strip(" \"'") for part in match[2].split("."))
    return ()


def key_of(line: str) -> tuple[str, ...]:
    """The key that a line of TOML gives a value to, its parts; none where it gives none."""
    match = _KEY.match(line)
    return tuple(part.strip() for part in match["key"].split(".")) if match else ()


def schema_path(table: tuple[str, ...]) -> tuple[str | int, ...]:
    """A table of a layer as the schema finds it: a number stands behind an array of tables."""
    many = ("when", "targets", "limits")
    return tuple(p for part in table for p in ((part, 0) if part in many else (part,)))
