"""Differences between two launches, exact on spelling and order."""

from __future__ import annotations

import pytest

from dsv4_env import load_profile
from dsv4_env.compare.differences import Kind, diff, moved
from dsv4_env.model import EnvVar, LaunchConfig, Origin
from dsv4_env.readers import bash, environment
from tests.told import condition

LAUNCH = "python3 -m sglang.launch_server"


def launch(text: str) -> LaunchConfig:
    return bash.read(text, "s.sh")


def kinds(left: str, right: str) -> list[tuple[str, str]]:
    return [(d.kind.value, d.name) for d in diff(launch(left), launch(right))]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (f"export A=1\n{LAUNCH}", f"export A=1\n{LAUNCH}", []),
        (f"export A=1\n{LAUNCH}", f"export A=2\n{LAUNCH}", [("changed", "A")]),
        (f"export A=1\n{LAUNCH}", f"{LAUNCH}", [("removed", "A")]),
        (f"{LAUNCH}", f"export A=1\n{LAUNCH}", [("added", "A")]),
        (f"export A=true\n{LAUNCH}", f"export A=1\n{LAUNCH}", [("changed", "A")]),
        (f"{LAUNCH} --x 0.9", f"{LAUNCH} --x 0.90", [("changed", "--x")]),
        (f"{LAUNCH} --x 1", f"{LAUNCH} --x=1", [("changed", "--x")]),
        (f"{LAUNCH} --x 1 --x 2", f"{LAUNCH} --x 2", [("changed", "--x")]),
        (f"{LAUNCH} --a --b --c", f"{LAUNCH} --c --a --b", [("reordered", "--c")]),
        (f"export A=1 B=2\n{LAUNCH}", f"export B=2 A=1\n{LAUNCH}", [("reordered", "B")]),
        (f"export A=1\nexport A=2\n{LAUNCH}", f"export A=2\n{LAUNCH}", []),
        (f"export A=1\n{LAUNCH}", f"export A=$(x)\n{LAUNCH}", [("unknown", "A")]),
        (f"export A=1\n{LAUNCH}", f"export A=${{B:-1}}\n{LAUNCH}", []),
        (f"{LAUNCH} --x 8", f"{LAUNCH} --x $X", [("unknown", "--x")]),
        (f"{LAUNCH} --x 8", f"{LAUNCH} --x ${{X:-8}}", []),
        (f"{LAUNCH} --x 8", f"{LAUNCH} --x ${{X:-9}}", [("changed", "--x")]),
        (f"{LAUNCH} --x --y", f"{LAUNCH} --x ${{X:-}} --y", []),
        (f"export A=1\n{LAUNCH}", f"export A=${{B:-2}}\n{LAUNCH}", [("changed", "A")]),
    ],
)
def test_kinds(left: str, right: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(left, right) == expected


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("LOGS=${LOGS:-/tmp}", []),
        ("LOGS=${LOGS-/tmp}", []),
        (': "${LOGS:=/tmp}"', []),
        ("LOGS=$LOGS", []),
        ("LOGS=${LOGS:-/tmp}; LOGS=$LOGS", []),
        ("LOGS=${LOGS:-/tmp}; export LOGS", ["LOGS"]),
        ("LOGS=${LOGS:-/tmp}/today", ["LOGS"]),
        ("LOGS=${LOGS:-/tmp}; LOGS=$LOGS/today", ["LOGS"]),
        ("SGLANG_USE_AITER=${SGLANG_USE_AITER:-1}", ["SGLANG_USE_AITER"]),
    ],
)
def test_what_only_passes_through_is_no_difference(line: str, told: list[str]) -> None:
    with_line = launch(f"{line}\npython3 -m sglang.launch_server --tp 8")
    without = launch("python3 -m sglang.launch_server --tp 8")
    for sides in ((with_line, without), (without, with_line)):
        assert [d.name for d in diff(*sides)] == told


def test_both_locations() -> None:
    (found,) = diff(launch(f"export A=1\n{LAUNCH}"), launch(f"\nexport A=2\n{LAUNCH}"))
    assert found.kind is Kind.CHANGED
    assert str(found.left_location) == "s.sh:1:8"
    assert str(found.right_location) == "s.sh:2:8"
    assert (found.left, found.right) == (("1",), ("2",))


def conditional(*settings: tuple[str, str, str | None]) -> LaunchConfig:
    env = tuple(EnvVar(n, v, Origin("t"), condition=condition(c)) for n, v, c in settings)
    return LaunchConfig("t", "bash", env, ())


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ([("A", "1", "X"), ("A", "1", "not (X)")], []),
        ([("A", "1", "X"), ("A", "2", "not (X)")], [("changed", "2", "not (X)")]),
        ([("A", "1", "X")], [("unknown", "1", "only X")]),
        ([("A", "2", "X")], [("changed", "2", "X")]),
        ([("A", "1", None), ("B", "1", "X")], [("added", "1", "X")]),
    ],
)
def test_settings_that_depend_on_conditions(
    right: list[tuple[str, str, str | None]], expected: list[tuple[str, str, str]]
) -> None:
    found = diff(conditional(("A", "1", None)), conditional(*right))
    told = [(d, f"only {d.condition}" if d.conditional else str(d.condition)) for d in found]
    assert [(d.kind.value, d.right and d.right[0], when) for d, when in told] == expected
    assert diff(conditional(*right), conditional(*right)) == []


def test_two_profiles() -> None:
    found = diff(load_profile("flash-fp4").config, load_profile("flash-fp8").config)
    assert [(d.name, d.left, d.right) for d in found] == [
        ("SGLANG_DSV4_FP4_EXPERTS", ("true",), ("false",))
    ]


def test_a_profile_and_the_environment() -> None:
    profile = load_profile("flash-fp4", sglang="0.5.13")
    environ = environment.read(profile.launch_env({"HOME": "/root"}), profile.env)
    assert diff(profile.config, environ) == []
    without = profile.launch_env({})
    del without["SGLANG_USE_AITER"]
    found = diff(profile.config, environment.read(without, profile.env))
    assert [(d.kind, d.name) for d in found] == [(Kind.REMOVED, "SGLANG_USE_AITER")]


def test_moved_names_the_fewest() -> None:
    assert moved(["a", "b", "c", "d"], ["d", "a", "b", "c"]) == ["d"]
    assert moved(["a", "b"], ["a", "x", "b"]) == []


def test_the_same_value_on_every_path_is_no_difference() -> None:
    """Whatever the test is: its opposite is known."""
    either = 'if [[ $M == fast ]]; then export A=1; else export A=1; fi; [ -z "$B" ] || export C=2'
    found = diff(launch(f"export A=1\n{LAUNCH}"), launch(f"{either}\n{LAUNCH}"))
    assert [(d.name, str(d.condition)) for d in found] == [("C", '-n "$B"')]
    one = "case $M in a) export A=1;; b) export A=1;; *) export A=1;; esac"
    assert diff(launch(f"export A=1\n{LAUNCH}"), launch(f"{one}\n{LAUNCH}")) == []
