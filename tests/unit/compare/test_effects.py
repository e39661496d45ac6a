"""Differences after SGLang's own work, and launches that it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsv4_env.catalogue import load
from dsv4_env.compare.effects import in_image, platform_of, with_effects
from dsv4_env.compare.findings import compare_launches
from dsv4_env.model import Image
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
    assert found.effect == ("no effect: SGLang sets it itself (srt/arg_groups/model_hook.py:507)",)
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
    assert found.effect == ("no effect: SGLang 0.5.23 no longer knows it",)
    (other,) = findings("export SGLANG_OF_A_FORK=1\nsglang serve", "sglang serve")
    assert other.rule.id == "DSV001"


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TORCH_CUDA_ARCH_LIST"])
def test_what_others_read_has_an_effect(name: str) -> None:
    """Whether SGLang asked for it once or sets it: Hugging Face, PyTorch read it."""
    (found,) = findings(f"export {name}=1\nsglang serve", "sglang serve")
    assert found.rule.id == "DSV001"
    assert "no effect" not in found.text


def test_a_refused_launch() -> None:
    more = " --speculative-algorithm EAGLE --speculative-eagle-topk 4"
    refused = [f for f in findings("sglang serve", f"sglang serve{more}") if f.rule.id == "DSV019"]
    assert len(refused) == 1
    assert refused[0].message == "SGLang 0.5.23 refuses this launch on mi355x"
    assert refused[0].effect[0].startswith("Only EAGLE")


def test_what_is_refused_of_a_profile_is_told_of_a_launch_that_is_as_it_says() -> None:
    more = " --speculative-algorithm EAGLE --speculative-eagle-topk 4"
    (both,) = findings(f"sglang serve{more}", f"sglang serve{more}")
    name = "<script>"
    assert both.message == f"SGLang 0.5.23 refuses this launch on mi355x, as it does {name}"
    assert (both.rule.id, both.severity.value) == ("DSV019", "error")
    assert both.related is not None
    alone = [f for f in findings(f"sglang serve{more}", "sglang serve") if f.rule.id == "DSV019"]
    assert [f.message for f in alone] == [f"SGLang 0.5.23 refuses {name} itself on mi355x"]


def test_what_is_refused_on_some_hardware_alone_is_a_note() -> None:
    serve = f"sglang serve --model-path {MODEL} --tp-size 8 --enable-prefill-cp "
    serve += "--cp-strategy interleave --enable-two-batch-overlap"
    (found,) = findings(serve, serve, on=None)
    assert (found.rule.id, found.severity.value) == ("DSV019", "note")
    assert " on mi355x" in found.message


def test_a_profile_of_another_model_is_refused_nothing_that_a_deepseek_v4_is() -> None:
    serve = "sglang serve --model-path org/Other --speculative-algorithm EAGLE "
    serve += "--speculative-eagle-topk 4"
    assert findings(serve, serve) == []


def test_the_platform_of_a_profile() -> None:
    assert platform_of({"accelerator": "MI35x"}) == platform("mi355x")
    assert platform_of({"accelerator": "abacus"}) is None
    assert platform_of({}) is None


IMAGE = Image(family="rocm")
PLAIN = "sglang serve --tp-size 8"


def in_images(
    left: str, right: str, *, one: Image | None = IMAGE, other: Image | None = None
) -> list[tuple[str, str]]:
    a = replace(bash.read(left), image=one)
    b = in_image(replace(bash.read(right), image=other), a)
    compared = compare_launches(a, b, catalogue=CATALOGUE)
    found = with_effects(compared, a, b, CATALOGUE, platform("mi355x"), MODEL).findings
    return [(f.rule.id, f.text) for f in found]


def test_what_the_image_sets_anyway_need_not_be_set() -> None:
    given = f"export SGLANG_USE_AITER=true HIP_FORCE_DEV_KERNARG=1\n{PLAIN}"
    left = in_images(given, PLAIN)
    assert [rule for rule, _ in left] == ["DSV018", "DSV018"]
    assert left[0][1].endswith('has "true" (no effect: the image sets it to 1)')
    right = in_images(PLAIN, given)
    assert [rule for rule, _ in right] == ["DSV018", "DSV018"]
    assert right[1][1].endswith("doesn't have it (no effect: the image sets it to 1)")


def test_what_the_image_sets_otherwise_is_a_difference() -> None:
    given = f"export SGLANG_USE_ROCM700A=0\n{PLAIN}"  # SGLang's own default, but not the image's
    ((rule, message),) = in_images(given, PLAIN)
    assert rule == "DSV001"
    assert message.endswith('is missing; <script> has "0" (the image sets 1)')
    ((rule, message),) = in_images(PLAIN, given)
    assert rule == "DSV002"
    assert message.endswith("doesn't have it (the image sets 1)")
    assert in_images(given, PLAIN, one=None) == []  # then it is as SGLang has it


def test_a_default_of_sglang_that_the_image_sets_too() -> None:
    given = f"export SGLANG_INT4_WEIGHT=0\n{PLAIN}"
    assert in_images(given, PLAIN) == in_images(PLAIN, given) == []


def test_a_launch_in_an_image_of_its_own() -> None:
    given = f"export SGLANG_USE_AITER=1\n{PLAIN}"
    assert in_images(given, PLAIN, other=Image("example/mine:1"))[0][0] == "DSV001"
    rocm = Image("lmsysorg/sglang-rocm:v0.5.23-rocm720-mi35x")
    assert in_images(given, PLAIN, one=None, other=rocm)[0][0] == "DSV018"


def test_what_is_set_on_both_sides_is_not_the_images() -> None:
    one, other = (f"export SGLANG_USE_ROCM700A={v}\n{PLAIN}" for v in "10")
    ((rule, message),) = in_images(one, other)
    assert (rule, "image" in message) == ("DSV003", False)


def test_an_image_counts_where_the_platform_is_not_known() -> None:
    a = replace(bash.read(f"export SGLANG_USE_AITER=1\n{PLAIN}"), image=IMAGE)
    b = in_image(bash.read(PLAIN), a)
    compared = compare_launches(a, b, catalogue=CATALOGUE)
    (found,) = with_effects(compared, a, b, CATALOGUE, None, MODEL).findings
    assert found.rule.id == "DSV018"


def test_a_default_that_sglang_changes_elsewhere_only() -> None:
    given = f"export SGLANG_OPT_USE_TILELANG_INDEXER=0\n{PLAIN}"
    (found,) = findings(given, PLAIN)
    assert found.rule.id == "DSV018"
    assert found.effect == (
        'no effect: SGLang 0.5.23 reads "0" as its default, false, which it leaves as it is on '
        "mi355x",
    )
    (there,) = findings(given, PLAIN, on="rtx-pro-6000")  # where it sets it, unless it is set
    assert there.rule.id == "DSV001"
    (other,) = findings(given.replace("=0", "=1"), PLAIN)
    assert other.rule.id == "DSV001"


def test_what_sglang_decides_when_it_starts() -> None:
    given = f"export SGLANG_OPT_FP8_WO_A_GEMM=0\n{PLAIN}"
    (found,) = findings(given, PLAIN)
    assert found.rule.id == "DSV001"
    assert found.effect == (
        "unset, SGLang decides it when it starts (srt/arg_groups/model_hook.py:136)",
    )


def test_what_is_used_only_where_more_is_asked_for() -> None:
    given = f"export SGLANG_DP_USE_GATHERV=1\n{PLAIN}"
    (found,) = findings(PLAIN, given)
    assert found.rule.id == "DSV018"
    assert "uses it only where attention is data-parallel" in found.text
    wide = " --dp-size 8 --enable-dp-attention"
    assert [f.rule.id for f in findings(PLAIN + wide, given + wide)] == ["DSV002"]


def test_without_a_platform_it_is_said_where_it_is_so() -> None:
    left = "export SGLANG_OPT_USE_TOPK_V2=false\nsglang serve --tp-size 8"
    (found,) = findings(left, "sglang serve --tp-size 8", on=None)
    assert found.rule.id == "DSV001"
    assert "no effect on mi355x: SGLang sets it itself (srt/" in found.text
    (same,) = findings("sglang serve --page-size 256", "sglang serve", on=None)
    assert same.rule.id == "DSV018"
    more = " --speculative-algorithm EAGLE --speculative-eagle-topk 4"
    stops = [f for f in findings("sglang serve", f"sglang serve{more}", on=None)
             if f.rule.id == "DSV019"]  # fmt: skip
    assert {f.severity.value for f in stops} == {"error"}
    cp = " --tp-size 8 --enable-prefill-cp --cp-strategy interleave --enable-two-batch-overlap"
    some = [f for f in findings("sglang serve", f"sglang serve{cp}", on=None)
            if f.rule.id == "DSV019"]  # fmt: skip
    assert any("refuses this launch on mi355x: " in f.text for f in some)


WIDE = "sglang serve --tp-size 8 --dp-size 8 --enable-dp-attention"


@pytest.mark.parametrize("release", ["0.5.21", "0.5.22", "0.5.23"])
def test_what_else_sglang_makes_of_a_setting_counts(release: str) -> None:
    """--dp-size ends as 1 whatever it is, once --attn-dp-size and the chunks are made of it."""
    catalogue = load(release)
    a, b = bash.read(WIDE), bash.read(WIDE.replace("dp-size 8", "dp-size 4"))
    compared = compare_launches(a, b, catalogue=catalogue)
    found = with_effects(compared, a, b, catalogue, platform("mi355x"), MODEL).findings
    assert [f.rule.id for f in found] == ["DSV003"]


def test_what_else_is_made_of_a_setting_is_told() -> None:
    (found,) = findings(WIDE, WIDE.replace("dp-size 8", "dp-size 4"))
    assert found.effect == (
        'SGLang makes --attn-dp-size "4" here; as <script> has it, it would be "8"',
    )


def test_two_spellings_of_a_group_have_no_effect_together() -> None:
    found = findings(WIDE, "sglang serve --tp-size 8 --attn-dp-size 8")
    assert {(f.rule.id, f.subject) for f in found} == {
        ("DSV018", "--dp-size"),
        ("DSV018", "--enable-dp-attention"),
        ("DSV018", "--attn-dp-size"),
    }
    said = "no effect: SGLang makes the same of --attn-dp-size as of --dp-size and "
    assert {f.effect for f in found} == {(f"{said}--enable-dp-attention",)}
    assert "remove it" not in " ".join(f.text for f in found)


@pytest.mark.parametrize("other", ["--attn-dp-size 4", "--dp-size 8"])
def test_a_group_that_comes_to_something_else_has_an_effect(other: str) -> None:
    found = findings(WIDE, f"sglang serve --tp-size 8 {other}")
    assert found
    assert "DSV018" not in {f.rule.id for f in found}


def test_a_group_beside_what_has_an_effect() -> None:
    found = findings(WIDE, "sglang serve --tp-size 8 --attn-dp-size 8 --max-running-requests 8")
    by_name = {f.subject: f.rule.id for f in found}
    assert by_name.pop("--max-running-requests") == "DSV002"
    assert set(by_name.values()) == {"DSV018"}


def test_what_the_profile_needs_beside_other_differences() -> None:
    """Without attention in data parallel the chunks are the same, and with it they aren't."""
    found = findings(
        f"{WIDE} --chunked-prefill-size 65536",
        "sglang serve --tp-size 8 --chunked-prefill-size 8192",
    )
    assert "--chunked-prefill-size" in {f.subject for f in found if f.rule.id == "DSV003"}


