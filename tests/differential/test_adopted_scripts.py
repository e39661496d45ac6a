"""Scripts put onto profiles, run by real bash: the server gets what it got before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dsv4_env import cli
from tests.conftest import need
from tests.unit.adopt.styles import HEAD, STYLES

RECORD = """#!/bin/bash
[ "$1" = -m ] && shift
{ printf '%s\\0' "${0##*/}" "$@"; printf '\\0'; env -0 | sort -z; } >>"$RECORDED"
"""
ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"SGLANG_HACK_FLASHMLA_BACKEND": "other", "SGLANG_USE_AITER": "0", "FAST": "1", "A": "1"},
    {"SGLANG_HACK_FLASHMLA_BACKEND": "", "SGLANG_USE_AITER": "", "FAST": "", "PORT": "1"},
]
OWN = ("_", "SHLVL", "PWD", "OLDPWD", "RECORDED")


def recorded(path: Path, shell: str, environ: dict[str, str]) -> list[tuple[list[str], list[str]]]:
    """The words and the environment of each launch that a script makes."""
    log = path.parent / "recorded"
    log.write_bytes(b"")
    env = {"PATH": f"{path.parent / 'bin'}:/usr/bin:/bin", "MODEL": "M", "HOME": str(path.parent)}
    subprocess.run(
        [shell, str(path)],
        env={**env, "RECORDED": str(log), **environ},
        cwd="/",
        check=True,
        capture_output=True,
    )
    words, lines = log.read_bytes().decode().split("\0\0", 1)
    settings = [line for line in lines.split("\0") if line.partition("=")[0] not in OWN]
    return [(words.split("\0"), settings)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with stand-ins for servers and with dsv4-env."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python3", "sglang"):
        (folder / name).write_text(RECORD)
    tool = f'#!/bin/sh\nexec "{sys.executable}" -m dsv4_env "$@"\n'
    (folder / "dsv4-env").write_text(tool)
    for path in folder.iterdir():
        path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flags(words: list[str]) -> list[list[str]]:
    """The words by flag, sorted: the server takes them in any order."""
    found: list[list[str]] = [[]]
    for word in words:
        if word.startswith("--"):
            found.append([])
        found[-1].append(word)
    return [found[0], *sorted(found[1:])]


@pytest.mark.parametrize("style", STYLES)
def test_the_server_gets_what_it_got_before(style: str, place: Path) -> None:
    bash, path = need("bash"), place / "run.sh"
    before = HEAD + STYLES[style][0]
    path.write_text(before)
    got = [recorded(path, bash, environ) for environ in ENVIRONMENTS]
    words = ["--profiles", "launch", "--from-nothing", "--rewrite", "--write"]
    assert cli.run(["adopt", "run.sh", *words]) == 0
    assert path.read_text() != before
    for environ, old in zip(ENVIRONMENTS, got, strict=True):
        new = recorded(path, bash, environ)
        assert [(flags(w), e) for w, e in new] == [(flags(w), e) for w, e in old]
        assert old[0][0][1:]


def test_no_server_without_its_arguments(place: Path) -> None:
    path = place / "run.sh"
    path.write_text(HEAD.replace("set -euo pipefail\n", "") + STYLES["a block and a command"][0])
    words = ["--profiles", "launch", "--from-nothing", "--rewrite", "--write"]
    assert cli.run(["adopt", "run.sh", *words]) == 0
    (place / "bin" / "dsv4-env").unlink()
    env = {"PATH": f"{place / 'bin'}:/usr/bin:/bin", "MODEL": "M", "RECORDED": str(place / "log")}
    done = subprocess.run([need("bash"), str(path)], env=env, check=False, capture_output=True)
    assert done.returncode == 1
    assert not (place / "log").exists()
