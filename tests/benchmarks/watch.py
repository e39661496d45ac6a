"""What ``check --watch`` keeps: a round after one save beside one that works everything out."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

ANEW = "check of 11 tests in a process that runs, nothing kept"
SAVED = "check of 11 tests in a process that runs, one saved, the rest kept"
LIMIT = 0.25
TESTS = Path(__file__).parent.parent / "cases" / "adopt" / "eleven" / "test"


def rows(work: Path) -> dict[str, Callable[[], None]]:
    """The two rounds, on the nightly tests of DeepSeek-V4 on AMD and pairs that hold them."""
    from dsv4_env.cli import run
    from dsv4_env.guard.kept import Kept

    project = work / "watched"
    shutil.copytree(TESTS, project / "test")
    (project / ".git").mkdir()
    words = ["dsv4-env", "discover", "--sglang", "0.5.18", "--write"]
    subprocess.run(words, cwd=project, check=True, stdout=subprocess.DEVNULL)
    saved = min(project.glob("test/registered/amd/test_deepseek_v4_*.py"))
    text, number, kept = saved.read_text(), itertools.count(), Kept()

    def answered() -> None:
        out = io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = run(["check"])
        if code not in (0, 1):
            raise RuntimeError(f"check: {code}")

    def within(action: Callable[[], None]) -> Callable[[], None]:
        def act() -> None:
            here = Path.cwd()
            os.chdir(project)
            try:
                action()
            finally:
                os.chdir(here)

        return act

    def after_save() -> None:
        saved.write_text(f"{text}# {next(number)}\n")
        with kept.round():
            answered()

    return {ANEW: within(answered), SAVED: within(after_save)}
