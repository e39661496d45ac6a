"""Variables that are used only where the launch asks for more."""

from __future__ import annotations

import pytest

from dsv4_env.catalogue import load, releases
from dsv4_env.plan.dormant import USES, dormant
from dsv4_env.plan.planning import resolved
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
