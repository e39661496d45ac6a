"""Variables that are used only where the launch asks for more."""

from __future__ import annotations

import pytest

from dsv4_env.catalogue import load, releases
from dsv4_env.plan.dormant import ONLY_ON, USES, dormant, elsewhere
from dsv4_env.plan.planning import plan, resolved
from dsv4_env.plan.platforms import platform
from dsv4_env.readers import bash

WIDE = "sglang serve --tp-size 8 --dp-size 8 --enable-dp-attention"


def asleep(*scripts: str, release: str = "0.5.23", name: str = "SGLANG_DP_USE_GATHERV") -> bool:
    catalogue, on = load(release), platform("mi355x")
    found = [resolved(bash.read(s), catalogue, on, model="deepseek-ai/X-V4") for s in scripts]
    return dormant(catalogue, name, found) is not None


@pytest.mark.parametrize("release", ["0.5.14", "0.5.17", "0.5.21", "0.5.22", "0.5.23"])
def test_the_gather_of_variable_length_needs_data_parallel_attention(release: str) -> None:
    assert asleep("sglang serve --tp-size 8", release=release)
    assert not asleep(WIDE, release=release)
    assert not asleep("sglang serve --tp-size 8", WIDE, release=release)


def test_a_part_of_the_group_is_not_enough() -> None:
    assert asleep("sglang serve --tp-size 8 --dp-size 2 --enable-dp-attention")
    assert not asleep("sglang serve --tp-size $TP")
    assert not asleep("sglang serve")  # one rank is all of one


def test_what_was_not_read_is_not_told() -> None:
    assert not asleep("sglang serve --tp-size 8", release="0.5.13")
    assert not asleep("sglang serve --tp-size 8", name="SGLANG_USE_ROCM700A")


def test_each_release_that_is_listed_reads_it_in_one_place() -> None:
    assert USES
    for name, use in USES.items():
        assert use.releases <= set(releases())
        for release in use.releases:
            variable = load(release).variable(name)
            assert variable is not None
            assert len(variable.read_in) == 1


def test_what_is_used_on_other_hardware_alone() -> None:
    name = "SGLANG_HACK_FLASHMLA_BACKEND"
    cuda, rocm = platform("b200"), platform("mi355x")
    assert elsewhere(load("0.5.23"), name, [cuda, platform("h200")]) == "ROCm"
    assert elsewhere(load("0.5.23"), name, [cuda, rocm]) is None
    assert elsewhere(load("0.5.12"), name, [cuda]) is None
    assert elsewhere(load("0.5.23"), "SGLANG_USE_AITER", [cuda]) is None
    for only in ONLY_ON.values():
        assert only.releases <= set(releases())
    config = bash.read(f"export {name}=triton\nsglang serve --tp-size 8")
    told = {on: plan(config, load("0.5.23"), platform(on)).settings for on in ("b200", "mi355x")}
    effects = {on: (s.effect, s.why) for on, found in told.items() for s in found if s.name == name}
    assert effects == {
        "b200": ("no-effect", "SGLang 0.5.23 uses it only on ROCm"),
        "mi355x": ("kept", ""),
    }
