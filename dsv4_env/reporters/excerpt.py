"""A line of source as a report may show it, with what is under a place marked."""

from __future__ import annotations

import re

from dsv4_env.model import Location
from dsv4_env.model.finding import Report
from dsv4_env.model.secrets import MASK, is_secret, secret_spans
from dsv4_env.model.secrets.text import balanced_end, joined_spans, quoted_end
from dsv4_env.model.style import plain
from dsv4_env.reporters.layout import width

WIDTH = 100  # columns of a terminal that a line may take
_LONGEST = 20_000  # characters; what is longer isn't written by hand
_TAB = "    "
_ASSIGNED = re.compile(r"\s+[:=]\s+(?=\S)")
_GIVEN = re.compile(r"[\"'\])]*+\s*+(?:[:=,]\s*+)?[\"']?(?P<value>[^\s\"',;)\]}]++)")
_LOOSE = re.compile(r"\s+(?=\S)")
_FLAGGED = re.compile(r"\s+(?=[^\s\-|&;<>()#\\\d]|\d+(?:[^>\d]|$))")  # no flag, no redirection


def excerpt(
    report: Report, location: Location | None, subject: str, mark: str = "^"
) -> tuple[str, str] | None:
    """The line at a place and, to stand below it, the mark; None where the line isn't known.

    Secrets are masked. The line of a secret *subject* is cut behind its name, and left out where
    it can't be told which part of it is the secret.
    """
    line = report.line(location)
    if location is None or not line or line.isspace() or len(line) > _LONGEST:
        return None
    line = line.rstrip("\r\n")
    spans = _spans(report, location, line)
    if not spans and is_secret(subject) and not _is_open(subject, line):
        return None
    if is_secret(subject) and spans:
        spans = [(spans[0][0], len(line))]
    cells = _cells(line, spans)
    if location.column is None:
        return "".join(_window(cells, 0)[0]), ""
    start = min(max(location.column - 1, 0), len(line))
    end = extent(line, start)
    start = next((a for a, b in spans if a <= start < b), start)
    end = next((b for a, b in spans if a < end < b), end)
    shown, cut = _window(cells, start)
    lead = sum(map(width, shown[: start - cut + (cut > 0)]))
    under = sum(map(width, shown[start - cut + (cut > 0) : end - cut + (cut > 0)]))
    return "".join(shown), " " * lead + mark * max(under, 1)


def _spans(report: Report, location: Location, line: str) -> list[tuple[int, int]]:
    """Where secrets stand in a line: as its whole file says, and by what stands before it."""
    key = location.path, location.line or 0
    before = report.lines.get((key[0], key[1] - 1), "")[-_LONGEST:]
    spans = [
        (max(start - len(before) - 1, 0), end - len(before) - 1)
        for start, end in secret_spans(f"{before}\n{line}")
        if end > len(before) + 1
    ]
    known = ((start, min(end, len(line))) for start, end in report.hidden.get(key, ()))
    return joined_spans([*spans, *((a, b) for a, b in known if a < b)])


def _is_open(subject: str, line: str) -> bool:
    """Whether what stands behind a name in its line is no secret: a number, a switch, a path."""
    at = line.find(subject)
    match = _GIVEN.match(line, at + len(subject)) if at >= 0 else None
    return match is not None and not is_secret(subject, match["value"])


def _cells(line: str, spans: list[tuple[int, int]]) -> list[str]:
    """What is shown for each character: the mask for the first of a secret, nothing for others."""
    cells = [_TAB if c == "\t" else plain(c) for c in line]
    for match in re.finditer(r"##\[", line):
        cells[match.start() + 1] = "\\x23"
    for start, end in spans:
        cells[start:end] = [MASK, *[""] * (end - start - 1)]
    return cells


def _window(cells: list[str], at: int) -> tuple[list[str], int]:
    """As many cells around a place as fit, with an ellipsis where something is cut.

    Comes with the number of the first one shown.
    """
    if sum(map(width, cells)) <= WIDTH:
        return cells, 0
    first = last = at
    left = WIDTH // 3
    while first > 0 and left >= width(cells[first - 1]):
        first -= 1
        left -= width(cells[first])
    left += WIDTH - WIDTH // 3 - 2
    while last < len(cells) and left >= width(cells[last]):
        left -= width(cells[last])
        last += 1
    shown = cells[first:last]
    return ["…"] * (first > 0) + shown + ["…"] * (last < len(cells)), first


def extent(line: str, start: int) -> int:
    """Where the setting that begins at a place ends: a word, with the value that belongs to it."""
    end = _word(line, start)
    word = line[start:end]
    value = _ASSIGNED.match(line, end)
    if value is None and (word.endswith((":", "=")) or (word.startswith("-") and "=" not in word)):
        value = (_FLAGGED if word.startswith("-") else _LOOSE).match(line, end)
    return _word(line, value.end()) if value else end


def _word(line: str, at: int) -> int:
    while at < len(line) and not line[at].isspace() and line[at] not in ",;)]}|&<>":
        if line[at] in "\"'":
            at = quoted_end(line, at + 1, line[at])
        elif line.startswith(("$(", "${", "[", "{"), at):
            at = balanced_end(line, at + (line[at] == "$"))
        else:
            at += 2 if line[at] == "\\" else 1
    return min(at, len(line))
