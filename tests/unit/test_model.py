"""Flags and values, last wins, and what is a secret."""

from __future__ import annotations

import pytest

from dsv4_env.model import (
    MASK,
    EnvVar,
    Origin,
    Unknown,
    Value,
    group_args,
    is_flag,
    is_secret,
    mark_superseded,
    masked,
)

SPLITS = Unknown("$X", "outside", ("X",), splits=True)


@pytest.mark.parametrize(
    ("words", "grouped"),
    [
        (["--a", "1", "--b"], [("--a", ("1",)), ("--b", ())]),
        (["--a", "1", "2"], [("--a", ("1", "2"))]),
        (["--a=1", "x"], [("--a", ("1",)), (None, ("x",))]),
        (["--a", "-1", "-0.5"], [("--a", ("-1", "-0.5"))]),
        (["m", "--a"], [(None, ("m",)), ("--a", ())]),
        (["--a", "-"], [("--a", ("-",))]),
        (["--a", "-x y"], [("--a", ("-x y",))]),
        (["--a", SPLITS, "--b"], [("--a", (SPLITS,)), ("--b", ())]),
        (["--a", "1", SPLITS, "2"], [("--a", ("1",)), (None, (SPLITS,)), (None, ("2",))]),
        (["--a", SPLITS, "1"], [("--a", (SPLITS,)), (None, ("1",))]),
        (["-c=1"], [("-c=1", ())]),
        ([], []),
    ],
)
def test_group_args(words: list[Value], grouped: list[object]) -> None:
    args = group_args([(w, None) for w in words], "test")
    assert [(a.flag, a.values) for a in args] == grouped
    assert [w for a in args for w in a.words] == words


def test_flags_as_argparse_sees_them() -> None:
    assert is_flag("--tp")
    assert is_flag("-v")
    assert not is_flag("-1")
    assert not is_flag("-.5")
    assert not is_flag("x")


def test_last_wins() -> None:
    env = mark_superseded(EnvVar(n, v, Origin("t")) for n, v in ("A1", "B2", "A3"))
    assert [(e.name, e.value, e.superseded) for e in env] == [
        ("A", "1", True),
        ("B", "2", False),
        ("A", "3", False),
    ]


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "--api-key", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "MY_SECRET", "APIKEY"],
)
def test_secrets(name: str) -> None:
    assert is_secret(name, "1")
    assert masked(name, "hunter2") == MASK
    assert masked(name, "") == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--tokenizer-path", "/m"),
        ("--max-total-tokens", "8192"),
        ("--swa-full-tokens-ratio", "0.1"),
        ("SGLANG_USE_AITER", "1"),
        ("KEYBOARD", "us"),
    ],
)
def test_no_secrets(name: str, value: str) -> None:
    assert masked(name, value) == value


def test_a_plural_is_a_secret_unless_it_is_a_number() -> None:
    assert is_secret("API_KEYS", "a,b")
    assert not is_secret("MAX_TOKENS", "4096")
