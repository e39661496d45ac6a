"""Readers that other packages bring, as an installed package would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

EXAMPLE = Path(__file__).parents[2] / "data" / "reader-example"
FILE = "SGLANG_USE_AITER=1\n--tp 8 --page-size 256\n\n--tp 4\n"


def installed(folder: Path, *, code: str | None = None) -> Path:
    """The example as pip leaves it: its module, and what it says of itself beside it."""
    said = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    group = said["entry-points"]["dsv4_env.readers"]
    shutil.copy(EXAMPLE / "launch_list.py", folder)
    if code is not None:
        (folder / "launch_list.py").write_text(code)
    info = folder / f"{said['name'].replace('-', '_')}-{said['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {said['name']}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in group.items())
    (info / "entry_points.txt").write_text(f"[dsv4_env.readers]\n{lines}")
    (folder / "nightly.launches").write_text(FILE)
    return folder


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "dsv4_env", *words]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )


def test_its_files_are_read_as_all_others(tmp_path: Path) -> None:
    folder = installed(tmp_path)
    shown = call(folder, "show", "nightly.launches")
    assert shown.returncode == 0
    assert "SGLANG_USE_AITER  1" in shown.stdout
    linted = call(folder, "lint", "nightly.launches", "--sglang", "0.5.23", "-f", "concise")
    assert "nightly.launches:2:1: note: DSV110 --tp is short for --tp-size" in linted.stdout
    checked = call(folder, "check", "pro-fp4", "--against", "nightly.launches#2")
    assert (checked.returncode, '--tp is "4"; pro-fp4 has "8"' in checked.stdout) == (1, True)
    (folder / "nothing.txt").write_text("nothing")
    (folder / "pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = ["nothing.txt"]\n'
    )
    told = call(folder, "check")
    assert "a list of launches" in told.stdout


WRONG = {
    "raise RuntimeError('no')\n": "can't be loaded: RuntimeError: no; expected the package mended",
    "KIND = 3\n": "is int; expected a dsv4_env.readers.kind.FileKind",
    "from dsv4_env.readers.kind import FileKind\nKIND = FileKind('bash', 'x', list)\n": (
        "is called 'bash'; expected a name of its own"
    ),
}


@pytest.mark.parametrize("code", WRONG, ids=lambda c: c[:20])
def test_one_that_is_wrong_is_one_message(tmp_path: Path, code: str) -> None:
    folder = installed(tmp_path, code=code)
    done = call(folder, "show", "nightly.launches")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    said = "the reader launch-list of the package launch-list-reader"
    assert f"dsv4-env: error: {said} {WRONG[code]}" in done.stderr
