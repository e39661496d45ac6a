"""Completion: what is offered, in the real shells, and that asking for it stays quick."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from dsv4_env.cli import cli
from dsv4_env.lint import LINT_RULES
from dsv4_env.reporters import REPORTERS
from tests.conftest import ROOT, need
from tests.contract.test_help import loaded
from tests.contract.test_imports import HEAVY

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

PROFILES = [
    "flash-fp4",
    "flash-fp8",
    "flash-nvfp4",
    "flash-official-fp4",
    "flash-w8a8",
    "pro-fp4",
    "pro-fp8",
    "pro-nvfp4",
    "pro-official-fp4",
]
OVERLAYS_WITH_D = ["deepep", "dequant", "dp-attention", "dspark"]


def offered(line: str, folder: Path, *, python: tuple[str, ...] = ("-m", "dsv4_env")) -> list[str]:
    """What dsv4-env answers when fish asks for the last word of a line."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "COMP_WORDS": line,
        "COMP_CWORD": line.rpartition(" ")[2],
        "_DSV4_ENV_COMPLETE": "fish_complete",
    }
    done = subprocess.run(
        [sys.executable, *python], env=environ, cwd=folder, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return [
        item.partition("\t")[0].partition(",")[2]
        for item in done.stdout.splitlines()
        if "," in item
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("dsv4-env ru", ["rule", "run"]),
        ("dsv4-env export ", [*PROFILES, ""]),
        ("dsv4-env run p", [name for name in PROFILES if name.startswith("p")]),
        ("dsv4-env run pro-fp4+d", [f"pro-fp4+{x}" for x in OVERLAYS_WITH_D]),
        (
            "dsv4-env run pro-fp4+mtp+d",
            ["pro-fp4+mtp+deepep", "pro-fp4+mtp+dequant", "pro-fp4+mtp+dp-attention"],
        ),
        (
            "dsv4-env run flash-fp8+tbo@",
            [f"flash-fp8+tbo@{x}" for x in ("h200", "mi300x", "mi355x")],
        ),
        ("dsv4-env run flash-fp8@mi3", ["flash-fp8@mi300x", "flash-fp8@mi355x"]),
        ("dsv4-env run mtp@", []),
        ("dsv4-env run fp4+", []),
        ("dsv4-env run nosuch+", []),
        ("dsv4-env run nosuch@", []),
        ("dsv4-env diff pro-fp4@mi pro-fp8@", ["pro-fp8@h200", "pro-fp8@mi355x", "pro-fp8@"]),
        ("dsv4-env launch flash-fp4 --sk", ["--skip"]),
        ("dsv4-env launch flash-fp4 --skip m", ["model"]),
        ("dsv4-env check --format ", list(REPORTERS)),
        ("dsv4-env check --format=j", ["--format=json", "--format=junit"]),
        ("dsv4-env lint pro-fp4 --sglang 0.5.2", ["0.5.23", "0.5.22", "0.5.21", "0.5.20"]),
        ("dsv4-env upgrade pro-fp4 --from 0.5.14", ["0.5.14"]),
        ("dsv4-env catalogue sh", ["show"]),
        ("dsv4-env catalogue diff 0.5.13 0.5.11", ["0.5.11"]),
        ("dsv4-env catalogue show SGLANG_HACK_FLASHMLA", ["SGLANG_HACK_FLASHMLA_BACKEND"]),
        ("dsv4-env catalogue show --chunked", ["--chunked-prefill-size"]),
        ("dsv4-env explain com", ["common"]),
        ("dsv4-env explain fp", ["fp4", "fp8"]),
        ("dsv4-env explain DSV11", [i for i in LINT_RULES if i.startswith("DSV11")]),
        ("dsv4-env explain unq", ["unquoted"]),
        ("dsv4-env explain --tp-", ["--tp-size"]),
        ("dsv4-env rule DSV001", ["DSV001"]),
        ("dsv4-env doctor pro-fp4 --p", ["--pid", "--port", "--profiles"]),
        ("dsv4-env run flash-fp4 --unset SGLANG_USE_ROCM7", ["SGLANG_USE_ROCM700A"]),
        ("dsv4-env run flash-fp4 -- pyth", ["pyth"]),
        ("dsv4-env show 'flash-fp4' --ori", ["--origin"]),
        ("dsv4-env completion z", ["zsh"]),
        ("dsv4-env completion zsh ", []),
    ],
)
def test_what_is_offered(line: str, expected: list[str], tmp_path: Path) -> None:
    assert offered(line, tmp_path) == expected


