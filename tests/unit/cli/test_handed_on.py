"""Variables that a script sets and doesn't export: what of them reaches the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result

Run = Callable[..., Result]

HANDED_ON = "what the environment has, if anything"
NAME = "SGLANG_DSV4_FP4_EXPERTS"  # "true" in flash-fp4
EMPTY = "isn't exported, and replaces only an empty one"


@pytest.fixture
def told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    monkeypatch.chdir(tmp_path)

    def tell(line: str, *command: str) -> list[str]:
        """What a command says of the variable X that a script sets."""
        script = f"{line.replace('X', NAME)}\npython3 -m sglang.launch_server --tp 8\n"
        Path("run.sh").write_text(script)
        found = run(*command)
        return [
            said.replace(NAME, "X") for said in found.out.splitlines() if NAME in said.split(";")[0]
        ]

    return tell


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("X=${X:-d}", f'X {HANDED_ON} "d" {EMPTY}'),
        (": ${X:=d}", f'X {HANDED_ON} "d" {EMPTY}'),
        ("X=${X:-${Y:-d}}", f'X {HANDED_ON} "d" {EMPTY}'),
        ("X=${X-d}", f'X {HANDED_ON} "d" isn\'t exported'),
        ("X=$X", f"X {HANDED_ON}"),
        ("X=${X:?}", f"X {HANDED_ON}"),
        ("X=${X:-d}; export X", "X d unless X is set"),
        ("export X=${X:-d}", "X d unless X is set"),
        ("export X; X=${X:-d}", "X <${X}> unknown: not set in the script (set again later)"),
        ("export X", "X <${X}> unknown: not set in the script"),
        ("X=${Y:-d}${X}", "X <${Y:-d}${X}> unknown: not set in the script"),
        ("X=d$X", "X <d${X}> unknown: not set in the script when X is set outside: it isn't"),
        ("X=${X:-a}${Y:-b}", "X ab unless X or Y is set when X is set outside: it isn't exported"),
    ],
)
def test_how_it_is_shown(line: str, shown: str, told: Callable[..., list[str]]) -> None:
    first = " ".join(told(line, "show", "run.sh")[0].split())
    assert first.startswith(shown)
    if HANDED_ON in shown:
        assert first == shown


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        (
            "X=${X:-false}",
            f'run.sh:1:1: error: DSV003 X is {HANDED_ON}; flash-fp4 has "true": write that, and '
            f'export it ("false" {EMPTY})',
        ),
        (
            "X=${X:-true}",
            f'run.sh:1:1: warning: DSV005 X is {HANDED_ON}; flash-fp4 has "true": export it '
            f'("true" {EMPTY})',
        ),
        (
            ": ${X:=true}",
            f'run.sh:1:30: warning: DSV005 X is {HANDED_ON}; flash-fp4 has "true": export it '
            f'("true" {EMPTY})',
        ),
        (
            "test -n $X; X=true",
            "run.sh:1:35: warning: DSV005 X is set only when X is set outside; flash-fp4 has "
            '"true": export it (when X is set outside: it isn\'t exported)',
        ),
    ],
)
def test_what_a_check_says(line: str, finding: str, told: Callable[..., list[str]]) -> None:
    (found,) = told(line, "check", "flash-fp4", "--against", "run.sh", "--format", "concise")
    assert found == finding


def test_of_a_secret_nothing_is_told(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("HF_TOKEN=${HF_TOKEN:-hf_abcdefghijklmnopqrstuvwxyz}\nsglang serve\n")
    found = run("show", str(script))
    assert "when HF_TOKEN is set outside: it isn't exported" in found.out
    assert "hf_abc" not in found.out
