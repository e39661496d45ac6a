"""What is said of a launch of which only a part was read, or that sets a variable twice."""

from __future__ import annotations

import pytest

from dsv4_env import load_profile
from dsv4_env.compare.findings import compare_launches, partial_finding
from dsv4_env.model.launch import LaunchConfig, Location, Note
from dsv4_env.readers import bash

END = Location("t.py", 9, 1)
BACKEND = "SGLANG_HACK_FLASHMLA_BACKEND"  # the outside may override the profile's value
EVAL = 'eval "$(dsv4-env export flash-fp4)"'


@pytest.mark.parametrize(
    ("notes", "message", "line"),
    [
        ((), "only a part of what leads to this launch was read", 2),
        (
            (Note("", END, ended="'fi' is missing"),),
            "only what stands before this syntax error was read: 'fi' is missing",
            9,
        ),
    ],
)
def test_a_syntax_error_is_told_where_there_is_one(
    notes: tuple[Note, ...], message: str, line: int
) -> None:
    place = Location("t.py", 2, 1)
    config = LaunchConfig("t.py", "python", (), (), location=place, notes=notes, partial=True)
    finding = partial_finding(config)
    assert finding.message == message
    assert finding.location is not None
    assert finding.location.line == line


@pytest.mark.parametrize(
    ("script", "idle"),
    [
        ("export A=1\nexport A=2", ["A"]),
        ("export A=1\nexport A=${A:-2}", []),
        ('export A=1\nexport A="$A:2"', []),
        ("export A=1\nexport A=$AB", ["A"]),
        ("export A=1\nexport A=3\nexport A=$A:2", ["A"]),
        (f"export {BACKEND}=x\n{EVAL}", []),
        (f"export {BACKEND}=x\nexport {BACKEND}=y\n{EVAL}", [BACKEND]),
        (f"export SGLANG_USE_ROCM700A=x\n{EVAL}", ["SGLANG_USE_ROCM700A"]),
    ],
)
def test_a_setting_that_the_next_one_is_made_of_has_an_effect(script: str, idle: list[str]) -> None:
    found = bash.read(f"{script}\npython3 -m sglang.launch_server --model-path m\n", "s.sh")
    told = compare_launches(load_profile("flash-fp4").config, found).findings
    assert [f.subject for f in told if f.rule.id == "DSV006"] == idle
