"""Flags and values, and that the last wins."""

from __future__ import annotations

import pytest

from dsv4_env.model import EnvVar, Origin, Unknown, Value, group_args, is_flag, mark_superseded

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
