"""``export --pd-disaggregation``: both roles of a profile, and the router."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from dsv4_env.cli import run

SET = ["--pd-disaggregation", "--sglang", "0.5.23"]


def test_each_role_has_its_own_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layer = 'extends = ["pro-fp4"]\n'
    for role, value in (("prefill", "0.8"), ("decode", "0.85")):
        layer += f'[[when]]\nrole = "{role}"\nargs.--mem-fraction-static = "{value}"\n'
    (tmp_path / "mine.toml").write_text(layer)
    command = ["export", "mine", "--profiles", str(tmp_path), "-f", "slurm", *SET]
    assert run([*command, "--port", "9000", "--host", "router"]) == 0
    prefill, decode = capsys.readouterr().out.split("\ndecode() (\n")
    assert "--mem-fraction-static 0.8 " in prefill
    assert "--disaggregation-mode prefill " in prefill
    assert "--mem-fraction-static 0.85 " in decode
    assert "--disaggregation-mode decode " in decode
    assert "--host router --port 9000 &\n" in decode  # the router's, and of no server
    assert "9000" not in prefill


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-f", "shell"], "the format shell takes no --pd-disaggregation; expected one of compose"),
        (["-f", "slurm", "--role", "decode"], "--pd-disaggregation and --role; expected one"),
        (["-f", "compose"], "compose needs the image of the container; expected --image"),
    ],
)
def test_what_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "pro-fp4", *words, *SET]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out in ("", "false\n")  # what fails an eval


def test_comments_and_the_variables_that_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NCCL_MNNVL_ENABLE", "1")
    assert run(["export", "pro-fp4@gb300", "-f", "slurm", "--prefix-comment", *SET]) == 0
    whole = capsys.readouterr().out
    assert whole.count("# dsv4 (") > 2
    assert whole.count("export NCCL_MNNVL_ENABLE=") == 2
    assert run(["export", "pro-fp4@gb300", "-f", "slurm", "--diff-only", *SET]) == 0
    assert "NCCL_MNNVL_ENABLE" not in capsys.readouterr().out


def test_a_profile_alone_gets_the_mode_of_each_role(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = tmp_path / "alone.toml"
    layer.write_text('[model]\npath = "o/M"\n[args]\n--tp = "8"\n')
    assert run(["export", str(layer), "-f", "compose", "--image", "i", *SET]) == 0
    words = [x.strip('- "') for x in capsys.readouterr().out.splitlines()]
    modes = [b for a, b in itertools.pairwise(words) if a == "disaggregation-mode"]
    assert modes == ["prefill", "decode"]
    assert words[words.index("base-gpu-id") + 1] == "8"
