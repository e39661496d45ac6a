"""Reporters: each writes a Report for one kind of reader."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsv4_env.model.secrets import scrubbed

if TYPE_CHECKING:
    from dsv4_env.model.finding import Comparison, Finding, Fix, Report


@dataclass(slots=True, eq=False, repr=False)
class Reporter:
    """A format: its name on the command line and what it is for; its module has ``report``.

    *fixes*: it shows the edits that would settle findings, which have to be worked out for it.
    *suggests*: it shows what settles all findings of a place that a change touches. *bare*: it has
    findings and nothing else, so that notes and the summary have to be told beside it.
    """

    name: str
    summary: str
    fixes: bool = False
    suggests: bool = False
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
        Reporter(
            "review",
            "a review with suggestions on a pull request's lines, for GitHub's API",
            fixes=True,
            suggests=True,
            bare=True,
        ),
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
        suggestions=tuple(
            replace(s, findings=tuple(map(_finding, s.findings)))
            for s in report.suggestions
            if not _hides(s.fix)
        ),
    )


def _hides(fix: Fix) -> bool:
    """Whether an edit has a secret in it: masked it would be none any more."""
    return scrubbed(fix.old) != fix.old or scrubbed(fix.new) != fix.new


def _comparison(comparison: Comparison) -> Comparison:
    return replace(
        comparison,
        findings=tuple(map(_finding, comparison.findings)),
        notes=tuple(map(scrubbed, comparison.notes)),
    )


def _finding(finding: Finding) -> Finding:
    waiver, fix = finding.waiver, finding.fix
    return replace(
        finding,
        fix=None if fix is None or _hides(fix) else fix,
        effect=tuple(map(scrubbed, finding.effect)),
        subject=scrubbed(finding.subject),
        message=scrubbed(finding.message),
        action=scrubbed(finding.action),
        left=finding.left and scrubbed(finding.left),
        right=finding.right and scrubbed(finding.right),
        waiver=waiver and replace(waiver, reason=scrubbed(waiver.reason)),
    )