def test_the_tree_is_offered_within_a_checkout_of_sglang(tmp_path: Path) -> None:
    assert offered("dsv4-env lint pro-fp4 --sglang t", tmp_path) == []
    (tmp_path / "python/sglang/srt").mkdir(parents=True)
    (tmp_path / "python/sglang/srt/server_args.py").write_text("")
    assert offered("dsv4-env lint pro-fp4 --sglang t", tmp_path) == ["tree"]


def test_own_profiles_are_offered_wherever_they_are_set(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    folder.mkdir()
    (folder / "mine.toml").write_text('extends = ["pro-fp4"]\n')
    assert "mine" not in offered("dsv4-env run ", tmp_path)
    assert offered(f"dsv4-env run --profiles {folder} m", tmp_path) == ["mine"]
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "launch"\n')
    assert offered("dsv4-env run m", tmp_path) == ["mine"]


def test_own_overlays_and_targets_are_offered(tmp_path: Path, run: Callable[..., Result]) -> None:
    (tmp_path / "mine.toml").write_text('extends = ["pro-fp4"]\n')
    (tmp_path / "fast.toml").write_text('overlay = true\nexcludes = ["mtp"]\n')
    asked = f"dsv4-env run --profiles {tmp_path} "
    assert offered(f"{asked}fast", tmp_path) == []
    assert offered(f"{asked}mine+mtp+f", tmp_path) == []
    assert offered(f"{asked}mine+f", tmp_path) == ["mine+fast"]
    assert offered(f"{asked}mine+fast@h2", tmp_path) == ["mine+fast@h20", "mine+fast@h200"]
    assert run("lock", "--profiles", str(tmp_path)).code == 0
    assert offered(f"{asked}mine+fast@h2", tmp_path) == ["mine+fast@h200"]
    (tmp_path / "profiles.lock.json").write_text('{"profiles": {"mine": [{"layers": 1}]}}')
    (tmp_path / "fast.toml").write_text('overlay = true\nexcludes = "')
    assert offered(f"{asked}mine@h2", tmp_path) == ["mine@h20", "mine@h200"]
    assert "mine+mtp" in offered(f"{asked}mine+", tmp_path)


@pytest.mark.parametrize("text", ["[tool.dsv4_env", "[tool]\ndsv4_env = 1\n", "# dsv4_env\n"])
def test_a_broken_project_keeps_the_shipped_profiles(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    shipped = [name for name in PROFILES if name.startswith("p")]
    assert offered("dsv4-env run p", tmp_path) == shipped


@pytest.mark.parametrize(
    "line",
    [
        "dsv4-env ",
        "dsv4-env show ",
        "dsv4-env show pro-fp4+",
        "dsv4-env show pro-fp4@",
        "dsv4-env run flash-fp4 --unset SGLANG_",
        "dsv4-env explain ",
        "dsv4-env explain --",
        "dsv4-env lint --ignore un",
        "dsv4-env check --sglang ",
    ],
)
def test_nothing_heavy_is_imported(line: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofile = ["pro-fp4"]\n')
    code = (
        "import sys, atexit; from dsv4_env.cli import run\n"
        f"atexit.register(lambda: print(*(',' + n for n in {HEAVY!r} & "
        "{m.partition('.')[0] for m in sys.modules}), ',end', sep='\\n'))\nrun([])"
    )
    found = offered(line, tmp_path, python=("-c", code))
    assert found[-2:] == ["", "end"] or found[-1] == "end"
    assert HEAVY & set(found) == set()
    assert len(found) > 1


def test_every_operand_is_completed() -> None:
    """A new command's profile, release or rule is completed, too."""
    commands = [*loaded(cli).values(), *loaded(_group("catalogue")).values()]
    for command in commands:
        for param in command.params:
            words = {"PROFILE", "RELEASE", "RULE", "DIR"} & set(
                (param.metavar or "").replace("|", " ").strip("[].").replace("]", " ").split()
            )
            if (
                words
                and command.name != "build"
                and isinstance(param.type, click.types.StringParamType)
            ):
                context = click.Context(command)
                assert param.shell_complete(context, ""), f"{command.name} {param.name}"


def _group(name: str) -> click.Group:
    group = loaded(cli)[name]
    assert isinstance(group, click.Group)
    return group


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    """A dsv4-env that completes for real, and else only says what it is given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "dsv4-env"
    tool.write_text(
        '#!/bin/sh\n[ -n "$_DSV4_ENV_COMPLETE" ] || { echo "<$*>"; exit; }\n'
        f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m dsv4_env\n'
    )
    tool.chmod(0o755)
    return folder


TYPED = [
    ("dsv4-env expl\t SGLANG_HACK_FLASHMLA_B\t", "<explain SGLANG_HACK_FLASHMLA_BACKEND>"),
    ("dsv4-env show comm\t flash-fp8 --ori\t", "<show comm flash-fp8 --origin>"),
    ("dsv4-env check --format=sar\t", "<check --format=sarif>"),
    ("dsv4-env explain --chunked-p\t", "<explain --chunked-prefill-size>"),
    ("dsv4-env check --against notes\t", "<check --against notes.txt>"),
    ("dsv4-env diff note\t flash-fp4", "<diff notes.txt flash-fp4>"),
    ("dsv4-env show pro-fp4+meg\t", "<show pro-fp4+megamoe>"),
    ("dsv4-env show flash-fp8+tbo@h2\t --ori\t", "<show flash-fp8+tbo@h200 --origin>"),
    ("dsv4-env diff pro-fp4@b200 pro-fp8@mi3\t", "<diff pro-fp4@b200 pro-fp8@mi355x>"),
    ("dsv4-env run flash-fp4 -- cat note\t", "<run flash-fp4 -- cat notes.txt>"),
    ("dsv4-env list --profiles lay\t", "<list --profiles layers"),
]
START = {
    "bash": ["--norc", "--noprofile", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}


@pytest.mark.parametrize("shell", START)
def test_in_the_shell(shell: str, shim: Path, tmp_path: Path, run: Callable[..., Result]) -> None:
    program = need(shell)
    script = tmp_path / f"completion.{shell}"
    script.write_text(run("completion", shell).out)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "layers").mkdir()
    before = {"bash": "bind 'set bell-style none'; ", "zsh": "autoload -Uz compinit; compinit -u; "}
    lines = [f"{before.get(shell, '')}source {script}; echo rea''dy", *(t for t, _ in TYPED)]
    expected = ["ready", *(answer for _, answer in TYPED)]
    shown = typed(program, START[shell], shim, tmp_path, lines, expected)
    assert [answer for answer in expected if answer not in shown] == []


def typed(
    program: str,
    options: list[str],
    shim: Path,
    folder: Path,
    lines: list[str],
    expected: list[str],
) -> str:
    """What an interactive shell shows when lines are typed, each after the answer to the last."""
    pid, terminal = pty.fork()
    if pid == 0:
        environ = {"PATH": f"{shim}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "dumb"}
        os.chdir(folder)
        os.execve(program, [program, *options], {**environ, "LC_ALL": "C.UTF-8"})
    shown = ""
    try:
        for line, answer in zip(lines, expected, strict=True):
            os.write(terminal, line.encode() + b"\r")
            shown += until(terminal, answer)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return shown


def until(terminal: int, answer: str) -> str:
    """What a terminal shows until the answer comes, or for too long."""
    shown = ""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and answer not in shown:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the shell has ended
                break
    return shown


def test_fish_shows_what_a_word_means(shim: Path, tmp_path: Path) -> None:
    fish = need("fish")
    code = 'dsv4-env completion fish | source; complete -C "dsv4-env la"'
    tool = shim / "dsv4-env"
    tool.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m dsv4_env "$@"\n')
    environ = {"PATH": f"{shim}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run([fish, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout.startswith("launch\tLaunch a profile's server")
