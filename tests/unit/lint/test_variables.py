"""Lint of environment variables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsv4_env import load_profile
from dsv4_env.catalogue import load, releases, within
from dsv4_env.lint import lint
from dsv4_env.model import Image
from dsv4_env.plan.platforms import platform
from dsv4_env.readers import bash


def found(settings: str, release: str) -> list[tuple[str, str]]:
    config = bash.read(f"export {settings}\npython3 -m sglang.launch_server", "s.sh")
    return [(f.rule.name, f.text) for f in lint(config, load(release))]


COMPRESS = within(">=0.5.13,<0.5.18")


@pytest.mark.parametrize("release", releases())
def test_the_fused_compress_variables(release: str) -> None:
    names = {rule for rule, _ in found("SGLANG_OPT_USE_FUSED_COMPRESS=true", release)}
    if release in COMPRESS:
        assert names <= {"default-value"}
    elif release in within("<0.5.13"):
        assert names == {"unknown-variable"}
    else:
        assert names == {"removed-variable"}


@pytest.mark.parametrize("name", ["SGLANG_OPT_USE_OLD_COMPRESSOR", "SGLANG_OPT_DPSK_V4_RADIX"])
def test_removed_by_0_5_18(name: str) -> None:
    ((rule, message),) = found(f"{name}=1", "0.5.23")
    assert rule == "removed-variable"
    assert f"{name} is gone since SGLang 0.5.18" in message


@pytest.mark.parametrize("release", releases())
def test_in_none_of_the_releases(release: str) -> None:
    ((rule, _),) = found("SGLANG_FORCE_TRITON_MOE_FP8=1", release)
    assert rule == "unknown-variable"


@pytest.mark.parametrize(
    "setting",
    [
        "SGLANG_USE_ROCM700A=1",  # read outside Envs
        "AITER_BF16_FP8_MOE_BOUND=0",
        "HIP_VISIBLE_DEVICES=0",
        "VLLM_PORT=tcp://10.0.0.1",
        "MY_OWN=1",
        "SGLANG_DSV4_FP4_EXPERTS=true",  # the default, but SGLang asks whether it is set
    ],
)
def test_nothing_to_say(setting: str) -> None:
    assert found(setting, "0.5.16") == []


@pytest.mark.parametrize(
    ("settings", "release", "rule", "says"),
    [
        ("SGLANG_ENABLE_THINKING=1", "0.5.23", "removed-variable", "use SGLANG_DEFAULT_THINKING"),
        ("SGLANG_ENABLE_THINKING=1", "0.5.20", "deprecated-variable", "SGLANG_DEFAULT_THINKING"),
        ("SGLANG_FORWARD_TIMEOUT_MS=1", "0.5.18", "deprecated-variable", "in seconds instead"),
        ("SGLANG_DEFAULT_THINKIN=1", "0.5.18", "unknown-variable", "mean SGLANG_DEFAULT_THINKING?"),
        ("SGLANG_DEFAULT_THINKING=1", "0.5.11", "unknown-variable", "0.5.12, the first"),
        (
            "SGLANG_NSA_FUSE_TOPK=1 SGLANG_DSA_FUSE_TOPK=0",
            "0.5.18",
            "both-names",
            "SGLANG_DSA_FUSE_TOPK wins",
        ),
        (
            "SGLANG_ENABLE_THINKING=1 SGLANG_DEFAULT_THINKING=0",
            "0.5.18",
            "both-names",
            "SGLANG_ENABLE_THINKING wins",
        ),
        ("SGLANG_USE_AITER=on", "0.5.16", "invalid-value", "uses the default, false"),
        ("SGLANG_ENABLE_THINKING=maybe", "0.5.18", "invalid-value", "can't read"),
    ],
)
def test_says(settings: str, release: str, rule: str, says: str) -> None:
    messages = [m for r, m in found(settings, release) if r == rule]
    assert len(messages) == 1
    assert says in messages[0]


@pytest.mark.parametrize("name", ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"])
@pytest.mark.parametrize("release", COMPRESS)
def test_what_is_said_of_the_shipped_profiles(name: str, release: str) -> None:
    """The values are upstream's, and so is what is odd about them: nothing is hushed up."""
    profile = load_profile(name, sglang=release)
    said = lint(profile.config, load(release), range_=profile.sglang_range)
    expected = {("abbreviated-flag", "--tp"), ("default-value", "SGLANG_ROCM_USE_MULTI_STREAM")}
    expected.add(("unread-variable", "SGLANG_OPT_USE_FUSED_COMPRESS_TRITON"))
    unexpected = {(f.rule.name, f.subject) for f in said} - expected
    assert {rule for rule, _ in unexpected} <= {"default-value"}
    assert ("abbreviated-flag", "--tp") in {(f.rule.name, f.subject) for f in said}


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("SGLANG_USE_AITERS", "SGLANG_USE_AITER"),
        ("SGLANG_DEFUALT_THINKING", "SGLANG_DEFAULT_THINKING"),
        ("SGLANG_ROLE", None),  # the prefix alone makes no likeness
        ("SGLANG_TEXT", None),
    ],
)
def test_the_nearest_name(name: str, near: str | None) -> None:
    assert load("0.5.13").near_variable(name) == near


def test_a_default_that_the_image_has_otherwise() -> None:
    def names(image: Image | None, on: str | None = None) -> list[str]:
        script = "export SGLANG_MOE_PADDING=0 SGLANG_INT4_WEIGHT=0\nsglang serve --tp-size 8"
        config = replace(bash.read(script, "s.sh"), image=image)
        problems = lint(config, load("0.5.23"), on=platform(on) if on else None)
        return [f.subject for f in problems if f.rule.name == "default-value"]

    assert names(Image(family="rocm")) == ["SGLANG_INT4_WEIGHT"]  # of the other it has 1
    # Nothing says in which it runs, or what the one sets that it says.
    assert names(None) == names(Image("example/mine:1")) == ["SGLANG_INT4_WEIGHT"]
    assert names(None, "mi355x") == ["SGLANG_INT4_WEIGHT"]
    assert names(None, "b200") == ["SGLANG_MOE_PADDING", "SGLANG_INT4_WEIGHT"]
