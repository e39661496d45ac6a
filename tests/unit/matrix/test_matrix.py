"""The matrix: what belongs into a row, what each cell is, and what the page's data say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsv4_env.catalogue import load
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import with_model
from dsv4_env.drift import Held
from dsv4_env.history import SCRIPT, TEST, HistorySide, history
from dsv4_env.history.render import history_data
from dsv4_env.matrix import STATUS_MARKS, Cell, CellStatus, Matrix, build_matrix
from dsv4_env.matrix.effective import effective
from dsv4_env.matrix.page import cleaned, embedded, page
from dsv4_env.matrix.timeline import timelines
from dsv4_env.model import EnvVar, LaunchConfig, Origin, Unknown, Value, group_args
from dsv4_env.model.finding import Report, Severity, Waiver
from dsv4_env.profile import Profile, layer_files, load_profile
from tests.repositories import Step, build as build_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

CATALOGUE = load("0.5.16")


def launch(name: str, words: list[str] | None = None, **env: Value) -> LaunchConfig:
    made = tuple(EnvVar(n, v, Origin(name)) for n, v in env.items())
    return LaunchConfig(name, "bash", made, group_args([(w, None) for w in words or []], "bash"))


def matrix(
    left: LaunchConfig, *launches: LaunchConfig, waiver: Waiver | None = None, **options: Any
) -> Matrix:
    """The matrix of launches held to one; *waiver* excuses all that is found."""
    profile = Profile(left.name, "", (), left)
    exact = options.get("exact", False)
    comparisons = [
        compare_launches(
            left, c, catalogue=None if exact else CATALOGUE, show_equivalent=True,
            ignore=options.get("ignore", ()),
        )
        for c in launches
    ]  # fmt: skip
    if waiver:
        comparisons = [
            replace(c, findings=tuple(replace(f, waiver=waiver) for f in c.findings))
            for c in comparisons
        ]
    held = [Held(profile, c, options.get("ignore", ()), ()) for c in launches]
    return build_matrix(Report(tuple(comparisons)), held, CATALOGUE, {}, exact=exact)


def statuses(found: Matrix, column: int = 1) -> dict[str, CellStatus | None]:
    return {r.name: c.status for r in found.rows if (c := r.cells[column])}


def test_every_status_has_a_mark_of_its_own() -> None:
    assert len(set(STATUS_MARKS.values())) == len(CellStatus) == len(STATUS_MARKS)


def test_what_cells_are() -> None:
    left = launch(
        "p", ["--tp", "8", "--port", "1"], A="1", B="1", C="1", SGLANG_USE_AITER="1",
        SGLANG_DEFAULT_THINKING="1",
    )  # fmt: skip
    right = launch(
        "r", ["--tp-size", "8", "--port", "2", "--page-size", "1"], A="1", B="2",
        SGLANG_USE_AITER="true", SGLANG_ENABLE_THINKING="1", D="1", X=Unknown("$Y", "because"),
    )  # fmt: skip
    found = matrix(left, right)
    assert statuses(found) == {
        "A": CellStatus.SAME,
        "B": CellStatus.CHANGED,
        "C": CellStatus.MISSING,
        "D": CellStatus.EXTRA,
        "X": CellStatus.EXTRA,
        "SGLANG_USE_AITER": CellStatus.EQUIVALENT,
        "SGLANG_DEFAULT_THINKING": CellStatus.RENAMED,
        "--tp": CellStatus.EQUIVALENT,
        "--port": CellStatus.LEFT_OUT,
        "--page-size": CellStatus.EXTRA,
    }
    assert [r.section for r in found.rows] == sorted((r.section for r in found.rows), reverse=True)
    assert found.tally()[CellStatus.EQUIVALENT] == 2


def test_unknown_ignored_and_what_cannot_hold_arguments() -> None:
    left = launch("p", ["--tp", "8"], A="1", HIP_X="1")
    right = launch("r", None, A=Unknown("$B", "not set"), HIP_X="2")
    found = matrix(left, right, ignore=("HIP_*",))
    assert statuses(found)["A"] is CellStatus.UNKNOWN
    assert statuses(found)["HIP_X"] is CellStatus.LEFT_OUT
    environment = LaunchConfig("e", "dotenv", right.env, None)
    assert statuses(matrix(left, environment))["--tp"] is CellStatus.LEFT_OUT
    arguments = LaunchConfig("c", "config", (), right.args, arguments_alone=True)
    assert {s for n, s in statuses(matrix(left, arguments)).items() if n[0] != "-"} == {
        CellStatus.LEFT_OUT
    }


def test_exact_keeps_names_apart() -> None:
    left, right = launch("p", ["--tp", "8"]), launch("r", ["--tp-size", "8"])
    found = matrix(left, right, exact=True)
    assert statuses(found) == {"--tp": CellStatus.MISSING, "--tp-size": CellStatus.EXTRA}


def test_a_setting_made_twice_keeps_both() -> None:
    twice = (EnvVar("A", "1", Origin("r"), superseded=True), EnvVar("A", "2", Origin("r")))
    found = matrix(launch("p", A="2"), LaunchConfig("r", "bash", twice, ()))
    cell = found.rows[0].cells[1]
    assert cell is not None
    assert [m.superseded for m in cell.made] == [True, False]
    assert (cell.status, cell.severity, cell.drifts) == (CellStatus.SAME, None, False)


def test_waived_drift_is_no_drift() -> None:
    left, right = launch("p", SGLANG_USE_AITER="1"), launch("r", SGLANG_USE_AITER="0")
    (row,) = matrix(left, right).rows
    assert row.severity is Severity.ERROR
    (row,) = matrix(left, right, waiver=Waiver("*", "known")).rows
    cell = row.cells[1]
    assert isinstance(cell, Cell)
    assert (cell.status, cell.waived, row.severity) == (CellStatus.CHANGED, True, None)


def test_a_launch_stands_beside_each_profile_it_is_held_to() -> None:
    profiles = [load_profile(n) for n in ("pro-fp4", "flash-fp4")]
    config = launch("r", SGLANG_USE_AITER="1")
    comparisons = tuple(compare_launches(with_model(p), config) for p in profiles)
    held = [Held(p, config, (), ()) for p in profiles]
    also = [load_profile("pro-fp8")]
    found = build_matrix(Report(comparisons), held, CATALOGUE, layer_files(), also=also)
    assert [c.title for c in found.columns] == ["pro-fp4", "r", "flash-fp4", "r", "pro-fp8"]
    assert [o.name for o in found.layers["pro-fp4"]["model", "path"].chain()] == ["pro-fp4"]


@pytest.mark.usefixtures("may")
def test_layers_tell_what_is_unset(tmp_path: Path, run: Callable[..., Result]) -> None:
    (tmp_path / "mine.toml").write_text(
        'extends = ["pro-fp4"]\n[unset]\nenv = ["SGLANG_USE_ROCM700A"]\n'
        '[env]\nSGLANG_USE_AITER = "0"\n'
    )
    words = ["report", "mine", "--profiles", str(tmp_path), "--html", "-"]
    text = run(*words).out
    row = re.search(r'<tr data-name="sglang_use_rocm700a".*?</tr>', text, re.DOTALL)
    assert row is not None
    assert "<del>1</del>" in row[0]
    assert "<em>unset</em>" in row[0]
    rows = details(text)["rows"]
    found = next(r for r in rows if r["name"] == "SGLANG_USE_AITER")
    assert [o[2] for o in found["cells"][0]["m"][0]["o"]] == ["0", "1"]


def details(text: str) -> Any:
    """What the panel is made of."""
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert match is not None
    return json.loads(match[1])


@pytest.mark.parametrize("text", ["</script><!--", "a & b", "\u2028\u2029", "<![CDATA[", "]]>"])
def test_data_cannot_end_its_element(text: str) -> None:
    found = embedded({"a": [text]})
    assert not set("<>&\u2028\u2029") & set(found)
    assert json.loads(found) == {"a": [cleaned(text)]}


def test_what_cannot_be_seen_is_shown() -> None:
    assert cleaned("a\u202eb\x1b\n\tc\udcff") == "a\\u202eb\\x1b\n\tc\\xff"


def test_secrets_are_masked_everywhere() -> None:
    left = launch("p", HF_TOKEN="old-secret", A="1")
    right = launch(
        "r", ["--api-key", "arg-secret", "hf_abcdefghijklmnopqrstuv"], HF_TOKEN="new-secret",
        A=Unknown("${MY_TOKEN:-inner-secret}", "MY_TOKEN=reason-secret is open"),
    )  # fmt: skip
    text = unescape(page(matrix(left, right)))
    assert "********" in text
    for secret in ("old-secret", "new-secret", "arg-secret", "hf_abc", "inner-secret"):
        assert secret not in text
    assert "reason-secret" not in text


def test_timelines_have_places_on_one_scale(tmp_path: Path) -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    steps = [
        Step(
            "main", start + timedelta(days=day),
            {"run.sh": f"export A={v}\nsglang serve --tp 8\n"},
        )
        for day, v in ((0, "1"), (50, "2"), (100, "1"))
    ]  # fmt: skip
    repository = build_repository(tmp_path / "r", steps)
    sides = [HistorySide(SCRIPT, ("run.sh",)), HistorySide(TEST, ("*.py",))]
    found = timelines(history_data(history(repository, sides, CATALOGUE)))
    (setting,) = found["settings"]
    (lane,) = setting["lanes"]
    assert [(b[0], b[1], b[2]) for b in lane["bars"]] == [
        (0.0, 49.02, "v0"),
        (49.02, 49.02, "v1"),
        (98.04, 1.96, "v0"),
    ]
    assert [t for _, t in found["ticks"]] == ["2026-06", "2026-07", "2026-08"]
    assert ("warning", "back and forth") in setting["badges"]
    assert lane["told"] == "2026-05-01 1; 2026-06-20 2; 2026-08-09 1"
    text = page(None, [history_data(history(repository, sides, CATALOGUE))])
    assert "<h3>A</h3>" in text
    assert 'id="grid"' not in text


def test_what_is_effective_stands_beside_what_is_given() -> None:
    left = load_profile("pro-fp4", sglang="0.5.13")
    right = launch("run.sh", ["--page-size", "64", "--enable-prefill-cp"])
    compared = compare_launches(with_model(left), right, catalogue=load("0.5.23"))
    held = [Held(left, right, (), ())]
    built = build_matrix(Report((compared,)), held, load("0.5.23"), layer_files())
    profile, other = effective(built)
    assert (profile["name"], profile["platform"]) == ("pro-fp4", "mi355x")
    rows = {r["name"]: r for r in profile["rows"]}
    topk = rows["SGLANG_OPT_USE_TOPK_V2"]
    assert (topk["given"], topk["effective"], topk["sign"]) == ("false", "True", "~")
    own = rows["--kv-cache-dtype"]
    assert (own["given"], own["effective"], own["sign"]) == (None, "fp8_e4m3", "+")
    assert rows["--tp-size" if "--tp-size" in rows else "--tp"]["effect"] == "kept"
    assert len(other["refused"]) == 1
    text = page(built)
    assert 'id="view-effective"' in text
    assert "<del>false</del>" in text
    assert 'id="view-effective"' not in page(matrix(launch("a"), launch("b")))  # no hardware
