"""Reporters: each writes a Report for one kind of reader."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsv4_env.model.secrets import scrubbed

if TYPE_CHECKING:
    from dsv4_env.model.finding import Comparison, Finding, Report


@dataclass(slots=True, eq=False, repr=False)
class Reporter:
    """A format: its name on the command line and what it is for; its module has ``report``.

    *fixes*: it shows the edits that would settle findings, which have to be worked out for it.
    *bare*: it has findings and nothing else, so that notes and the summary have to be told beside
    it.
    """

    name: str
    summary: str
    fixes: bool = False
    bare: bool = False

    def __call__(self, report: Report) -> str:
        """Write the report in this format. No secret gets into any of them."""
        module = importlib.import_module(f"dsv4_env.reporters.{self.name}")
        function: Callable[[Report], str] = module.report
        return function(concealed(report))


REPORTERS: dict[str, Reporter] = {
    r.name: r
    for r in (
        Reporter("text", "each finding with the source of both sides"),
        Reporter("concise", "a line for each finding"),
        Reporter("grouped", "a line for each thing that is found, with all places, for many files"),
        Reporter("changes", "a table of what was added, removed and changed"),
        Reporter("json", "everything, for programs"),
        Reporter("markdown", "for a job summary"),
        Reporter("comment", "Markdown short enough for a comment on a pull request"),
        Reporter("github", "annotations on a pull request's lines"),
        Reporter("gitlab", "GitLab's Code Quality report", bare=True),
        Reporter(
            "sarif", "SARIF 2.1.0 with the edits that are known, for code scanning", fixes=True
        ),
        Reporter("rdjson", "reviewdog's JSON with the edits that are known", fixes=True, bare=True),
        Reporter("rdjsonl", "the same, a line for each finding", fixes=True, bare=True),
        Reporter("junit", "JUnit's XML, a test case for each comparison"),
    )
}


def beside(name: str, report: Report) -> list[str]:
    """What a format has no place for: notes and the summary of a bare one, else nothing."""
    if not REPORTERS[name].bare:
        return []
    from dsv4_env.reporters.content import summary  # not on the way of a start

    found = concealed(report)
    own = dict.fromkeys(n for c in found.comparisons for n in c.notes)
    return [*own, *(n for n in found.notes if n not in own), str(summary(found))]


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
    waiver, fix = finding.waiver, finding.fix
    if fix is not None and (scrubbed(fix.old) != fix.old or scrubbed(fix.new) != fix.new):
        fix = None  # masked it would be no edit any more
    return replace(
        finding,
        fix=fix,
        effect=tuple(map(scrubbed, finding.effect)),
        subject=scrubbed(finding.subject),
        message=scrubbed(finding.message),
        action=scrubbed(finding.action),
        left=finding.left and scrubbed(finding.left),
        right=finding.right and scrubbed(finding.right),
        waiver=waiver and replace(waiver, reason=scrubbed(waiver.reason)),
    )
