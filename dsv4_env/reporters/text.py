"""A line for each finding, as compilers write them, with the source of both sides below it."""

from __future__ import annotations

from collections.abc import Iterator

from dsv4_env.model import Location
from dsv4_env.model.finding import Finding, Report, Severity
from dsv4_env.model.style import inert, opening, paint, plain
from dsv4_env.reporters.content import (
    ReportEntry,
    ReportVerdict,
    entries,
    file_of,
    own_notes,
    position,
    shared_notes,
    summary,
    verdict,
)
from dsv4_env.reporters.excerpt import excerpt
from dsv4_env.reporters.layout import fits, wrapped

_STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


Block = list[tuple[Finding | None, list[str]]]
"""What is said of one file or in the end: the lines of a finding, and lines that are of none."""


def report(report: Report) -> str:
    """``path:line:col: severity: sentence [id]``, the source and the other side's; by file."""
    told = ([line for _, lines in block for line in lines] for block in blocks(report))
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in told if lines)


def blocks(report: Report) -> list[Block]:
    """What a report says, finding by finding, for who shows one of them apart."""
    groups: dict[str, list[ReportEntry]] = {file_of(c): [] for c in report.comparisons}
    for entry in entries(report):
        if entry.comparison is not None:
            groups[file_of(entry.comparison)].append(entry)
        else:
            at = entry.finding.location
            groups.setdefault(at.path if at else "", []).append(entry)
    shared = shared_notes(report)
    last = [_note(n, report) for n in (*shared, *report.notes)]
    if len(report.comparisons) != 1 or report.problems:
        last += _verdict(summary(report), report)
    return [*(_file(report, path, found, shared) for path, found in groups.items()), [(None, last)]]


def _file(report: Report, path: str, found: list[ReportEntry], shared: list[str]) -> Block:
    """What is said of one file: its findings, then what came out of each comparison."""
    own = report.path(path)
    found.sort(key=lambda e: ((at := position(e, report))[0] != own, at))
    block: Block = []
    before: Location | None = None
    for entry in found:
        lines = list(_finding(entry, report, repeated=before == entry.finding.location))
        block.append((entry.finding, lines))
        before = entry.finding.location
    lines = []
    for comparison in report.comparisons:
        if file_of(comparison) == path:
            lines += [_note(n, report) for n in own_notes(comparison, shared)]
            lines += _verdict(verdict(comparison, report), report)
    return [*block, (None, lines)]


def _finding(entry: ReportEntry, report: Report, *, repeated: bool) -> Iterator[str]:
    """A finding; its source is left out where the one before has shown it."""
    finding = entry.finding
    severity = paint(finding.severity.value, _STYLES[finding.severity], report.color)
    rule = paint(f"[{finding.rule.id}]", "dim", report.color)
    where = opening(entry.where(report))
    place = f"{paint(where, 'bold', report.color)}: " if where else ""
    sentence, *more = entry.said
    taken = f"{where}: " if where else ""
    head, marked = _first_line(f"{taken}{finding.severity.value}: ", entry)
    yield f"{place}{severity}: {head}{' ' if head else ''}{rule if marked else ''}".rstrip()
    if head != sentence:  # it stands whole on a line of its own
        more.insert(0, sentence)
    if not marked:
        more[:1] = [" ".join((f"[{finding.rule.id}]", *more[:1]))]
    yield from (inert(line) for text in more for line in wrapped(text))
    places = [at for at in (finding.location, finding.related) if at]
    gutter = max((len(str(at.line or "")) for at in places), default=0)
    gutter = max(gutter, 3)
    if not repeated:
        yield from _source(report, finding.location, finding.subject, "^", gutter)
    name, place = entry.other(report)
    if place:
        yield paint(plain(f"    {name}: {place}"), "dim", report.color)
        yield from _source(report, finding.related, finding.subject, "-", gutter)


def _first_line(before: str, entry: ReportEntry) -> tuple[str, bool]:
    """What is told behind a place of a finding, and whether its rule's id stands behind that.

    That is as much as a line has room for: who greps for a name or a file finds what to do.
    """
    mark = f" [{entry.finding.rule.id}]"
    texts = [entry.said[0], *entry.briefly]
    found = ((t, m) for t in texts for m in (True, False) if fits(before + t + mark * m))
    return next(found, (texts[-1], True))


def _source(
    report: Report, location: Location | None, subject: str, mark: str, gutter: int
) -> Iterator[str]:
    found = excerpt(report, location, subject, mark)
    if found is None or location is None:
        return
    line, under = found
    bar = paint(f"  {location.line:>{gutter}} |", "blue", report.color)
    yield f"{bar} {line}"
    if under and (mark == "^" or under.strip() != "-" * len(line.strip())):
        bar = paint(f"  {'':>{gutter}} |", "blue", report.color)
        lead = len(under) - len(under.lstrip())
        style = "red" if mark == "^" else "blue"
        yield f"{bar} {' ' * lead}{paint(under[lead:], style, report.color)}"


def _note(note: str, report: Report) -> str:
    return paint(f"note: {plain(note)}", "dim", report.color)


def _verdict(found: ReportVerdict, report: Report) -> list[str]:
    """What came out, in one line where that isn't too wide."""
    style = "red" if found.bad else "green" if found.word.startswith("no ") else "yellow"
    title, word = opening(found.title), paint(found.word, style, report.color)
    if fits(f"{title}: {found.word} ({found.details})"):
        return [f"{title}: {word} ({found.details})"]
    return [f"{title}: {word}", *map(inert, wrapped(plain(found.details)))]
