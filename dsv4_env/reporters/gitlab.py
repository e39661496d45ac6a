"""GitLab's Code Quality report: what a merge request shows beside its changes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dsv4_env.model.finding import Report, Severity, fingerprint
from dsv4_env.model.style import plain
from dsv4_env.reporters.content import ReportEntry, entries, worst_first
from dsv4_env.reporters.json import json_text

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def report(report: Report) -> str:
    """An array of findings, worst first; waived ones aren't in it, as GitLab knows no waivers."""
    seen: Counter[str] = Counter()
    return json_text([_issue(e, seen, report) for e in worst_first(entries(report), report)])


def _issue(entry: ReportEntry, seen: Counter[str], report: Report) -> dict[str, Any]:
    """A finding; one that stands in no file of the repository names its place in the text."""
    finding, at = entry.finding, entry.location
    uri = report.uri(at.path) if at else None
    where = plain(entry.where(report))
    message = plain(entry.message)
    if uri is None and where:
        message = f"{where}: {message}"
    name, place = entry.other(report)
    if place:
        message += plain(f" ({name}: {place})")
    print_ = fingerprint(finding, entry.comparison, report)
    seen[print_] += 1  # GitLab keeps one finding of each fingerprint
    return {
        "description": message,
        "check_name": f"{finding.rule.id} {finding.rule.name}",
        "fingerprint": print_ if seen[print_] == 1 else f"{print_}:{seen[print_]}",
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": plain(uri) if uri else where or "dsv4-env",
            "lines": {"begin": (at.line if at and uri else None) or 1},
        },
    }
