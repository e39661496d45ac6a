"""What the outside may override stays so in a layer that is imported."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import reference_script

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

SCRIPT = """
export SGLANG_HACK_FLASHMLA_BACKEND="${SGLANG_HACK_FLASHMLA_BACKEND:-%s}" MINE="${MINE:-a b}"
python3 -m sglang.launch_server --model-path m --tp 8
"""


@pytest.mark.parametrize("backend", ["triton", "unified_kv_triton"])
def test_an_import_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result], backend: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.sh").write_text(SCRIPT % backend)
    Path("own").mkdir()
    words = ("import", "run.sh", "--as", "mine", "--over", "flash-fp8", "--profiles", "own")
    result = run(*words, "--write")
    assert result.code == 0
    assert "a layer can't say" not in result.err
    profile = load_profile("mine", "own")
    assert set(profile.overridable) == {"SGLANG_HACK_FLASHMLA_BACKEND", "MINE"}
    found = profile.launch_env({**os.environ, "MINE": "from outside"})
    assert found["MINE"] == "from outside"
    assert found["SGLANG_HACK_FLASHMLA_BACKEND"] == backend
    assert ("SGLANG_HACK" in Path("own/mine.toml").read_text()) is (backend == "triton")


MINE = 'extends = ["flash-fp8"]\n'


def test_a_sync_from_a_script_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("own/mine.toml").write_text(MINE)
    script = run("export", "mine", "--profiles", "own").out.replace(":-unified", ":-other")
    script += 'export NEW="${NEW:-a b}" PLAIN=1\nsglang serve '
    Path("run.sh").write_text(script + run("export", "mine", "--profiles", "own", "-f", "args").out)
    words = ("sync", "mine", "--from", "run.sh", "--profiles", "own", "--write")
    assert (run(*words).code, run(*words).out) == (0, "")
    profile = load_profile("mine", "own")
    assert profile.overridable == ["SGLANG_HACK_FLASHMLA_BACKEND", "NEW"]
    assert profile.env["NEW"] == "a b"
    assert profile.env["SGLANG_HACK_FLASHMLA_BACKEND"] == "other_kv_triton"


DICT = """\
{}
from sglang.test.test_utils import CustomTestCase, popen_launch_server

ENV = {{"SGLANG_DEFAULT_THINKING": "1"}}

class TestIt(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = {{**os.environ, **ENV}}
        cls.p = popen_launch_server("m", "u", 5, other_args=["--tp", "8"], env=env)
"""
STATEMENT = """\
{}
class TestIt(CustomTestCase):
    def setUp(self):
        env = os.environ.copy()
        env["SGLANG_DEFAULT_THINKING"] = "1"
        self.p = popen_launch_server("m", "u", 5, other_args=["--tp", "8"], env=env)
"""
NAME = "SGLANG_HACK_FLASHMLA_BACKEND"
BASH = f'{NAME}="${{{NAME}:-unified_kv_triton}}"'


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.sh", "export A=1\nsglang serve --tp 8\n", f"export {BASH}\n"),
        ("a.sh", "sglang serve --tp 8\n", f"export {BASH}\n"),
        ("a.sh", "A=1 env B=1 sglang serve --tp 8\n", f" {BASH} "),
        (
            "test_a.py",
            DICT.format("import io, os  # so"),
            f'"{NAME}": os.environ.get("{NAME}", "unified_kv_triton")',
        ),
        (
            "test_a.py",
            STATEMENT.format("import os\n"),
            f'env["{NAME}"] = os.environ.get("{NAME}", "unified_kv_triton")\n',
        ),
        ("test_a.py", DICT.format("import os as o, posix"), f'"{NAME}": "unified_kv_triton"'),
    ],
)
def test_a_sync_to_a_file_adds_what_the_outside_may_override(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result],
    name: str, text: str, line: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(text)
    assert run("sync", "flash-fp8", "--to", name, "--write").code == 0
    assert line in Path(name).read_text()
    # What a test says beside its settings isn't written here: how it names its model, and without
    # `os` that a variable may be overridden.
    left = run("check", "flash-fp8", "--against", name, "--closed", "--format", "json").out
    found = [f for c in json.loads(left)["comparisons"] for f in c["findings"]]
    rules = {f["rule"] for f in found if f["severity"] != "note"}
    assert rules <= {"model-variable", "overridable"}
    assert ("overridable" in rules) is ("posix" in text)


def test_a_sync_is_with_the_target_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.sh").write_text(run("export", "pro-fp8@h200", "-f", "run-sh").out)
    words = ("sync", "pro-fp8", "--to", "run.sh")
    assert run(*words, "--nodes", "2", "--strategy", "low-latency").code == 0
    assert run(*words, "--on", "h200", "--strategy", "balanced").code == 1


def test_an_import_for_a_release_is_over_the_profile_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    words = ("import", str(reference_script()), "--as", "mine", "--profiles", "own")
    assert run(*words, "--sglang", "0.5.13", "--write").code == 0
    assert 'extends = ["pro-fp4"]' in Path("own/mine.toml").read_text()
    assert "[env]" not in Path("own/mine.toml").read_text()


def test_a_check_against_a_file_is_of_the_target_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("pro-fp4", "--strategy", "balanced")
    Path("run.sh").write_text(run("export", *words, "-f", "run-sh").out)
    assert run("check", *words, "--against", "run.sh", "--closed").code == 0
    assert run("check", "pro-fp4", "--against", "run.sh", "--closed").code == 1


def test_upgrade_writes_no_layer_of_overlays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("upgrade", "pro-fp4+mtp", "--from", "0.5.13", "--to", "0.5.23", "--profiles", ".")
    result = run(*words, "--write")
    assert result.code == 2
    assert "a layer extends no overlay; expected --write of pro-fp4" in result.err
    assert list(tmp_path.iterdir()) == []


def test_a_profile_extends_no_overlay(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('extends = ["mtp"]\n')
    with pytest.raises(ProfileError, match="mine extends mtp, which is an overlay"):
        load_profile("mine", tmp_path)


@pytest.mark.parametrize("value", ["it's", '} "q" `a` $x \\', "end\n", "plain/v:1"])
def test_a_default_arrives_as_it_is(tmp_path: Path, run: Callable[..., Result], value: str) -> None:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    (tmp_path / "mine.toml").write_text(f'[env]\nX = {{default = "{text}"}}\n')
    lines = run("export", "mine", "--profiles", str(tmp_path)).out
    for outside, expected in (({}, value), ({"X": ""}, value), ({"X": "o"}, "o")):
        script = 'set -eu\neval "$1"\nprintf %s "$X"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", lines],
            env={"PATH": os.environ["PATH"], **outside},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == expected
