"""Both versions of a test run, with stand-ins for what isn't there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dsv4_env.adopt.execution import Execution, executed
from dsv4_env.adopt.proof import Proof
from dsv4_env.model.errors import UsageError
from tests.unit.adopt.putting import TEST, place, put

PYTHON = Path(sys.executable)
NAMES = ("THE_MODEL", "SGLANG_HACK_FLASHMLA_BACKEND")


def ran(path: Path, new: str, old: str = TEST) -> Proof:
    return executed(PYTHON, Execution(path, old, new, NAMES))


def test_the_same_is_the_same(tmp_path: Path) -> None:
    path = place(tmp_path)
    assert ran(path, put(path)) == Proof()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"--tp", "8"', '"--tp", "4"', "run, `8 --trust-remote-code` was given where"),
        ('"SGLANG_USE_AITER": "1"', '"SGLANG_USE_AITER": "0"',
         'run, SGLANG_USE_AITER was "1" and would be "0"'),
        ('"SGLANG_USE_AITER": "1", ', "", 'SGLANG_USE_AITER was "1" and would be unset'),
        ("timeout=3600", "timeout=60", "timeout was 3600 and would be 60"),
        ('"THE_MODEL", "m"', '"THE_MODEL", "n"', "model was m and would be n"),
        ('"THE_MODEL"', '"OTHER"', "would be m with THE_MODEL=dsv4-env-probe"),
        ('BACKEND = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND", "unified_kv_triton")',
         'BACKEND = "unified_kv_triton"', "with SGLANG_HACK_FLASHMLA_BACKEND=dsv4-env-probe"),
        ("class TestIt", "class TestThat", "it is there in one of both versions alone"),
        ("cls.process =", "x = cls.nothing\n        cls.process =", "it ended with AttributeError"),
        ("import os\n", "import os\nimport dsv4_env.nothing\n", "ModuleNotFoundError"),
        ("        env = os", "        while True: pass\n        env = os", "TimeoutError"),
    ],
)  # fmt: skip
def test_a_difference_is_told(
    tmp_path: Path, old: str, new: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsv4_env.adopt.execution.SECONDS", 1)
    assert old in TEST
    found = ran(place(tmp_path), TEST.replace(old, new)).wrong
    assert any(told in line for line in found), found


def test_layers_that_arent_written_yet(tmp_path: Path) -> None:
    path = place(tmp_path)
    new = put(path)
    (tmp_path / "launch").rename(tmp_path / "meanwhile")
    folders = {tmp_path / "launch": tmp_path / "meanwhile"}
    assert ran(path, new).wrong
    assert executed(PYTHON, Execution(path, TEST, new, NAMES, folders)) == Proof()


def test_other_modules_and_processes_are_stood_in_for(tmp_path: Path) -> None:
    """Nothing is imported that isn't there, and nothing is started."""
    text = """\
import os, subprocess, time, unittest
import nowhere.at_all as made
import torch
from sglang.srt.utils import kill_process_tree
from nowhere import Base, CONSTANT

class TestIt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        time.sleep(1000)
        subprocess.run(["touch", "ran"])
        with made.something(1) as x:
            x.more[0].and_more()
        torch.cuda.set_device(0)
        cls.p = subprocess.Popen(
            ["python3", "-m", "sglang.launch_server", "--model-path", CONSTANT, *WORDS],
            env={**os.environ, "A": "1"},
        )

class TestOther(unittest.TestCase):
    pass
"""
    path = place(tmp_path)
    old = text.replace("*WORDS", '"--tp", 8')
    found = ran(path, text.replace("*WORDS", '"--tp", 4'), old)
    (told,) = found.wrong
    assert "TestIt: run, `8` was given where `4` would be" in told
    (aside,) = map(str, found.asides)
    assert aside == f"{path}::TestOther: run, its setUpClass launches nothing"
    assert not list(tmp_path.rglob("ran"))


def test_an_interpreter_without_the_package(tmp_path: Path) -> None:
    path = place(tmp_path)
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(UsageError, match=r"has no dsv4_env.*-m pip install dsv4-env"):
        executed(python, Execution(path, TEST, TEST))
    with pytest.raises(UsageError, match="it can't be run"):
        executed(tmp_path / "nothing", Execution(path, TEST, TEST))
