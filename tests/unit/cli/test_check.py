"""``check`` on a project: which pairs, what is written where, what it exits with."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile, readers, reporters
from dsv4_env.cli.options import FORMATS
from dsv4_env.exporters import EXPORTERS
from dsv4_env.profile import reference_script
from tests.ports import free_port
from tests.reports import check_review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result

    Run = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("may")  # of which the script that most tests write is

STAND_IN = Path(__file__).parent.parent / "stand_in_server.py"
SCRIPT = reference_script().read_text()
SETTINGS = """
[tool.dsv4_env]
profiles = "launch"
sglang = "0.5.13"

[[tool.dsv4_env.pairs]]
profile = "pro-fp4"
files = "scripts/pro.sh"

[[tool.dsv4_env.pairs]]
profile = "mine"
files = ["tests/test_*.py"]

[[tool.dsv4_env.pairs]]
profile = "pro-fp4"
files = "k8s/*.yml"
ignore = ["*"]
"""
TEST = """
from base import ENV

class TestMine:
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(
            "m", "u", 60, other_args=["--tp", "8"], env={**ENV, "SGLANG_USE_AITER": "1"}
        )
"""
POD = """
apiVersion: v1
kind: Pod
spec:
  containers:
    - name: server
      command: [python3, -m, sglang.launch_server, --tp, "8"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    for name, text in {
        "pyproject.toml": SETTINGS,
        "launch/mine.toml": '[env]\nSGLANG_USE_AITER = "1"\n[args]\n--tp = "8"\n',
        "scripts/pro.sh": SCRIPT,
        "tests/test_mine.py": TEST,
        "tests/base.py": 'ENV = {"HIP_VISIBLE_DEVICES": "0"}\n',
        "k8s/pod.yml": POD,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.chdir(folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def last(result: Result) -> str:
    return result.out.splitlines()[-1]


def told(result: Result) -> list[str]:
    """The findings of the concise format: place, severity and rule."""
    return [" ".join(line.split(" ")[:3]) for line in result.out.splitlines() if " DSV0" in line]


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(project: Path) -> Path:
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "one")
    return project


# Which pairs


def test_all_pairs(run: Run, project: Path) -> None:
    result = run("check", "-f", "concise")
    assert (result.code, result.err) == (1, "")
    assert told(result) == ["tests/base.py:1:8: warning: DSV002"]
    assert last(result) == (
        "3 files, 3 launches: drift (35 settings compared, 0 unknown; 1 warning)"
    )


def test_from_a_folder_below(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "tests")
    result = run("check", "-f", "concise")
    assert told(result) == ["base.py:1:8: warning: DSV002"]


def test_a_pair_is_for_the_target_that_the_settings_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    profile = load_profile("pro-fp4", on="b200", strategy="balanced")
    env = "".join(f"export {name}={value!r}\n" for name, value in profile.env.items())
    words = " ".join(f"'{word}'" for word in profile.server_args)
    (tmp_path / "a.sh").write_text(f"{env}sglang serve {words}\n")
    pair = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = ["a.sh"]\n'
    (tmp_path / "pyproject.toml").write_text(pair)
    assert run("check").code == 1
    table = '[tool.dsv4_env]\non = "b200"\nstrategy = "balanced"\n'
    (tmp_path / "pyproject.toml").write_text(table + pair)
    assert run("check").code == 0


def test_pairs_of_one_profile(run: Run, project: Path) -> None:
    result = run("check", "mine")
    assert result.code == 1
    assert last(result).startswith("mine against tests/test_mine.py: drift (3 settings compared")
    assert run("check", "pro-fp4").code == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["min"], "no pair of [tool.dsv4_env] has the profile 'min'; expected one of mine, pro-"),
        (["flash-fp4"], "has the profile 'flash-fp4'; expected one of mine, pro-fp4, or --against"),
        (["nope", "--against", "scripts/pro.sh"], "unknown profile 'nope'"),
        (["--changed-since", "HEAD", "--against", "x"], "--changed-since with --against"),
        (["--changed-since", "HEAD"], "expected a git repository"),
        (["--write-baseline"], "--write-baseline; expected --baseline FILE with it"),
        (
            ["mine", "--baseline", "b.json", "--write-baseline"],
            "--write-baseline of a part of the pairs would forget the others",
        ),
        (
            ["--baseline", "b.json"],
            "b.json: can't be read: no such file or directory",
        ),
        (["-o", "x"], "--output x: its name doesn't tell the format; expected FORMAT=x, or a name"),
        (["-o", "jsn=x"], "no format is called jsn; expected one of text,"),
        (["-o", "no/x.json"], "--output no/x.json: there is no such folder"),
        (["-o", "text=launch"], "--output text=launch: is a folder"),
        (["-o", "json=-"], "--output json=-; expected a file, or --format json"),
        (["-o", "x.md", "-o", "text=./x.md"], "--output text=./x.md: the file is named twice"),
        (["--fail-on", "fatal"], "'fatal' is not one of 'error', 'warning', 'note', 'never'"),
    ],
)
def test_wrong_usage(run: Run, project: Path, argv: list[str], message: str) -> None:
    before = sorted(project.rglob("*"))
    result = run("check", *argv)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert sorted(project.rglob("*")) == before


