"""What every reporter says of a report, whatever it looks like there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dsv4_env.model import Location
from dsv4_env.model.finding import Comparison, Finding, Report, Severity
from dsv4_env.model.style import count, plain

SEVERITIES = list(Severity)  # worst first
_VALUE = re.compile(r'["\d]|[A-Z][A-Z0-9_]*\Z')  # what may be written, or is a variable's name
_NAME = re.compile(r"(?:--[a-z][\w-]*+|[A-Z][A-Z0-9_]*+)(?= )")
_THAT = re.compile(r"\A(write|read|start it with) that\b")
_ALONE = {  # actions that only a whole sentence explains
    "let it, too": "let the environment override it",
    "let them, too": "let the environment override them",
    "fix it, too": "let nothing override it",
    "fix them, too": "let nothing override them",
    "change what it names below": "refused, change what is named below",
}


@dataclass(slots=True, eq=False, repr=False)
class ReportEntry:
    """A finding and the comparison that it is of, None where it is of none."""

    finding: Finding
    comparison: Comparison | None = None

    @property
    def location(self) -> Location | None:
        """Where to look: the finding's place, else the launch's."""
        return self.finding.location or (self.comparison and self.comparison.right_at) or None

    @property
    def message(self) -> str:
        """All that is said of it, for formats that have one line for that."""
        return self.finding.text

    @property
    def said(self) -> list[str]:
        """What is found and to be done, as one sentence, and what SGLang makes of it, as more."""
        return [plain(self.finding.sentence), *map(plain, self.finding.effect)]

    @property
    def briefly(self) -> list[str]:
        """What is to be done in fewer words, the fewest last: where a sentence is too wide."""
        finding = self.finding
        named = _NAME.match(finding.message)  # as it's called here, where sides differ in that
        subject = plain(named[0] if named else finding.subject)
        action = plain(finding.action)
        if not action:
            return [subject]
        action = _ALONE.get(action, action)
        if _VALUE.match(finding.left or ""):
            value = plain(finding.left or "").partition('" unless ')
            action = _THAT.sub(lambda m: f"{m[1]} {value[0]}{value[1][:1]}", action, count=1)
        alone = f"{action.removesuffix('it')}{subject}" if action.endswith(" it") else action
        return [f"{subject}: {action}", alone]

    def where(self, report: Report) -> str:
        """The place as shown: where there is none, what the launch is called."""
        if self.location is not None and (self.finding.location or self.comparison is None):
            return report.place(self.location)
        return report.path(self.comparison.right) if self.comparison else ""

    def other(self, report: Report) -> tuple[str, str]:
        """What the other side is called, and its place; two empty strings where there is none."""
        if self.finding.related is None:
            return "", ""
        if self.finding.rule.name in ("overridden", "set-twice"):
            name = "wins"
        elif self.comparison is None or self.comparison.lint:
            name = "and"
        else:
            name = report.path(self.comparison.left)
        return name, report.place(self.finding.related)


@dataclass(slots=True, eq=False, repr=False)
class ReportVerdict:
    """``pro-fp4 against run.sh``, ``drift``, ``32 settings compared, …``; *bad* where it fails."""

    title: str
    word: str
    details: str
    bad: bool

    def __str__(self) -> str:
        return f"{self.title}: {self.word} ({self.details})" if self.details else self.title


def entries(report: Report, *, waived: bool = False) -> list[ReportEntry]:
    """The findings that aren't waived, or those that are, in the order of the report."""
    found = [ReportEntry(f, c) for c in report.comparisons for f in c.findings]
    found += [ReportEntry(f) for f in report.problems]
    return [e for e in found if (e.finding.waiver is not None) is waived]


def position(entry: ReportEntry, report: Report) -> tuple[str, int, int]:
    """Path, line and column, to sort by."""
    at = entry.finding.location
    if at is None:
        return entry.where(report), 0, 0
    return report.path(at.path), at.line or 0, at.column or 0


def worst_first(found: Iterable[ReportEntry], report: Report) -> list[ReportEntry]:
    """Sorted by severity, then by position."""
    return sorted(found, key=lambda e: (SEVERITIES.index(e.finding.severity), *position(e, report)))


