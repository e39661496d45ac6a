"""Histories of repositories that the tests build: what moved, who followed, what flipped."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.catalogue import load
from dsv4_env.history import SCRIPT, TEST, Follow, History, HistorySide, history
from dsv4_env.model.errors import Dsv4Error
from tests.conftest import amd_tests, run_dsv4
from tests.repositories import SCRIPT_BRANCH, Step, build, upstream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result


START = datetime(2026, 5, 1, tzinfo=UTC)
TESTS = "**/test_deepseek_v4*.py"
SIDES = [HistorySide(SCRIPT, ("**/run*.sh",)), HistorySide(TEST, ("test/*.py",))]


def script(**env: str) -> str:
    return "".join(f"export {n}={v}\n" for n, v in env.items()) + "sglang serve --tp 8\n"


def v4_test(**env: str) -> str:
    return f"popen_launch_server('m', 'u', timeout=1, other_args=['--tp', '8'], env={env!r})\n"


def day(number: float, **files: str | bytes | None) -> Step:
    paths = {"run": "run.sh", "test": "test/test_v4.py", "other": "test/test_other.py"}
    return Step("main", START + timedelta(days=number), {paths[k]: v for k, v in files.items()})


def told(folder: Path, *steps: Step, since: datetime | None = None) -> History:
    return history(build(folder / "r", steps), SIDES, load("0.5.16"), since=since)


def follows(found: History, name: str) -> list[tuple[str | None, float | None, bool]]:
    (setting,) = (s for s in found.settings if s.name == name)
    return [(f.value, f.days, f.late) for f in setting.follows]


def test_a_test_follows(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        day(0, run=script(A="1"), test=v4_test(A="1")),
        day(2, run=script(A="2")),
        day(5, test=v4_test(A="2")),
    )
    assert follows(found, "A") == [("2", 3, False)]
    assert (found.commits, found.versions, found.problems) == (3, 4, ())


def test_a_test_leads(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        day(0, run=script(A="1"), test=v4_test(A="1")),
        day(2, test=v4_test(A="2")),
        day(5, run=script(A="2")),
    )
    assert follows(found, "A") == [("2", -3, False)]


def test_never_late_and_removed(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        day(0, run=script(A="1", B="1", C="1"), test=v4_test(A="1", B="1", C="1")),
        day(1, run=script(A="2", B="2")),
        day(2, run=script(A="2", B="3")),
        day(4, test=v4_test(A="1", B="2", C="1")),
        day(5, test=v4_test(A="1", B="2")),
    )
    assert follows(found, "A") == [("2", None, False)]
    assert follows(found, "B") == [("2", 3, True), ("3", None, False)]
    assert follows(found, "C") == [(None, 4, False)]


def test_back_and_forth(tmp_path: Path) -> None:
    steps = [day(n, run=script(A=v, B=str(n))) for n, v in enumerate(("1", "2", "1", "3"))]
    found = told(tmp_path, *steps)
    assert {s.name: s.flips for s in found.settings} == {"A": ("run.sh",), "B": ()}


def test_a_late_match_belongs_to_the_value_that_came_back(tmp_path: Path) -> None:
    values = [(0, "1"), (1, "2"), (2, "1"), (3, "2")]
    found = told(
        tmp_path,
        day(-1, test=v4_test(A="1")),
        *(day(n, run=script(A=v)) for n, v in values),
        day(4, test=v4_test(A="2")),
    )
    assert follows(found, "A") == [("2", 1, False)]


def test_what_sglang_reads_the_same_is_no_move(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        day(0, run=script(SGLANG_USE_ROCM700A="1", SGLANG_OPT_USE_TOPK_V2="0")),
        day(1, run=script(SGLANG_USE_ROCM700A="2", SGLANG_OPT_USE_TOPK_V2="false")),
    )
    assert [s.name for s in found.settings] == ["SGLANG_USE_ROCM700A"]


def test_since(tmp_path: Path) -> None:
    steps = [day(n, run=script(A=str(n // 2), B=str(n))) for n in range(6)]
    found = told(tmp_path, *steps, since=START + timedelta(days=4))
    assert {s.name: s.moves for s in found.settings} == {"A": 1, "B": 2}
    assert found.versions == 3  # two since then, and the state before


def test_unreadable_versions_cost_a_problem_each(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        day(0, run=script(A="1")),
        day(1, run=b"\0\1"),
        day(2, run="if true; then\n"),
        day(3, run=b"#" * 6_000_000),
        day(4, run=None),
        day(5, run=script(A="2")),
    )
    assert [p.partition("(blob")[0].strip() for p in found.problems] == [
        "run.sh:1:1: a NUL byte; expected a launch script, not a binary file",
        "run.sh:1:14: syntax error: 'fi' is missing; expected a script that bash can parse",
        "run.sh: more than 5,000,000 bytes",
    ]
    (track,) = found.tracks
    assert [p.value for p in track.settings["A"]] == ["1", None, "2"]


def test_secrets_stay_secret(tmp_path: Path) -> None:
    found = told(tmp_path, day(0, run=script(HF_TOKEN="abc")), day(1, run=script()))
    (track,) = found.tracks
    assert [p.value for p in track.settings["HF_TOKEN"]] == ["********", None]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("upstream") / "r", upstream())


@pytest.fixture(scope="module")
def whole(repository: Path) -> History:
    sides = [
        HistorySide(SCRIPT, ("python/run_dsv4.sh",), SCRIPT_BRANCH),
        HistorySide(TEST, (TESTS,), "main"),
    ]
    return history(repository, sides, load("0.5.16"))


def test_upstream(whole: History) -> None:
    assert (len(run_dsv4()), len(amd_tests())) == (22, 30)
    assert (whole.versions, whole.problems) == (52, ())
    assert len(whole.tracks) == 5
    script_track = whole.tracks[0]
    assert script_track.path == "python/run_dsv4.sh"
    backend = [p.value for p in script_track.settings["SGLANG_HACK_FLASHMLA_BACKEND"]]
    assert backend == ["torch", "tilelang", "triton"]


def test_upstream_tests_lag(whole: History) -> None:
    (setting,) = (s for s in whole.settings if s.name == "SGLANG_HACK_FLASHMLA_BACKEND")
    found = {Path(f.test).stem[-9:]: round(f.days or 0, 1) for f in setting.follows}
    assert found == {"4_pro_fp4": 0.5, "4_pro_fp8": 0.5, "flash_fp4": 1.5, "flash_fp8": 1.5}
    assert all(isinstance(f, Follow) and f.value == "triton" for f in setting.follows)


def test_upstream_died(whole: History) -> None:
    died = {s.name: s.gone for s in whole.settings}
    assert died["SGLANG_OPT_USE_FUSED_COMPRESS"] == "0.5.18"
    assert died["SGLANG_ENABLE_THINKING"] == "0.5.21"
    assert died["SGLANG_USE_AITER"] is None


def test_branches_have_to_be_there(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(Dsv4Error, match="git knows no 'nope'; expected a branch, tag or commit"):
        history(repository, [HistorySide(SCRIPT, ("*",), "nope")], load("0.5.16"))
    with pytest.raises(Dsv4Error, match="'--all' is no revision"):
        history(repository, [HistorySide(SCRIPT, ("*",), "--all")], load("0.5.16"))
    with pytest.raises(Dsv4Error, match="not a git repository"):
        history(tmp_path, SIDES, load("0.5.16"))


def test_command(repository: Path, run: Callable[..., Result]) -> None:
    words = ["history", str(repository), "--script-ref", SCRIPT_BRANCH, "--tests-ref", "main"]
    text = run(*words)
    assert text.code == 0
    assert text.err == ""
    assert text.out.startswith("52 versions of 5 files in 31 commits, 2026-04-26 to 2026-06-22: ")
    data = json.loads(run(*words, "-f", "json").out)
    assert data["summary"]["moved"] == len(data["settings"]) > 30
    assert data["version"] == 1
    detail = run(*words, "--setting", "*HACK*").out
    assert 'took over "triton" 1.5 days after the script' in detail
    table = run(*words, "-f", "markdown", "--since", "2026-06-01").out
    assert "| <code>SGLANG_HACK_FLASHMLA_BACKEND</code> | 4 |" in table


def test_command_with_paths(repository: Path, run: Callable[..., Result]) -> None:
    glob = f"{SCRIPT_BRANCH}:python/*.sh"
    assert run("history", str(repository), "-p", glob).out.startswith("22 versions of 1 file in 22")
    wrong = run("history", str(repository), "-p", "main:nope.sh")
    assert (wrong.code, wrong.out) == (2, "")
    assert "no file is called nope.sh; expected --paths [REF:]GLOB" in wrong.err
    assert "expected a day, such as 2026-05-01" in run("history", "--since", "x").err


def test_the_work_tree_is_left_alone(repository: Path, whole: History) -> None:
    assert whole.versions
    assert [p.name for p in repository.iterdir()] == [".git"]
    status = subprocess.run(
        ["git", "-C", str(repository), "worktree", "list"], capture_output=True, check=True
    )
    assert status.stdout.count(b"\n") == 1


def at(number: float, **paths: str | None) -> Step:
    """A step that names files of ``test/`` without their ending."""
    files = {f"test/test_{name}.py": text for name, text in paths.items()}
    return Step("main", START + timedelta(days=number), {**files})


def points(found: History, name: str) -> dict[str, list[tuple[str | None, str, bool]]]:
    return {
        t.name: [(p.value, p.gone, p.back) for p in t.settings.get(name, [])] for t in found.tracks
    }


def test_a_file_that_is_deleted_sets_nothing_and_has_not_moved(tmp_path: Path) -> None:
    steps = [
        at(0, a=v4_test(A="1", B="1")),
        at(1, a=None),
        at(3, a=v4_test(A="1", B="2")),
    ]
    found = told(tmp_path, *steps)
    gone = (None, "the file was deleted", False)
    assert points(found, "A") == {"test/test_a.py": [("1", "", False), gone, ("1", "", True)]}
    assert points(found, "B") == {"test/test_a.py": [("1", "", False), gone, ("2", "", False)]}
    assert {s.name: (s.moves, s.flips) for s in found.settings} == {"B": (1, ())}


def test_a_file_that_is_moved_is_followed(tmp_path: Path) -> None:
    more = "# a line that both have\n" * 20
    steps = [
        at(0, a=more + v4_test(A="1", B="1")),
        at(1, a=None, b=more + v4_test(A="1", B="2")),
        at(2, b=more + v4_test(A="3", B="2")),
    ]
    found = told(tmp_path, *steps)
    assert points(found, "A") == {"test/test_b.py": [("1", "", False), ("3", "", False)]}
    assert points(found, "B") == {"test/test_b.py": [("1", "", False), ("2", "", False)]}
    assert {s.name: s.moves for s in found.settings} == {"A": 1, "B": 1}
    later = told(tmp_path / "later", *steps, since=START + timedelta(days=1.5))
    assert {s.name: s.moves for s in later.settings} == {"A": 1}
    assert [t.name for t in later.tracks] == ["test/test_b.py"]


def test_a_launch_with_another_name_is_the_same_one(tmp_path: Path) -> None:
    def named(*names: str, value: str = "1") -> str:
        return "".join(
            f"class Test{n}(CustomTestCase):\n    def setUp(self):\n        {v4_test(A=value)}"
            for n in names
        )

    found = told(
        tmp_path,
        at(0, a=named("One", "Two")),
        at(1, a=named("One", "Three", value="2")),
        at(2, a=named("One", value="2")),
    )
    moved = [("1", "", False), ("2", "", False)]
    assert points(found, "A") == {
        "test/test_a.py::TestOne.setUp": moved,
        "test/test_a.py::TestThree.setUp": [*moved, (None, "the launch was taken out", False)],
    }
    assert [s.moves for s in found.settings] == [2]


def test_who_is_gone_follows_nobody(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        day(0, run=script(A="1"), test=v4_test(A="1"), other=v4_test(A="1")),
        day(1, test=None),
        day(2, run=script(A="2")),
    )
    (moved,) = found.settings
    assert [(f.test, f.days) for f in moved.follows] == [("test/test_other.py", None)]


def test_a_setting_that_never_moved_is_told_so(run: Callable[..., Result], tmp_path: Path) -> None:
    build(tmp_path / "r", [day(0, run=script(A="1")), day(1, run=script(A="1", B="2"))])
    words = ["history", str(tmp_path / "r"), "-p", "run.sh", "-s", "A", "-s", "NO*", "-s", "tp"]
    result = run(*words)
    assert "\nA: it never moved (set in 1 launch)\n" in result.out
    assert "\nNO*: nothing has this name\n" in result.out
    assert "\ntp: it never moved (set in 1 launch)\n" in result.out


def test_a_deletion_is_told_as_one(run: Callable[..., Result], tmp_path: Path) -> None:
    steps = [at(0, a=v4_test(A="1")), at(1, a=v4_test(A="2")), at(2, a=None)]
    repository = str(build(tmp_path / "r", steps))
    words = ["history", repository, "-p", "test/test_*.py"]
    text = run(*words, "-s", "A").out
    assert text.splitlines()[-2].endswith("  the file was deleted")
    assert "not set" not in text
    assert "A: 1 move\n" in text
    data = json.loads(run(*words, "-f", "json").out)
    (line,) = data["settings"][0]["timelines"]
    assert [p["gone"] for p in line["points"]] == [None, None, "the file was deleted"]
    assert "the file was deleted" in run(*words, "-f", "html").out
