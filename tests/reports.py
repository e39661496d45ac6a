"""Reports to be written by the reporters under test."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema

import dsv4_env
from dsv4_env.model import Location
from dsv4_env.model.finding import Comparison, Finding, Fix, Report, Rule, Severity, Waiver

ROOT = "/project"
CHANGED = Rule("DSV003", "changed", Severity.ERROR, "a setting has another value")
UNREADABLE = Rule("DSV011", "unreadable", Severity.ERROR, "a file can't be read", "# Help\n")
WAIVER = Waiver("X_*", "known", date(2030, 1, 2), Location(f"{ROOT}/pyproject.toml", 3, 1))


def at(name: str, line: int | None = 1, column: int | None = 1) -> Location:
    """A place in a file of the project."""
    return Location(f"{ROOT}/{name}", line, column)


def finding(
    subject: str = "A",
    location: Location | None = None,
    *,
    message: str = "",
    severity: Severity = Severity.ERROR,
    related: Location | None = None,
    rule: Rule = CHANGED,
    left: str | None = '"1"',
    right: str | None = '"2"',
    waiver: Waiver | None = None,
    fix: Fix | None = None,
    action: str = "",
    effect: tuple[str, ...] = (),
) -> Finding:
    """A finding; all but the subject have defaults."""
    said = message or f"{subject} is {right}; pro has {left}"
    sides = left, right
    return Finding(
        rule, severity, subject, said, location, related, *sides, waiver, fix, effect, action
    )


def comparison(
    *findings: Finding,
    right: str = "run.sh",
    left: str = "pro",
    notes: tuple[str, ...] = (),
    compared: int = 3,
    unknown: int = 0,
    lint: bool = False,
) -> Comparison:
    """A comparison of the profile ``pro`` with the launch in a script."""
    return Comparison(
        left, right, findings, compared, unknown, notes, right_at=at(right, 9), lint=lint
    )


def report(*comparisons: Comparison, **fields: Any) -> Report:
    """A report of a run in the root of the project."""
    return Report(comparisons, **{"root": ROOT, **fields})


def check_json(text: str) -> dict[str, Any]:
    """The JSON reporter's text as data, held to the schema in the package."""
    data: dict[str, Any] = json.loads(text)
    schema = Path(dsv4_env.__file__).parent / "reporters" / "report.schema.json"
    found = json.loads(schema.read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.Draft202012Validator(found).validate(data)
    return data


def check_sarif(text: str) -> dict[str, Any]:
    """The only run of a SARIF log, held to SARIF's own schema."""
    data = json.loads(text)
    schema = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.schema.json").read_text())
    jsonschema.Draft4Validator(schema).validate(data)
    (run,) = data["runs"]
    found: dict[str, Any] = run
    return found


def check_gitlab(text: str) -> list[dict[str, Any]]:
    """The issues of a Code Quality report, held to what GitLab takes."""
    found: list[dict[str, Any]] = json.loads(text)
    _hold(found, "code-quality.schema.json")
    prints = [issue["fingerprint"] for issue in found]
    assert len(set(prints)) == len(prints)
    return found


def check_rdjson(text: str, lines: str) -> list[dict[str, Any]]:
    """The diagnostics of reviewdog's JSON, which both of its forms have alike."""
    data = json.loads(text)
    _hold(data, "rdf.schema.json")
    found: list[dict[str, Any]] = data["diagnostics"]
    assert [json.loads(line) for line in lines.splitlines()] == found
    return found


def check_review(text: str) -> list[dict[str, Any]]:
    """The comments of a review for GitHub's API."""
    data = json.loads(text)
    _hold(data, "review.schema.json")
    found: list[dict[str, Any]] = data["comments"]
    assert all(c.get("start_line", 0) < c["line"] for c in found)
    return found


def _hold(data: object, schema: str) -> None:
    found = json.loads((Path(__file__).parent / "data" / schema).read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    jsonschema.Draft202012Validator(found).validate(data)
