"""``eval "$(dsv4-env export …)"`` in real shells: the profile arrives, and failures fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsv4_env import load_profile
from tests.conftest import need

SHELLS = ["bash", "dash", "zsh", "mksh"]
OTHERS = {
    "fish": "dsv4-env export {} -f fish | source; or exit 1",
    "tcsh": 'eval "`dsv4-env export {} -f csh`" || exit 1',
}
DUMP = (
    "import os,sys; sys.stdout.buffer.write(b'\\0'.join(b'%s=%s' % p for p in os.environb.items()))"
)


def dumped(shell: str, script: str, **environ: str) -> dict[str, str]:
    """The environment of a process that the script starts last."""
    full = f'{script}\nexec "{sys.executable}" -c "$DUMP"\n'
    done = subprocess.run(
        [need(shell), "-c", full],
        env={"PATH": os.environ["PATH"], "DUMP": DUMP, **environ},
        capture_output=True,
        check=True,
    )
    pairs = (item.partition(b"=") for item in done.stdout.split(b"\0"))
    return {n.decode(): v.decode(errors="surrogateescape") for n, _, v in pairs}


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder for PATH with dsv4-env in it."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "dsv4-env").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dsv4_env "$@"\n')
    (folder / "dsv4-env").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("shell", SHELLS)
def test_eval_sets_the_profile(shell: str, tool: str) -> None:
    found = dumped(shell, 'eval "$(dsv4-env export flash-fp4)"', PATH=tool)
    profile = load_profile("flash-fp4")
    assert {n: found.get(n) for n in profile.env} == profile.env


@pytest.mark.parametrize("shell", OTHERS)
def test_other_shells_get_the_profile(shell: str, tool: str) -> None:
    script = OTHERS[shell].format("flash-fp4")
    found = dumped(shell, script, PATH=tool)
    profile = load_profile("flash-fp4")
    assert {n: found.get(n) for n in profile.env} == profile.env


@pytest.mark.parametrize("shell", OTHERS)
@pytest.mark.parametrize("words", ["nope", "flash-fp4 --image i", "flash-fp4 --nope"])
def test_a_failing_export_fails_other_shells(
    shell: str, words: str, tool: str, tmp_path: Path
) -> None:
    path = tmp_path / "script"  # tcsh -c would not exit
    path.write_text(f"{OTHERS[shell].format(words)}\necho went on\n")
    done = subprocess.run(
        [need(shell), str(path)],
        env={"PATH": tool, "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"dsv4-env: error: ")


@pytest.mark.parametrize("format_", ["run-sh", "slurm"])
def test_a_script_that_could_not_be_written_fails(format_: str, tool: str) -> None:
    done = subprocess.run(
        [need("bash"), "-c", f"dsv4-env export nope -f {format_} | bash"],
        env={"PATH": tool},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words", ["export nope", "export flash-fp4 --nope", "export"])
def test_a_failing_export_fails_the_eval(shell: str, words: str, tool: str) -> None:
    script = f'set -e; eval "$(dsv4-env {words})"; echo went on'
    done = subprocess.run(
        [need(shell), "-c", script],
        env={"PATH": tool, "HOME": str(Path.home())},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.startswith(b"dsv4-env: error: ")


@pytest.mark.parametrize("shell", SHELLS)
def test_no_launch_without_the_arguments(shell: str, tool: str) -> None:
    script = 'eval "echo launched $(dsv4-env export nope -f args)"'
    done = subprocess.run(
        [need(shell), "-c", script], env={"PATH": tool}, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == b""


@pytest.mark.parametrize("shell", SHELLS)
def test_args_come_back_word_for_word(shell: str, tool: str, tmp_path: Path) -> None:
    words = ["it's", 'a "b"', "$HOME", "a b", "", "*", "~", "\\", "x\ny", "=ls", "{a,b}", "#x"]
    text = "[args]\n--words = [" + ", ".join(repr_toml(w) for w in words) + "]\n"
    (tmp_path / "mine.toml").write_text(text)
    script = f'eval "set -- $(dsv4-env export mine -f args --profiles "{tmp_path}")"\n'
    script += 'for word do printf "%s\\0" "$word"; done'
    done = subprocess.run(
        [need(shell), "-c", script], env={"PATH": tool}, capture_output=True, check=True
    )
    assert done.stdout.decode().split("\0")[:-1] == ["--words", *words]


def repr_toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
