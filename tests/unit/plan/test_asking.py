"""An interpreter that has SGLang, stood in for by one that has a package of our own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dsv4_env.model.errors import Dsv4Error
from dsv4_env.plan.asking import answers, ask
from dsv4_env.plan.platforms import platform
from dsv4_env.readers import bash

ROCM = platform("mi355x")
CONTEXT = """
_PLATFORM_PROBES = {"is_hip"}
_PLATFORM_VALUES = set()
FACTS = {}

class override_platform:
    def __init__(self, **facts):
        FACTS.update(facts)
    def install(self):
        pass
"""
SERVER_ARGS = """
import argparse, os
from sglang.srt.runtime_context import FACTS
from sglang.srt.arg_groups.overrides import declare_resolution

class Record:
    def __init__(self, given):
        self.given, self.declared = vars(given), {}
    def resolve_once(self):
        if self.given["tp_size"] > 8:
            raise ValueError("too wide")
        if FACTS["is_hip"]:
            os.environ["SGLANG_OPT_USE_TOPK_V2"] = "True"
        declare_resolution(self, "here", page_size=256)
    def resolved_dict(self):
        return {**self.given, **self.declared}

def prepare_server_args(words):
    parser = argparse.ArgumentParser()
    parser.add_argument("--model-path")
    parser.add_argument("--device")
    parser.add_argument("--tp-size", "--tp", type=int, default=1)
    return Record(parser.parse_args(words))
"""
FILES = {
    "sglang/__init__.py": "",
    "sglang/version.py": '__version__ = "0.5.23"\n',
    "sglang/srt/__init__.py": "",
    "sglang/srt/runtime_context.py": CONTEXT,
    "sglang/srt/server_args.py": SERVER_ARGS,
    "sglang/srt/utils/__init__.py": "",
    "sglang/srt/utils/common.py": "",
    "torch/__init__.py": "from torch import cuda, version\n",
    "torch/cuda.py": "",
    "torch/version.py": "",
    "sglang/srt/arg_groups/__init__.py": "",
    "sglang/srt/arg_groups/pipeline.py": "",
    "sglang/srt/arg_groups/overrides.py": "def declare_resolution(record, source, **fields):\n"
    "    record.declared.update(fields)\n",
}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that finds a small SGLang."""
    for name, text in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    script = tmp_path / "python"
    script.write_text(
        f'#!/bin/sh\nexec env PYTHONPATH="{tmp_path / "site"}" "{sys.executable}" "$@"\n'
    )
    script.chmod(0o755)
    return script


def test_what_sglang_says(python: Path) -> None:
    config = bash.read("export SGLANG_OPT_USE_TOPK_V2=false\nsglang serve --tp 8")
    made = ask(python, config, ROCM)
    assert made.release == "0.5.23"
    found = {s.name: (s.effect, s.given, s.effective, s.at) for s in made.settings}
    assert found["SGLANG_OPT_USE_TOPK_V2"] == (
        "overwritten",
        "false",
        "True",
        "srt/server_args.py:13",
    )
    assert found["--tp"][:3] == ("kept", "8", "8")
    assert found["--page-size"] == ("set", None, "256", "srt/server_args.py:14")


@pytest.mark.parametrize(
    ("words", "message", "at"),
    [
        ("--tp 16", "too wide", "sglang/srt/server_args.py:11"),
        ("--tp x", "argument --tp-size/--tp: invalid int value: 'x'", "argparse"),
    ],
)
def test_what_it_refuses(words: str, message: str, at: str, python: Path) -> None:
    made = ask(python, bash.read(f"sglang serve {words}"), ROCM)
    assert [(r.message, r.at) for r in made.refused] == [(message, at)]


OLDER = """
import os, torch

class ServerArgs:
    def __init__(self, words):
        self.page_size, self.tp_size = None, int(words[-1])
        self.__post_init__()
    def __post_init__(self):
        if torch.version.hip and torch.cuda.is_available():
            os.environ["SGLANG_OPT_USE_TOPK_V2"] = "False"
        self.page_size = 256

def prepare_server_args(words):
    return ServerArgs(words)
"""


def test_an_older_release(python: Path) -> None:
    """It resolves while it parses, and asks torch for the card."""
    site = python.parent / "site/sglang"
    (site / "srt/runtime_context.py").unlink()
    (site / "srt/arg_groups/overrides.py").unlink()
    (site / "srt/server_args.py").write_text(OLDER)
    (site / "version.py").write_text('__version__ = "0.5.16"\n')
    made = ask(python, bash.read("sglang serve --tp 8"), ROCM)
    assert made.release == "0.5.16"
    found = {s.name: (s.effective, s.at) for s in made.settings}
    assert found["SGLANG_OPT_USE_TOPK_V2"] == ("False", "srt/server_args.py:10")
    assert found["--page-size"] == ("256", "srt/server_args.py:11")


def test_several_launches_are_apart(python: Path) -> None:
    configs = [bash.read(f"sglang serve --tp {n}") for n in (8, 16, 4)]
    found = answers(python, configs, ROCM)
    assert [a["error"] for a in found] == [None, "too wide", None]
    assert [a["args"]["tp_size"] for a in found if not a["error"]] == [8, 4]


def test_an_interpreter_without_sglang() -> None:
    with pytest.raises(Dsv4Error, match="gives no answer"):
        ask(Path(sys.executable), bash.read("sglang serve"), ROCM)


def test_no_interpreter(tmp_path: Path) -> None:
    with pytest.raises(Dsv4Error, match="can't be run"):
        ask(tmp_path / "nothing", bash.read("sglang serve"), ROCM)


def test_values_that_are_not_known(python: Path) -> None:
    with pytest.raises(Dsv4Error, match="isn't known"):
        ask(python, bash.read("sglang serve --tp $TP"), ROCM)