def fails(finding: Finding, report: Report) -> bool:
    """Whether a finding counts for the exit code."""
    return finding.waiver is None and finding.severity in report.failing


def verdict(comparison: Comparison, report: Report) -> ReportVerdict:
    """What came out of a comparison."""
    right = report.path(comparison.right)
    held = (*comparison.findings, *comparison.repeated)
    bad = any(fails(f, report) for f in held)
    allowed = not bad and any(map(_serious, held))
    if comparison.lint:
        title, done = f"{right} on {comparison.left}", "read"
        word = "problems" if bad else "problems allowed" if allowed else "no problems"
    else:
        title, done = f"{report.path(comparison.left)} against {right}", "compared"
        word = "drift" if bad else "no drift" if comparison.compared else "nothing compared"
        word = "drift allowed" if allowed else word
    details = f"{compared(comparison)} {done}, {comparison.unknown} unknown"
    found = tally(comparison.findings)
    again = tally(comparison.repeated)
    more = [t for t in (found, f"{again} told before" if again else "") if t]
    return ReportVerdict(title, word, "; ".join([details, *more]), bad)


def compared(what: Comparison | Report) -> str:
    """``19 settings``, and ``7 facts`` where a test says something beside them."""
    settings = count(what.compared, "setting")
    return f"{settings} and {count(what.facts, 'fact')}" if what.facts else settings


def summary(report: Report) -> ReportVerdict:
    """What came out of all: a run that compared nothing can't look like one that found nothing."""
    lint = bool(report.comparisons) and all(c.lint for c in report.comparisons)
    drift = any(fails(f, report) for c in report.comparisons for f in c.findings)
    different = any(_serious(f) for c in report.comparisons for f in c.findings)
    if report.failed:
        word = "drift" if drift and not lint else "problems"
    elif any(map(_serious, report.findings)):  # --fail-on lets it pass
        word = "drift allowed" if different and not lint else "problems allowed"
    elif report.compared:
        word = "no problems" if lint else "no drift"
    else:
        word = "nothing compared"
    title = (
        f"{count(reported_files(report), 'file')}, {count(launches(report), 'launch', 'launches')}"
    )
    done = "read" if lint else "compared"
    details = f"{compared(report)} {done}, {report.unknown} unknown"
    found = tally(report.findings)
    return ReportVerdict(title, word, details + (f"; {found}" if found else ""), report.failed)


def _serious(finding: Finding) -> bool:
    return finding.waiver is None and finding.severity is not Severity.NOTE


def reported_files(report: Report) -> int:
    """How many files were read: as counted, else as the comparisons name them."""
    return report.files or len({file_of(c) for c in report.comparisons})


def launches(report: Report) -> int:
    """How many launches were read: as counted, else as the comparisons name them."""
    named = {(c.right, c.right_at or i) for i, c in enumerate(report.comparisons)}
    return report.launches or len(named)


def file_of(comparison: Comparison) -> str:
    """The file that a comparison's launch stands in."""
    return comparison.right_at.path if comparison.right_at else comparison.right


def tally(findings: Iterable[Finding]) -> str:
    """``2 errors, 1 warning, 1 waived``; an empty string for none."""
    found = list(findings)
    kept = [f.severity for f in found if f.waiver is None]
    parts = [count(n, s.value) for s in SEVERITIES if (n := kept.count(s))]
    if waived := len(found) - len(kept):
        parts.append(f"{waived} waived")
    return ", ".join(parts)


def shared_notes(report: Report) -> list[str]:
    """The notes that all comparisons make, where there are several; each is told once."""
    if len(report.comparisons) < 2:
        return []
    first, *others = report.comparisons
    return [n for n in dict.fromkeys(first.notes) if all(n in c.notes for c in others)]


def own_notes(comparison: Comparison, shared: Iterable[str]) -> list[str]:
    """The notes of one comparison alone."""
    skipped = set(shared)
    return [n for n in comparison.notes if n not in skipped]
