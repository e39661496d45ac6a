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

from dsv4_env import __version__
from dsv4_env.catalogue import load
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import with_model
from dsv4_env.drift import Held
from dsv4_env.history import SCRIPT, TEST, HistorySide, history
from dsv4_env.history.render import history_data
from dsv4_env.matrix import STATUS_MARKS, Cell, CellStatus, Matrix, build_matrix
from dsv4_env.matrix.details import common_start
from dsv4_env.matrix.effective import (
    MAX_TARGETS,
    MadeSetting,
    PageTarget,
    TargetEffects,
    effects,
    project_targets,
    without_target,
)
from dsv4_env.matrix.page import cleaned, embedded, page
from dsv4_env.matrix.timeline import timelines
from dsv4_env.model import EnvVar, LaunchConfig, Origin, Unknown, Value, group_args
from dsv4_env.model.finding import Report, Severity, Waiver
from dsv4_env.plan.planning import plan
from dsv4_env.plan.platforms import PLATFORMS
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


def planned(*words: str, release: str = "0.5.23", left: Profile | None = None) -> Matrix:
    """The matrix of a profile and of a launch with these words, as a release reads them."""
    left = left or load_profile("pro-fp4", sglang="0.5.13")
    right = launch("run.sh", list(words))
    compared = compare_launches(with_model(left), right, catalogue=load(release))
    return build_matrix(
        Report((compared,)), [Held(left, right, (), ())], load(release), layer_files()
    )


def by_name(found: TargetEffects, column: int = 0) -> dict[str, MadeSetting]:
    return {s.name: s for s in found.made[column].values()}


def test_what_sglang_makes_of_it_is_what_plan_says() -> None:
    built = planned("--page-size", "64", "--enable-prefill-cp")
    (only,) = project_targets(built)
    (found,) = effects(built, [only])
    assert found.title == "SGLang 0.5.23 on mi355x"
    made = by_name(found)
    topk = made["SGLANG_OPT_USE_TOPK_V2"]
    assert (topk.given, topk.effective, topk.effect, topk.shown) == (
        "false", "True", "overwritten", "True",
    )  # fmt: skip
    assert topk.at.startswith("srt/")
    own = made["--kv-cache-dtype"]
    assert (own.given, own.effective, own.effect) == (None, "fp8_e4m3", "set")
    assert "--tp" not in made
    said = plan(
        built.columns[0].config, load("0.5.23"), PLATFORMS["mi355x"],
        model=built.columns[0].profile.default_model_path,
    )  # fmt: skip
    differing = {s.name for s in said.settings if s.effect in ("overwritten", "no-effect", "set")}
    assert {s.name for s in made.values() if s.effect != "unknown"} == differing
    ((text, where),) = found.refused.items()
    assert where == [1]
    assert found.stops() == {1: text}


def test_the_page_shows_it_where_it_is_something_else() -> None:
    text = page(planned("--page-size", "64"))
    row = re.search(r'<tr class="row"[^>]*data-name="sglang_opt_use_topk_v2".*?</tr>', text, re.S)
    assert row is not None
    assert '<td class="own">false<i>True</i></td>' in row[0]
    assert 'id="view-effective"' in text
    own = re.search(r'<tbody class="group folded" data-group="made">.*?</tbody>', text, re.S)
    assert own is not None
    assert "<i>fp8_e4m3</i>" in own[0]
    assert 'id="view-effective"' not in page(matrix(launch("a"), launch("b")))  # no hardware


def test_targets_can_be_switched() -> None:
    built = planned("--page-size", "64")
    asked = [
        PageTarget(load("0.5.22"), PLATFORMS["b200"]),
        PageTarget(None, PLATFORMS["h200"]),
        PageTarget(load("0.5.20"), None),
    ]
    text = page(built, targets=asked)
    titles = ["SGLang 0.5.22 on b200", "SGLang 0.5.23 on h200",
              "SGLang 0.5.20, each on its own hardware"]  # fmt: skip
    assert re.findall(r'<option value="\d">(.*?)</option>', text) == titles
    data = details(text)
    assert [t["title"] for t in data["targets"]] == titles
    names = [r["name"] for r in data["rows"]]
    shown = [
        {names[row]: data["texts"][at][0] for row, column, at in t["cells"] if column == 0}
        for t in data["targets"]
    ]
    assert "GPU_PINNED_MIN_XFER_SIZE" not in shown[0]
    assert shown[2]["GPU_PINNED_MIN_XFER_SIZE"] == "4194304"
    row = re.search(r'<tr class="row"[^>]*data-name="gpu_pinned_min_xfer_size"[^>]*>', text)
    assert row is not None
    assert row[0].endswith(" hidden>")  # the first target has none
    assert re.findall(r'<div class="made" data-target="(\d)"( hidden)?>', text) == [
        ("0", ""), ("1", " hidden"), ("2", " hidden"),
    ]  # fmt: skip


