"""The judge must find every kind of wrong answer, and leave open answers alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsv4_env.model import (
    EnvVar,
    LaunchConfig,
    Note,
    Origin,
    RequiredInput,
    ServerArg,
    Unknown,
    Value,
    group_args,
    mark_superseded,
)
from tests.told import condition as when

from .bash_oracle import Launch, Real
from .judge import Mode, judge, verdict

HERE = Origin("bash")
COMMAND = ("python3", "-m", "sglang.launch_server")
REAL = Real(
    (Launch((*COMMAND, "--tp", "8", "--x=a b"), {"A": "1", "B": "two", "HOME": "/h"}),), {"IN": "1"}
)


def unknown(text: str = "?", **more: object) -> Unknown:
    return replace(Unknown(text, "not known"), **more)  # type: ignore[arg-type]


def env(name: str, value: Value, condition: str | None = None) -> EnvVar:
    return EnvVar(name, value, HERE, condition=when(condition))


def config(
    *settings: EnvVar, words: tuple[Value, ...] = ("--tp", "8", "--x=a b"), **more: object
) -> LaunchConfig:
    made = LaunchConfig(
        "run.sh",
        "bash",
        mark_superseded(settings or (env("A", "1"), env("B", "two"))),
        group_args([(w, None) for w in words], "bash"),
        COMMAND,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def conditional(made: LaunchConfig, condition: str, *flags: str) -> LaunchConfig:
    args = tuple(
        replace(a, condition=when(condition)) if a.flag in flags else a for a in made.args or ()
    )
    return replace(made, args=args)


AB = (env("A", "1"), env("B", "two"))
RIGHT: dict[str, list[LaunchConfig]] = {
    "the truth": [config()],
    "a value unknown": [config(env("A", unknown()), env("B", "two"))],
    "set twice": [config(env("A", "0"), *AB)],
    "conditional override": [config(*AB, env("A", "2", "C = 1"))],
    "conditional truth": [config(env("A", "0"), env("A", "1", "C = 1"), env("B", "two"))],
    "conditional extra": [config(*AB, env("EXTRA", "2", "C = 1"))],
    "unknown extra": [config(*AB, env("EXTRA", unknown()))],
    "missing name noted": [config(env("A", "1"), notes=(Note("B may be set by x.sh"),))],
    "file not known": [config(env("A", "1"), notes=(Note("ran a file that isn't known"),))],
    "unknown word": [config(words=("--tp", unknown(), "--x=a b"))],
    "unknown words": [config(words=(unknown(splits=True),))],
    "unknown words that are none": [config(words=("--tp", "8", "--x=a b", unknown(splits=True)))],
    "unknown joined value": [config(words=("--tp", "8", unknown("--x=?")))],
    "conditional flags": [
        conditional(config(words=("--tp", "8", "--x=a b", "--y")), "C = 1", "--y", "--tp")
    ],
    "conditional launch too many": [config(), config(condition="C = 1")],
    "wrapped": [config(command=("numactl", "-N", "0", "/usr/bin/python3", *COMMAND[1:]))],
    "unknown wrapper": [config(command=(unknown(splits=True),))],
    "input repeated": [config(*AB, env("HOME", "/elsewhere"))],
    "partial without the launch": [config(condition="C = 1", partial=True, words=("--no",))],
}
WRONG: dict[str, tuple[list[LaunchConfig], str]] = {
    "nothing": ([], "bash launched"),
    "twice": ([config(), config()], "bash doesn't make it"),
    "other value": ([config(env("A", "2"), env("B", "two"))], "A='2' is claimed"),
    "white space": ([config(env("A", "1 "), env("B", "two"))], "A='1 ' is claimed"),
    "name too many": ([config(*AB, env("C", ""))], "C='' is claimed, bash gives None"),
    "name missing": ([config(env("A", "1"))], "B='two' is exported"),
    "wrong one counts": (
        [config(env("A", "1"), env("A", "0"), env("B", "two"))],
        "A='0' is claimed",
    ),
    "superseded marks": (
        [config(), replace(config(), env=(env("A", "1"), EnvVar("B", "two", HERE, True)))][1:],
        "isn't the one that counts",
    ),
    "no alternative right": (
        [config(env("A", "2"), env("A", "3", "C = 1"), env("B", "two"))],
        "one of ['2', '3']",
    ),
    "other name noted": (
        [config(env("A", "1"), notes=(Note("BB may be set by x.sh"),))],
        "B='two' is exported",
    ),
    "word missing": ([config(words=("--tp", "8"))], "arguments"),
    "word too many": ([config(words=("--tp", "8", "--x=a b", "--y"))], "arguments"),
    "word order": ([config(words=("--x=a b", "--tp", "8"))], "arguments"),
    "word split": ([config(words=("--tp", "8", "--x=a", "b"))], "arguments"),
    "unknown is one word": ([config(words=(unknown(),))], "arguments"),
    "unknown word too many": ([config(words=("--tp", "8", "--x=a b", unknown()))], "arguments"),
    "joined to another flag": ([config(words=("--tp", "8", unknown("--y=?")))], "arguments"),
    "conditional group torn": (
        [conditional(config(words=("--tp", "9", "--x=a b")), "C = 1", "--tp")],
        "arguments",
    ),
    "other command": ([config(command=("sglang", "serve"))], "command"),
    "no command": ([config(command=())], "command"),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("mode", ["closed", "inputs", "open"])
def test_leaves_open_answers_alone(name: str, mode: Mode) -> None:
    assert judge(RIGHT[name], REAL, mode) == []


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("mode", ["closed", "inputs", "open"])
def test_finds_wrong_answers(name: str, mode: Mode) -> None:
    answer, expected = WRONG[name]
    found = judge(answer, REAL, mode)
    assert any(expected in w for w in found), found


def test_launch_that_bash_does_not_make() -> None:
    nothing = Real((), {})
    assert judge([config()], nothing, "open")
    assert not judge([config(condition="C = 1")], nothing, "closed")


def test_required_input_excuses_only_where_it_may_be_missing() -> None:
    answer = [config(required=(RequiredInput("MODEL"),))]
    assert not judge(answer, Real((), {}), "open")
    assert judge(answer, Real((), {}), "closed")
    assert judge(answer, Real((), {"MODEL": "/m"}), "open")


def test_order_of_launches() -> None:
    first, second = (Launch((*COMMAND, w), {"HOME": "/h"}) for w in "ab")
    answer = [replace(config(words=(w,)), env=()) for w in "ba"]
    assert judge(answer, Real((first, second), {}), "closed")
    assert not judge(answer, Real((first, second), {}, any_order=True), "closed")


def test_conditional_launch_stands_for_a_loop() -> None:
    real = Real(tuple(Launch((*COMMAND, w), {"HOME": "/h"}) for w in "abc"), {})
    answer = replace(config(words=(unknown(),)), env=(), condition=when("a loop"))
    assert not judge([answer], real, "closed")
    assert judge([replace(answer, condition=None)], real, "closed")


def test_inputs_passed_through_need_not_be_repeated() -> None:
    launch = Launch((*COMMAND,), {"HOME": "/h", "IN": "1", "CHANGED": "new"})
    real = Real((launch,), {"IN": "1", "CHANGED": "old"})
    answer = replace(config(words=()), env=())
    assert judge([answer], real, "closed") == [
        "CHANGED='new' is exported, the answer doesn't say so"
    ]
    # In a container nothing passes through: what is there was given.
    contained = Real((Launch((*COMMAND,), {"IN": "1"}),), {"IN": "1"})
    assert judge([answer], contained, "closed") == ["IN='1' is exported, the answer doesn't say so"]


def test_other_programs_may_be_left_out_or_shown() -> None:
    words = ("vllm", "serve", "--a", "1")
    real = Real((Launch(words, {"HOME": "/h"}),), {})
    assert not judge([], real, "closed")
    shown = replace(config(words=words[2:]), env=(), command=words[:2])
    assert not judge([shown], real, "closed")
    assert judge([replace(shown, args=())], real, "closed") == []
    assert judge([config()], real, "closed")


def test_defaults_hold_when_nothing_is_set() -> None:
    bare = Real(REAL.launches, {})
    right = [config(env("A", unknown(default="1")), env("B", "two"))]
    wrong = [config(env("A", unknown(default="0")), env("B", "two"))]
    assert not judge(right, bare, "open")
    assert judge(wrong, bare, "open") == ["A is claimed to default to '0', bash gives '1'"]
    assert not judge(wrong, REAL, "open")  # there IN was set
    word = [config(words=("--tp", unknown(default="4"), "--x=a b"))]
    assert judge(word, bare, "open")


def test_counts_known_values() -> None:
    found = verdict([config(env("A", unknown()), env("B", "two"))], REAL, "closed")
    assert (found.known, found.total) == (4, 5)
    made = conditional(config(), "C = 1", "--tp")
    assert verdict([made], REAL, "closed").known == 2
    assert verdict([], REAL, "closed").total == 5


def test_empty_arguments() -> None:
    real = Real((Launch((*COMMAND, ""), {"HOME": "/h"}),), {})
    answer = replace(config(), env=(), args=(ServerArg(None, ("",), HERE),))
    assert not judge([answer], real, "closed")
    assert judge([replace(answer, args=())], real, "closed")


def test_callers_variable_set_without_export_is_open_only_where_the_caller_is() -> None:
    real = Real((Launch(COMMAND, {"HOME": "/h", "IN": "new"}),), {"IN": "old"})
    answer = replace(config(words=()), env=())
    assert not judge([answer], real, "open")
    assert judge([answer], real, "inputs")
    assert judge([answer], replace(real, inputs={}), "open")
    assert judge([replace(answer, env=(env("IN", "other"),))], real, "open")


def test_conditional_setting_may_leave_the_callers_value() -> None:
    real = Real((Launch(COMMAND, {"HOME": "/h", "IN": "old"}),), {"IN": "old"})
    answer = replace(config(words=()), env=(env("IN", "new", "C = 1"),))
    assert not judge([answer], real, "closed")
    assert judge([replace(answer, env=(env("IN", "new"),))], real, "closed")
    changed = Real((Launch(COMMAND, {"HOME": "/h", "IN": "other"}),), {"IN": "old"})
    assert judge([answer], changed, "closed")
