"""explain: what is said of each kind of name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dsv4_env.catalogue import releases
from dsv4_env.lint.known import all_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result

    Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "SGLANG_DSV4_FP4_EXPERTS",
            [
                "SGLANG_DSV4_FP4_EXPERTS: a variable of SGLang",
                'default  "true"',
                "flash-fp4, pro-fp4 true fp4 (profiles/fp4.toml:11:1; when mi355x, ci): Exp",
                "flash-fp8, pro-fp8 false fp8 (profiles/fp8.toml:11:1; when mi355x, ci): Exp",
                "A difference counts as an error, as it decides what the server computes.",
                "DSV101 SGLang 0.5.11 unknown-variable: SGLang ignores the variable",
            ],
        ),
        (
            "SGLANG_OPT_USE_FUSED_COMPRESS",
            ["SGLang 0.5.18 to 0.5.23", "DSV102 SGLang 0.5.18 to 0.5.23 removed-variable: "],
        ),
        (
            "SGLANG_ENABLE_THINKING",
            [
                "renamed to SGLANG_DEFAULT_THINKING; where both are set, the old one wins",
                "Its new name is SGLANG_DEFAULT_THINKING.",
                "SGLANG_DEFAULT_THINKING 1  common (profiles/common.toml:88:1; when mi355x, ci, ",
                "Lint, where it is set",
                "DSV103 SGLang 0.5.12 to 0.5.20 deprecated-variable: an old name",
            ],
        ),
        (
            "--tp-size",
            [
                "--tp-size: a server argument",
                "--tp 8 common (profiles/common.toml:19:1; when mi355x, ci): ",
            ],
        ),
        ("--tp", ["short for --tp-size", "DSV110 SGLang 0.5.11 to 0.5.23 abbreviated-flag"]),
        ("page-size", ["--page-size: a server argument"]),
        (
            "AITER_BF16_FP8_MOE_BOUND",
            ["a variable of AITER (AMD)", "No known SGLang reads it.", "pro-fp8 0 common ("],
        ),
        (
            "HIP_VISIBLE_DEVICES",
            ["a variable of HIP", "No profile sets it.", "counts as a warning, as it decides how"],
        ),
        ("--log-level", ["No profile sets it.", "counts as a note"]),
        (
            "flash-fp4",
            [
                "flash-fp4: a profile: DeepSeek-V4-Flash, experts in FP4",
                "fp4 profiles/fp4.toml Experts in FP4",
                "7 variables, 12 arguments (dsv4-env show flash-fp4 --origin)",
                "sglang.range >=0.5.13",
                "source.pull-request 28920",
                "dsv4-env launch flash-fp4",
            ],
        ),
        (
            "fp8",
            [
                "fp8: a layer, which profiles extend: Experts in FP8",
                "extends common",
                "part of flash-fp8, pro-fp8",
                "sets SGLANG_DSV4_FP4_EXPERTS",
            ],
        ),
        (
            "dspark",
            [
                "dspark: an overlay, for NAME+dspark: Speculative decoding with a DSpark head",
                "sets SGLANG_RAGGED_VERIFY_MODE --speculative-algorithm --dp",
            ],
        ),
        (
            "pro-fp4+mtp@mi355x",
            [
                "pro-fp4+mtp@mi355x: a profile: DeepSeek-V4-Pro, experts in FP4",
                "mtp profiles/mtp.toml Speculative decoding",
                "dsv4-env launch pro-fp4+mtp@mi355x",
            ],
        ),
    ],
)
def test_what_is_said(name: str, lines: list[str], run: Run) -> None:
    result = run("explain", name)
    assert result.code == 0
    said = " ".join(result.out.split()).replace("dsv4_env/profiles/", "profiles/")
    assert [line for line in lines if " ".join(line.split()) not in said] == []


@pytest.mark.parametrize("word", ["DSV102", "dsv003", "removed-variable", "changed"])
def test_a_rule_is_what_rule_says(word: str, run: Run) -> None:
    assert run("explain", word).out == run("rule", word).out != ""


def test_every_rule_profile_and_layer_can_be_explained(run: Run) -> None:
    for name in (*all_rules(), "common", "pro"):
        result = run("explain", name, "--json")
        assert json.loads(result.out)["name"] == name


def test_json(run: Run) -> None:
    found = json.loads(run("explain", "--chunked-prefill-size", "--json").out)
    assert (found["kind"], found["owner"], found["severity"]) == ("flag", "SGLang", "warning")
    assert [r for g in found["releases"] for r in g["releases"]] == list(releases())
    assert found["releases"][0]["facts"]["type"] == "int"
    first = found["set_by"][0]
    assert (first["profile"], first["value"]) == ("flash-fp4", "8192")
    assert first["origin"][0]["location"].endswith("profiles/common.toml:26:1")


def test_the_conditions_under_which_layers_set_it(run: Run, tmp_path: Path) -> None:
    found = json.loads(run("explain", "SGLANG_ENABLE_CP_V2", "--json").out)
    assert found["set_by"] == []
    (said,) = found["set_under_conditions"]
    assert (said["layer"], said["value"], said["when"]) == ("cp", "1", "with cp, b200")
    text = " ".join(run("explain", "SGLANG_HACK_FLASHMLA_BACKEND").out.split())
    assert "; when mi355x, ci, sglang >=0.5.14): What" in text
    assert "triton when mi355x, ci, sglang <0.5.14 common (" in text
    when = '[[when]]\nhardware = "b200"\n'
    text = f'{when}env = {{ HF_TOKEN = "s3cret", X = {{ default = "y" }} }}\nargs.--x = true\n'
    (tmp_path / "mine.toml").write_text(f"{text}unset.args = ['--tp']\nargs.--tp = true\n"[:-18])
    own = ("--profiles", str(tmp_path))
    assert "s3cret" not in run("explain", "HF_TOKEN", *own).out
    (said,) = json.loads(run("explain", "X", "--json", *own).out)["set_under_conditions"]
    assert (said["value"], said["when"]) == ('{default = "y"}', "b200")


def test_own_layers_say_why_and_what_they_override(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[unset]\nenv = ["SGLANG_DP_USE_GATHERV"]\n'
        '[env]\n# Slower,\n# but right.\nSGLANG_USE_ROCM700A = "0"\nHF_TOKEN = "s3cret"  # "ours"\n'
        'SGLANG_LOG_GC = "# no comment"\n'
    )
    text = (tmp_path / "mine.toml").read_text()
    (tmp_path / "mine.toml").write_text(f'extends = ["pro-fp4"]\n{text}')

    def said(name: str) -> str:
        return " ".join(run("explain", name, "--profiles", str(tmp_path)).out.split())

    assert (
        f"mine 0 mine ({tmp_path}/mine.toml:7:1): Slower, but right., which overrides common"
        in (said("SGLANG_USE_ROCM700A"))
    )
    assert "********" in said("HF_TOKEN")
    assert ': "ours"' in said("HF_TOKEN")
    assert "s3cret" not in run("explain", "HF_TOKEN", "--json", "--profiles", str(tmp_path)).out
    assert "mine.toml:9:1)" in said("SGLANG_LOG_GC")
    assert 'no comment" mine' not in said("SGLANG_LOG_GC")
    assert "Set by flash-fp4, flash-fp8, pro-fp4, pro-fp8 1 common" in said("SGLANG_DP_USE_GATHERV")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SGLANG_USE_AITTER", "SGLANG_USE_AITER"),
        ("--page-sise", "--page-size"),
        ("flash-fp44", "flash-fp4"),
        ("comon", "common"),
        ("DSV1066", "DSV106"),
        ("removed-variables", "removed-variable"),
        ("zzz", None),
    ],
)
def test_did_you_mean(name: str, hint: str | None, run: Run) -> None:
    result = run("explain", name)
    assert (result.code, result.out) == (2, "")
    assert (
        f"nothing is called {name}; expected a variable, a flag, a profile, a layer" in result.err
    )
    assert result.err.endswith(f"Did you mean {hint}?\n" if hint else "or a rule\n")