def test_targets_of_a_project_with_several() -> None:
    profiles = [load_profile("pro-fp4", on=on) for on in ("mi355x", "b200")]
    config = launch("r", ["--tp", "8"])
    comparisons = tuple(compare_launches(with_model(p), config) for p in profiles)
    named = [replace(p, name=f"{p.name}@{p.target.hardware}") for p in profiles]
    held = [Held(p, config, (), ()) for p in named]
    built = build_matrix(Report(comparisons), held, CATALOGUE, layer_files())
    found = effects(built, project_targets(built))
    assert [f.title for f in found] == [
        "SGLang 0.5.16, each on its own hardware", "SGLang 0.5.16 on mi355x",
        "SGLang 0.5.16 on b200",
    ]  # fmt: skip
    assert found[0].made[:2] == found[1].made[:2]
    assert found[0].made[2:] == found[2].made[2:]
    assert found[1].made[3] != found[2].made[3]


def test_targets_that_are_not_offered_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "what SGLang makes of the launches isn't shown: no profile names its hardware"
    assert said in unescape(page(matrix(launch("a"), launch("b"))))
    built = planned("--page-size", "64")
    assert said not in unescape(page(built))
    monkeypatch.setattr("dsv4_env.matrix.effective.steps_of", lambda _: None)
    assert "what SGLang 0.5.23 makes of launches isn't known" in unescape(page(built))
    monkeypatch.undo()
    each = [PageTarget(None, p) for p in PLATFORMS.values()]
    assert without_target(built, each) == []
    assert without_target(built, [*each, *each]) == [
        f"{2 * len(each) - MAX_TARGETS} targets of the profiles can't be switched to "
        "(--target chooses)"
    ]


def test_each_may_have_a_release_of_its_own() -> None:
    built = planned("--page-size", "64")
    first, second = built.columns
    mixed = replace(built, columns=(first, replace(second, catalogue=load("0.5.20"))))
    titles = [t.title for t in effects(mixed, project_targets(mixed))]
    assert titles == [
        "each its own SGLang and hardware", "SGLang 0.5.23 on mi355x", "SGLang 0.5.20 on mi355x",
    ]  # fmt: skip
    (on,) = effects(mixed, [PageTarget(None, PLATFORMS["b200"])])
    assert on.title == "each its own SGLang, on b200"


def test_why_nothing_is_known_of_a_column() -> None:
    built = planned("--page-size", "64", left=Profile("mine", "", (), launch("mine")))
    assert project_targets(built) == []
    (found,) = effects(built, [PageTarget()])
    assert found.silent == {"mine names no hardware: choose one with --target": [0, 1]}
    environment = LaunchConfig("e", "dotenv", launch("e", SGLANG_USE_AITER="1").env, None)
    left = load_profile("pro-fp4")
    held = [Held(left, environment, (), ())]
    compared = compare_launches(with_model(left), environment, catalogue=CATALOGUE)
    built = build_matrix(Report((compared,)), held, CATALOGUE, layer_files())
    (found,) = effects(built, project_targets(built))
    assert list(found.silent.values()) == [[1]]
    assert "an environment alone" in page(built)


def test_what_isnt_known_is_not_said_to_become_something_else() -> None:
    left = load_profile("pro-fp4")
    right = launch("r", SGLANG_USE_AITER=Unknown("$N", "not set"))
    compared = compare_launches(with_model(left), right, catalogue=CATALOGUE)
    built = build_matrix(Report((compared,)), [Held(left, right, (), ())], CATALOGUE, {})
    (found,) = effects(built, project_targets(built))
    said = plan(right, CATALOGUE, PLATFORMS["mi355x"])
    assert [s.effect for s in said.settings if s.name == "SGLANG_USE_AITER"] == ["unknown"]
    assert "SGLANG_USE_AITER" not in by_name(found, 1)


def titled(name: str, symbol: str | None = None) -> LaunchConfig:
    return replace(launch(name, ["--tp", "8"]), symbol=symbol)


def parts(text: str, kind: str) -> list[str]:
    """What of this kind stands above the columns."""
    found = re.findall(rf'<span class="{kind}">(.*?)</span>', text)
    return [part.replace("<wbr>", "") for part in found]


def test_a_file_may_be_called_with_colons() -> None:
    """Only the part that launches is parted from the file, whatever the file is called."""
    whole = "t::x.py::TestV4.setUpClass"
    configs = [titled("a::b/c::d.sh"), titled(whole, "TestV4.setUpClass"), titled("plain.sh")]
    text = page(matrix(launch("p", ["--tp", "8"]), *configs))
    assert parts(text, "file") == ["profile", "c::d.sh", "t::x.py", "plain.sh"]
    assert parts(text, "where") == ["a::b", "script", "TestV4", "script"]


