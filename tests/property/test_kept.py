"""Random edits of a project: an answer that is kept in part is the one that a new process gives."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from dsv4_env import cli
from dsv4_env.guard.kept import Kept

PAIRS = """
[tool.dsv4_env]
profiles = "launch"
sglang = "0.5.13"

[[tool.dsv4_env.pairs]]
profile = "mine"
files = ["scripts/**/*.sh"]

[[tool.dsv4_env.pairs]]
profile = "mine+more"
files = ["tests/test_*.py"]

[[tool.dsv4_env.pairs]]
profile = "base"
files = "compose.yml"
"""
SCRIPT = """#!/bin/bash
source lib/common.sh
[ -f lib/flag ] && export SGLANG_Z=1
export SGLANG_A=1
sglang serve --model-path m --tp "$TP"
"""
TEST = """
from base import ENV

class TestMine:
    def setUpClass(cls):
        cls.process = popen_launch_server(
            "m", "u", 60, other_args=["--tp", "8"], env={**ENV, "SGLANG_A": "1"}
        )
"""
COMPOSE = """
services:
  server:
    env_file: common.env
    command: python3 -m sglang.launch_server --model-path m --tp ${TP:-4}
"""
# What may stand in each file; the first is what it holds at the start, None that it isn't there.
FILES: dict[str, list[str | None]] = {
    "pyproject.toml": [
        PAIRS,
        PAIRS.replace('"0.5.13"', '"0.5.23"'),
        PAIRS.replace("[[tool", 'ignore = ["SGLANG_A"]\n\n[[tool', 1),
        PAIRS + "oops =\n",
        None,
    ],
    "launch/base.toml": [
        'description = "b"\nenv.SGLANG_A = "1"\n[args]\n--tp = "8"\n',
        'description = "b"\nenv.SGLANG_A = "2"\n[args]\n--tp = "8"\n',
        "env.SGLANG_A = 1\n",
        'extends = ["mine"]\n',
        None,
    ],
    "launch/mine.toml": [
        'extends = ["base"]\ndescription = "m"\n',
        'extends = ["base"]\nenv.SGLANG_B = "3"\n',
        'extends = ["nobody"]\n',
        "# nothing\n",
        None,
    ],
    "launch/more.toml": [
        'overlay = true\ndescription = "o"\nenv.SGLANG_C = "1"\n',
        'overlay = true\nenv.SGLANG_C = "2"\n',
        None,
    ],
    "launch/mine.local.toml": [None, 'env.SGLANG_L = "1"\n'],
    "scripts/a.sh": [
        SCRIPT,
        SCRIPT.replace("A=1", "A=2"),
        SCRIPT.replace("export", "export HF_TOKEN=hf_canaryCANARYcanaryCANARY00 #", 1),
        "if\n",
        "",
        None,
    ],
    "scripts/deep/b.sh": [None, SCRIPT, "sglang serve --tp 8 # a $HF_TOKEN\n"],
    "lib/common.sh": ["TP=8\n", "TP=4\nexport SGLANG_D=x\n", "TP=$(nproc)\n", None],
    "lib/flag": [None, ""],
    "tests/test_a.py": [TEST, TEST.replace('"8"', '"16"'), TEST + "\n# dsv4: no\n", "def\n", None],
    "tests/test_b.py": [None, TEST],
    "tests/base.py": [
        'ENV = {"SGLANG_B": "3"}\n',
        "from inner import ENV\n",
        'ENV = {"SGLANG_E": "hf_canaryCANARYcanaryCANARY00"}\n',
        None,
    ],
    "tests/inner.py": [None, 'ENV = {"SGLANG_C": "1"}\n'],
    "compose.yml": [COMPOSE, COMPOSE.replace("-4", "-8"), "services: [\n", None],
    "common.env": ["SGLANG_A=1\n", "SGLANG_A=9\n", None],
    ".env": [None, "TP=8\n", "TP=16\n"],
}
NAMES = sorted(FILES)
HOW = ("written", "renamed over", "a link", "a folder")
EDITS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.sampled_from(HOW)),
    min_size=1,
    max_size=8,
)


def put(name: str, text: str | None, how: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif text is None or path.is_symlink():
        path.unlink(missing_ok=True)
    if text is None:
        return
    if how == "written":
        path.write_text(text)
    elif how == "renamed over":
        path.with_name("new~").write_text(text)
        path.with_name("new~").replace(path)
    else:
        path.unlink(missing_ok=True)
        if how == "a folder":
            path.mkdir()
        else:
            Path("elsewhere").mkdir(exist_ok=True)
            target = Path("elsewhere", name.replace("/", "-"))
            target.write_text(text)
            path.symlink_to(target.absolute())


@contextlib.contextmanager
def project() -> Iterator[None]:
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            Path(".git").mkdir()
            for path, texts in FILES.items():
                put(path, texts[0], "written")
            yield
        finally:
            os.chdir(here)


def answer(kept: Kept | None = None) -> tuple[int, str, str]:
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape")
    err = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.nullcontext() if kept is None else kept.round(),
    ):
        code = cli.run(["check"])
    out.flush()
    return code, bytes(out.buffer.getvalue()).decode(), err.getvalue()


@given(edits=EDITS)
@settings(max_examples=25)
def test_what_is_kept_never_outlives_its_reasons(edits: list[tuple[str, int, str]]) -> None:
    with project():
        kept = Kept()
        assert answer(kept) == answer()
        for name, number, how in edits:
            texts = FILES[name]
            put(name, texts[number % len(texts)], how)
            assert answer(kept) == answer(), (name, number, how)


@pytest.mark.long
@given(edits=EDITS)
@settings(max_examples=40)
def test_it_is_the_answer_of_a_new_process(edits: list[tuple[str, int, str]]) -> None:
    with project():
        kept = Kept()
        answer(kept)
        for name, number, how in edits:
            texts = FILES[name]
            put(name, texts[number % len(texts)], how)
            now = answer(kept)
        done = subprocess.run(
            [sys.executable, "-m", "dsv4_env", "check"], capture_output=True, text=True, check=False
        )
        assert now == (done.returncode, done.stdout, done.stderr)


def test_edits_change_the_answer() -> None:
    """Else nothing would be told by the above."""
    with project():
        first = answer()
        assert first[0] == 1
        seen = {first}
        for name, texts in FILES.items():
            for text in texts[1:]:
                put(name, text, "written")
                seen.add(answer())
            put(name, texts[0], "written")
        assert len(seen) > 30
