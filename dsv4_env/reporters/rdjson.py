"""reviewdog's diagnostic format (rdjson): findings with the edits that would settle them."""

from __future__ import annotations

from typing import Any

from dsv4_env.model import Location
from dsv4_env.model.finding import Fix, Report, Severity
from dsv4_env.model.style import plain
from dsv4_env.reporters.content import ReportEntry, entries, worst_first
from dsv4_env.reporters.json import json_text

_SEVERITIES = {Severity.ERROR: "ERROR", Severity.WARNING: "WARNING", Severity.NOTE: "INFO"}


def report(report: Report) -> str:
    """An object with the diagnostics, worst first; waived ones aren't among them."""
    return json_text({"source": {"name": "dsv4-env"}, "diagnostics": diagnostics(report)})


def diagnostics(report: Report) -> list[dict[str, Any]]:
    """All findings that aren't waived, as reviewdog's ``Diagnostic``."""
    return [_diagnostic(e, report) for e in worst_first(entries(report), report)]


def _diagnostic(entry: ReportEntry, report: Report) -> dict[str, Any]:
    finding, at = entry.finding, entry.location
    uri = report.uri(at.path) if at else None
    where = plain(entry.where(report))
    message = plain(entry.message)
    found: dict[str, Any] = {
        "message": message if uri or not where else f"{where}: {message}",
        "location": _location(at, uri, report) if at and uri else {"path": where or "dsv4-env"},
        "severity": _SEVERITIES[finding.severity],
        "source": {"name": "dsv4-env"},
        "code": {"value": finding.rule.id},
    }
    name, place = entry.other(report)
    related = finding.related
    if place and related is not None:
        shown = {"message": plain(f"{name}: {place}")}
        other = report.uri(related.path)
        spot = _location(related, other, report) if other else {"path": plain(place)}
        found["related_locations"] = [shown | {"location": spot}]
    if uri and finding.fix is not None and at is not None and finding.fix.path == at.path:
        found["suggestions"] = [_suggestion(finding.fix)]
    return found


def _location(at: Location, uri: str, report: Report) -> dict[str, Any]:
    """A place; reviewdog counts columns in bytes, so there is one only where the line is known."""
    place: dict[str, Any] = {"path": plain(uri)}
    if at.line is not None:
        start = {"line": at.line}
        line = report.line(at)
        if at.column is not None and line is not None:
            before = line[: at.column - 1].encode("utf-8", "surrogatepass")
            start["column"] = len(before) + 1
        place["range"] = {"start": start}
    return place


def _suggestion(fix: Fix) -> dict[str, Any]:
    """Whole lines: a range without columns means these."""
    return {"range": {"start": {"line": fix.start}, "end": {"line": fix.end}}, "text": fix.new}
