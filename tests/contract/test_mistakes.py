"""What people get wrong most: each is answered in one message that says what to do, and by 2.

The message is held as a whole, as a stranger would read it: what was found, where, what to do.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.profile import reference_script
from tests.conftest import Result

PROFILES = (
    "flash-fp4, flash-fp8, flash-nvfp4, flash-official-fp4, flash-w8a8, "
    "pro-fp4, pro-fp8, pro-nvfp4, pro-official-fp4"
)
PAIR = '[[tool.dsv4_env.pairs]]\n{}\nfiles = "run.sh"\n'
LAYERS = {
    "unknown": 'extends = ["pro-fp44"]\n',
    "number": 'extends = ["pro-fp4"]\n[env]\nSGLANG_USE_AITER = 1\n',
    "flag": 'extends = ["pro-fp4"]\n[args]\ntp = "4"\n',
    "table": 'extends = ["pro-fp4"]\n[enviroment]\nA = "1"\n',
}

MISTAKES = {
    # nothing is named, and nothing is set: a gate that checks nothing must not pass
    "check": (
        "there is nothing to check: no pairs, and no --against; expected --against FILE, or "
        "[[tool.dsv4_env.pairs]] in pyproject.toml (`dsv4-env discover --write` adds them)"
    ),
    "check --changed-since HEAD": (
        "--changed-since: there are no pairs; expected [[tool.dsv4_env.pairs]] in pyproject.toml "
        "(`dsv4-env discover --write` adds them), and no --against"
    ),
    # a file where a profile belongs, and the other way round
    "check run.sh": (
        "run.sh is a file; expected the name of a profile. Did you mean `check --against run.sh`?"
    ),
    "check run.sh pro-fp4": (
        "run.sh is a file; expected the name of a profile. "
        "Did you mean `check pro-fp4 --against run.sh`?"
    ),
    "check pro-fp4 --against run.sh hello.sh": (
        "hello.sh is a file; expected the name of a profile. "
        "Did you mean `check pro-fp4 --against run.sh --against hello.sh`?"
    ),
    "check --against run.sh run.sh#1 hello.sh scripts/run_dsv4.sh hello.sh": (
        "run.sh#1 is a file; expected the name of a profile, and --against before each file, or "
        "once before a pattern in quotes"
    ),
    "report --html - pro-fp4 run.sh": (
        "run.sh is a file; expected the name of a profile. "
        "Did you mean `report pro-fp4 --against run.sh`?"
    ),
    "check scripts": (
        "scripts is a folder; expected the name of a profile; `dsv4-env discover scripts` finds "
        "the launches in a folder"
    ),
    "plan scripts": (
        "scripts is a folder; expected a profile or a file; `dsv4-env discover scripts` finds the "
        "launches in a folder"
    ),
    "check pro-fp4 --against pro-fp8": (
        "pro-fp8 is a profile; expected a launch script; `diff` compares two profiles"
    ),
    "sync pro-fp4 run.sh": (
        "got unexpected extra argument (run.sh). Did you mean --to run.sh?\n"
        "Try 'dsv4-env sync --help'."
    ),
    "sync pro-fp4 --to run.sh hello.sh": (
        "got unexpected extra argument (hello.sh)\nTry 'dsv4-env sync --help'."
    ),
    "history pro-fp4+mtp": (
        "pro-fp4+mtp is a profile; expected the folder of a git repository, whose scripts and "
        "tests are followed; `dsv4-env explain pro-fp4` tells of a profile"
    ),
    "history SGLANG_USE_AITER": (
        "SGLANG_USE_AITER is no folder; expected the folder of a git repository. "
        "Did you mean --setting SGLANG_USE_AITER?"
    ),
    "history run.sh": (
        "run.sh is a file; expected the folder of a git repository. Did you mean --paths run.sh?"
    ),
    "report --html - --history nowhere": (
        "nowhere: there is no such folder; expected the folder of a git repository"
    ),
    "export run.sh": (
        "run.sh is no profile; expected the name of one, or NAME.toml; "
        "`dsv4-env import run.sh` makes one of its launch"
    ),
    # names that are nearly right
    "chek": "no such command 'chek'. Did you mean check?\nTry 'dsv4-env --help'.",
    "check --agianst run.sh": (
        "no such option '--agianst'. Did you mean '--against'?\nTry 'dsv4-env check --help'."
    ),
    "lint pro-fp5": f"unknown profile 'pro-fp5'; expected one of {PROFILES}. Did you mean pro-fp8?",
    "check pro-fp4+mpt": (
        "no overlay 'mpt': pro-fp4+mpt; expected one of breakable, cp, deepep, dequant, "
        "dp-attention, dspark, megamoe, mtp, mxfp4, tbo, w4a4. Did you mean mtp?"
    ),
    "show pro-fp4@mi350": (
        "pro-fp4 isn't known for the hardware mi350x; expected one of mi355x, b200, b300, gb300, "
        "h200, gb200, h100. Did you mean mi355x?"
    ),
    "explain --tpp": (
        "nothing is called --tpp; expected a variable, a flag, a profile, a layer or a rule. "
        "Did you mean --tp?"
    ),
    "get pro-fp4 gsm8k": (
        "pro-fp4 has nothing called gsm8k; expected one that `dsv4-env show pro-fp4` lists. "
        "Did you mean quality.gsm8k-threshold?"
    ),
    "get pro-fp4 path": (
        "pro-fp4 has nothing called path; expected one that `dsv4-env show pro-fp4` lists. "
        "Did you mean model.path or model.path-variable or source.path?"
    ),
    "get pro-fp4 --radix": (
        "pro-fp4 has no flag --radix; expected one that `dsv4-env show pro-fp4` lists. "
        "Did you mean --disable-radix-cache?"
    ),
    # files that aren't there, or aren't what they were taken for
    "check --against rum.sh": (
        "rum.sh: can't be read: no such file or directory; expected a file that is there. "
        "Did you mean run.sh?"
    ),
    "sync pro-fp4 --to scripts/run_dsv4": (
        "scripts/run_dsv4: can't be read: no such file or directory; "
        "expected a file that is there. Did you mean scripts/run_dsv4.sh?"
    ),
    "check --against *.bash": ("*.bash: no file fits this pattern; expected files that are there"),
    "sync pro-fp4 --to run*.sh": (
        "run*.sh: can't be read: no such file or directory; expected a file that is there, or the "
        "pattern without quotes, for the shell to expand. Did you mean run.sh?"
    ),
    "check --against scripts": (
        "scripts: can't be read: is a directory; "
        "expected a file; `dsv4-env discover scripts` finds the launches in a folder"
    ),
    "check --against hello.sh": (
        "hello.sh: no launch of SGLang found; "
        "expected python3 -m sglang.launch_server … or sglang serve …"
    ),
    "check --against run.sh#3": ("run.sh: there is no launch #3; expected run.sh#1 (line 38)"),
    # formats
    "check -f sariff": (
        "invalid value for '--format' / '-f': 'sariff' is not one of 'text', 'concise', "
        "'grouped', 'changes', 'json', 'markdown', 'comment', 'github', 'review', 'gitlab', "
        "'sarif', 'rdjson', 'rdjsonl', 'junit'. Did you mean sarif?\nTry 'dsv4-env check --help'."
    ),
    "check -o out.csv": (
        "--output out.csv: its name doesn't tell the format; expected FORMAT=out.csv, or a name "
        "that ends in .json, .sarif, .md, .xml, .txt"
    ),
    # what starts something
    "run pro-fp4": "no command is given; expected dsv4-env run pro-fp4 -- CMD …",
    "run pro-fp4 --set A -- true": "--set A; expected NAME=VALUE",
    # layers
    "show number --profiles layers": (
        "layers/number.toml:3:20: env.SGLANG_USE_AITER is the number 1; "
        'expected a string, such as "1"'
    ),
    "show flag --profiles layers": (
        "layers/flag.toml:3:1: bad flag 'tp'; "
        "expected a flag such as --page-size, without its value"
    ),
    "list --profiles nowhere": "nowhere: no such folder; expected a folder of *.toml layers",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scripts").mkdir()
    for name in ("run.sh", "scripts/run_dsv4.sh"):
        shutil.copy(reference_script(), tmp_path / name)
    (tmp_path / "hello.sh").write_text("echo hello\n")
    return tmp_path


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_answered(run: Callable[..., Result], here: Path, line: str) -> None:
    (here / "layers").mkdir()
    for word in ("number", "flag"):
        if word in line:
            (here / "layers" / f"{word}.toml").write_text(LAYERS[word])
    result = run(*line.split())
    assert result.err == f"dsv4-env: error: {MISTAKES[line]}\n"
    assert result.code == 2
    assert result.out in ("", "false\n")  # which fails the `eval` that an export stands in


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            PAIR.format('profil = "pro-fp4"'),
            "2:1: unknown key 'profil' in [tool.dsv4_env.pairs]; expected one of closed, compare, "
            "dialect, exclude, files, ignore, launch, nodes, on, profile, reader, role, set, "
            "severity, sglang, strategy, symbol. Did you mean profile?",
        ),
        (
            PAIR.format('profile = "pro-fp4x"'),
            f"1:3: unknown profile 'pro-fp4x'; expected one of {PROFILES}. Did you mean pro-fp4?",
        ),
    ],
    ids=["a key", "a profile"],
)
def test_a_mistake_in_the_settings_is_answered(
    run: Callable[..., Result], here: Path, text: str, message: str
) -> None:
    (here / "pyproject.toml").write_text(text)
    result = run("check")
    assert result.err == f"dsv4-env: error: {here}/pyproject.toml:{message}\n"
    assert (result.code, result.out) == (2, "")


@pytest.mark.parametrize(
    ("name", "place", "hint"), [("unknown", "1:12", "pro-fp4"), ("table", "2:2", "env")]
)
def test_a_mistake_in_a_layer_is_answered(
    run: Callable[..., Result], here: Path, name: str, place: str, hint: str
) -> None:
    (here / "layers").mkdir()
    (here / "layers" / f"{name}.toml").write_text(LAYERS[name])
    result = run("show", name, "--profiles", "layers")
    assert result.err.startswith(f"dsv4-env: error: layers/{name}.toml:{place}: unknown ")
    assert result.err.endswith(f". Did you mean {hint}?\n")
    assert result.code == 2


def test_what_was_meant_is_only_said_where_it_helps(run: Callable[..., Result], here: Path) -> None:
    assert "Did you mean" not in run("sync", "pro-fp4", "no.sh").err
    assert "Did you mean" not in run("check", "-f", "qqqq").err
    assert "Did you mean" not in run("check", "--against", "qqqqqq").err
    assert "import" not in run("export", "port:1").err