def test_heads_say_what_tells_columns_apart() -> None:
    names = [f"test/amd/test_deepseek_v4_{n}.py" for n in ("pro_fp4", "pro_fp8", "flash_fp4")]
    text = page(matrix(launch("p", ["--tp", "8"]), *map(titled, names)))
    assert parts(text, "file")[1:] == ["…pro_fp4.py", "…pro_fp8.py", "…flash_fp4.py"]
    assert parts(text, "where") == ["script"] * 3  # all are in one folder
    assert f'title="{names[0]}"' in text
    assert common_start(["a_1.sh", "a_2.sh"]) == ""  # two share too little
    assert common_start(["a_b_1", "a_b_2", "a_b_3", "x_1"]) == ""


@pytest.mark.parametrize(("launches", "is_open"), [(4, True), (5, False)])
def test_what_was_looked_at_is_folded_where_it_is_long(launches: int, is_open: bool) -> None:
    text = page(matrix(launch("p", A="1"), *(launch(f"r{n}", A="1") for n in range(launches))))
    assert ('<details class="looked" open>' in text) is is_open


def lead(text: str) -> str:
    match = re.search(r'<p class="lead">(.*?) <span class="dim">', text)
    assert match is not None
    return unescape(re.sub("<.*?>", "", match[1]))


def test_the_lead_is_true_of_what_was_compared() -> None:
    left = launch("p", SGLANG_USE_AITER="1", SGLANG_DEFAULT_THINKING="1")
    same = launch("s", SGLANG_USE_AITER="1", SGLANG_DEFAULT_THINKING="1")
    other = launch("o", SGLANG_USE_AITER="0", SGLANG_DEFAULT_THINKING="1")
    spelled = launch("t", SGLANG_USE_AITER="true", SGLANG_DEFAULT_THINKING="1")
    nothing = LaunchConfig("n", "config", (), (), arguments_alone=True)
    one_waived = matrix(left, other, waiver=Waiver("*", "known"))
    assert lead(page(matrix(left, other))) == "1 of 1 launch differs from profile p."
    assert lead(page(matrix(left, other, same))) == "1 of 2 launches differs from profile p."
    assert lead(page(matrix(left, same))) == "The launch is as profile p says."
    assert lead(page(matrix(left, same, spelled))) == "All 2 launches are as profile p says."
    assert lead(page(one_waived)) == "The launch is as profile p says, but for 1 waived."
    built = matrix(left, same)
    (compared,) = built.report.comparisons
    unknown = replace(
        built, report=replace(built.report, comparisons=(replace(compared, unknown=1),))
    )
    assert lead(page(unknown)) == "The launch is as profile p says, as far as it is known."
    assert lead(page(matrix(left, nothing))) == "Nothing of what was looked at could be compared."
    assert lead(page(matrix(left, same, nothing))) == (
        "1 of 2 launches is as profile p says; of the others nothing could be compared."
    )
    assert lead(page(matrix(left))) == "No launch was held to a profile."


def test_the_foot_tells_the_day_the_commits_and_the_version() -> None:
    commits = ["sglang at 0123456789 (2026-08-18)", "<b> with changes in 1 file"]
    text = page(matrix(launch("p"), launch("r")), made="2026-11-29", commits=commits)
    foot = unescape(re.sub("<.*?>", "", text[text.index("<footer") : text.index("</footer>")]))
    assert __version__ in foot
    for said in ("made on 2026-11-29", commits[0]):
        assert said in foot
    assert "&lt;b&gt; with changes" in text


def test_a_finding_stands_once_in_the_page() -> None:
    left, right = launch("p", SGLANG_USE_AITER="1"), launch("r", SGLANG_USE_AITER="0")
    text = page(matrix(left, right))
    (row,) = details(text)["rows"]
    (number,) = row["cells"][1]["f"]
    assert f'id="f{number}"' in text
    assert text.count("DSV003 changed") == 1


def test_a_finding_says_what_to_do_and_then_what_sglang_makes_of_it() -> None:
    built = planned("--tp", "4")
    (compared,) = built.report.comparisons
    first, *others = compared.findings
    said = replace(first, effect=("no effect: <SGLang> overwrites it",))
    report = replace(built.report, comparisons=(replace(compared, findings=(said, *others)),))
    text = page(replace(built, report=report))
    assert '<p class="effect">no effect: &lt;SGLang&gt; overwrites it</p>' in text
    assert said.sentence in unescape(text)
    assert said.text not in unescape(text)


def test_long_values_are_cut() -> None:
    long = "x" * 100_000
    assert len(page(matrix(launch("p", A=long), launch("r", A=long)))) < 120_000