def test_a_flag_by_its_old_name_is_one_finding() -> None:
    left = f"{PLAIN} --cuda-graph-max-bs-decode 512"
    (found,) = findings(left, f"{PLAIN} --cuda-graph-max-bs 512")
    assert (found.rule.id, found.severity.value) == ("DSV008", "error")
    assert found.message == (
        '--cuda-graph-max-bs is "512"; <script> has --cuda-graph-max-bs-decode "512"'
    )
    assert found.effect[0] == (
        "in SGLang 0.5.23 --cuda-graph-max-bs is called --cuda-graph-max-bs-decode"
    )
    assert found.effect[1].startswith("SGLang 0.5.23 stops: ambiguous option: ")
    (other,) = findings(left, f"{PLAIN} --cuda-graph-max-bs=256")
    assert (other.rule.id, other.severity.value) == ("DSV003", "error")


def test_what_is_given_by_both_names_is_not_renamed() -> None:
    left = f"{PLAIN} --cuda-graph-max-bs-decode 512"
    found = findings(left, f"{left} --cuda-graph-max-bs 512")
    assert [f.rule.id for f in found] == ["DSV002"]
    assert "stops: ambiguous option" in found[0].text


def test_a_flag_that_the_release_does_not_know_is_one_finding() -> None:
    (found,) = findings(PLAIN, f"{PLAIN} --no-such-flag")
    assert (found.rule.id, found.severity.value) == ("DSV002", "error")
    assert found.effect == (
        "SGLang 0.5.23 stops: unrecognized arguments: --no-such-flag (argparse)",
    )


def test_what_the_parser_refuses_is_one_finding() -> None:
    """As of sorted words: each flag has lost its value."""
    flags = "--page-size --context-length --max-running-requests --tp-size --dp-size --ep-size"
    found = [f for f in findings("sglang serve", f"sglang serve {flags}") if f.rule.id == "DSV019"]
    assert len(found) == 1
    assert len(found[0].effect) == 5
    assert found[0].effect[-1] == "and 2 more"


def test_a_profile_of_an_older_release_has_the_old_name() -> None:
    """The script is right: it isn't told to take a name that the release stops on."""
    left = f"{PLAIN} --cuda-graph-max-bs 512"
    (own,) = findings(left, f"{PLAIN} --cuda-graph-max-bs-decode 512")
    assert own.message == "SGLang 0.5.23 refuses <script> itself on mi355x"
    other = findings(left, f"{PLAIN} --cuda-graph-max-bs-decode 256")
    assert [f.rule.id for f in other] == ["DSV019", "DSV003"]
