"""A report as it may leave the program: without secrets, whatever the format."""

from __future__ import annotations

from dataclasses import replace

from dsv4_env.model.finding import Comparison, Finding, Report
from dsv4_env.model.secrets.text import scrubbed


def concealed(report: Report) -> Report:
    """The report with secrets masked in all that is said.

    The source *lines* stay: an excerpt masks them itself, as its mark has to stay in its place.
    """
    return replace(
        report,
        comparisons=tuple(map(_comparison, report.comparisons)),
        problems=tuple(map(_finding, report.problems)),
        notes=tuple(map(scrubbed, report.notes)),
    )


def _comparison(comparison: Comparison) -> Comparison:
    return replace(
        comparison,
        findings=tuple(map(_finding, comparison.findings)),
        notes=tuple(map(scrubbed, comparison.notes)),
    )


def _finding(finding: Finding) -> Finding:
    waiver = finding.waiver
    return replace(
        finding,
        subject=scrubbed(finding.subject),
        message=scrubbed(finding.message),
        left=finding.left and scrubbed(finding.left),
        right=finding.right and scrubbed(finding.right),
        waiver=waiver and replace(waiver, reason=scrubbed(waiver.reason)),
    )
