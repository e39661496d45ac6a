"""Which Python files needn't be followed to know that no profile is near, and what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.cli.comparing import catalogue_for
from dsv4_env.drift.bound import SimilarityBound, Weighed, servers_started
from dsv4_env.drift.nearest import Nearest
from dsv4_env.model.errors import ReadError
from dsv4_env.profile import load_all
from dsv4_env.profile.settings import Settings

A, B = "SGLANG_USE_AITER", "SGLANG_DSV4_FP4_EXPERTS"
_A, _B = frozenset({A.lower().encode()}), frozenset({B.lower().encode()})
PROFILE = (
    Weighed(_A, _A, 4.0, True),
    Weighed(_B, _B, 4.0, True),
    Weighed(frozenset({b"--page", b"--page-size"}), frozenset({b"--page-size"}), 2.0, False),
)


def near(folder: Path, files: dict[str, str], least: float = 0.8) -> bool:
    """Whether the first of the files may be near *PROFILE*."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SimilarityBound([PROFILE], least, str(folder)).near(str(folder / next(iter(files))))


@pytest.mark.parametrize(
    "text",
    [
        f"env = {{{A!r}: '1', {B!r}: '1'}}",
        f"env = dict({A}='1', {B}='1')",
        f"x = 'SGLANG_' + 'USE_AITER', '{B}'",
        f"x = f'SGLANG_{{name}}', ('USE_AITER', '{B}')",
        f"x = '_'.join(['SGLANG', 'USE', 'AITER']), '{B}'",
        f"x = 'SGLANG_%s' % 'use_aiter'.upper(), '{B}'",
        f"x = 'SGLANG_USE_AI' 'TER', '{B}'",
        f"x = 'SGLANG_USE_AI\\\nTER', '{B}'",
        "x = '\\x53GLANG_USE_AITER', '\\u0053GLANG_DSV4_FP4_EXPERTS'",
        "x = '\\N{LATIN CAPITAL LETTER S}GLANG_USE_AITER'",
        f"# coding: utf-7\nx = '{A}'",
        f"x = [f'--{{k}}' for k in {{'page_size': 1}}], '{A}', '{B}'",
    ],
)
def test_names_that_are_there_or_put_together(tmp_path: Path, text: str) -> None:
    assert near(tmp_path, {"test_a.py": text})


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"x = '{A}'",
        f"x = '{A}', '--page-size'",
        f"x = 'SGLANG_' + 'USE', 'AITERS', '{B}'",
        f"x = 'USE_AITER', '{B}'",
    ],
)
def test_names_that_are_not(tmp_path: Path, text: str) -> None:
    assert not near(tmp_path, {"test_a.py": text})


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import other", "other.py"),
        ("from other import x", "other.py"),
        ("from other import (  # why\n    x,\n)", "other.py"),
        ("from . import other", "other.py"),
        ("from .other import *", "other.py"),
        ("from \\\n  pkg.other \\\n  import x", "pkg/other.py"),
        ("from pkg import other as o", "pkg/other.py"),
        ("from pkg import x", "pkg/__init__.py"),
        ("import os, pkg.other as o", "pkg/other.py"),
        ("if 1: import os; from pkg.other import x", "pkg/other.py"),
        ("def f():\n    from pkg.other import(x)", "pkg/other.py"),
        ('"""Taken from there\nimport it"""\nfrom other import x', "other.py"),
        ("from sglang.test.other import x", "python/sglang/test/other.py"),
        ("from middle import x", "other.py"),
    ],
)
def test_what_a_file_imports_counts(tmp_path: Path, line: str, name: str) -> None:
    files = {"test_a.py": f"{line}\n", name: f"x = '{A}', '{B}'\n"}
    assert near(tmp_path, files | {"middle.py": "import other, middle\n"})
    assert not near(tmp_path, files | {"test_a.py": "x = 1\n"})


def test_an_import_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    assert near(tmp_path, {"test_a.py": "import other\n", "other.py": "#" * 5_000_001})


def test_a_launch_without_arguments_is_held_against_the_variables(tmp_path: Path) -> None:
    assert near(tmp_path, {"a.py": f"x = '{A}'"}, least=0.5)
    assert not near(tmp_path, {"a.py": f"x = '{A}'"}, least=0.51)


@pytest.mark.usefixtures("may")
def test_settings_by_what_argparse_needs_of_them(tmp_path: Path) -> None:
    amd = {n: p for n, p in load_all(None).items() if p.target.hardware == "mi355x"}
    assert len(amd) == 4
    made = Nearest(amd, Settings(compare=("model-path",)), catalogue_for)
    (settings,) = made.bound(tmp_path).profiles  # they all name the same
    names = [s.names for s in settings]
    assert {b"--tp", b"--tp-s", b"--tensor-parallel-size"} <= names[21]
    assert {b"sglang_use_aiter"} in names
    assert b"--reasoning-e" not in frozenset().union(*names)
    assert sum(s.weight for s in settings) == 120.0


def test_where_a_server_is_started() -> None:
    text = """\
import subprocess

class TestA(CustomTestCase):
    def start(self, command):
        return subprocess.Popen(command)

    def setUp(self):
        self.start(["python3", "-m", "sglang.launch_server"])
        popen_launch_server(
            "M",
        )

def serve():
    subprocess.run(f"sglang serve {more}", shell=True)

def docs():
    "As sglang serve does."
    subprocess.run("ls")

def stale():
    subprocess.run(["pgrep", "-f", "sglang serve .*"])  # popen_launch_server("M")

asyncio.create_subprocess_exec("sglang", "serve")

def within():
    llm = sgl.Engine(model_path="M"), sqlalchemy.Engine()
    popen_launch_pd_server("M", "u", 1)
"""
    text += f"def many():\n    x = {'+ '.join(['run(1)'] * 500)}\n" + "    run(2)\n" * 500
    assert servers_started(text.encode(), "a.py") == [
        (5, "TestA.start"),
        (9, "TestA.setUp"),
        (14, "serve"),
        (23, ""),
        (26, "within"),
        (27, "within"),
    ]
    with pytest.raises(ReadError, match="syntax error"):
        servers_started(b"subprocess.run((", "a.py")
