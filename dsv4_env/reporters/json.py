"""Everything a report holds, for programs."""

from __future__ import annotations

import json
from typing import Any

from dsv4_env.finding import Comparison, Finding, Report
from dsv4_env.model import Location

VERSION = 1


def report(report: Report) -> str:
    """An object with ``version``, ``failed`` and a list of ``comparisons``."""
    data = {
        "version": VERSION,
        "failed": report.failed,
        "comparisons": [_comparison(c, report) for c in report.comparisons],
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _comparison(comparison: Comparison, report: Report) -> dict[str, Any]:
    return {
        "left": report.path(comparison.left),
        "right": report.path(comparison.right),
        "compared": comparison.compared,
        "unknown": comparison.unknown,
        "notes": list(comparison.notes),
        "findings": [_finding(f, report) for f in comparison.findings],
    }


def _finding(finding: Finding, report: Report) -> dict[str, Any]:
    return {
        "id": finding.rule.id,
        "rule": finding.rule.name,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "message": finding.message,
        "left": finding.left,
        "right": finding.right,
        "location": _location(finding.location, report),
        "related": _location(finding.related, report),
    }


def _location(location: Location | None, report: Report) -> dict[str, Any] | None:
    if location is None:
        return None
    path = report.path(location.path)
    return {"path": path, "line": location.line, "column": location.column}