def test_a_pair_of_an_unknown_profile_has_its_place(run: Run, project: Path) -> None:
    edit(project / "pyproject.toml", '"mine"', '"mien"')
    result = run("check")
    assert (result.code, result.out) == (2, "")
    assert "pyproject.toml:10:3: unknown profile 'mien'; expected one of" in result.err
    assert "Did you mean mine?" in result.err


@pytest.mark.parametrize("words", [(), ("pro-fp4",), ("--fail-on", "never"), ("--exit-zero",)])
@pytest.mark.parametrize(
    "settings",
    [None, '[project]\nname = "dsv4-env"\n', '[tool.dsv4_env]\nsglang = "0.5.13"\npairs = []\n'],
    ids=["no project", "a project", "settings"],
)
def test_a_check_of_nothing_does_not_pass(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: str | None,
    words: tuple[str, ...],
) -> None:
    """Whatever lies in the folder: a gate that looks at nothing would be green for ever."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text(SCRIPT)
    where = ""
    if settings is not None:
        (tmp_path / "pyproject.toml").write_text(settings)
        where = f"{tmp_path}/pyproject.toml: " if "[tool." in settings else ""
    for format_ in ("text", "github"):
        result = run("check", *words, "-f", format_)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"dsv4-env: error: {where}there is nothing to check: no pairs")
    assert run("check", *words, "--against", "run.sh", "--sglang", "0.5.13").code == 0


def test_pairs_without_any_file_do_not_pass(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pair = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "scripts/*.sh"\n'
    (tmp_path / "pyproject.toml").write_text(pair)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "1")
    for words in ((), ("--changed-since", "HEAD")):
        result = run("check", "-f", "concise", *words)
        assert result.code == 1
        assert "error: DSV011 no file is called scripts/*.sh (held to pro-fp4)" in result.out


def test_a_checkout_of_dsv4_env_needs_no_pairs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own script is held, as it stands there; what lies in it but is another project isn't."""
    shutil.copytree(reference_script().parent, tmp_path / "profiles")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "dsv4-env"\n')
    (tmp_path / "docs").mkdir()
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs")
    result = run("check", "-f", "concise")
    assert result.code == 0
    note, read_as, summary = result.out.splitlines()
    assert read_as == "note: read as SGLang 0.5.13 reads it"
    assert note.endswith("only the script of this checkout of dsv4-env was checked")
    assert summary.startswith("1 file, 1 launch: no drift")
    assert run("check", "--no-default").code == 2
    edit(tmp_path / "profiles" / "run_dsv4.sh", "--tp 8", "--tp 4")
    assert run("check").code == 1
    monkeypatch.chdir(tmp_path / "mine")
    assert run("check").code == 2


def test_a_key_that_is_called_like_the_tool_is_none_of_its_settings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin's entry point, a dependency: pairs belong to the project in the folder."""
    entry = '[project.entry-points.pytest11]\ndsv4_env = "dsv4_env.pytest.plugin"\n'
    (tmp_path / "pyproject.toml").write_text(entry)
    (tmp_path / "mine" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "mine")
    assert run("check").err.startswith("dsv4-env: error: there is nothing to check")
    (tmp_path / "mine" / "run.sh").write_text(SCRIPT)
    assert run("discover", "--sglang", "0.5.13", "--write").code == 0
    assert (tmp_path / "pyproject.toml").read_text() == entry
    assert run("check").code == 0
    (tmp_path / "pyproject.toml").write_text(entry + '[tool]\ndsv4_env.sglang = "0.5.13"\n')
    (tmp_path / "mine" / "pyproject.toml").unlink()
    assert run("check").err.startswith(f"dsv4-env: error: {tmp_path}/pyproject.toml: there is")
    (tmp_path / "pyproject.toml").write_text(entry + "[tool\n")
    assert "pyproject.toml:3:6: " in run("check").err


