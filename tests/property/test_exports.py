"""What is exported, the tool's own readers read back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings, strategies as st

from dsv4_env.compare.normalise import LOCAL
from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg, group_args
from dsv4_env.readers import bash, compose, config, dotenv, kubernetes, python, vscode

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
    "k8s-env": lambda text: kubernetes.read_all(text, "f"),
    "k8s-configmap": lambda text: kubernetes.read_all(text, "f"),
    "shell": lambda text: bash.read_all(f"{text}\nsglang serve", "f"),
    "bash": lambda text: bash.read_all(f'{text}\nsglang serve "${{ARGS[@]}}"', "f"),
    "docker-run": lambda text: bash.read_all(f"docker run {text[:-1]} i sglang serve", "f"),
    "args": lambda text: bash.read_all(f"sglang serve {text}", "f"),
    "run-sh": lambda text: bash.read_all(text, "f"),
    "slurm": lambda text: bash.read_all(text, "f"),
    "vscode": lambda text: vscode.read_all(text, "f"),
    "python": lambda text: python.read_all(text + PYTHON, "f"),
    "python.alone": lambda text: python.read_all(text, "f"),
}
VARIABLES = {"dotenv", "docker-env", "systemd", "github-env", "k8s-env", "k8s-configmap"}
COMMANDS = {"shell", "docker-run"}  # variables for a command that isn't exported with them
REFUSED = {
    "vscode": r"\$\{[^}]*\}",
    "docker-env": "\n|\r\\Z",
    "systemd": "[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef]|[\ufffe\uffff]",
}
SWITCHES = (
    "--trust-remote-code",
    "--disable-radix-cache",
    "--disable-shared-experts-fusion",
    "--enable-dp-attention",
    "--log-requests",
    "--enable-metrics",
)
ALL_PLANES = re.compile("|".join(chr(p + n) for p in range(0, 0x110000, 0x10000)
                                 for n in (0xFFFE, 0xFFFF)))  # fmt: skip


@pytest.mark.parametrize("case", READERS)
@given(values=st.lists(TEXT, max_size=6), words=st.lists(TEXT, max_size=6))
@settings(max_examples=60, deadline=None)
def test_own_readers(case: str, values: list[str], words: list[str]) -> None:
    format_ = case.partition(".")[0]
    refused = re.compile(REFUSED.get(format_, "(?!)"))
    words = [w for w in words if format_ != "vscode" or not refused.search(w)]
    words = [w for w in words if w.partition("=")[0] not in LOCAL]  # an exporter's own
    env = {
        f"SGLANG_V{i}": v
        for i, v in enumerate(values)
        if not refused.search(v) and not (format_ == "systemd" and ALL_PLANES.search(v))
    }
    origin = Origin("test")
    args = group_args([(word, None) for word in words], "test")
    launch = LaunchConfig("t", "test", tuple(EnvVar(n, v, origin) for n, v in env.items()), args)
    model = None if case == "python" else "m"  # there it's said with the call
    options = ExportOptions(model, image="i", nodes=2, prefix_comment=True)
    text = EXPORTERS[format_](launch, options)
    if not env and case in ("k8s-env", "k8s-configmap"):
        return  # nothing says that it is for SGLang
    (found,) = READERS[case](text)
    held = {n: e.value for n, e in found.effective_env.items() if n.startswith("SGLANG_V")}
    assert held == ({} if case == "args" else env)
    assert not any(e.condition for e in found.env)
    assert (found.args is None) == (case in VARIABLES)
    if case in VARIABLES | COMMANDS:
        return
    own = [w for a in args for w in a.words]
    assert found.argv[: 2 + len(own)] == ["--model-path", "m", *own]


@given(flags=st.lists(st.lists(TEXT, max_size=3), max_size=6))
@settings(max_examples=100, deadline=None)
def test_the_own_reader_of_a_config_file(flags: list[list[str]]) -> None:
    origin = Origin("test")
    known = iter(SWITCHES)  # of another flag SGLang takes `true` for a value
    args = tuple(
        ServerArg(f"--x{i}" if words else next(known), tuple(words), origin)
        for i, words in enumerate(flags)
    )
    text = EXPORTERS["sglang-config"](
        LaunchConfig("t", "test", (EnvVar("A", "1", origin),), args), ExportOptions("m")
    )
    (found,) = config.read_all(text, "f")
    assert found.arguments_alone
    assert found.env == ()
    assert found.argv == ["--model-path", "m", *(w for a in args for w in a.words)]
