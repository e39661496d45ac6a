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


def test_a_failed_export_leaves_no_arguments_of_before(tool: str) -> None:
    script = 'ARGS=(--tp 8); eval "$(dsv4-env export nope -f bash)"; echo "$? ${ARGS[*]}"'
    done = subprocess.run(
        [need("bash"), "-c", script], env={"PATH": tool}, capture_output=True, check=False
    )
    assert done.stdout == b"1 --dsv4-env-export-failed\n"


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


OUTSIDE = 'extends = ["flash-fp4"]\n[env]\nFROM_OUTSIDE = {from-environment = true}\n'
SECRETS = ["plain", "a b * ' \" $HOME `x` !", "-n", "two\nlines"]


@pytest.fixture
def outside(tool: str, tmp_path: Path) -> dict[str, str]:
    """An environment in which the profile ``outside`` takes a variable from outside."""
    (tmp_path / "outside.toml").write_text(OUTSIDE)
    may = {"DSV4_ENV_SGLANG": "0.5.13"}  # for which the profile sets SGLANG_USE_AITER
    return {"PATH": tool, "DSV4_ENV_PROFILES": str(tmp_path), "HOME": str(tmp_path), **may}


@pytest.mark.parametrize("shell", [*SHELLS, *OTHERS])
@pytest.mark.parametrize("secret", SECRETS)
def test_what_comes_from_outside_arrives_as_it_is(
    shell: str, secret: str, outside: dict[str, str]
) -> None:
    script = OTHERS.get(shell, 'eval "$(dsv4-env export {})"').format("outside")
    found = dumped(shell, script, **outside, FROM_OUTSIDE=secret)
    assert found["FROM_OUTSIDE"] == secret
    assert found["SGLANG_USE_AITER"] == "1"


@pytest.mark.parametrize("shell", [*SHELLS, *OTHERS])
@pytest.mark.parametrize("given", [{}, {"FROM_OUTSIDE": ""}], ids=["unset", "empty"])
def test_what_is_missing_outside_fails_the_shell(
    shell: str, given: dict[str, str], outside: dict[str, str], tmp_path: Path
) -> None:
    if shell == "tcsh" and given:
        pytest.skip("tcsh can't tell an empty variable without ending the shell")
    path = tmp_path / "script"
    line = OTHERS.get(shell, 'eval "$(dsv4-env export {})" || exit 1').format("outside")
    path.write_text(f"{line}\necho went on\n")
    done = subprocess.run(
        [need(shell), str(path)], env={**outside, **given}, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == b""
    assert b"FROM_OUTSIDE" in done.stderr


@pytest.mark.parametrize("shell", [*SHELLS, *OTHERS])
def test_an_undo_leaves_alone_what_came_from_outside(shell: str, outside: dict[str, str]) -> None:
    script = OTHERS.get(shell, 'eval "$(dsv4-env export {})"').format("outside --unset")
    found = dumped(shell, script, **outside, FROM_OUTSIDE="x", SGLANG_USE_AITER="1")
    assert found["FROM_OUTSIDE"] == "x"
    assert "SGLANG_USE_AITER" not in found


@pytest.mark.parametrize("format_", ["run-sh", "slurm"])
def test_a_script_demands_what_comes_from_outside(
    format_: str, outside: dict[str, str], tmp_path: Path
) -> None:
    script = subprocess.run(
        ["dsv4-env", "export", "outside", "-f", format_, "--model", "m"],
        env=outside, capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "run.sh").write_bytes(script)
    for name in ("python3", "srun"):
        (tmp_path / name).write_text('#!/bin/sh\nprintf "%s" "$FROM_OUTSIDE"\n')
        (tmp_path / name).chmod(0o755)
    environ = {**outside, "PATH": f"{tmp_path}:{outside['PATH']}"}
    words = [need("bash"), str(tmp_path / "run.sh")]
    done = subprocess.run(words, env=environ, capture_output=True, check=False)
    assert (done.returncode != 0, done.stdout) == (True, b"")
    assert b"FROM_OUTSIDE: it has to be set" in done.stderr
    environ["FROM_OUTSIDE"] = "a 'b'"
    done = subprocess.run(words, env=environ, capture_output=True, check=True)
    assert done.stdout == b"a 'b'"
