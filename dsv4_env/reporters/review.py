"""A pull request's review with suggestions, as GitHub's API takes it (``…/pulls/N/reviews``)."""

from __future__ import annotations

import re
from typing import Any

from dsv4_env.model.finding import Report, Suggestion
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.content import ReportEntry, summary
from dsv4_env.reporters.json import json_text
from dsv4_env.reporters.markdown import code

REVIEW_LIMIT = 50  # comments of one review: more are read by nobody
_TICKS = re.compile("`+")


def report(report: Report) -> str:
    """The review: a comment for each edit of lines that the change touches, and the summary."""
    comments = [_comment(s, uri) for s in report.suggestions if (uri := report.uri(s.fix.path))]
    shown = comments[:REVIEW_LIMIT]
    said = [f"**dsv4-env:** {code(str(summary(report)))}", *map(code, report.notes)]
    if len(comments) > len(shown):
        said.append(f"{count(len(comments) - len(shown), 'more suggestion')} after these.")
    return json_text({"event": "COMMENT", "body": "\n\n".join(said), "comments": shown})


def _comment(suggestion: Suggestion, uri: str) -> dict[str, Any]:
    fix = suggestion.fix
    place: dict[str, Any] = {"path": plain(uri)}
    if fix.start < fix.end:
        place |= {"start_line": fix.start, "start_side": "RIGHT"}
    place |= {"line": fix.end, "side": "RIGHT"}
    said = [
        f"- {finding.rule.id}: {'<br>'.join(map(code, ReportEntry(finding).said))}\n"
        for finding in suggestion.findings
    ]
    ticks = max((len(run) for run in _TICKS.findall(fix.new)), default=0)
    fence = "`" * max(3, ticks + 1)
    body = f"{''.join(said)}\n{fence}suggestion\n{fix.new}\n{fence}\n"
    return place | {"body": body}