def test_a_pattern_in_quotes_stands_for_its_files(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without quotes a shell makes one option and further words of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scripts").mkdir()
    for name in ("a.sh", "b[1].sh", "scripts/c.sh", "a.txt"):
        (tmp_path / name).write_text(SCRIPT)
    edit(tmp_path / "scripts" / "c.sh", "--tp 8", "--tp 4")
    words = ("check", "--sglang", "0.5.13", "-f", "concise", "--against")
    assert run(*words, "*.sh").out.endswith(
        "2 files, 2 launches: no drift (64 settings compared, 0 unknown)\n"
    )
    found = run(*words, f"{tmp_path}/[a]*.sh", "--against", "b[1].sh", "--against", "**/c.sh")
    assert found.code == 1
    assert found.out.startswith("scripts/c.sh:41:5: error: DSV003 --tp is ")
    assert last(found).startswith("3 files, 3 launches: drift (")
    page = tmp_path / "page.html"
    assert run("report", "--sglang", "0.5.13", "--against", "*.sh", "--html", str(page)).code == 0
    assert "b[1].sh" in page.read_text()


@pytest.mark.parametrize("variable", [False, True])
def test_a_missing_script_of_the_settings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "[tool.dsv4_env]\n" + ("" if variable else 'against = "old/run.sh"\n')
    (tmp_path / "pyproject.toml").write_text(text)
    if variable:
        monkeypatch.setenv("DSV4_ENV_AGAINST", "old/run.sh")
    result = run("check")
    assert result.code == 2
    named = "DSV4_ENV_AGAINST" if variable else f"against in {tmp_path}/pyproject.toml"
    assert "old/run.sh: can't be read: no such file or directory" in result.err
    assert f"(named by {named})" in result.err


# What changed


def test_nothing_changed_is_no_silent_success(run: Run, repository: Path) -> None:
    (repository / "notes.txt").touch()
    for format_ in reporters.REPORTERS:
        result = run("check", "--changed-since", "HEAD", "-f", format_)
        assert result.code == 0
        said = result.err if reporters.REPORTERS[format_].bare else result.out
        assert "nothing changed that any of 3 pairs depends on" in re.sub(
            "&[^;]*;|<!-- -->", "", said
        )
        assert "no drift" not in result.out
    assert last(run("check", "--changed-since", "HEAD")) == (
        "0 files, 0 launches: nothing compared (0 settings compared, 0 unknown)"
    )


@pytest.mark.parametrize(
    ("name", "checked"),
    [
        ("scripts/pro.sh", ["pro-fp4 against scripts/pro.sh"]),
        ("tests/test_mine.py", ["mine against tests/test_mine.py"]),
        ("tests/base.py", ["mine against tests/test_mine.py"]),
        ("launch/mine.toml", ["mine against tests/test_mine.py"]),
        ("k8s/pod.yml", ["pro-fp4 against k8s/pod.yml Pod/? container server"]),
        ("launch/pro-fp4x.toml", []),
    ],
)
def test_only_what_was_touched(run: Run, repository: Path, name: str, checked: list[str]) -> None:
    with (repository / name).open("a") as file:
        file.write("\n")
    result = run("check", "--changed-since", "HEAD", "-f", "json")
    report = json.loads(result.out)
    assert [f"{c['left']} against {c['right']}" for c in report["comparisons"]] == checked
    assert report["problems"] == []
    counted = f"only what changed was checked: that is {len(checked)} of 3 pairs"
    assert (counted in report["notes"]) == bool(checked)


def test_the_settings_touch_every_pair(run: Run, repository: Path) -> None:
    edit(repository / "pyproject.toml", "0.5.13", "0.5.14")
    result = run("check", "--changed-since", "HEAD", "-f", "concise")
    assert "that is 3 of 3 pairs" in result.out
    assert last(result).startswith("3 files, 3 launches")


@pytest.mark.parametrize("how", ["emptied", "deleted", "imported no more"])
def test_a_file_that_sets_nothing_any_more_has_mattered(
    run: Run, repository: Path, how: str
) -> None:
    script, setting = (
        repository / "scripts" / "pro.sh",
        "export SGLANG_HACK_FLASHMLA_BACKEND=triton",
    )
    (repository / "scripts" / "common.sh").write_text(f"{setting}\n")
    edit(script, setting, ". scripts/common.sh")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "two")
    assert run("check", "pro-fp4").code == 0
    if how == "emptied":
        (repository / "scripts" / "common.sh").write_text("")
    elif how == "deleted":
        (repository / "scripts" / "common.sh").unlink()
    else:
        (repository / "tests" / "base.py").unlink()
    result = run("check", "--changed-since", "HEAD", "-f", "concise")
    assert "that is 1 of 3 pairs" in result.out
    if how == "imported no more":
        assert "tests/test_mine.py" in run("check", "--changed-since", "HEAD").out
    elif how == "deleted":  # what it set isn't known
        assert "scripts/pro.sh:22:1: note: DSV016" in result.out
        assert run("check", "--changed-since", "HEAD", "--strict").code == 1
    else:
        assert result.code == 1
        assert "SGLANG_HACK_FLASHMLA_BACKEND" in result.out


