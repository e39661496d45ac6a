"""Scripts put onto profiles: what is left of each style, and which are left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.readers import HowRead, read
from tests.conftest import Result
from tests.unit.adopt.styles import ALONE, HEAD, LINE, STYLES, whole

Run = Callable[..., Result]


@pytest.fixture
def adopt(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Adopt a script in a folder of its own, and put it onto its profile."""
    monkeypatch.chdir(tmp_path)

    def call(text: str, *words: str) -> Result:
        (tmp_path / "run.sh").write_bytes(text.encode())
        words = ("--profiles", "launch", "--from-nothing", *words)
        return run("adopt", "run.sh", *words, "--rewrite", "--write")

    return call


@pytest.mark.parametrize("style", STYLES)
def test_what_is_left_of_a_style(
    style: str, adopt: Callable[..., Result], run: Run, tmp_path: Path
) -> None:
    before, after = STYLES[style]
    path = tmp_path / "run.sh"
    said = adopt(HEAD + before)
    assert said.code == 0, said.err
    assert path.read_text() == whole(after), said.out
    launches = read(path.read_bytes(), "run.sh", HowRead(root=tmp_path, profiles=tmp_path))
    assert all("run" in {n.profile for n in launch.notes} for launch in launches)
    again = run("adopt", "run.sh", "--rewrite", "--write")
    assert again.out == "nothing to adopt\n"
    assert path.read_text() == whole(after)
    assert run("check").code == 0


@pytest.mark.parametrize("name", ALONE)
def test_what_is_left_alone(name: str, adopt: Callable[..., Result], tmp_path: Path) -> None:
    text, why = ALONE[name]
    said = adopt(HEAD + text)
    assert f"not rewritten\n  {why}\n" in said.out
    assert (tmp_path / "run.sh").read_bytes() == (HEAD + text).encode()


def test_a_shell_without_arrays(adopt: Callable[..., Result], tmp_path: Path) -> None:
    adopt("#!/bin/sh\nexport SGLANG_USE_AITER=1\nsglang serve --model-path M --tp 8\n")
    line = (LINE % "").replace("${BASH_SOURCE[0]}", "$0")
    assert (tmp_path / "run.sh").read_text() == (
        f"#!/bin/sh\n{line}\nsglang serve --model-path M --tp 8\n"
    )


def test_several_profiles_in_one_script(adopt: Callable[..., Result]) -> None:
    said = adopt(
        f"{HEAD}sglang serve --model-path M --tp 8\n"
        "SGLANG_USE_AITER=1 sglang serve --model-path M --tp 4 --dp 2\n"
    )
    assert "run.sh:1:1: its launches are of several profiles: run, run+2" in said.out


def test_layers_that_ship(adopt: Callable[..., Result], run: Run, tmp_path: Path) -> None:
    written = run("export", "pro-fp4+mtp", "-f", "run-sh", "--model", "M", "--sglang", "0.5.22").out
    (tmp_path / "run.sh").write_text(written)
    said = run("adopt", "run.sh", "--rewrite", "--write", "--on", "mi355x")
    assert said.code == 0, said.err
    left = (tmp_path / "run.sh").read_text()
    assert 'eval "$(dsv4-env export pro-fp4+mtp -f bash || echo exit 1)"\n' in left
    assert left.endswith('    --model-path M \\\n    "${ARGS[@]}" \\\n    "$@"\n')
    assert "export SGLANG" not in left


def test_why_its_arguments_stay_is_told(adopt: Callable[..., Result]) -> None:
    before, _ = STYLES["a variable that is used elsewhere"]
    said = adopt(HEAD + before)
    told = "note: its arguments stay: $TP is used elsewhere, too (run.sh:3:1)"
    assert told in said.out + said.err
