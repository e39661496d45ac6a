"""``eval "$(dsv4-env export …)"`` in real shells: every byte arrives, and failures fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsv4_env import load_profile
from dsv4_env.exporters import EXPORTERS
from dsv4_env.model import EnvVar, LaunchConfig, Origin
from tests.conftest import need

SHELLS = ["bash", "dash", "zsh"]
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


VALUES = st.lists(
    st.text(
        st.one_of(
            st.sampled_from("'\"\\$`!*?[]{}()<>|&;#~=%^ \t\n\r-–‘’“”é\x01\x7f"),
            st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
        ),
        max_size=12,
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize("shell", SHELLS)
@given(values=VALUES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_value_arrives_byte_for_byte(shell: str, values: list[str]) -> None:
    expected = {f"V{i}": v for i, v in enumerate(values)}
    env = tuple(EnvVar(n, v, Origin("test")) for n, v in expected.items())
    text = EXPORTERS["shell"](LaunchConfig("t", "test", env, ()))
    found = dumped(shell, 'eval "$TEXT"', TEXT=text)
    assert {n: found.get(n) for n in expected} == expected
