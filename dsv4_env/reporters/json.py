"""Everything a report holds, for programs; ``report.schema.json`` beside this is its schema."""

from __future__ import annotations

import json
import re
from typing import Any

from dsv4_env.model import Location
from dsv4_env.model.finding import Comparison, Finding, Report, fingerprint
from dsv4_env.reporters.content import fails, launches, reported_files, verdict

JSON_VERSION = 1  # a new one only when something goes away or changes its meaning
_UNSEEN = re.compile(  # controls, what turns the direction of text, halves of characters
    "[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def report(report: Report) -> str:
    """An object with ``version``, ``failed``, ``summary``, ``comparisons`` and ``problems``."""
    data = {
        "version": JSON_VERSION,
        "failed": report.failed,
        "summary": {
            "files": reported_files(report),
            "launches": launches(report),
            "comparisons": len(report.comparisons),
            "compared": report.compared,
            "facts": report.facts,
            "unknown": report.unknown,
            "counts": {severity.value: n for severity, n in report.counts.items()},
            "waived": report.waived,
        },
        "notes": list(report.notes),
        "comparisons": [_comparison(c, report) for c in report.comparisons],
        "problems": [_finding(f, None, report) for f in report.problems],
    }
    return json_text(data)


def json_text(data: object) -> str:
    """JSON that any parser, terminal and log takes: what can't be seen is escaped."""
    return _seen(json.dumps(data, indent=2, ensure_ascii=False))


def json_line(data: object) -> str:
    """The same on one line."""
    return _seen(json.dumps(data, ensure_ascii=False))


def _seen(text: str) -> str:
    text = _UNSEEN.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
    return text.replace("##[", "#\\u0023[") + "\n"


def _comparison(comparison: Comparison, report: Report) -> dict[str, Any]:
    return {
        "left": report.path(comparison.left),
        "right": report.path(comparison.right),
        "left_at": _location(comparison.left_at, report),
        "right_at": _location(comparison.right_at, report),
        "lint": comparison.lint,
        "release": comparison.release or None,
        "failed": verdict(comparison, report).bad,
        "compared": comparison.compared,
        "facts": comparison.facts,
        "unknown": comparison.unknown,
        "notes": list(comparison.notes),
        "findings": [_finding(f, comparison, report) for f in comparison.findings],
    }


def _finding(finding: Finding, comparison: Comparison | None, report: Report) -> dict[str, Any]:
    waiver = finding.waiver
    return {
        "id": finding.rule.id,
        "rule": finding.rule.name,
        "severity": finding.severity.value,
        "fails": fails(finding, report),
        "subject": finding.subject,
        "message": finding.text,
        "action": finding.action,
        "effect": list(finding.effect),
        "left": finding.left,
        "right": finding.right,
        "location": _location(finding.location, report),
        "related": _location(finding.related, report),
        "waiver": waiver
        and {
            "pattern": waiver.pattern,
            "reason": waiver.reason,
            "until": waiver.until and waiver.until.isoformat(),
            "location": _location(waiver.location, report),
        },
        "fingerprint": fingerprint(finding, comparison, report),
    }


def _location(location: Location | None, report: Report) -> dict[str, Any] | None:
    if location is None:
        return None
    path = report.path(location.path)
    return {"path": path, "line": location.line, "column": location.column}
