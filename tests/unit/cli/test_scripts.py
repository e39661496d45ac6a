"""Scripts on the command line: inputs, what is shown of a launch, and the shadow run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result

    Run = Callable[..., Result]

TEXT = """\
: "${MODEL:?}"
export HF_TOKEN=hunter2 A=${A:-1}
if [ "$FP8" = yes ]; then EXTRA="--quantization fp8"; fi
sglang serve --model-path "$MODEL" --host "$(hostname)" $EXTRA "$@" --api-key hunter3
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text(TEXT)
    (tmp_path / "outside.env").write_text("# comment\nMODEL=/m\nexport FP8='yes'\nN=\"$MODEL/n\"\n")
    return "run.sh"


def arguments(result: Result) -> list[str]:
    (launch,) = json.loads(result.out)
    found: list[str] = []
    for argument in launch["args"]:
        found += [argument["flag"] or "", *map(str, argument["values"])]
    return found


def test_an_empty_value_is_seen(run: Run, script: str) -> None:
    Path("c.yaml").write_text(
        "services:\n  s:\n    image: i\n    command: sglang serve --model-path m --host ${XVAL}\n"
    )
    assert '--host        "" unless XVAL is set\n' in run("show", "c.yaml").out
    assert '"default": ""' in run("show", "c.yaml", "--json").out


def test_a_row_is_no_command_to_a_log(run: Run, script: str) -> None:
    Path("p.sh").write_text("sglang serve '::warning::x' --tp 4\n")
    assert "::warning" not in run("show", "p.sh").out.replace("\\x3a:warning", "")


def test_what_is_open_is_said(run: Run, script: str) -> None:
    out = run("show", script).out
    assert "run.sh (line 4): sglang serve" in out
    assert "1 unless A is set" in out
    assert "<$(hostname)> unknown: " in out
    assert 'when FP8 = "yes"' in out
    assert "Required inputs\n  MODEL" in out
    assert "hunter" not in out
    assert "hunter" not in run("show", script, "--json").out


def test_inputs(run: Run, script: str) -> None:
    words = arguments(
        run("show", script, "--json", "--set", "MODEL=/x", "--set", "FP8=yes", "--arg", "--y")
    )
    assert words[:2] == ["--model-path", "/x"]
    assert words[4:7] == ["--quantization", "fp8", "--y"]
    closed = arguments(run("show", script, "--json", "--set", "MODEL=/x", "--closed"))
    assert "--quantization" not in closed


def test_an_env_file_is_read_as_bash_would(run: Run, script: str) -> None:
    words = arguments(run("show", script, "--json", "--env-file", "outside.env", "--closed"))
    assert words[:2] == ["--model-path", "/m"]
    assert "--quantization" in words


def test_an_env_file_that_needs_more(run: Run, script: str, tmp_path: Path) -> None:
    (tmp_path / "bad.env").write_text("A=1\nB=$(hostname)\n")
    result = run("show", script, "--env-file", "bad.env")
    assert result.code == 2
    assert "bad.env:2:1: B can't be known" in result.err


@pytest.mark.parametrize("item", ["NOPE", "=x", "1A=x"])
def test_a_wrong_input(run: Run, script: str, item: str) -> None:
    result = run("show", script, "--set", item)
    assert result.code == 2
    assert f"--set {item}; expected NAME=VALUE" in result.err


def test_check_and_diff_take_inputs(run: Run, script: str) -> None:
    first = run("diff", script, script, "--set", "MODEL=/x", "--compare", "model-path")
    assert first.code == 0
    left_open = run("check", "--against", script).out
    assert "--quantization" in left_open
    assert 'when FP8 = "yes"' in left_open
    assert "--quantization" not in run("check", "--against", script, "--closed").out


def test_a_syntax_error_is_a_finding(run: Run, script: str, tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("sglang serve --a\nif x; then\n")
    out = run("check", "--against", script).out
    assert "run.sh:2:11: warning: only what stands before this syntax error was read: " in out


def test_capture_asks_first(run: Run, script: str) -> None:
    result = run("capture", script)
    assert result.code == 2
    assert "run.sh would be run for real; expected --yes-run-it" in result.err


def test_capture_agrees_with_reading(run: Run, script: str) -> None:
    need("bash")
    result = run("capture", script, "--set", "MODEL=/x", "--arg", "--y", "--yes-run-it", "--json")
    assert result.code == 0
    assert arguments(result)[:2] == ["--model-path", "/x"]
    assert "--y" in arguments(result)
    assert "hunter" not in result.out + result.err
    assert "static: unknown: --host of launch 1" in result.err
    assert "differs" not in result.err


def test_capture_of_an_input_that_is_exported_again(run: Run, tmp_path: Path) -> None:
    need("bash")
    file = tmp_path / "run.sh"
    file.write_text("export TP=${TP:-8}\nsglang serve --tp $TP\n")
    result = run("capture", str(file), "--set", "TP=4", "--yes-run-it")
    assert (result.code, "differs" in result.err) == (0, False)
    assert arguments(run("capture", str(file), "--yes-run-it", "--json")) == ["--tp", "8"]


def test_capture_without_isolation_warns(
    run: Run, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("bash")
    monkeypatch.setattr("dsv4_env.server.capture.isolation", lambda: "none")
    result = run("capture", script, "--set", "MODEL=/x", "--yes-run-it")
    assert "warning: neither bubblewrap nor unshare works here" in result.err
