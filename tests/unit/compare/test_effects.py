"""Differences after SGLang's own work, and launches that it refuses."""

from __future__ import annotations

from dsv4_env.catalogue import load
from dsv4_env.compare.effects import platform_of, with_effects
from dsv4_env.compare.findings import compare_launches
from dsv4_env.model.finding import Finding
from dsv4_env.plan.platforms import platform
from dsv4_env.readers import bash

CATALOGUE = load("0.5.23")
MODEL = "deepseek-ai/DeepSeek-V4-Pro"


def findings(left: str, right: str, on: str | None = "mi355x") -> list[Finding]:
    a, b = bash.read(left), bash.read(right)
    compared = compare_launches(a, b, catalogue=CATALOGUE)
    place = platform(on) if on else None
    return list(with_effects(compared, a, b, CATALOGUE, place, MODEL).findings)


def test_what_sglang_overwrites_makes_no_difference() -> None:
    left = "export SGLANG_OPT_USE_TOPK_V2=false\nsglang serve --tp-size 8"
    (found,) = findings(left, "sglang serve --tp-size 8")
    assert (found.rule.id, found.severity.value) == ("DSV018", "note")
    assert found.message.endswith(
        "no effect: SGLang sets it itself (srt/arg_groups/model_hook.py:507)"
    )
    (there,) = findings(left, "sglang serve --tp-size 8", on="b200")
    assert there.rule.id == "DSV001"


def test_what_sglang_sets_itself_need_not_be_given() -> None:
    (found,) = findings("sglang serve --page-size 256", "sglang serve")
    assert found.rule.id == "DSV018"
    (other,) = findings("sglang serve --tp-size 8", "sglang serve --tp-size 4")
    assert other.rule.id == "DSV003"


def test_what_an_older_release_knew() -> None:
    name = "SGLANG_OPT_USE_FUSED_COMPRESS"
    (found,) = findings(f"export {name}=true\nsglang serve", "sglang serve")
    assert found.message.endswith("no effect: SGLang 0.5.23 no longer knows it")
    (other,) = findings("export SGLANG_OF_A_FORK=1\nsglang serve", "sglang serve")
    assert other.rule.id == "DSV001"


def test_a_refused_launch() -> None:
    more = " --speculative-algorithm EAGLE --speculative-eagle-topk 4"
    refused = [f for f in findings("sglang serve", f"sglang serve{more}") if f.rule.id == "DSV019"]
    assert len(refused) == 1
    assert "refuses it on mi355x: Only EAGLE" in refused[0].message
    both = findings(f"sglang serve{more}", f"sglang serve{more}")
    assert both == []  # the profile's own is lint's to tell


def test_the_platform_of_a_profile() -> None:
    assert platform_of({"accelerator": "MI35x"}) == platform("mi355x")
    assert platform_of({"accelerator": "abacus"}) is None
    assert platform_of({}) is None


def test_without_a_platform_it_is_said_where_it_is_so() -> None:
    left = "export SGLANG_OPT_USE_TOPK_V2=false\nsglang serve --tp-size 8"
    (found,) = findings(left, "sglang serve --tp-size 8", on=None)
    assert found.rule.id == "DSV001"
    assert "no effect on mi355x: SGLang sets it itself (srt/" in found.message
    (same,) = findings("sglang serve --page-size 256", "sglang serve", on=None)
    assert same.rule.id == "DSV018"
    more = " --speculative-algorithm EAGLE --speculative-eagle-topk 4"
    stops = [f for f in findings("sglang serve", f"sglang serve{more}", on=None)
             if f.rule.id == "DSV019"]  # fmt: skip
    assert {f.severity.value for f in stops} == {"error"}
    cp = " --tp-size 8 --enable-prefill-cp --cp-strategy interleave --enable-two-batch-overlap"
    some = [f for f in findings("sglang serve", f"sglang serve{cp}", on=None)
            if f.rule.id == "DSV019"]  # fmt: skip
    assert any("refuses it on mi355x: " in f.message for f in some)
