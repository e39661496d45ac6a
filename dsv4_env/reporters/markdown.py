"""Markdown for a job summary: the verdict first, details folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsv4_env.model.finding import Report, Severity
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.content import (
    ReportEntry,
    entries,
    fails,
    own_notes,
    shared_notes,
    summary,
    verdict,
    worst_first,
)

MARKDOWN_LIMIT = 1024 * 1024  # bytes that GitHub takes as a step's summary
_ROOM = 1024  # of these, for the line that says what was left out
_SHORT = 10  # rows of the table that is not folded
_SHORT_TABLE = "| | where | what | rule |\n| --- | --- | --- | --- |\n"
_TABLE = "| | where | what | the other side | rule |\n| --- | --- | --- | --- | --- |\n"
_WAIVED_TABLE = "| where | what | why | until |\n| --- | --- | --- | --- |\n"
_END = "\n</details>\n"
_ICONS = {Severity.ERROR: "❌ error", Severity.WARNING: "⚠️ warning", Severity.NOTE: "note"}
_LONGEST = 2_000  # characters of one message

_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;<!-- -->"}
    | {c: f"&#{ord(c)};" for c in "\\`*[]|~$\t"}
)
_ADDRESS = re.compile(r"(?i):(?=//)|(?<=www)\.")
_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # not within a word


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the report: where it grows too long, rows are left out, never head or tail."""

    head: str
    rows: Sequence[str] = ()
    tail: str = ""


def report(report: Report) -> str:
    """The verdict, the worst findings in a table, then all of each comparison, folded."""
    return within(report, MARKDOWN_LIMIT, "1 MiB")


def within(report: Report, limit: int, called: str) -> str:
    """The report in at most *limit* bytes, which are *called* so; it says what was left out."""
    size, left_out, parts_left_out = _ROOM, 0, 0
    kept: list[str] = []
    for part in _parts(report):
        rows: list[str] = []
        size += len((part.head + part.tail).encode()) + 1  # and the newline between parts
        for row in part.rows:
            size += len(row.encode())
            if size <= limit:
                rows.append(row)
        left_out += len(part.rows) - len(rows)
        if rows or (not part.rows and size <= limit):
            kept.append(part.head + "".join(rows) + part.tail)
        elif not part.rows:
            parts_left_out += 1
    if left_out or parts_left_out:
        kinds = ((left_out, "row"), (parts_left_out, "part"))
        what = " and ".join(count(n, kind) for n, kind in kinds if n)
        kept.insert(1, f"**Left out here, or this would pass {called}: {what}.**\n")
    return "\n".join(kept)


def _parts(report: Report) -> Iterator[_Part]:
    total = summary(report)
    icon = "❌" if total.bad else "✅" if total.word.startswith("no ") else "⚠️"
    yield _Part(f"### {icon} dsv4-env: {total.word}\n\n{total.title}, {total.details}\n")
    worst = worst_first((e for e in entries(report) if fails(e.finding, report)), report)
    if worst:
        more = f"\nand {len(worst) - _SHORT} more, below\n" if len(worst) > _SHORT else ""
        yield _Part(_SHORT_TABLE, [_row(e, report, short=True) for e in worst[:_SHORT]], more)
    problems = [e for e in entries(report) if e.comparison is None]
    if problems:
        yield _folded("problems outside of comparisons", problems, report)
    shared = shared_notes(report)
    clean: list[str] = []
    for comparison in report.comparisons:
        found = [ReportEntry(f, comparison) for f in comparison.findings if f.waiver is None]
        said = own_notes(comparison, shared)
        if found or said:
            yield _folded(str(verdict(comparison, report)), found, report, said)
        else:
            clean.append(_item(str(verdict(comparison, report))))
    if clean:
        head = f"<details><summary>{len(clean)} without findings</summary>\n\n"
        yield _Part(head, clean, _END)
    if waived := entries(report, waived=True):
        yield _waived(waived, report)
    if said := [*shared, *report.notes]:
        yield _Part("", [_item(n) for n in said])


def _folded(
    title: str, found: Sequence[ReportEntry], report: Report, notes: Sequence[str] = ()
) -> _Part:
    rows = [_row(e, report) for e in worst_first(found, report)]
    said = "".join(map(_item, notes))
    head = f"<details><summary>{code(title)}</summary>\n\n"
    return _Part(
        head + (_TABLE if rows else said), rows, (f"\n{said}" if rows and said else "") + _END
    )


def _waived(found: Sequence[ReportEntry], report: Report) -> _Part:
    rows: list[str] = []
    for entry in worst_first(found, report):
        waiver = entry.finding.waiver
        if waiver is not None:
            until = waiver.until.isoformat() if waiver.until else ""
            cells = (code(entry.where(report)), _said(entry), code(waiver.reason), until)
            rows.append(f"| {' | '.join(cells)} |\n")
    head = f"<details><summary>{len(found)} waived</summary>\n\n"
    return _Part(head + _WAIVED_TABLE, rows, _END)


def _row(entry: ReportEntry, report: Report, *, short: bool = False) -> str:
    name, place = entry.other(report)
    cells = [
        _ICONS[entry.finding.severity],
        code(entry.where(report)),
        _said(entry),
        *([] if short else [code(f"{name}: {place}" if place else "")]),
        entry.finding.rule.id,
    ]
    return f"| {' | '.join(cells)} |\n"


def _said(entry: ReportEntry) -> str:
    return "<br>".join(filter(None, map(code, entry.said)))


def _item(note: str) -> str:
    return f"- {code(note)}\n"


def code(text: str) -> str:
    """Any text as itself: in GitHub's code element nobody is mentioned and nothing is linked."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    text = plain(text).translate(_ENTITIES)
    text = _UNDERSCORE.sub("&#95;", text)
    text = _ADDRESS.sub(lambda match: f"&#{ord(match[0])};", text)
    return f"<code>{text}</code>" if text.strip() else ""
