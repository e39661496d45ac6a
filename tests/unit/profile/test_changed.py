"""A profile as a test changes it."""

from __future__ import annotations

from typing import Any

import pytest

from dsv4_env import Dsv4Error, load_profile

USUAL = load_profile("flash-fp4")


def test_flags_take_the_place_of_the_profile_s_own() -> None:
    own = USUAL.server_args
    at = own.index("--tp")
    made = USUAL.changed(args=["--tensor-parallel-size", "4", "--log-requests"])
    assert made.server_args == [
        *own[:at], "--tensor-parallel-size", "4", *own[at + 2 :], "--log-requests",
    ]  # fmt: skip
    assert (made.env, made.name, made.data) == (USUAL.env, USUAL.name, USUAL.data)
    assert USUAL.server_args == own


def test_variables_are_set_and_left_out() -> None:
    made = USUAL.changed(
        env={"A": "b", "SGLANG_HACK_FLASHMLA_BACKEND": "x"}, without=["SGLANG_USE_ROCM700A"]
    )
    changed = {**USUAL.env, "SGLANG_HACK_FLASHMLA_BACKEND": "x", "A": "b"}
    del changed["SGLANG_USE_ROCM700A"]
    assert made.env == changed
    # A test's own value isn't one that the environment may override.
    assert made.launch_env({"SGLANG_HACK_FLASHMLA_BACKEND": "y"}) == changed
    assert made.server_args == USUAL.server_args


def test_a_flag_is_left_out_with_its_values() -> None:
    made = USUAL.changed(without=["--page-size", "--trust-remote-code"])
    assert {"--page-size", "--trust-remote-code"}.isdisjoint(made.server_args)
    assert len(made.server_args) == len(USUAL.server_args) - 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"args": "--tp 4"}, 'args is \'--tp 4\'; expected a list of words: ["--tp", "4"]'),
        ({"without": "--tp"}, "without is '--tp'; expected a list of words: [\"--tp\"]"),
        ({"args": {"--tp": "4"}}, "args is {'--tp': '4'}, dict; expected a list of words"),
        ({"args": {"--tp=4"}}, "args is {'--tp=4'}, set; expected a list of words"),
        ({"args": b"--tp"}, "args is b'--tp', bytes; expected a list of words"),
        ({"args": (w for w in ["--tp", "4"])}, "generator; expected a list of words"),
        ({"args": None}, "args is None, NoneType; expected a list of words"),
        ({"without": {"--tp": "4"}}, "without is {'--tp': '4'}, dict; expected a list of words"),
        ({"without": b"--tp"}, "without is b'--tp', bytes; expected a list of words"),
        ({"without": [4]}, "4 is no name; expected a flag, or a variable"),
        ({"env": ["A"]}, "env is ['A'], list; expected a dict of variables and their values"),
        ({"args": ["--tp 4"]}, 'expected a word for each part: "--tp", "4"'),
        ({"args": ["4"]}, "expected a flag before it"),
        ({"args": ["--tp", 4]}, 'the argument 4 is no text; expected "4"'),
        ({"args": ["--tp=4"], "without": ["--tp"]}, "--tp is both given and left out"),
        ({"without": ["--tpp"]}, "flash-fp4 doesn't give --tpp.* Did you mean --tp"),
        ({"env": {"A": 1}}, 'A is 1, which is no text; expected "1"'),
        ({"env": {"A B": "1"}}, "'A B' can't name a variable"),
        ({"env": {"A": "1"}, "without": ["A"]}, "A is both set and left out"),
        ({"without": ["SGLANG_USE_ROCM700"]}, "Did you mean SGLANG_USE_ROCM700A"),
    ],
)
def test_what_cant_be_meant_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Dsv4Error, match=message.replace("[", r"\[").replace("]", r"\]")):
        USUAL.changed(**change)