def test_a_review_suggests_what_settles_changed_lines(run: Run, repository: Path) -> None:
    script = repository / "scripts" / "pro.sh"
    edit(script, "--tp 8", "--tp 4")
    edit(script, "export SGLANG_DEFAULT_THINKING=1", "export SGLANG_DEFAULT_THINKING=0")
    git(repository, "commit", "-q", "-a", "-m", "two")
    words = ("check", "pro-fp4", "-f", "review")
    result = run(*words, "--changed-since", "HEAD~1")
    comments = check_review(result.out)
    assert (result.code, len(comments)) == (1, 2)
    suggested = script.read_text().split("\n")
    for comment in reversed(comments):
        assert comment["path"] == "scripts/pro.sh"
        (new,) = re.findall("(?s)```suggestion\n(.*)\n```", comment["body"])
        suggested[comment.get("start_line", comment["line"]) - 1 : comment["line"]] = [new]
    script.write_text("\n".join(suggested))
    assert run("check", "pro-fp4").code == 0
    git(repository, "commit", "-q", "-a", "-m", "three")
    edit(script, "export AITER_BF16_FP8_MOE_BOUND=0", "export AITER_BF16_FP8_MOE_BOUND=1")
    git(repository, "commit", "-q", "-a", "-m", "four")
    edit(script, "--tp 8", "--tp 4")
    git(repository, "commit", "-q", "-a", "-m", "five")
    (comment,) = check_review(run(*words, "--changed-since", "HEAD~1").out)  # not what was there
    assert "--tp" in comment["body"]
    assert "1 finding has an edit on other lines" in run(*words, "--changed-since", "HEAD~1").err


def test_a_review_needs_to_know_what_changed(run: Run, project: Path) -> None:
    for words in (("-f", "review"), ("-o", "review=r.json")):
        result = run("check", *words)
        assert (result.code, result.out) == (2, "")
        assert "--format review; expected --changed-since REV with it" in result.err
    assert not (project / "r.json").exists()


def test_a_link_to_a_changed_file(run: Run, repository: Path) -> None:
    script = repository / "scripts" / "pro.sh"
    script.rename(repository / "real.sh")
    script.symlink_to("../real.sh")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "two")
    edit(repository / "real.sh", "--tp 8", "--tp 4")
    result = run("check", "--changed-since", "HEAD", "-f", "concise")
    assert (result.code, told(result)) == (1, ["scripts/pro.sh:41:5: error: DSV003"])


