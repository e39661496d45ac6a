"""Waivers in comments and settings, and baselines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dsv4_env import drift
from dsv4_env.catalogue import load
from dsv4_env.drift import waivers
from dsv4_env.model.errors import ReadError
from dsv4_env.model.finding import Report
from dsv4_env.profile import reference_script
from dsv4_env.profile.settings import load as load_settings

pytestmark = pytest.mark.usefixtures("may")  # whose profiles these launches are

PAIR = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "run.sh"\n'
DRIFTED = reference_script().read_text().replace("USE_AITER=1", "USE_AITER=0")


def checked(folder: Path, script: str = DRIFTED, more: str = "", *, whole: bool = True) -> Report:
    (folder / "pyproject.toml").write_text(PAIR + more)
    (folder / "run.sh").write_text(script)
    found = load_settings(folder, {})
    options = drift.CheckOptions(today=date(2026, 6, 15))
    run = drift.CheckRun(found, None, lambda _r, _s: load("0.5.16"), options, whole=whole)
    return drift.check(run, found.pairs)


def told(report: Report) -> list[str]:
    """What isn't excused, as ids and subjects."""
    return [f"{f.rule.id} {f.subject}" for f in report.findings if f.waiver is None]


def test_nothing_excused(tmp_path: Path) -> None:
    report = checked(tmp_path)
    assert told(report) == ["DSV003 SGLANG_USE_AITER"]
    assert drift.exit_code(report) == 1


@pytest.mark.parametrize(
    "comment",
    [
        '# dsv4-env: allow SGLANG_USE_AITER reason="slower"',
        "# dsv4-env: allow SGLANG_USE_* reason='slower' until=2026-06-15",
        "#dsv4-env:allow SGLANG_USE_AITER,HIP_* reason=slower",
        '# dsv4-env: allow DSV003 reason="all"',
        '# why: dsv4 # dsv4-env: allow changed reason="all"',
    ],
)
def test_comments(tmp_path: Path, comment: str) -> None:
    report = checked(tmp_path, DRIFTED.replace("USE_AITER=0", f"USE_AITER=0  {comment}"))
    unused = ["DSV014 HIP_*"] if "HIP" in comment else []
    assert told(report) == unused
    assert report.waived == 1
    (waived,) = (f for f in report.findings if f.waiver)
    assert waived.waiver is not None
    assert waived.waiver.location is not None
    assert waived.waiver.location.line == 18


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("allow SGLANG_USE_AITER", "a waiver of SGLANG_USE_AITER without a reason"),
        ('allow A reason=" "', "a waiver of A without a reason"),
        ("allow", "a waiver without a name"),
        ("alow A reason=x", "'alow' after `dsv4-env:`"),
        ("", "'nothing' after `dsv4-env:`"),
        ("allow A reason=x until=tomorrow", "until=tomorrow is no date"),
        ("allow A resaon=x", "unknown resaon= in a waiver (did you mean reason=?)"),
        ('allow A reason="x', "'=\"x' in a waiver"),
    ],
)
def test_bad_comments_excuse_nothing(tmp_path: Path, comment: str, message: str) -> None:
    report = checked(tmp_path, f"{DRIFTED}# dsv4-env: {comment}\n")
    assert "DSV003 SGLANG_USE_AITER" in told(report)
    (problem,) = (f for f in report.problems if f.rule.id == "DSV012")
    assert problem.text.startswith(message)
    assert str(problem.location) == f"{tmp_path}/run.sh:{len(DRIFTED.splitlines()) + 1}:1"


def test_an_expired_waiver_fails_and_excuses_nothing(tmp_path: Path) -> None:
    comment = "# dsv4-env: allow SGLANG_USE_AITER reason=x until=2026-06-14\n"
    report = checked(tmp_path, DRIFTED + comment)
    assert told(report) == ["DSV003 SGLANG_USE_AITER", "DSV013 SGLANG_USE_AITER"]
    assert report.failed


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("", []),
        ('files = "*.sh"\n', []),
        ('profile = "pro-*"\n', []),
        ('files = "*.py"\n', ["DSV003 SGLANG_USE_AITER", "DSV014 SGLANG_USE_AITER"]),
        ('profile = "flash-fp4"\n', ["DSV003 SGLANG_USE_AITER", "DSV014 SGLANG_USE_AITER"]),
    ],
)
def test_settings(tmp_path: Path, scope: str, expected: list[str]) -> None:
    table = '[[tool.dsv4_env.waivers]]\nname = "SGLANG_USE_AITER"\nreason = "slower"\n'
    assert told(checked(tmp_path, more=table + scope)) == expected


def test_unused_waivers_are_only_told_of_a_whole_run(tmp_path: Path) -> None:
    table = '[[tool.dsv4_env.waivers]]\nname = "HIP_*"\nreason = "the node"\n'
    assert told(checked(tmp_path, more=table)) == ["DSV003 SGLANG_USE_AITER", "DSV014 HIP_*"]
    assert told(checked(tmp_path, more=table, whole=False)) == ["DSV003 SGLANG_USE_AITER"]


def baselined(report: Report, text: str) -> Report:
    return waivers.with_baseline(report, waivers.read_baseline(text, "b"), "b.json", whole=True)


def test_a_baseline_excuses_today_and_nothing_new(tmp_path: Path) -> None:
    report = checked(tmp_path)
    text = waivers.write_baseline(report)
    assert text == waivers.write_baseline(baselined(report, text))  # the same when written again
    assert told(baselined(report, text)) == []
    moved = checked(tmp_path, f"\n\n{DRIFTED}")  # other lines, the same findings
    assert told(baselined(moved, text)) == []
    other = checked(tmp_path, DRIFTED.replace("USE_AITER=0", "USE_AITER=2"))
    assert told(baselined(other, text)) == ["DSV003 SGLANG_USE_AITER", "DSV015 baseline"]
    more = checked(tmp_path, DRIFTED.replace("--tp 8", "--tp 4"))
    assert told(baselined(more, text)) == ["DSV003 --tp"]


def test_a_baseline_counts(tmp_path: Path) -> None:
    report = checked(tmp_path)
    twice = replace(report, comparisons=report.comparisons * 2)
    text = waivers.write_baseline(report)
    assert told(baselined(twice, text)) == ["DSV003 SGLANG_USE_AITER"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2}', '{"version": 1, "findings": [3]}', "[" * 100_000],
)
def test_bad_baselines(text: str) -> None:
    with pytest.raises(ReadError, match=r"^b: .*expected a file that"):
        raise_where(text)


def raise_where(text: str) -> None:
    try:
        waivers.read_baseline(text, "b")
    except ReadError as exc:
        raise ReadError(str(exc)) from None


def test_a_waiver_is_no_part_of_a_baseline(tmp_path: Path) -> None:
    comment = "# dsv4-env: allow SGLANG_USE_AITER reason=x\n"
    report = checked(tmp_path, DRIFTED + comment)
    assert json.loads(waivers.write_baseline(report))["findings"] == []
