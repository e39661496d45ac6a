"""SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any
from urllib.parse import quote

import dsv4_env
from dsv4_env.model import Location
from dsv4_env.model.finding import Fix, Report, Rule, Waiver, fingerprint
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.content import ReportEntry, entries, summary, worst_first
from dsv4_env.reporters.excerpt import excerpt
from dsv4_env.reporters.json import json_text

SARIF_LIMIT = 5_000  # what GitHub keeps of a run
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")  # no byte of a path either
_ROOT = "%SRCROOT%"


def report(report: Report) -> str:
    """A run with its rules, its findings worst first, and waived ones as suppressed."""
    found = worst_first(entries(report), report)
    found += worst_first(entries(report, waived=True), report)
    left_out = found[SARIF_LIMIT:]
    found = found[:SARIF_LIMIT]
    rules = {r.id: r for r in sorted((e.finding.rule for e in found), key=lambda r: r.id)}
    index = {id_: i for i, id_ in enumerate(rules)}
    seen: Counter[str] = Counter()
    said = [_notification("note", str(summary(report)))]
    said += [_notification("note", n) for n in (*report.notes, *report.read_as)]
    if left_out:
        text = f"{count(len(left_out), 'finding')} left out: only the {SARIF_LIMIT} worst are kept"
        said.insert(0, _notification("warning", text))
    run = {
        "tool": {
            "driver": {
                "name": "dsv4-env",
                "version": dsv4_env.__version__,
                "semanticVersion": dsv4_env.__version__,
                "rules": [_rule(r) for r in rules.values()],
            }
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": said}],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the root of the project"}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(e, index[e.finding.rule.id], seen, report) for e in found],
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> dict[str, Any]:
    sentence = f"{rule.summary[:1].upper()}{rule.summary[1:]}."
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": sentence},
        "fullDescription": {"text": sentence},
        "help": {"text": rule.help or sentence, "markdown": rule.help or sentence},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(entry: ReportEntry, index: int, seen: Counter[str], report: Report) -> dict[str, Any]:
    finding = entry.finding
    print_ = fingerprint(finding, entry.comparison, report)
    seen[print_] += 1
    number = seen[print_]
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": {"text": _message(entry.message)},
        "locations": [],
        "partialFingerprints": {
            "dsv4Env/v1": print_ if number == 1 else f"{print_}:{number}",
            "primaryLocationLineHash": f"{print_}:{number}",  # the one that GitHub reads
        },
    }
    if entry.location is not None:
        result["locations"].append(_location(entry.location, finding.subject, report))
    name, place = entry.other(report)
    if place and finding.related is not None:
        related = _location(finding.related, finding.subject, report)
        related |= {"id": 1, "message": {"text": _message(f"{name}: {place}")}}
        result["relatedLocations"] = [related]
    if (fix := finding.fix) is not None and (uri := report.uri(fix.path)) is not None:
        result["fixes"] = [_fix(fix, _artifact(uri), entry)]
    if finding.waiver is not None:
        result["suppressions"] = [_suppression(finding.waiver, entry, report)]
    return result


def _location(location: Location, subject: str, report: Report) -> dict[str, Any]:
    """A place; outside of the project it has a name and no address."""
    uri = report.uri(location.path)
    if uri is None:
        return {"logicalLocations": [{"fullyQualifiedName": plain(report.place(location))}]}
    physical: dict[str, Any] = {"artifactLocation": _artifact(uri)}
    if location.line is not None:
        region: dict[str, Any] = {"startLine": location.line}
        if location.column is not None:
            region["startColumn"] = location.column
        if shown := excerpt(report, location, subject):
            region["snippet"] = {"text": shown[0]}
        physical["region"] = region
    return {"physicalLocation": physical}


def _artifact(uri: str) -> dict[str, Any]:
    """The address of a file of the project."""
    uri = quote(_HALF.sub("\ufffd", uri), safe="/", errors="surrogateescape")
    return {"uri": uri, "uriBaseId": _ROOT}


def _fix(fix: Fix, artifact: dict[str, Any], entry: ReportEntry) -> dict[str, Any]:
    """The edit that settles a finding: whole lines that become others."""
    last = fix.old.rpartition("\n")[2]
    region = {"startLine": fix.start, "startColumn": 1}
    region |= {"endLine": fix.end, "endColumn": len(last) + 1}
    change = {"deletedRegion": region, "insertedContent": {"text": fix.new}}
    left = (
        f"Make {entry.finding.subject} what {entry.comparison.left} has"
        if (entry.comparison)
        else "Mend it"
    )
    return {
        "description": {"text": _message(left)},
        "artifactChanges": [{"artifactLocation": artifact, "replacements": [change]}],
    }


def _suppression(waiver: Waiver, entry: ReportEntry, report: Report) -> dict[str, Any]:
    """In the source where the waiver stands in a file that was compared, else from outside."""
    at = waiver.location
    sides = (entry.location, entry.finding.related)
    compared = at is not None and at.path in [place.path for place in sides if place]
    found: dict[str, Any] = {
        "kind": "inSource" if compared else "external",
        "status": "accepted",
        "justification": plain(waiver.reason),
    }
    if at is not None and report.uri(at.path) is not None:
        found["location"] = _location(at, waiver.pattern, report)
    return found


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _message(text)}}


def _message(text: str) -> str:
    """Text of a message, in which ``[text](address)`` would be a link."""
    return plain(text).replace("](", "] (")
