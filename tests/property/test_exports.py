"""What is exported, the tool's own readers read back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.model import EnvVar, LaunchConfig, Origin, group_args
from dsv4_env.readers import bash, compose, dotenv, kubernetes, python

TEXT = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`!*?[]{}()<>|&;#~=%:- \t\nab"),
        st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"]),
    ),
    max_size=12,
)
PYTHON = """
import os

os.environ.update(ENV_VARS)
popen_launch_server("m", "http://127.0.0.1:30000", 600, other_args=OTHER_ARGS)
"""

Read = Callable[[str], list[LaunchConfig]]
READERS: dict[str, Read] = {
    "dotenv": lambda text: dotenv.read_all(text, "f"),
    "docker-env": lambda text: dotenv.read_all(text, "f", dialect="docker"),
    "systemd": lambda text: dotenv.read_all(text, "f", dialect="systemd"),
    "github-env": lambda text: dotenv.read_all(text, "f", dialect="github"),
    "compose": lambda text: compose.read_all(text, "f"),
    "k8s-pod": lambda text: kubernetes.read_all(text, "f"),
    "k8s-lws": lambda text: kubernetes.read_all(text, "f"),
    "shell": lambda text: bash.read_all(f"{text}\nsglang serve", "f"),
    "run-sh": lambda text: bash.read_all(text, "f"),
    "slurm": lambda text: bash.read_all(text, "f"),
    "python": lambda text: python.read_all(text + PYTHON, "f"),
}
REFUSED = {
    "docker-env": "\n|\r\\Z",
    "systemd": "[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef]|[\ufffe\uffff]",
}
ALL_PLANES = re.compile("|".join(chr(p + n) for p in range(0, 0x110000, 0x10000)
                                 for n in (0xFFFE, 0xFFFF)))  # fmt: skip


@pytest.mark.parametrize("format_", READERS)
@given(values=st.lists(TEXT, max_size=6), words=st.lists(TEXT, max_size=6))
@settings(max_examples=60, deadline=None)
def test_own_readers(format_: str, values: list[str], words: list[str]) -> None:
    refused = re.compile(REFUSED.get(format_, "(?!)"))
    env = {
        f"V{i}": v
        for i, v in enumerate(values)
        if not refused.search(v) and not (format_ == "systemd" and ALL_PLANES.search(v))
    }
    origin = Origin("test")
    args = group_args([(word, None) for word in words], "test")
    launch = LaunchConfig("t", "test", tuple(EnvVar(n, v, origin) for n, v in env.items()), args)
    model = None if format_ == "python" else "m"  # there it's said with the call
    options = ExportOptions(model, image="i", nodes=2, prefix_comment=True)
    (found,) = READERS[format_](EXPORTERS[format_](launch, options))
    assert {n: e.value for n, e in found.effective_env.items() if re.fullmatch(r"V\d", n)} == env
    assert not any(e.condition for e in found.env)
    if format_ in ("dotenv", "docker-env", "systemd", "github-env", "shell"):
        return
    own = [w for a in args for w in a.words]
    assert found.argv[: 2 + len(own)] == ["--model-path", "m", *own]
