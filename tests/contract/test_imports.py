"""Imports run one way only, and the heavy ones stay off the paths that must be quick."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

import dsv4_env
from dsv4_env.exporters import EXPORTERS

PACKAGE = Path(dsv4_env.__file__).parent

NAMES = sorted(set(dsv4_env.__all__) - {"__version__"})
HEAVY = {
    "deepdiff",
    "hypothesis",
    "jinja2",
    "libcst",
    "packaging",
    "pydantic",
    "pydantic_settings",
    "rich",
    "ruamel",
    "tomli_w",
    "tomlkit",
    "tree_sitter",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """The part of the package that a file belongs to: ``readers`` for readers/bash.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def test_only_the_command_line_prints_or_exits() -> None:
    for path in modules():
        if part(path) in ("cli", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "exit", "quit", "sys.exit", "click.echo"), path


def test_every_package_has_an_order_of_its_modules() -> None:
    told = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["importlinter"]
    ordered = {c for contract in told["contracts"] for c in contract.get("containers", [])}
    for face in PACKAGE.rglob("__init__.py"):
        inside = [p for p in face.parent.iterdir() if p.suffix == ".py" and p != face]
        inside += [p for p in face.parent.iterdir() if (p / "__init__.py").is_file()]
        name = ".".join(("dsv4_env", *face.parent.relative_to(PACKAGE).parts))
        assert len(inside) < 2 or name in ordered, name


def test_files_are_short() -> None:
    """A file is as long as its subject, which hardly ever takes a thousand lines."""
    long = {str(p): n for p in modules() if (n := len(p.read_text().splitlines())) > 1000}
    assert long == {}


# What looks at the disk by itself. In the parts of which answers are kept (guard/kept.py) all of it
# goes through guard, which writes down what is asked: else an answer would stay that holds no more.
LOOKS = re.compile(
    r"open\(.*|.*\.(?:is_file|is_dir|is_symlink|exists|lexists|isfile|isdir|islink|samefile|realpath"
    r"|readlink|r?glob|iterdir|listdir|scandir|l?stat|read_bytes|read_text|open|access)\(.*"
    r"|.*\.resolve\(\)",  # a path's; others resolve names, which they are given
    re.DOTALL,
)
KEPT_PARTS = ("compare", "lang", "profile", "readers")
NOT_KEPT = {
    "readers/process.py": "servers that run, which are looked for at each question",
}


def test_what_is_kept_asks_the_disk_through_guard() -> None:
    direct = []
    for path in modules():
        name = path.relative_to(PACKAGE).as_posix()
        if part(path) not in KEPT_PARTS or name in NOT_KEPT:
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node)
            if LOOKS.fullmatch(called):
                direct.append(f"{name}:{node.lineno}: {called}")
    assert direct == []


def functions_own(path: Path) -> Iterator[list[ast.Import | ast.ImportFrom]]:
    """The imports that stand inside functions, those that follow each other together."""
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            body = getattr(node, "body", None)
            if not isinstance(body, list) or (isinstance(node, ast.Try) and missing(node)):
                continue
            for is_import, run in groupby(body, lambda n: isinstance(n, IMPORTS)):
                if is_import:
                    yield list(run)


IMPORTS = (ast.Import, ast.ImportFrom)


def missing(node: ast.Try) -> bool:
    """Whether what is tried is an import of what may not be there."""
    return any(h.type is not None and ast.unparse(h.type) == "ImportError" for h in node.handlers)


def test_an_import_inside_a_function_says_what_it_saves() -> None:
    others = {"sglang", "torch", "transformers", "tvm_ffi"}  # only there in SGLang's own Python
    seen, silent = 0, []
    for path in modules():
        lines = path.read_text().splitlines()
        for run in functions_own(path):
            first = run[0]
            name = first.module if isinstance(first, ast.ImportFrom) else first.names[0].name
            if name is not None and name.partition(".")[0] in others:
                continue
            seen += 1
            told = lines[first.lineno - 2 : run[-1].end_lineno]
            if not any("#" in line for line in told):
                silent.append(f"{path}:{first.lineno}: {lines[first.lineno - 1].strip()}")
    assert silent == []
    assert seen > 30


LANGUAGES = ["bash", "python"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_knows_nothing_of_what_is_read(language: str) -> None:
    """bash is bash, whoever reads it: what launches a server is the readers' affair."""
    files = sorted((PACKAGE / "lang" / language).rglob("*.py"))
    assert files
    for path in files:
        text = path.read_text().replace("dsv4_env", "")
        assert re.search("sglang|dsv4", text, re.IGNORECASE) is None, path
        assert "dsv4_env.readers" not in path.read_text(), path


@pytest.mark.parametrize(
    "statement",
    [
        "import dsv4_env",
        "import dsv4_env; dsv4_env.load_profile('flash-fp4').env",
        "from dsv4_env.cli import run; run(['--help'])",
        *(
            f"from dsv4_env.cli import run; assert run({words}) == 0"
            for words in (
                ["export", "flash-fp4", "-f", n, *(["--image", "i"] if e.container else [])]
                for n, e in EXPORTERS.items()
                if n != "toml"
            )
        ),
        "from dsv4_env.cli import run; run(['list'])",
        "from dsv4_env.cli import run; run(['show', 'flash-fp4', '--origin'])",
    ],
)
def test_heavy_imports_are_lazy(statement: str, tmp_path: Path) -> None:
    code = f"{statement}\nimport sys; print(*sys.modules, sep='\\n', file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "dsv4_env" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize(
    "first", ["dsv4_env.compare.differences", "dsv4_env.compare.findings", "dsv4_env.profile"]
)
def test_public_names_do_not_hang_on_what_was_imported_before(first: str) -> None:
    code = f"import {first}, dsv4_env; print(*(callable(getattr(dsv4_env, n)) for n in {NAMES}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"True"}


def test_the_pytest_plugin_imports_nothing_until_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure(config):\n    print('loaded', *sys.modules)\n"
    )
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    loaded: list[set[str]] = []
    for words in (["--co"], ["--co", "-p", "no:dsv4_env"], []):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        _, _, names = done.stdout.rpartition("loaded ")
        loaded.append(set(names.split()))
    collected, without, run = loaded
    assert collected - without == {"dsv4_env", "dsv4_env.pytest", "dsv4_env.pytest.plugin"}
    assert {name for name in run if name.startswith("dsv4_env")} == collected - without
