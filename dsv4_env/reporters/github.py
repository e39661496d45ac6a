"""Annotations on the lines of a pull request, by the commands that GitHub's runner reads."""

from __future__ import annotations

from dsv4_env.model.finding import Report, Severity
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.content import ReportEntry, entries, summary, worst_first

GITHUB_LIMIT = 10  # what GitHub shows of each kind in a step
_KINDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def report(report: Report) -> str:
    """The ten worst of each kind as annotations, the others counted, then the summary line."""
    lines: list[str] = []
    left_out: list[str] = []
    found = worst_first(entries(report), report)
    for severity, kind in _KINDS.items():
        same = [e for e in found if e.finding.severity is severity]
        lines += [_annotation(kind, e, report) for e in same[:GITHUB_LIMIT]]
        if len(same) > GITHUB_LIMIT:
            left_out.append(count(len(same) - GITHUB_LIMIT, f"more {severity.value}"))
    if left_out:
        lines.append(
            f"not annotated: {', '.join(left_out)} (GitHub shows {GITHUB_LIMIT} of a kind)"
        )
    lines += [f"note: {plain(n)}" for n in (*report.notes, *report.read_as)]
    return "".join(f"{line}\n" for line in (*lines, summary(report)))


def _annotation(kind: str, entry: ReportEntry, report: Report) -> str:
    finding, at = entry.finding, entry.location
    uri = report.uri(at.path) if at else None
    properties: list[tuple[str, object]] = []
    head, *more = entry.said
    if at is not None and uri is not None:
        properties.append(("file", uri))
        if at.line is not None:
            properties.append(("line", at.line))
            properties += [("col", at.column)] if at.column is not None else []
            properties.append(("endLine", at.line))
    elif where := entry.where(report):
        head = f"{where}: {head}"
    name, place = entry.other(report)
    if place:
        more.append(f"{name}: {place}")
    title = f"{finding.rule.id} {finding.rule.name}: {finding.subject}"
    properties.append(("title", title))
    shown = ",".join(f"{key}={_property(str(value))}" for key, value in properties)
    return f"::{kind} {shown}::{'%0A'.join(map(_data, (head, *more)))}"


def _data(text: str) -> str:
    """Text behind ``::``, as the runner decodes it."""
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The value of a property; a colon or a comma would end it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
