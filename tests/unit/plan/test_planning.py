"""Plans of launches: what becomes of each setting, with steps of our own and the shipped ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dsv4_env.plan
from dsv4_env.catalogue import load
from dsv4_env.model import Image, LaunchConfig
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.plan.formats import json as as_json, markdown, text
from dsv4_env.plan.planning import Plan, give_the_same, plan
from dsv4_env.plan.platforms import PLATFORMS, platform
from dsv4_env.profile import load_profile
from dsv4_env.readers import bash

CATALOGUE = load("0.5.23")
ROCM = platform("mi355x")
AT = "sglang/srt/a.py:1"
STEPS: list[list[Any]] = [
    ["env", ["probe", "is_hip"], "SGLANG_OPT_USE_TOPK_V2", ["=", True], AT],
    ["let", ["is", ["cfg", "page_size"], ["=", None]]],
    ["set", ["t", 1], "page_size", ["=", 256], AT],
    ["set", ["=", True], "kv_cache_dtype", ["=", "fp8_e4m3"], AT],
    ["refuse", [">", ["cfg", "tp_size"], ["=", 8]], ["text", ["=", "tp="], ["cfg", "tp_size"]], AT],
    ["set", ["probe", "is_warm"], "disable_radix_cache", ["=", True], AT],
]


def launch(script: str) -> LaunchConfig:
    return bash.read(script)


def effects(script: str, steps: Any = STEPS, on: str = "mi355x") -> dict[str, tuple[Any, ...]]:
    made = plan(launch(script), CATALOGUE, platform(on), steps=steps)
    return {s.name: (s.effect, s.given, s.effective) for s in made.settings}


def test_what_becomes_of_a_setting() -> None:
    found = effects(
        "export SGLANG_OPT_USE_TOPK_V2=false SGLANG_USE_AITER=1 SGLANG_NOT_KNOWN=1\n"
        "sglang serve --page-size 256 --tp 8 --disable-radix-cache"
    )
    assert found == {
        "SGLANG_OPT_USE_TOPK_V2": ("overwritten", "false", "True"),
        "SGLANG_USE_AITER": ("kept", "1", "1"),
        "SGLANG_NOT_KNOWN": ("no-effect", "1", "1"),
        "--page-size": ("default", "256", "256"),
        "--tp": ("kept", "8", "8"),
        "--disable-radix-cache": ("kept", "", "true"),
        "--kv-cache-dtype": ("set", None, "fp8_e4m3"),
    }


def test_what_is_the_same_to_sglang_is_not_overwritten() -> None:
    found = effects("export SGLANG_OPT_USE_TOPK_V2=yes\nsglang serve")
    assert found["SGLANG_OPT_USE_TOPK_V2"] == ("default", "yes", "yes")


def test_a_platform_decides() -> None:
    script = "export SGLANG_OPT_USE_TOPK_V2=false\nsglang serve"
    assert effects(script, on="b200")["SGLANG_OPT_USE_TOPK_V2"][0] == "kept"


def test_what_is_not_known_stays_open() -> None:
    found = effects('export SGLANG_USE_AITER=$X\nsglang serve --page-size "$P"')
    assert found["SGLANG_USE_AITER"] == ("unknown", "${X}", None)
    assert found["--page-size"] == ("unknown", "${P}", None)


def test_what_only_a_run_tells_stays_open() -> None:
    steps = [["set", ["probe", "is_warm"], "page_size", ["=", 64], AT]]
    assert effects("sglang serve --page-size 256", steps)["--page-size"] == ("unknown", "256", None)
    assert effects("sglang serve --page-size 64", steps)["--page-size"][0] == "kept"


@pytest.mark.parametrize(
    ("words", "message", "at"),
    [
        ("--tp 16", "tp=16", AT),
        ("--cuda-graph-max-bs 4", "ambiguous option: --cuda-graph-max-bs could match", "argparse"),
        ("--no-such-flag 4", "unrecognized arguments: --no-such-flag 4", "argparse"),
        ("--tp eight", 'argument --tp-size: "eight" isn\'t a whole number', "argparse"),
    ],
)
def test_refusals(words: str, message: str, at: str) -> None:
    made = plan(launch(f"sglang serve {words}"), CATALOGUE, ROCM, steps=STEPS)
    assert not made.starts
    assert made.refused[0].message.replace("--tp:", "--tp-size:").startswith(message)
    assert made.refused[0].at == at


def test_a_release_whose_resolution_is_not_known() -> None:
    with pytest.raises(Dsv4Error, match="isn't known"):
        plan(launch("sglang serve"), replace(CATALOGUE, release="0.0.1"), ROCM)


def test_the_eleven_of_august() -> None:
    """Six of them start on 0.5.23, five are refused, as SGLang itself says."""
    recorded = json.loads(
        (Path(__file__).parents[2] / "data" / "resolved-0.5.23.json").read_text("utf-8")
    )
    refused = {
        r["name"].partition("#")[0]
        for r in recorded["launches"]
        if r["name"].startswith("amd8/") and "refused" in r
    }
    assert len(refused) == 5


def test_the_shipped_profile() -> None:
    made = plan(load_profile("pro-fp4", sglang="0.5.13").config, CATALOGUE, ROCM, title="pro-fp4")
    assert made.starts
    (topk,) = made.having("overwritten")
    assert (topk.name, topk.given, topk.effective) == ("SGLANG_OPT_USE_TOPK_V2", "false", "True")
    assert topk.at == "srt/arg_groups/model_hook.py:507"
    assert {s.name for s in made.having("default")} >= {"--page-size", "--attention-backend"}


def made_plans() -> list[Plan]:
    script = "export SGLANG_OPT_USE_TOPK_V2=false\nsglang serve --tp 8 --served-model-name 'a|b'"
    good = plan(launch(script), CATALOGUE, ROCM, steps=STEPS, title="good")
    bad = plan(launch("sglang serve --tp 16"), CATALOGUE, ROCM, steps=STEPS, title="bad")
    return [good, bad]


def test_text() -> None:
    said = text(made_plans())
    assert '~ SGLANG_OPT_USE_TOPK_V2  "false" → "True"' in said
    assert "x refused" in said
    assert "It doesn't start." in said
    assert "\x1b" not in said
    assert "\x1b[33m" in text(made_plans(), color=True)


def test_json_is_of_its_schema() -> None:
    schema = json.loads((Path(dsv4_env.plan.__file__).parent / "plan.schema.json").read_text())
    for plans in (made_plans(), made_plans()[:1]):
        jsonschema.validate(json.loads(as_json(plans)), schema)


def test_markdown() -> None:
    said = markdown(made_plans())
    assert "| ~ | `SGLANG_OPT_USE_TOPK_V2` | `false` | `True` |" in said
    assert "- **refused**: tp=16" in said


@pytest.mark.parametrize("name", ["MI35x", "rocm", "sm100", "H200", "gb300", "rtx-pro-6000"])
def test_platforms(name: str) -> None:
    assert platform(name) in PLATFORMS.values()


def test_a_platform_that_is_not_known() -> None:
    with pytest.raises(Dsv4Error, match="Did you mean b200"):
        platform("b2000")


IMAGED = Image(family="rocm")


def imaged(script: str, on: str = "mi355x", steps: Any = STEPS) -> dict[str, tuple[Any, ...]]:
    made = plan(replace(launch(script), image=IMAGED), CATALOGUE, platform(on), steps=steps)
    return {s.name: (s.effect, s.given, s.effective, s.why) for s in made.settings}


def test_what_the_image_sets_has_no_line_of_its_own() -> None:
    assert set(imaged("sglang serve")) == set(effects("sglang serve"))


def test_what_the_image_sets_anyway() -> None:
    script = "export SGLANG_USE_AITER=true SGLANG_USE_ROCM700A=0\nsglang serve"
    found = imaged(script)
    assert found["SGLANG_USE_AITER"] == ("default", "true", "true", "as the image sets it")
    assert found["SGLANG_USE_ROCM700A"][0] == "kept"
    assert imaged(script, on="b200")["SGLANG_USE_AITER"][0] == "kept"  # it isn't what runs there
    made = plan(replace(launch(script), image=IMAGED), CATALOGUE, ROCM, steps=STEPS)
    assert "0 as SGLang would set them, 1 as the image sets them, 1 kept" in text([made])


def test_the_image_counts_in_conditions() -> None:
    steps = [
        ["set", ["env", "SGLANG_MOE_PADDING"], "page_size", ["=", 64], AT],
        ["env", ["not", ["env?", "SGLANG_USE_AITER"]], "SGLANG_USE_AITER", ["=", False], AT],
        ["env", ["=", True], "SGLANG_INT4_WEIGHT", ["=", 1], AT],
    ]
    found = imaged("sglang serve", steps=steps)
    assert found["--page-size"][:3] == ("set", None, "64")
    assert "SGLANG_USE_AITER" not in found
    assert found["SGLANG_INT4_WEIGHT"][:3] == ("set", None, "1")  # the image has 0
    outside = effects("sglang serve", steps)
    assert "--page-size" not in outside
    assert outside["SGLANG_USE_AITER"] == ("set", None, "False")


def test_what_may_be_set_to_what_it_is_stays() -> None:
    steps = [["env", ["probe", "is_warm"], "SGLANG_OPT_FP8_WO_A_GEMM", ["=", False], AT]]
    found = effects("export SGLANG_OPT_FP8_WO_A_GEMM=0\nsglang serve", steps)
    assert found["SGLANG_OPT_FP8_WO_A_GEMM"] == ("kept", "0", "0")
    found = effects("export SGLANG_OPT_FP8_WO_A_GEMM=1\nsglang serve", steps)
    assert found["SGLANG_OPT_FP8_WO_A_GEMM"] == ("unknown", "1", None)


def told(script: str, on: str = "mi355x", steps: Any = None) -> dict[str, tuple[str, str | None]]:
    made = plan(launch(script), CATALOGUE, platform(on), steps=steps)
    return {s.name: (s.why, s.at) for s in made.settings}


def test_for_whose_sake_and_where() -> None:
    found = told("sglang serve --tp 8 --dp 1 --page-size 256")
    files = "srt/arg_groups/"
    assert found["SGLANG_OPT_USE_TOPK_V2"][0] == "set on ROCm for DeepseekV4ForCausalLM"
    assert found["GPU_PINNED_MIN_XFER_SIZE"][0] == "set on ROCm"
    assert found["NCCL_GRAPH_REGISTER"][0] == "set by SGLang"
    assert found["--sampling-backend"] == ("set by SGLang", f"{files}overrides.py:1022")
    assert found["--attention-backend"] == (
        "set for DeepseekV4ForCausalLM",
        f"{files}model_overrides/deepseek_v4.py:24",
    )
    assert found["--page-size"][1] == f"{files}model_overrides/deepseek_v4.py:61"
    assert found["--dp"] == ("SGLang's default", None)


def test_a_ratio_out_of_range_is_refused() -> None:
    made = plan(launch("sglang serve --swa-full-tokens-ratio 7"), CATALOGUE, ROCM)
    assert [r.message for r in made.refused] == [
        "--swa-full-tokens-ratio should be in range (0, 1.0]."
    ]
    for fine in ("", "--swa-full-tokens-ratio 1"):
        assert plan(launch(f"sglang serve {fine}"), CATALOGUE, ROCM).starts


@pytest.mark.parametrize("on", ["mi355x", "h200", "b200"])
def test_a_refusal_that_nothing_given_leads_to_is_not_told(on: str) -> None:
    words = "sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp 8"
    assert plan(launch(words), CATALOGUE, platform(on)).possible == ()
    more = plan(launch(f"{words} --cuda-graph-prefill-max-context 4000"), CATALOGUE, platform(on))
    assert more.possible
    assert all("--cuda-graph-prefill-max-context" in r.message for r in more.possible)


def test_what_may_be_refused_by_what_is_given() -> None:
    asked = ["?", "strange(cfg)"]
    steps: list[list[Any]] = [
        ["refuse", ["and", ["cfg", "disable_radix_cache"], asked], ["=", "one"], AT],
        ["refuse", ["and", asked, ["cfg", "disable_radix_cache"]], ["=", "two"], AT],
        ["refuse", asked, ["=", "drop --disable-radix-cache"], AT],
        ["refuse", asked, ["=", "a mistake of SGLang's"], AT],
        ["let", ["and", ["env?", "SGLANG_USE_AITER"], asked]],
        ["refuse", ["t", 4], ["=", "three"], AT],
        ["set", ["cfg", "disable_radix_cache"], "page_size", ["=", 1], AT],
        ["refuse", ["and", ["==", ["cfg", "page_size"], ["=", 1]], asked], ["=", "four"], AT],
    ]
    script = "export SGLANG_USE_AITER=1\nsglang serve --disable-radix-cache"
    made = plan(launch(script), CATALOGUE, ROCM, steps=steps)
    led = ["one", "drop --disable-radix-cache", "three", "four"]
    assert [r.message for r in made.possible] == led
    assert "but for 4 refusals that only" in text([made])
    assert "but for 1 refusal that only" in text([replace(made, possible=made.possible[:1])])


_OTHERS = ("GPU_PINNED_MIN_XFER_SIZE", "TORCH_CUDA_ARCH_LIST", "NCCL_ALGO", "TLLM_LOG_LEVEL")


@pytest.mark.parametrize("name", _OTHERS)
def test_what_sglang_only_sets_is_for_others_to_read(name: str) -> None:
    variable = CATALOGUE.variable(name)
    assert variable is not None
    assert not variable.live
    assert effects(f"export {name}=4\nsglang serve", [])[name] == ("kept", "4", "4")


def test_what_is_sglangs_own_and_never_read_has_no_effect() -> None:
    found = told("export SGLANG_ENABLE_CP_V2=1\nsglang serve", steps=[])
    assert found["SGLANG_ENABLE_CP_V2"][0] == "SGLang 0.5.23 reads it nowhere"


def test_what_gives_sglang_the_same_in_other_words() -> None:
    one, other, more, variable = map(
        launch,
        (
            "sglang serve --model-path m --tp 8",
            "sglang serve --tensor-parallel-size=8 --model-path m",
            "sglang serve --model-path m --tp 4",
            "SGLANG_USE_AITER=1 sglang serve --model-path m --tp 8",
        ),
    )
    assert give_the_same(one, other, CATALOGUE, ROCM)
    assert not give_the_same(one, more, CATALOGUE, ROCM)
    assert not give_the_same(one, variable, CATALOGUE, ROCM)
