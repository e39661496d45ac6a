"""reviewdog's diagnostic format with a line for each finding (rdjsonl)."""

from __future__ import annotations

from dsv4_env.model.finding import Report
from dsv4_env.reporters.json import json_line
from dsv4_env.reporters.rdjson import diagnostics


def report(report: Report) -> str:
    """A JSON object on each line, worst first; nothing at all where nothing is found."""
    return "".join(json_line(one) for one in diagnostics(report))