def test_a_broken_file_that_nobody_touched_stays_out(run: Run, repository: Path) -> None:
    (repository / "k8s" / "bad.yml").write_text("apiVersion: v1\nkind: [sglang\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "two")
    assert run("check").code == 2
    edit(repository / "scripts" / "pro.sh", "--tp 8", "--tp 4")
    result = run("check", "--changed-since", "HEAD", "-f", "concise")
    assert (result.code, told(result)) == (1, ["scripts/pro.sh:41:5: error: DSV003"])
    (repository / "k8s" / "bad.yml").write_text("apiVersion: v2\nkind: [sglang\n")
    assert run("check", "--changed-since", "HEAD").code == 2


# Known findings, severities, patterns


def test_a_baseline(run: Run, project: Path) -> None:
    baseline = project / "known.json"
    words = ("check", "--baseline", "known.json", "-f", "concise")
    result = run(*words, "--write-baseline")
    assert result.code == 0
    assert result.err == "dsv4-env: note: wrote known.json\n"
    (entry,) = json.loads(baseline.read_text())["findings"]
    assert (entry["file"], entry["subject"]) == ("tests/base.py", "HIP_VISIBLE_DEVICES")
    assert run(*words).code == 0
    assert last(run(*words)).endswith("no drift (35 settings compared, 0 unknown; 1 waived)")
    edit(project / "scripts" / "pro.sh", "--tp 8", "--tp 4")
    result = run(*words)
    assert (result.code, told(result)) == (1, ["scripts/pro.sh:41:5: error: DSV003"])
    edit(project / "tests" / "base.py", "HIP_", "X_")
    assert "known.json: note: DSV015 the baseline has 1 finding that is no more" in run(*words).out
    edit(project / "pyproject.toml", "[tool.dsv4_env]", '[tool.dsv4_env]\nbaseline = "known.json"')
    assert "DSV015" in run("check").out
    assert "DSV015" not in run("check", "pro-fp4").out


@pytest.mark.parametrize(
    ("level", "severity", "code", "word"),
    [
        ("error", "error", 1, "drift"),
        ("error", "warning", 0, "drift allowed"),
        ("error", "note", 0, "no drift"),
        ("warning", "warning", 1, "drift"),
        ("warning", "note", 0, "no drift"),
        ("note", "note", 1, "drift"),
        ("never", "error", 0, "drift allowed"),
    ],
)
def test_fail_on(run: Run, project: Path, level: str, severity: str, code: int, word: str) -> None:
    table = f'[tool.dsv4_env.severity]\n"HIP_*" = "{severity}"\n'
    (project / "pyproject.toml").write_text(SETTINGS + table)
    result = run("check", "-f", "concise", "--fail-on", level)
    assert result.code == code
    assert f"3 launches: {word} (35 settings compared, 0 unknown; 1 {severity})" in result.out
    report = json.loads(run("check", "-f", "json", "--fail-on", level).out)
    assert report["failed"] == bool(code)


def test_exit_zero_is_for_drift_alone(run: Run, project: Path) -> None:
    assert run("check", "--exit-zero").code == 0
    assert ": drift (" in last(run("check", "--exit-zero"))
    (project / "scripts" / "pro.sh").write_text("if true; then\n")
    assert run("check", "--exit-zero").code == 2


def test_patterns_that_change_nothing_are_told(run: Run, project: Path) -> None:
    out = run("check", "--ignore", "SGLANG_USE_ITER", "--compare", "port").out
    assert (
        "note: --ignore SGLANG_USE_ITER: nothing that is compared has this name (did you mean "
        "SGLANG_USE_AITER?)\n" in out
    )
    wrong = run("check", "--compare", "model_path")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err == (
        "dsv4-env: error: --compare model_path: it isn't left out, or nothing has this name; "
        "expected host, port or model-path. Did you mean model-path?\n"
    )
    assert "compare port:" not in out
    assert "nothing that is compared" not in run("check", "--ignore", "tp").out
    edit(project / "pyproject.toml", '["*"]', '["*", "NONE_*"]')
    note = "note: ignore NONE_* (pair of pro-fp4): nothing that is compared has this name"
    assert note in run("check").out
    assert note not in run("check", "mine").out


# What is written


def test_several_reports_in_one_run(run: Run, project: Path) -> None:
    names = {"a.json", "b.SARIF", "c.md", "d.xml", "e.txt", "f", "g=h.json"}
    result = run(
        *("check", "-f", "github", "-o", "a.json", "-o", "b.SARIF", "-o", "c.md", "-o", "d.xml"),
        *("-o", "e.txt", "-o", "concise=f", "-o", "json=g=h.json"),
    )
    assert result.code == 1
    assert result.out.startswith("::warning file=tests/base.py,line=1,col=8,")
    assert {p.name for p in project.iterdir() if p.is_file()} == {*names, "pyproject.toml"}
    for name, format_ in (
        *(("a.json", "json"), ("b.SARIF", "sarif"), ("c.md", "markdown"), ("d.xml", "junit")),
        *(("e.txt", "text"), ("f", "concise"), ("g=h.json", "json")),
    ):
        assert (project / name).read_text() == run("check", "-f", format_).out, name


@pytest.mark.parametrize("format_", FORMATS)
def test_there_is_always_a_summary(run: Run, project: Path, format_: str) -> None:
    result = run("check", "--ignore", "HIP_VISIBLE_DEVICES", "-f", format_)
    out = result.err if reporters.REPORTERS[format_].bare else result.out
    if format_ == "json":
        assert json.loads(out)["summary"]["compared"] == 34
    elif format_ == "changes":
        assert out.count(" compared, 0 unknown") == 3
    else:
        out = re.sub("&[^;]*;|</?code>", "", out)
        assert re.search(r"3 files, 3 launches.*34 settings compared, 0 unknown", out)


def test_shipped_profiles_have_short_paths_everywhere(run: Run, project: Path) -> None:
    edit(project / "scripts" / "pro.sh", "--tp 8", "--tp 4")
    folder = str(reference_script().parent)
    for format_ in FORMATS:
        out = run("check", "-f", format_).out
        assert folder not in out
        if format_ not in ("concise", "grouped"):  # have one side alone
            assert "dsv4_env/profiles/common.toml" in re.sub("&#95;", "_", out), format_
    assert "common (dsv4_env/profiles/common.toml:" in run("show", "pro-fp4", "--origin").out


def test_an_installed_profile_is_no_file_of_the_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the environment lies in the project, and the package is installed in it."""
    package = project / ".venv" / "lib" / "dsv4_env"
    shutil.copytree(STAND_IN.parents[2] / "dsv4_env", package)
    shutil.copytree(reference_script().parent, package / "profiles")
    edit(project / "scripts" / "pro.sh", "--tp 8", "--tp 4")
    words = [sys.executable, "-m", "dsv4_env", "check", "pro-fp4", "-o", "r.sarif", "-f", "text"]
    environ = {**os.environ, "PYTHONPATH": str(package.parent)}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "    pro-fp4: dsv4_env/profiles/common.toml:19:1\n" in done.stdout
    sarif = (project / "r.sarif").read_text()
    assert '"fullyQualifiedName": "dsv4_env/profiles/common.toml:19:1"' in sarif
    assert ".venv" not in sarif + done.stdout


def test_places_of_a_project_below_the_repository(run: Run, project: Path, tmp_path: Path) -> None:
    before = json.loads(run("check", "-f", "json").out)
    git(tmp_path, "init", "-q")
    assert "::warning file=project/tests/base.py," in run("check", "-f", "github").out
    sarif = json.loads(run("check", "-f", "sarif").out)["runs"][0]["results"][0]
    place = sarif["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "project/tests/base.py"
    assert run("check", "-f", "concise").out.startswith("tests/base.py:1:8: ")
    assert json.loads(run("check", "-f", "json").out) == before  # with its fingerprints


def test_interrupted_between_reports(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a.json").write_text("old")
    names = {p.name for p in project.iterdir()}
    calls = []

    def read(data: bytes, path: Path, reading: object) -> object:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(data, path, reading)  # type: ignore[arg-type]

    real = readers.read
    monkeypatch.setattr("dsv4_env.drift.read", read)
    result = run("check", "-o", "a.json", "-o", "b.md", "--baseline", "c", "--write-baseline")
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == "dsv4-env: interrupted"
    assert (project / "a.json").read_text() == "old"
    assert {p.name for p in project.iterdir()} == names


def test_interrupted_while_writing(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "a.json").write_text("old")
    names = {p.name for p in project.iterdir()}

    def replace(path: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", replace)
    assert run("check", "-o", "a.json", "-o", "b.md").code == 130
    assert (project / "a.json").read_text() == "old"
    assert {p.name for p in project.iterdir()} == names


# Files that can't be read, and other sources


def test_an_unreadable_file_does_not_stop_the_others(run: Run, project: Path) -> None:
    edit(project / "scripts" / "pro.sh", "--tp 8", "--tp 4")
    (project / "tests" / "test_bad.py").write_text("def f(:\n")
    (project / "tests" / "test_dir.py").mkdir()
    (project / "tests" / "test_loop.py").symlink_to("test_loop.py")
    (project / "tests" / "test_binary.py").write_bytes(b"\0\xff" * 100)
    os.mkfifo(project / "tests" / "test_pipe.py")
    result = run("check", "-f", "concise")
    assert result.code == 2
    assert "Traceback" not in result.out + result.err
    assert told(result) == [
        "scripts/pro.sh:41:5: error: DSV003",
        "tests/base.py:1:8: warning: DSV002",
        "tests/test_bad.py:1:7: error: DSV010",
        "tests/test_binary.py:1:1: error: DSV010",
        "tests/test_loop.py: error: DSV010",
        "tests/test_pipe.py: error: DSV010",
    ]
    assert last(result).startswith("7 files, 3 launches: drift (35 settings compared, 0 unknown")
    assert run("check", "-f", "text", "--fail-on", "never").code == 2


def test_several_files_on_the_command_line(run: Run, project: Path) -> None:
    (project / "four.sh").write_text(SCRIPT.replace("--tp 8", "--tp 4"))
    (project / "two.sh").write_text("sglang serve --tp 8\nsglang serve --tp 4\n")
    words = ("check", "pro-fp4", "mine", "-f", "concise", "--ignore", "[!-t]*")
    result = run(*words, "--against", "four.sh", "--against", "two.sh#2", "--against", "two.sh#1")
    assert result.code == 1
    assert {line.partition(": ")[0] for line in result.out.splitlines() if " --tp is" in line} == {
        "four.sh:41:5",
        "two.sh:2:14",
    }
    assert last(result).startswith("2 files, 3 launches: drift (")
    result = run(*words, "--against", "four.sh", "--against", "no.sh", "--against", "two.sh")
    assert result.code == 2
    assert [t for t in told(result) if "DSV010" in t] == [
        "no.sh: error: DSV010",
        "two.sh: error: DSV010",
    ]
    several = (
        "two.sh: error: DSV010 2 launches: name one of them (expected one of two.sh#1 (line 1)"
    )
    assert several in result.out
    alone = run(*words, "--against", "no.sh")
    assert (alone.code, alone.out) == (2, "")
    assert "no.sh: can't be read: no such file or directory" in alone.err


def test_a_symbol_of_a_test(run: Run, project: Path) -> None:
    text = TEST + "\nclass TestOther(TestMine):\n    ENV = 1\n"
    text += TEST.replace("TestMine", "TestFour").replace('"8"', '"4"').replace("from", "#")
    (project / "tests" / "several.py").write_text(text)
    path = "tests/several.py"
    result = run("check", "mine", "--against", f"{path}::TestFour.setUpClass", "-f", "concise")
    assert result.code == 1
    assert '--tp is "4"; mine has "8"' in result.out
    assert "1 file, 1 launch" in last(result)
    result = run("check", "mine", "--against", f"{path}::TestFuor.setUpClass")
    assert result.code == 2
    assert "Did you mean TestFour.setUpClass?" in result.err


def test_standard_input(project: Path) -> None:
    words = [sys.executable, "-m", "dsv4_env", "check", "pro-fp4", "--against", "-"]
    environ = {**os.environ, "PYTHONPATH": str(STAND_IN.parents[2])}
    text = SCRIPT.replace("--tp 8", "--tp 4").encode()
    done = subprocess.run(words, input=text, env=environ, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert done.stdout.startswith(
        b'<stdin>:41:5: error: --tp is "4"; pro-fp4 has "8": write that [DSV003]\n'
    )


@pytest.fixture
def server(project: Path) -> Iterator[tuple[int, int]]:
    """A stand-in for a server: its process id and its port."""
    package = project / "sglang"
    package.mkdir()
    (package / "__init__.py").touch()
    program = f"import sys\nsys.argv.insert(1, 'record')\nexec(open({str(STAND_IN)!r}).read())\n"
    (package / "launch_server.py").write_text(program)
    port = free_port()
    profile = load_profile("pro-fp4", sglang="0.5.13")
    command = profile.command(model="m", port=port, python=sys.executable)
    process = subprocess.Popen(command, cwd=project, env=profile.launch_env(os.environ))
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                    break
            except OSError:
                time.sleep(0.05)
        yield process.pid, port
    finally:
        process.kill()
        process.wait()


def test_a_running_server(run: Run, project: Path, server: tuple[int, int]) -> None:
    pid, port = server
    for operand in (f"pid:{pid}", f"port:{port}"):
        result = run("check", "pro-fp4", "--against", operand, "-f", "concise")
        assert (result.code, told(result)) == (0, [])
        assert last(result).endswith("1 launch: no drift (32 settings compared, 0 unknown)")
    result = run("check", "pro-fp8", "--against", f"port:{port}")
    assert result.code == 1
    assert 'SGLANG_DSV4_FP4_EXPERTS is "true"; pro-fp8 has "false"' in result.out
    assert run("check", "--against", "pid:x").code == 2


def test_a_file_in_the_place_of_a_profile_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was meant is ``--against``."""
    monkeypatch.chdir(tmp_path)
    for name in ("run.sh", "my run.sh"):
        (tmp_path / name).write_text("true\n")
    for words, meant in (
        (["run.sh"], "check --against run.sh"),
        (["pro-fp4", "run.sh"], "check pro-fp4 --against run.sh"),
        (["pro-fp4", "run.sh#2"], "check pro-fp4 --against run.sh#2"),
        (["pro-fp4", "my run.sh"], "check pro-fp4 --against 'my run.sh'"),
    ):
        result = run("check", *words)
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            f"dsv4-env: error: {words[-1]} is a file; expected the name of a profile. "
            f"Did you mean `{meant}`?\n"
        )


