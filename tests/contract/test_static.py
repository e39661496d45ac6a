"""mypy, ruff and import-linter are part of the test command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    "words",
    [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]],
    ids=" ".join,
)
def test_static(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_run_one_way() -> None:
    """The contracts of pyproject.toml hold."""
    code = "from importlinter.cli import lint_imports_command as main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_speaks_of_where_it_was_made() -> None:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = done.stdout.split("\n")[:-1]
    if done.returncode != 0 or not names:
        pytest.skip("no git checkout")
    words = ["/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/venv", "hel" + "per-"]
    for name in names:
        text = (ROOT / name).read_text(errors="replace")
        found = [w for w in words if w in text]
        assert not found, f"{name}: {found}"
