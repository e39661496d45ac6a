"""Where an interpreter is asked something, no module of the current folder answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsv4_env.cli import run
from dsv4_env.profile import reference_script
from dsv4_env.server.preflight import installed

STDLIB = ("json", "os", "subprocess", "importlib", "pip", "zipfile", "runpy")


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder holds modules that leave a marker when they are imported."""
    (tmp_path / "here").mkdir()
    marker = tmp_path / "MARKER"
    for name in STDLIB:
        (tmp_path / "here" / f"{name}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path / "here")
    return marker


def test_asking_for_the_installed_sglang(marker: Path) -> None:
    """A package of that name in the current folder is found, but not run."""
    package = Path("sglang")
    package.mkdir()
    (package / "__init__.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    (package / "launch_server.py").touch()
    found = installed(sys.executable, os.environ)
    assert found.problem is None
    assert found.launcher
    assert not marker.exists()


def test_downloading_a_wheel(
    marker: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """pip is the interpreter's own."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert run(["catalogue", "build", "--sglang", "99.0.0"]) == 2
    assert "it can't be downloaded: No matching distribution" in capfd.readouterr().err
    assert not marker.exists()


def test_running_the_module(marker: Path) -> None:
    """``python -m`` looks into the current folder first; what dsv4-env imports isn't from there."""
    for name in ("click", "pydantic", "tree_sitter", "libcst", "jinja2", "difflib", "tomllib"):
        Path(f"{name}.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    for name in STDLIB:  # what Python itself brings in for -m, before any of ours
        Path(f"{name}.py").unlink()
    check = ["check", "--against", str(reference_script()), "--sglang", "0.5.13"]
    for words in (["--help"], check, ["export", "pro-fp4"], ["discover"]):
        done = subprocess.run(
            [sys.executable, "-m", "dsv4_env", *words], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert not marker.exists()