@pytest.mark.parametrize("name", ["pro-fp4+mtp+deepep", "pro-fp4@mi35x", "pro-fp4+cp@rocm"])
def test_a_profile_with_overlays_and_hardware(run: Run, project: Path, name: str) -> None:
    settings = f'[[tool.dsv4_env.pairs]]\nprofile = "{name}"\nfiles = "scripts/*.sh"\n'
    (project / "pyproject.toml").write_text(settings)
    waiver = '# dsv4-env: allow --nosuch reason="a trial"\n'
    (project / "scripts" / "pro.sh").write_text(waiver + SCRIPT)
    assert "the waiver of --nosuch excuses nothing" in run("check").out
    assert "launch: " in run("check", name, "--against", "scripts/pro.sh", "-f", "concise").out
    assert run("report", "--html", "out.html").code == 0
    assert run("report", name, "--against", "scripts/pro.sh", "--html", "out.html").code == 0


def test_the_shipped_script_is_held_to_its_release_unless_another_is_set(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(reference_script().parent, tmp_path / "profiles")
    project = '[project]\nname = "dsv4-env"\n'
    (tmp_path / "pyproject.toml").write_text(project)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DSV4_ENV_SGLANG")
    assert "note: read as SGLang 0.5.13 reads it" in run("check").out
    (tmp_path / "pyproject.toml").write_text(project + '[tool.dsv4_env]\nsglang = "0.5.14"\n')
    result = run("check")
    assert result.code == 1
    assert "note: read as SGLang 0.5.14 reads it" in result.out


def test_against_takes_the_file_that_is_called_like_a_profile(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, as the name alone doesn't."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pro-fp4").write_text(reference_script().read_text())
    result = run("check", "pro-fp4", "--against", "pro-fp4")
    assert result.code == 0
    assert "note: pro-fp4 is the file here, not the profile" in result.err


def test_a_named_file_that_is_gone_is_a_finding(run: Run, project: Path) -> None:
    """The other files of its pair don't hide it, nor does a check of what changed."""
    git = functools.partial(subprocess.run, cwd=project, check=True, capture_output=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    script = reference_script().read_text()
    for name in ("a.sh", "b.sh"):
        (project / name).write_text(script)
    (project / "pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = ["a.sh", "b.sh"]\n'
    )
    git(["git", "init", "-q"])
    git(["git", "add", "-A"])
    git(["git", *who, "commit", "-qm", "1"])
    assert run("check").code == 0
    (project / "b.sh").unlink()
    for words in ((), ("--changed-since", "HEAD")):
        result = run("check", "-f", "concise", *words)
        assert result.code == 1
        assert "pyproject.toml:1:3: error: DSV011 no file is called b.sh (held to" in result.out
    git(["git", *who, "commit", "-qam", "2"])
    assert run("check", "--changed-since", "HEAD~1").code == 1
    assert run("check", "--changed-since", "HEAD").code == 0
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace('"b.sh"', '"b*.sh"'))
    assert run("check").code == 0  # a pattern names no file


def test_lint_reads_a_file_with_the_release_of_its_pair(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no script could pass both hooks: one wants a variable that the other calls gone."""
    monkeypatch.delenv("DSV4_ENV_SGLANG")
    (project / "a.sh").write_text(reference_script().read_text())
    (project / "pyproject.toml").unlink()
    assert run("lint", "a.sh").code == 1
    (project / "pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "a.sh"\nsglang = "0.5.13"\n'
    )
    assert run("check", "--no-default").code == 0
    result = run("lint", "--skip-unrelated", "a.sh")
    assert result.code == 0, result.out
    assert run("lint", "--sglang", "0.5.23", "a.sh").code == 1


def test_strict_takes_for_an_error_what_cannot_be_known(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text('sglang serve --tp 8 "$@"\n')
    found = run(
        "check",
        "flash-fp4",
        "--against",
        "run.sh",
        "--ignore",
        "SGLANG_*",
        "--ignore",
        "AITER_*",
        "-f",
        "concise",
    )
    assert found.code == 0
    assert ": note: DSV016 11 flags of flash-fp4 can't be known" in found.out
    words = (
        "check",
        "flash-fp4",
        "--against",
        "run.sh",
        "--ignore",
        "SGLANG_*",
        "--ignore",
        "AITER_*",
        "--strict",
    )
    assert run(*words).code == 1


@pytest.mark.parametrize("profile", ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"])
@pytest.mark.parametrize(
    ("format_", "name"),
    [
        ("run-sh", "run.sh"),
        ("slurm", "job.slurm"),
        ("compose", "compose.yaml"),
        ("k8s-pod", "pod.yaml"),
        ("k8s-lws", "lws.yaml"),
        ("dotenv", "a.env"),
        ("docker-env", "docker.env"),
        ("systemd", "systemd.env"),
        ("github-env", "github.env"),
        ("k8s-env", "env.yaml"),
        ("k8s-configmap", "configmap.yaml"),
        ("docker-run", "run.sh"),
        ("shell", "run.sh"),
        ("args", "run.sh"),
        ("python", "settings.py"),
        ("sglang-config", "server.yaml"),
        ("vscode", ".vscode/launch.json"),
    ],
)
def test_what_is_exported_passes_its_own_check(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str, name: str, profile: str
) -> None:
    monkeypatch.chdir(tmp_path)
    exporter = EXPORTERS[format_]
    image = ("--image", "lmsysorg/sglang:x") if exporter.container else ()
    text = run("export", profile, "-f", format_, *image).out
    if name == "run.sh" and not exporter.complete:  # one half of a launch, with the other
        other = run("export", profile, "-f", "shell" if format_ == "args" else "args").out
        line = text.rstrip("\n")
        text = {
            "docker-run": f"docker run --rm {line} lmsysorg/sglang:x sglang serve {other}",
            "shell": f"{line}\nsglang serve {other}",
            "args": f"{other}sglang serve {line}\n",
        }[format_]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    result = run("check", profile, "--against", name, "-f", "concise")
    assert (result.code, result.err) == (0, "")
    assert "no drift" in result.out


@pytest.mark.parametrize("way", ["of the command", "written out", "in two commands"])
def test_what_an_export_lets_be_overridden_is_no_finding_where_nothing_comes_from_outside(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    launch = 'sglang serve --model-path m "${ARGS[@]}"\n'
    text = {
        "of the command": f'eval "$(dsv4-env export flash-fp4 -f bash)"\n{launch}',
        "written out": run("export", "flash-fp4", "-f", "bash").out + launch,
        "in two commands": (
            'eval "$(dsv4-env export flash-fp4)"\n'
            "sglang serve --model-path m $(dsv4-env export flash-fp4 -f args)\n"
        ),
    }[way]
    (tmp_path / "run.sh").write_text(text)
    for more in ((), ("--closed",), ("--closed", "--strict")):
        done = run("check", "flash-fp4", "--against", "run.sh", "--format", "concise", *more)
        assert "DSV027" not in done.out
        assert done.code == 0


def test_a_profile_that_sglang_refuses_fails_once(run: Run, project: Path) -> None:
    """A launch that is as its profile says doesn't start, either: that is no green gate."""
    (project / "launch" / "stops.toml").write_text(
        'model.path = "deepseek-ai/DeepSeek-V4-Pro"\nhardware.accelerator = "mi355x"\n'
        '[args]\n--tp-size = "8"\n--enable-prefill-cp = true\n--cp-strategy = "interleave"\n'
        "--enable-two-batch-overlap = true\n"
    )
    words = "--tp-size 8 --enable-prefill-cp --cp-strategy interleave --enable-two-batch-overlap"
    for name in ("one", "two"):
        script = f"sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro {words}\n"
        (project / "scripts" / f"{name}.sh").write_text(script)
    (project / "pyproject.toml").write_text(
        '[tool.dsv4_env]\nprofiles = "launch"\n[[tool.dsv4_env.pairs]]\nprofile = "stops"\n'
        'files = "scripts/[ot]*.sh"\nsglang = "0.5.23"\n'
    )
    result = run("check")
    assert result.code == 1
    assert result.out.count("as it does stops") == 1
    assert "scripts/two.sh: drift" in result.out
    assert "1 error told before" in result.out
    with (project / "pyproject.toml").open("a") as file:
        file.write('[[tool.dsv4_env.waivers]]\nname = "refused"\nreason = "mends upstream"\n')
    assert run("check").code == 0
