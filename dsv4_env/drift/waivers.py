"""What is excused: waivers in settings and comments, and the findings of a baseline."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase

from dsv4_env.compare.rules import RULES
from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError, did_you_mean
from dsv4_env.model.finding import Comparison, Finding, Report, Severity, Waiver, fingerprint

_COMMENT = re.compile(r"#[ \t]*dsv4-env:[ \t]*(?P<word>[\w-]*)(?P<rest>[^\n]*)")
_PART = re.compile(
    r"""\s*(?:(?P<key>[A-Za-z_][\w-]*)=(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"']\S*))"""
    r"""|(?P<name>[^\s="']+))"""
)
_EXPECTED = '# dsv4-env: allow NAME reason="…" until=2026-12-31'
_KEYS = ("reason", "until")
BASELINE_VERSION = 1


def in_comments(text: str, path: str) -> tuple[list[Waiver], list[Finding]]:
    """The waivers that a file's comments hold, and what is wrong with others."""
    waivers: list[Waiver] = []
    problems: list[Finding] = []
    if "dsv4-env:" not in text:
        return waivers, problems
    for number, line in enumerate(text.split("\n"), 1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        place = Location(path, number, match.start() + 1)
        found = _parsed(match["word"], match["rest"], place)
        if isinstance(found, str):
            rule = RULES["DSV012"]
            action = f"write {_EXPECTED}"
            problems.append(Finding(rule, rule.severity, "waiver", found, place, action=action))
        else:
            waivers += found
    return waivers, problems


def _parsed(word: str, rest: str, place: Location) -> list[Waiver] | str:
    """The waivers of one comment, or what is wrong with it."""
    if word != "allow":
        return f"{word or 'nothing'!r} after `dsv4-env:`"
    names: list[str] = []
    values: dict[str, str] = {}
    at = 0
    while rest[at:].strip():
        part = _PART.match(rest, at)
        if part is None:
            return f"{rest[at:].strip()!r} in a waiver"
        at = part.end()
        if part["name"]:
            names += [n for n in part["name"].split(",") if n]
            continue
        key = part["key"]
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS)
            return f"unknown {key}= in a waiver" + (f" (did you mean {hint}=?)" if hint else "")
        values[key] = next(
            v for v in (part["double"], part["single"], part["bare"]) if v is not None
        )
    if not names:
        return "a waiver without a name"
    if not values.get("reason", "").strip():
        return f"a waiver of {', '.join(names)} without a reason"
    until = None
    if "until" in values:
        try:
            until = date.fromisoformat(values["until"])
        except ValueError:
            return f"until={values['until']} is no date"
    return [Waiver(name, values["reason"], until, place) for name in names]


@dataclass(slots=True, eq=False, repr=False)
class WaiverSet:
    """The waivers of a run, and which of them were of use."""

    today: date
    used: set[Waiver] = field(default_factory=set)
    expired: dict[Waiver, None] = field(default_factory=dict)

    def applied(
        self, comparison: Comparison, waivers: Iterable[Waiver], profile: str, uri: str
    ) -> Comparison:
        """The comparison with the waivers that fit its findings."""
        fitting = [w for w in waivers if _holds(w, profile, uri)]
        if not fitting:
            return comparison
        findings = tuple(self._excused(f, fitting) for f in comparison.findings)
        return replace(comparison, findings=findings)

    def _excused(self, finding: Finding, waivers: list[Waiver]) -> Finding:
        for waiver in waivers:
            if not _names(waiver.pattern, finding):
                continue
            self.used.add(waiver)
            if waiver.until is not None and waiver.until < self.today:
                continue
            return replace(finding, waiver=waiver)
        return finding

    def problems(self, waivers: Iterable[Waiver], *, judge_use: bool) -> Iterator[Finding]:
        """Which of the waivers have expired and, where that can be told, which are of no use."""
        for waiver in waivers:
            if waiver.until is not None and waiver.until < self.today:
                rule = RULES["DSV013"]
                message = (
                    f"the waiver of {waiver.pattern} ended on {waiver.until} ({waiver.reason})"
                )
                action = "settle it, or give it a new day"
            elif judge_use and waiver not in self.used:
                rule = RULES["DSV014"]
                message = f"the waiver of {waiver.pattern} excuses nothing"
                action = "remove it"
            else:
                continue
            yield Finding(
                rule, rule.severity, waiver.pattern, message, waiver.location, action=action
            )


def _holds(waiver: Waiver, profile: str, uri: str) -> bool:
    files, profiles = waiver.files, waiver.profiles
    return (not files or any(fnmatchcase(uri, p) for p in files)) and (
        not profiles or any(fnmatchcase(profile, p) for p in profiles)
    )


def _names(pattern: str, finding: Finding) -> bool:
    """Whether a pattern means a finding: by its setting, with or without dashes, or its rule."""
    return (
        fnmatchcase(finding.subject, pattern)
        or fnmatchcase(finding.subject.lstrip("-"), pattern)
        or pattern in (finding.rule.id, finding.rule.name)
    )


def read_baseline(text: str, path: str) -> Counter[str]:
    """The fingerprints that a baseline holds, with how often. Raises ReadError."""
    expected = "a file that `dsv4-env check --baseline FILE --write-baseline` wrote"
    try:
        data = json.loads(text)
    except ValueError as exc:
        raise ReadError(f"no JSON: {exc}", where=path, expected=expected) from None
    except RecursionError:
        raise ReadError("nested too deeply", where=path, expected=expected) from None
    version = data.get("version") if isinstance(data, dict) else None
    if version != BASELINE_VERSION:
        raise ReadError(f"version {version!r} of a baseline", where=path, expected=expected)
    findings = data.get("findings")
    if not isinstance(findings, list) or not all(
        isinstance(f, dict) and isinstance(f.get("fingerprint"), str) for f in findings
    ):
        raise ReadError("no list of findings", where=path, expected=expected)
    return Counter(f["fingerprint"] for f in findings)


def write_baseline(report: Report) -> str:
    """Today's findings as a baseline: all that no waiver excuses."""
    entries = [
        {
            "fingerprint": fingerprint(finding, comparison, report),
            "rule": finding.rule.id,
            "subject": finding.subject,
            "file": report.own(finding.location.path) if finding.location else None,
            "profile": comparison.left if comparison else None,
        }
        for comparison, finding in _all(report)
        if _of_baseline(finding) and (finding.waiver is None or finding.waiver is BASELINE)
    ]
    entries.sort(key=lambda e: (str(e["file"]), str(e["profile"]), e["rule"], e["subject"]))
    data = {"version": BASELINE_VERSION, "findings": entries}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


BASELINE = Waiver("*", "in the baseline")
_KEPT_OUT = frozenset({"DSV012", "DSV013", "DSV014", "DSV015"})


def _of_baseline(finding: Finding) -> bool:
    return finding.rule.id not in _KEPT_OUT


def _all(report: Report) -> Iterator[tuple[Comparison | None, Finding]]:
    for comparison in report.comparisons:
        for finding in comparison.findings:
            yield comparison, finding
    for finding in report.problems:
        yield None, finding


def with_baseline(report: Report, known: Mapping[str, int], path: str, *, whole: bool) -> Report:
    """The report with what the baseline knows excused.

    Where the run was of the *whole* project, what the baseline has in vain is told.
    """
    left = Counter(known)

    def excused(finding: Finding, comparison: Comparison | None) -> Finding:
        if finding.waiver is not None or not _of_baseline(finding):
            return finding
        mark = fingerprint(finding, comparison, report)
        if left[mark] <= 0:
            return finding
        left[mark] -= 1
        return replace(finding, waiver=BASELINE)

    comparisons = tuple(
        replace(c, findings=tuple(excused(f, c) for f in c.findings)) for c in report.comparisons
    )
    problems = tuple(excused(f, None) for f in report.problems)
    if whole and (gone := left.total()):
        rule = RULES["DSV015"]
        entries = "1 finding that is" if gone == 1 else f"{gone} findings that are"
        message, action = f"the baseline has {entries} no more", "add --write-baseline"
        place = Location(path)
        problems += (Finding(rule, Severity.NOTE, "baseline", message, place, action=action),)
    return replace(report, comparisons=comparisons, problems=problems)
