"""The reporters that programs read: JSON, SARIF, JUnit, GitHub's commands and its Markdown."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

from dsv4_env.model import Location
from dsv4_env.model.finding import Severity, Waiver, fingerprint
from dsv4_env.reporters import REPORTERS
from dsv4_env.reporters.markdown import MARKDOWN_LIMIT
from tests.reports import (
    UNREADABLE,
    WAIVER,
    at,
    check_json,
    check_sarif,
    comparison,
    finding,
    report,
)

OUTSIDE = Location("/elsewhere/run.sh", 2, 3)


def test_json_holds_everything() -> None:
    waived = finding("X_1", at("run.sh", 2), waiver=WAIVER)
    problem = finding("x", at("bad.sh", None, None), rule=UNREADABLE, left=None, right=None)
    compared = comparison(finding("A", at("run.sh"), related=at("pro.toml")), waived, unknown=1)
    found = report(compared, problems=(problem,), files=2, launches=1, notes=("fine",))
    data = check_json(REPORTERS["json"](found))
    assert data["summary"] == {
        "files": 2,
        "launches": 1,
        "comparisons": 1,
        "compared": 3,
        "facts": 0,
        "unknown": 1,
        "counts": {"error": 2, "warning": 0, "note": 0},
        "waived": 1,
    }
    first, second = data["comparisons"][0]["findings"]
    assert first["fingerprint"] == fingerprint(compared.findings[0], compared, found)
    assert (first["fails"], second["fails"], data["failed"]) == (True, False, True)
    assert second["waiver"] == {
        "pattern": "X_*",
        "reason": "known",
        "until": "2030-01-02",
        "location": {"path": "pyproject.toml", "line": 3, "column": 1},
    }
    assert data["problems"][0]["location"] == {"path": "bad.sh", "line": None, "column": None}
    assert data["notes"] == ["fine"]


def test_json_of_bytes_that_are_no_text() -> None:
    said = REPORTERS["json"](report(comparison(finding(message="a \udce9 ##[error] \ud800"))))
    assert said.isascii()
    assert "##[" not in said
    (found,) = check_json(said)["comparisons"][0]["findings"]
    assert found["message"] == "a \udce9 ##[error] \ud800"


def test_sarif_has_both_places_and_the_rule() -> None:
    found = finding("A", at("a b.sh", 4, 2), related=at("pro.toml", 7, None))
    lines = {("/project/a b.sh", 4): " A=1 HF_TOKEN=hunter2"}
    run = check_sarif(REPORTERS["sarif"](report(comparison(found), lines=lines)))
    (result,) = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert (rule["id"], rule["name"], result["ruleId"]) == ("DSV003", "Changed", "DSV003")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b.sh", "uriBaseId": "%SRCROOT%"},
        "region": {
            "startLine": 4,
            "startColumn": 2,
            "snippet": {"text": " A=1 HF_TOKEN=********"},
        },
    }
    (related,) = result["relatedLocations"]
    assert related["message"]["text"] == "pro: pro.toml:7"
    assert related["physicalLocation"]["region"] == {"startLine": 7}


def test_sarif_fingerprints_stay_when_lines_move_and_are_counted_when_repeated() -> None:
    def prints(*lines: int) -> list[str]:
        found = report(comparison(*(finding("A", at("run.sh", n)) for n in lines)))
        run = check_sarif(REPORTERS["sarif"](found))
        return [r["partialFingerprints"]["dsv4Env/v1"] for r in run["results"]]

    assert prints(1, 2) == prints(5, 9)
    one, two = prints(1, 2)
    assert two == f"{one}:2"


def test_sarif_suppresses_what_is_waived() -> None:
    inside = Waiver("B", "for now", None, at("run.sh", 2))
    found = report(
        comparison(
            finding("X_1", at("run.sh", 4), waiver=WAIVER),
            finding("B", at("run.sh", 5), waiver=inside),
            finding("C", at("run.sh", 6)),
            finding("D", at("run.sh", 7), waiver=Waiver("D", "no place")),
        )
    )
    first, *waived = check_sarif(REPORTERS["sarif"](found))["results"]
    assert "suppressions" not in first
    shown = [(s["kind"], s["justification"]) for r in waived for s in r["suppressions"]]
    assert shown == [("external", "known"), ("inSource", "for now"), ("external", "no place")]


def test_sarif_gives_no_address_outside_of_the_project() -> None:
    found = report(comparison(finding("A", OUTSIDE, related=OUTSIDE), finding("B")))
    first, second = check_sarif(REPORTERS["sarif"](found))["results"]
    assert "physicalLocation" not in json.dumps(first)
    assert "/elsewhere/run.sh:2:3" in json.dumps(first["locations"])
    assert second["locations"][0]["physicalLocation"]["region"]["startLine"] == 9


def test_sarif_keeps_the_worst_and_says_so() -> None:
    notes = [finding(f"N{n}", severity=Severity.NOTE) for n in range(5_000)]
    run = check_sarif(REPORTERS["sarif"](report(comparison(*notes, finding("A"), finding("B")))))
    assert [r["level"] for r in run["results"][:3]] == ["error", "error", "note"]
    assert len(run["results"]) == 5_000
    (said, _) = run["invocations"][0]["toolExecutionNotifications"]
    assert said["message"]["text"] == "2 findings left out: only the 5000 worst are kept"


def test_sarif_uses_help_where_a_rule_has_it() -> None:
    run = check_sarif(REPORTERS["sarif"](report(problems=(finding(rule=UNREADABLE),))))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["help"]["markdown"] == "# Help\n"


def test_github_annotates_ten_of_a_kind_worst_first() -> None:
    found = report(
        comparison(
            *(finding(f"W{n}", at("run.sh", n), severity=Severity.WARNING) for n in range(1, 13)),
            *(finding(f"E{n}", at("run.sh", n)) for n in range(1, 12)),
            finding("N", at("run.sh", 3), severity=Severity.NOTE),
        )
    )
    lines = REPORTERS["github"](found).splitlines()
    kinds = [line.partition(" ")[0] for line in lines]
    assert kinds[:-2] == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"]
    assert lines[-2] == "not annotated: 1 more error, 2 more warnings (GitHub shows 10 of a kind)"
    assert lines[-1].startswith("1 file, 1 launch: drift (3 settings compared")


def test_github_places() -> None:
    found = report(
        comparison(
            finding("A", at("python/run.sh", 4, 2), related=at("pro.toml", 7)),
            finding("B", at("python/b:c,d.sh", None, None), waiver=None),
            finding("C", OUTSIDE),
            finding("D", at("run.sh"), waiver=WAIVER),
        ),
        root="/project/python",
        project="/project",
    )
    assert REPORTERS["github"](found).splitlines()[:-1] == [
        '::error title=DSV003 changed%3A C::/elsewhere/run.sh:2:3: C is "2"; pro has "1"',
        '::error file=python/b%3Ac%2Cd.sh,title=DSV003 changed%3A B::B is "2"; pro has "1"',
        "::error file=python/run.sh,line=4,col=2,endLine=4,title=DSV003 changed%3A A::A is "
        '"2"; pro has "1"%0Apro: /project/pro.toml:7:1',
    ]


def test_junit_of_each_outcome() -> None:
    found = report(
        comparison(finding("A", at("run.sh")), finding("N", severity=Severity.NOTE)),
        comparison(left="other"),
        comparison(right="b.sh", unknown=1),
        comparison(right="c.sh", compared=0),
        problems=(
            finding("x", at("bad.sh", None, None), rule=UNREADABLE),
            finding("y", rule=UNREADABLE, severity=Severity.NOTE),
        ),
    )
    root = ET.fromstring(REPORTERS["junit"](found))
    assert root.attrib == {
        "name": "dsv4-env",
        "tests": "6",
        "failures": "1",
        "errors": "1",
        "skipped": "3",
    }
    cases = {
        (case.get("classname"), case.get("name")): [
            child.tag for child in case if child.tag != "system-out"
        ]
        for case in root.iter("testcase")
    }
    assert cases == {
        ("run.sh", "pro against run.sh"): ["failure"],
        ("run.sh", "other against run.sh"): [],
        ("b.sh", "pro against b.sh"): ["skipped"],
        ("c.sh", "pro against c.sh"): ["skipped"],
        ("bad.sh", "unreadable: x"): ["error"],
        ("dsv4-env", "unreadable: y"): ["skipped"],
    }
    assert [s.get("tests") for s in root] == ["2", "1", "1", "1", "1"]
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.attrib == {"message": "1 error", "type": "drift"}
    assert "N is" not in str(failure.text)


def test_markdown_is_short_first() -> None:
    found = report(
        comparison(
            *(finding(f"W{n}", at("run.sh", n), severity=Severity.WARNING) for n in range(1, 13)),
            finding("E", at("run.sh", 20), related=at("pro.toml", 7)),
            finding("X_1", at("run.sh", 30), waiver=WAIVER),
            notes=("a note",),
        ),
        comparison(right="b.sh"),
    )
    said = REPORTERS["markdown"](found)
    lines = said.splitlines()
    assert lines[0] == "### ❌ dsv4-env: drift"
    assert lines[2].startswith("2 files, 2 launches, 6 settings compared, 0 unknown; 1 error, 12")
    assert lines[6].startswith("| ❌ error | <code>run.sh:20:1</code> | <code>E is")
    short, folded = said.split("<details>", 1)
    assert short.count("\n| ") == 12
    assert "and 3 more, below" in short
    assert "<code>pro: pro.toml:7:1</code>" in folded
    assert "<summary>1 waived</summary>" in folded
    assert "| <code>known</code> | 2030-01-02 |" in folded
    assert "- <code>a note</code>" in folded
    assert "<summary>1 without findings</summary>\n\n- <code>pro against b.sh: no drift" in folded
    assert REPORTERS["markdown"](report(comparison())).startswith("### ✅ dsv4-env: no drift")
    assert REPORTERS["markdown"](report()).startswith("### ⚠️ dsv4-env: nothing compared")


def test_markdown_stays_below_what_github_takes() -> None:
    many = [finding(f"A{n}", at("run.sh", n), message="ж" * 900) for n in range(1, 800)]
    said = REPORTERS["markdown"](report(comparison(*many), comparison(*many[:5], right="b.sh")))
    assert MARKDOWN_LIMIT - 4_000 < len(said.encode()) <= MARKDOWN_LIMIT
    assert said.splitlines()[4].startswith("**Left out here, or this would pass 1 MiB: ")
    assert said.count("<details>") == said.count("</details>") == 1
    huge = REPORTERS["markdown"](report(comparison(finding(message="x" * 5_000_000))))
    assert len(huge) < 10_000
