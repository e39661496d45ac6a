"""What a command line changes of a profile for one call, in all commands that let it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
LAYER = """\
description = "Mine"

[sglang]
range = ">=0.5.13"

[env]
A = "1"
B = "2"
C = {from-environment = true}
D = {default = "4"}

[args]
--tensor-parallel-size = "8"
--disable-radix-cache = true
--served-model-name = "m"
"""
OWN = ["--tensor-parallel-size", "8", "--disable-radix-cache", "--served-model-name", "m"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.toml").write_text(LAYER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSV4_ENV_PROFILES", ".")
    return tmp_path


def exported(run: Run, *words: str) -> list[str]:
    result = run("export", "mine", "-f", "args-json", *words)
    assert result.code == 0, result.err
    found: list[str] = json.loads(result.out)
    return found


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--arg=--tp=4"], ["--tp=4", *OWN[2:]]),
        (["--arg", "--tp", "--arg", "4"], ["--tp", "4", *OWN[2:]]),
        (["--arg=--tp-size", "--arg=4"], ["--tp-size", "4", *OWN[2:]]),
        (["--arg=--tensor-par=4"], ["--tensor-par=4", *OWN[2:]]),  # as argparse abbreviates
        (["--arg=--log-requests"], [*OWN, "--log-requests"]),
        (["--arg=--disable-radix-cache"], OWN),
        (["--unset=--disable-radix-cache"], [*OWN[:2], *OWN[3:]]),
        (["--unset=--tp"], OWN[2:]),
        (["--arg=--unknown-here=1"], [*OWN, "--unknown-here=1"]),
        (["--arg=--tp=4", "--arg=--tp=2"], ["--tp=4", "--tp=2", *OWN[2:]]),
    ],
)
def test_a_flag_is_replaced_where_it_stands(
    words: list[str], expected: list[str], run: Run
) -> None:
    assert exported(run, *words) == expected


def test_all_five_commands_change_a_profile_alike(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C", "3")
    change = ["--set", "A=x", "--unset=B", "--arg=--tp=4", "--unset=--disable-radix-cache"]
    env = {"A": "x", "C": "3", "D": "4"}
    args = ["--tp=4", "--served-model-name", "m"]

    shown = json.loads(run("show", "mine", "--json", *change).out)
    assert [e["name"] for e in shown["env"]] == list(env)
    assert [(a["flag"], a["values"]) for a in shown["args"]] == [
        ("--tp", ["4"]), ("--served-model-name", ["m"]),
    ]  # fmt: skip

    assert exported(run, *change[3:]) == args
    text = run("export", "mine", "-f", "shell", *change[:3]).out
    assert "export A='x'" in text
    assert "B=" not in text

    words = shlex.split(run("launch", "mine", "--model", "o/n", "--print", *change).out)
    assert words[-len(args) :] == args
    assert "A=x" in words
    assert not any(word.startswith("B=") for word in words)

    script = ["sh", "-c", 'printf "%s\\n" "$A" "${B-none}" "$@" > out', "_", "{args}"]
    printed = run("run", "mine", "--print", *change, "--", *script).out
    assert shlex.split(printed)[-len(args) :] == args

    plan = json.loads(run("plan", "mine", "--on", "b200", "-f", "json", "--all", *change).out)
    told = {s["name"] for s in plan["settings"]}
    assert "--disable-radix-cache" not in told
    assert "--tp" in told or "--tensor-parallel-size" in told


def test_the_origin_is_the_command_line(run: Run) -> None:
    out = run("show", "mine", "--origin", "--set", "A=x", "--set", "NEW=1", "--arg=--tp=4").out
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert 'command line, overrode "1" of mine (mine.toml:7:1)' in lines["A"]
    assert lines["NEW"].endswith("command line")
    assert 'command line, overrode "8" of mine' in lines["--tp"]


def test_what_is_taken_from_outside_may_be_set(run: Run) -> None:
    text = run("export", "mine", "--set", "C=c", "--set", "D=d").out
    assert "export C='c'" in text
    assert "export D='d'" in text


def test_unset_without_a_name_undoes_all(run: Run) -> None:
    assert run("export", "mine", "--unset").out == "unset A\nunset B\nunset D\n"
    assert run("export", "mine", "--unset", "--unset=B").out == "unset A\nunset D\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("export mine --arg=--tp=4", "--arg --tp: the format shell holds no arguments"),
        ("export mine -f args --set A=1", "--set A: the format args holds no variables"),
        (
            "export mine -f args --unset=--disable-cuda-graph",
            "mine doesn't give --disable-cuda-graph",
        ),
        (
            "export mine -f args --unset=--tp --arg=--tp=4",
            "--tp is both given and left out; expected one",
        ),
        ("show mine --set A=1 --unset A", "--set and --unset A; expected one of the two"),
        ("show mine --unset not-a-name", "--unset not-a-name; expected the name of a variable"),
        ("run mine --unset=--tp -- true", "--unset=--tp goes nowhere"),
        ("show mine.sh --unset A", "--unset A; expected it with a profile, not with a file"),
        ("plan mine.sh --unset A", "--unset A; expected it with a profile, not with a file"),
    ],
)
def test_what_makes_no_sense_is_refused(words: str, message: str, run: Run, folder: Path) -> None:
    (folder / "mine.sh").write_text("sglang serve m\n")
    result = run(*words.split())
    assert result.code == 2
    assert message in result.err
    assert result.err.count("error:") == 1


def test_the_model_of_a_launch_is_replaced_too(run: Run) -> None:
    words = shlex.split(run("launch", "mine", "--print", "--arg=--model-path=o/n").out)
    assert words[words.index("--model-path") + 1] == "o/n"
    assert words.count("--model-path") == 1


# --- get ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("A", "1\n"),
        ("C", "outside\n"),
        ("D", "4\n"),
        ("--tp", "8\n"),
        ("--tensor-parallel-size", "8\n"),
        ("--disable-radix-cache", "\n"),
        ("sglang.range", ">=0.5.13\n"),
    ],
)
def test_get_prints_one_value(
    name: str, out: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C", "outside")
    result = run("get", "mine", name)
    assert (result.code, result.out, result.err) == (0, out, "")


def test_get_has_what_the_environment_says_of_a_default(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "outside")
    monkeypatch.setenv("D", "outside")
    assert run("get", "mine", "A").out == "1\n"
    assert run("get", "mine", "D").out == "outside\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("C", "C isn't set, and mine takes it from the environment"),
        ("AA", "mine has no variable AA"),
        ("--served-model-nam2", "Did you mean --served-model-name?"),
        ("sglang.rang", "Did you mean sglang.range?"),
        ("--log-requests", "mine has no flag --log-requests"),
        ("tp", "Did you mean --tp?"),
        ("tensor_parallel_size", "Did you mean --tensor-parallel-size?"),
        ("args.tp", "Did you mean --tp?"),
        ("args.--tp", "Did you mean --tp?"),
        ("env.A", "Did you mean A?"),
        ("a", "Did you mean A?"),
    ],
)
def test_get_says_what_there_is_not(name: str, message: str, run: Run) -> None:
    result = run("get", "mine", name)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_get_quotes_several_values(run: Run, folder: Path) -> None:
    text = '[args]\n--lora-paths = ["a b", "c"]\n'
    (folder / "two.toml").write_text(text)
    result = run("get", "two", "--lora-paths")
    assert result.code == 0, result.err
    assert shlex.split(result.out) == ["a b", "c"]


CHOICE = "SGLANG_HACK_FLASHMLA_BACKEND"


@pytest.fixture
def free(run: Run, folder: Path) -> str:
    """A script that lets the outside override what flash-fp4 lets it."""
    text: str = run("export", "flash-fp4", "-f", "run-sh").out
    (folder / "free.sh").write_text(text)
    (folder / "fixed.sh").write_text(text.replace(f"${{{CHOICE}:-unified_kv_triton}}", "a"))
    return text


@pytest.mark.parametrize(
    "words", [["check", "flash-fp4", "--against", "free.sh"], ["diff", "flash-fp4", "free.sh"]]
)
@pytest.mark.parametrize("value", ["triton", ""])
def test_what_comes_from_outside_reaches_the_profile_too(
    run: Run, free: str, words: list[str], value: str
) -> None:
    done = run(*words, "--set", f"{CHOICE}={value}", "--closed")
    assert (done.code, CHOICE in done.out) == (0, False)


def test_what_comes_from_outside_is_no_reason_to_edit(run: Run, free: str) -> None:
    for words in (["--to", "free.sh"], ["--from", "free.sh"]):
        done = run("sync", "flash-fp4", *words, "--set", f"{CHOICE}=triton", "--closed")
        assert (done.code, done.out) == (0, "")


def test_what_a_script_fixes_does_not_take_what_comes_from_outside(run: Run, free: str) -> None:
    words = ["check", "flash-fp4", "--against", "fixed.sh", "--set", f"{CHOICE}=triton"]
    done = run(*words, "--closed", "-f", "concise")
    assert done.code == 1
    said = f'{CHOICE} is "a"; flash-fp4 has "triton": take it from the environment, too'
    assert said in done.out


def test_what_a_pair_sets_reaches_the_profile_too(
    run: Run, free: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DSV4_ENV_PROFILES")
    pair = '[[tool.dsv4_env.pairs]]\nprofile = "flash-fp4"\nfiles = ["free.sh"]\nclosed = true\n'
    (folder / "pyproject.toml").write_text(f'{pair}set = {{ {CHOICE} = "triton" }}\n')
    assert run("check").code == 0


def test_a_variable_from_outside_that_has_to_be_there(run: Run, folder: Path) -> None:
    launch = f"export A=1 B=2 C=$C D=${{D:-4}}\nsglang serve {shlex.join(OWN)}\n"
    words = ["--closed", "--set", "C=x"]
    (folder / "taken.sh").write_text(launch)
    assert run("check", "mine", "--against", "taken.sh", *words).code == 0
    (folder / "own.sh").write_text(launch.replace("C=$C", "C=y"))
    done = run("check", "mine", "--against", "own.sh", *words)
    assert (done.code, "mine takes it from the environment" in done.out) == (1, True)


def test_lint_sets_a_profile_too(run: Run) -> None:
    done = run("lint", "flash-fp4", "--sglang", "0.5.23", "--set", "SGLANG_NOT_KNOWN=1")
    assert done.code == 1
    assert "SGLANG_NOT_KNOWN" in done.out


def test_lint_counts_what_cannot_be_known_as_check_does_and_names_it(
    run: Run, free: str, folder: Path
) -> None:
    free = free.replace('"$@"', "").rstrip(" \\\n")
    (folder / "free.sh").write_text(free)
    words = ("free.sh", "--sglang", "0.5.23")
    lint = run("lint", *words).out
    assert ", 0 unknown" in lint
    assert "not known" not in lint
    (folder / "free.sh").write_text(f"export SGLANG_USE_AITER=$X\n{free} --page-size $P $MORE")
    lint = run("lint", *words).out
    assert ", 3 unknown" in lint
    assert "note: not known: SGLANG_USE_AITER, --page-size, ${MORE}\n" in lint
    (folder / "sub").mkdir()
    (folder / "free.sh").rename(folder / "sub/free.sh")
    folders = run("lint", "sub", "--sglang", "0.5.23").out
    assert "note: not known: SGLANG_USE_AITER, --page-size, ${MORE} (sub/free.sh)\n" in folders
