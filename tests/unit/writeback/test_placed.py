"""Settings that are edited where they stand: what is proposed, and what holds when read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.compare.differences import diff
from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg
from dsv4_env.readers import HowRead, read
from dsv4_env.writeback.editors import EDITORS
from dsv4_env.writeback.edits import EditJob, Outcome, edit_text

AT = Origin("test")
POD = """\
apiVersion: v1
kind: Pod
spec:
  containers:
  - image: x
    env:{env}
    command: [python3, -m, sglang.launch_server]
    args: {args}
"""
UNIT = "[Service]\n{env}\nExecStart=/usr/bin/sglang serve {args}\n"


def brought(
    kind: str, text: str, env: dict[str, str], args: dict[str, list[str]], *, prune: bool = False
) -> Outcome:
    """A text whose launch is to have these settings."""
    profile = LaunchConfig(
        "p",
        "layer",
        tuple(EnvVar(n, v, AT) for n, v in env.items()),
        tuple(ServerArg(n, tuple(v), AT) for n, v in args.items()),
    )
    path = {"kubernetes": "a.yaml", "systemd": "a.service", "config": "c.yaml"}[kind]
    job = EditJob(
        profile,
        0,
        lambda t: read(t.encode(), Path(path), HowRead(kind)),
        lambda launch: diff(profile, launch),
        EDITORS[kind].propose,
        prune=prune,
    )
    return edit_text(job, text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" [{name: A, value: b}]", ' [{name: A, value: "1"}]'),
        ("\n    - {name: A, value: '0'}", "\n    - {name: A, value: '1'}"),
        ('\n    - name: A   # why\n      value: "0"', '\n    - name: A   # why\n      value: "1"'),
        ("\n    - value: x\n      name: A", None),
    ],
)
def test_a_value_of_a_manifest_is_text_whatever_stood_there(before: str, after: str | None) -> None:
    text = POD.replace("{args}", "[--model-path, m]")
    outcome = brought(
        "kubernetes", text.replace("{env}", before), {"A": "1"}, {"--model-path": ["m"]}
    )
    if after is None:  # it is left rather than guessed at
        assert [r.name for r in outcome.refused] == ["A"]
    else:
        assert outcome.text == text.replace("{env}", after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[--tp, '4', --x]", "[--tp, '8', --x]"),
        ('[--x, --tp, "4"]', '[--x, --tp, "8"]'),
        ("\n    - --tp\n    - '4'\n    - --x", "\n    - --tp\n    - '8'\n    - --x"),
    ],
)
def test_items_of_a_list(before: str, after: str) -> None:
    text = POD.replace("{env}", " [{name: A, value: b}]")
    wanted: dict[str, list[str]] = {"--tp": ["8"], "--x": []}
    outcome = brought("kubernetes", text.replace("{args}", before), {"A": "b"}, wanted)
    assert outcome.text == text.replace("{args}", after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[--tp, '4', --x]", "[--tp, '4']"),
        ("[--x, --tp, '4']", "[--tp, '4']"),
        ("\n    - --tp\n    - '4'\n    - --x", "\n    - --tp\n    - '4'"),
        ("\n    - --x\n    - --tp\n    - '4'", "\n    - --tp\n    - '4'"),
    ],
)
def test_an_item_goes(before: str, after: str) -> None:
    text = POD.replace("{env}", " [{name: A, value: b}]")
    outcome = brought(
        "kubernetes", text.replace("{args}", before), {"A": "b"}, {"--tp": ["4"]}, prune=True
    )
    assert outcome.text == text.replace("{args}", after)


def test_variables_of_a_unit() -> None:
    text = UNIT.format(env='Environment=A=0 "B=c d" C=%h', args="--tp 4")
    outcome = brought("systemd", text, {"A": "1", "B": "e f", "D": "g"}, {"--tp": ["4"]})
    assert 'Environment=A=1 "B=e f" "D=g" C=%h\n' in outcome.text
    assert outcome.refused == []


def test_keys_keep_their_spelling_and_lists_their_brackets() -> None:
    text = "model-path: m\ntp_size: 4   # four\ncuda-graph-bs: [1, 2]\nx: {'a': 1}\n"
    wanted = {
        "--model-path": ["m"],
        "--tp_size": ["8"],
        "--cuda-graph-bs": ["1", "2", "4"],
        "--x": ['{"a": 1}'],
        "--trust-remote-code": [],
    }
    outcome = brought("config", text, {}, wanted)
    assert "tp_size: 8   # four\ncuda-graph-bs: [1, 2, 4]\n" in outcome.text
    assert "trust-remote-code: true\n" in outcome.text


def test_what_others_share_is_left_alone() -> None:
    text = """\
apiVersion: v1
kind: Pod
spec:
  containers:
  - {image: x, env: &e [{name: A, value: "0"}], command: [sglang, serve, m]}
  - {image: x, env: *e, command: [sglang, serve, n]}
"""
    outcome = brought("kubernetes", text, {"A": "1"}, {})
    assert outcome.text == text
    assert "--shared" in str(outcome.refused[0])


def test_a_flag_before_one_whose_value_stands_elsewhere() -> None:
    text = UNIT.format(env="Environment=TP=4", args="--tp ${TP}")
    outcome = brought("systemd", text, {"TP": "4"}, {"--tp": ["4"], "--x": ["1"]})
    assert outcome.text == text.replace("--tp", "--x 1 --tp")
