"""JUnit's XML: a test suite for each file, a test case for each comparison."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from dsv4_env.model.finding import Comparison, Report
from dsv4_env.model.style import count, opening, plain
from dsv4_env.reporters.content import (
    ReportEntry,
    entries,
    fails,
    file_of,
    own_notes,
    position,
    summary,
    tally,
    verdict,
)


def report(report: Report) -> str:
    """Drift is a failure, a problem an error; what couldn't be compared whole is skipped."""
    suites: dict[str, list[ET.Element]] = {}
    for comparison in report.comparisons:
        path = plain(report.path(file_of(comparison)))
        suites.setdefault(path, []).append(_case(comparison, path, report))
    for entry in entries(report):
        if entry.comparison is None:
            at = entry.finding.location
            path = plain(report.path(at.path)) if at else "dsv4-env"
            suites.setdefault(path, []).append(_problem(entry, path, report))
    root = ET.Element(
        "testsuites",
        {"name": "dsv4-env"} | _numbers([case for cases in suites.values() for case in cases]),
    )
    for path, cases in suites.items():
        suite = ET.SubElement(root, "testsuite", {"name": path} | _numbers(cases))
        suite.extend(cases)
    if not suites:  # that nothing was compared has to be said, too
        ET.SubElement(root, "testsuite", {"name": "dsv4-env"} | _numbers([]))
    lines = [str(summary(report)), *(f"note: {n}" for n in report.notes)]
    ET.SubElement(list(root)[-1], "system-out").text = _text(lines)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode").replace("##[", "#&#35;[")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _case(comparison: Comparison, path: str, report: Report) -> ET.Element:
    found = verdict(comparison, report)
    name = plain(found.title)
    case = ET.Element("testcase", {"classname": path, "name": name, "file": path})
    kept = sorted(
        (ReportEntry(f, comparison) for f in comparison.findings if f.waiver is None),
        key=lambda e: position(e, report),
    )
    failing = [e for e in kept if fails(e.finding, report)]
    if failing:
        message = tally(e.finding for e in failing)
        failure = ET.SubElement(case, "failure", {"message": message, "type": found.word})
        failure.text = _text([_line(e, report) for e in failing])
    elif not comparison.compared:
        ET.SubElement(case, "skipped", {"message": "nothing was compared"})
    elif comparison.unknown:
        of = count(comparison.compared, "setting")
        ET.SubElement(case, "skipped", {"message": f"{comparison.unknown} of {of} unknown"})
    lines = [_line(e, report) for e in kept if e not in failing]
    lines += [f"note: {n}" for n in own_notes(comparison, ())]
    ET.SubElement(case, "system-out").text = _text([*lines, str(found)])
    return case


def _problem(entry: ReportEntry, path: str, report: Report) -> ET.Element:
    finding = entry.finding
    name = plain(
        f"{finding.rule.name}: {finding.subject}" if finding.subject else finding.rule.name
    )
    case = ET.Element("testcase", {"classname": path, "name": name, "file": path})
    attributes = {"message": plain(entry.message), "type": finding.rule.id}
    if fails(finding, report):
        ET.SubElement(case, "error", attributes).text = _text([_line(entry, report)])
    else:
        ET.SubElement(case, "skipped", {"message": attributes["message"]})
    return case


def _line(entry: ReportEntry, report: Report) -> str:
    where = entry.where(report)
    name, place = entry.other(report)
    text = f"{where}: " if where else ""
    text += f"{entry.finding.severity.value}: {entry.message} [{entry.finding.rule.id}]"
    return f"{text} ({name}: {place})" if place else text


def _text(lines: Sequence[str]) -> str:
    """Lines in XML, which knows no control characters and no surrogates."""
    return "\n".join(map(opening, lines))


def _numbers(cases: Sequence[ET.Element]) -> dict[str, str]:
    kinds = [child.tag for case in cases for child in case]
    numbers = {"failures": kinds.count("failure"), "errors": kinds.count("error")}
    return {
        key: str(n)
        for key, n in {"tests": len(cases), **numbers, "skipped": kinds.count("skipped")}.items()
    }
