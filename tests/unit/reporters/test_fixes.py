"""The edits that settle findings, as reports show them, and reports that are for forges."""

from __future__ import annotations

import json

from dsv4_env.model import Location
from dsv4_env.model.finding import Fix, Severity, Suggestion
from dsv4_env.reporters import REPORTERS
from dsv4_env.reporters.comment import COMMENT_LIMIT
from tests.reports import (
    ROOT,
    WAIVER,
    at,
    check_gitlab,
    check_rdjson,
    check_review,
    check_sarif,
    comparison,
    finding,
    report,
)

FIX = Fix(f"{ROOT}/run.sh", 3, 4, "export A=2\nx", "export A=1")


def with_fix(fix: Fix | None) -> str:
    found = report(comparison(finding("A", at("run.sh", 3, 8), fix=fix)))
    return REPORTERS["sarif"](found) + REPORTERS["rdjson"](found)


def test_sarif_replaces_whole_lines() -> None:
    found = report(comparison(finding("A", at("run.sh", 3, 8), fix=FIX)))
    (result,) = check_sarif(REPORTERS["sarif"](found))["results"]
    (fix,) = result["fixes"]
    assert fix["description"]["text"] == "Make A what pro has"
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "run.sh", "uriBaseId": "%SRCROOT%"}
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 3, "startColumn": 1, "endLine": 4, "endColumn": 2},
            "insertedContent": {"text": "export A=1"},
        }
    ]


def test_reviewdog_gets_lines_and_columns_in_bytes() -> None:
    found = report(
        comparison(
            finding("A", at("run.sh", 3, 9), fix=FIX),
            finding("B", at("run.sh", 5, 3), severity=Severity.NOTE),
            finding("C", Location("/elsewhere/run.sh", 7)),
            finding("X_1", at("run.sh", 6), waiver=WAIVER),
        ),
        lines={(f"{ROOT}/run.sh", 3): "é export A=2"},
    )
    first, last, note = check_rdjson(REPORTERS["rdjson"](found), REPORTERS["rdjsonl"](found))
    if first["location"]["path"] != "run.sh":
        first, last = last, first
    assert first["location"] == {
        "path": "run.sh",
        "range": {"start": {"line": 3, "column": 10}},
    }
    assert first["suggestions"] == [
        {"range": {"start": {"line": 3}, "end": {"line": 4}}, "text": "export A=1"}
    ]
    assert note["location"]["range"] == {"start": {"line": 5}}  # its line isn't known
    assert note["severity"] == "INFO"
    assert last["message"].startswith("/elsewhere/run.sh:7: C is")


def test_an_edit_with_a_secret_is_shown_nowhere() -> None:
    assert "fixes" in with_fix(FIX)
    assert "suggestions" in with_fix(FIX)
    for old, new in (("HF_TOKEN=hunter2", "A=1"), ("A=2", "A=1 HF_TOKEN=hunter2")):
        said = with_fix(Fix(FIX.path, 3, 3, old, new))
        assert "hunter2" not in said
        assert "fixes" not in said
        assert "suggestions" not in said


def test_gitlab_keeps_one_issue_of_each_fingerprint() -> None:
    found = report(
        comparison(
            finding("A", at("run.sh", 2)),
            finding("A", at("run.sh", 9)),
            finding("B", None, severity=Severity.WARNING, related=at("pro.toml", 7)),
            finding("C", Location("port:30000"), severity=Severity.NOTE),
            finding("X_1", at("run.sh", 6), waiver=WAIVER),
        )
    )
    one, two, other, outside = check_gitlab(REPORTERS["gitlab"](found))
    assert two["fingerprint"] == f"{one['fingerprint']}:2"
    assert (one["severity"], one["location"]["lines"]) == ("critical", {"begin": 2})
    assert other["severity"] == "minor"
    assert other["description"].endswith('B is "2"; pro has "1" (pro: pro.toml:7:1)')
    assert outside["location"] == {"path": "port:30000", "lines": {"begin": 1}}
    assert outside["severity"] == "info"


def test_nothing_found_is_an_empty_report() -> None:
    found = report(comparison())
    assert json.loads(REPORTERS["gitlab"](found)) == []
    assert REPORTERS["rdjsonl"](found) == ""
    assert json.loads(REPORTERS["rdjson"](found))["diagnostics"] == []


def test_a_comment_says_what_it_left_out() -> None:
    many = [finding(f"A{n}", at("run.sh", n), message="ж" * 900) for n in range(1, 100)]
    said = REPORTERS["comment"](report(comparison(*many), comparison(*many[:5], right="b.sh")))
    assert COMMENT_LIMIT - 4_000 < len(said.encode()) <= COMMENT_LIMIT
    assert "**Left out here, or this would pass what a comment may have: " in said
    assert said.count("<details>") == said.count("</details>") == 1


def test_a_review_suggests_the_lines_that_settle_findings() -> None:
    two = (finding("A", action="write that"), finding("B", effect=("SGLang stops",)))
    one_line = Fix(f"{ROOT}/a/run.sh", 7, 7, "x", "````\ny")
    elsewhere = Fix("/elsewhere/run.sh", 7, 7, "x", "y")
    found = report(
        comparison(*two),
        suggestions=(
            Suggestion(FIX, two),
            Suggestion(one_line, two[:1]),
            Suggestion(elsewhere, two),
        ),
    )
    first, second = check_review(REPORTERS["review"](found))
    assert (first["path"], first["start_line"], first["line"]) == ("run.sh", 3, 4)
    assert first["body"] == (
        '- DSV003: <code>A is "2"; pro has "1": write that</code>\n'
        '- DSV003: <code>B is "2"; pro has "1"</code><br><code>SGLang stops</code>\n\n'
        "```suggestion\nexport A=1\n```\n"
    )
    assert (second["path"], second["line"]) == ("a/run.sh", 7)
    assert second["body"].endswith("\n`````suggestion\n````\ny\n`````\n")


def test_a_review_has_no_secret_and_no_more_comments_than_are_read() -> None:
    secret = Fix(f"{ROOT}/run.sh", 1, 1, "x", "export HF_TOKEN=hf_0123456789abcdefghij")
    many = [Fix(f"{ROOT}/run.sh", n, n, "x", "y") for n in range(1, 53)]
    found = report(
        comparison(finding()), suggestions=[Suggestion(f, (finding(),)) for f in (secret, *many)]
    )
    text = REPORTERS["review"](found)
    assert len(check_review(text)) == 50
    assert "hf_0123" not in text
    assert "2 more suggestions after these." in text
