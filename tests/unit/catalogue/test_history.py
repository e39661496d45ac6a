from __future__ import annotations

from dataclasses import replace

import pytest

from dsv4_env.catalogue import load, releases, within
from dsv4_env.catalogue.history import (
    CatalogueChange,
    changes,
    default_of,
    first_release,
    flag_in,
    last_release,
    older,
    renamed,
    replaced_flag,
)


def removed_in(name: str) -> str | None:
    """The known release from which on the name is gone."""
    last = last_release(name)
    later = releases()[releases().index(last) + 1 :] if last else ()
    return later[0] if later else None


@pytest.mark.parametrize(
    "name",
    [
        "SGLANG_OPT_USE_FUSED_COMPRESS",
        "SGLANG_OPT_USE_FUSED_COMPRESS_TRITON",
        "SGLANG_OPT_USE_OLD_COMPRESSOR",
        "SGLANG_OPT_DPSK_V4_RADIX",
    ],
)
def test_names_of_0_5_13_that_0_5_18_dropped(name: str) -> None:
    assert (first_release(name), last_release(name)) == ("0.5.13", "0.5.17")
    assert removed_in(name) == "0.5.18"
    known = [r for r in releases() if load(r).variable(name)]
    assert known == [*within(">=0.5.13,<0.5.18")]


def test_a_name_that_no_release_knows() -> None:
    assert first_release("SGLANG_FORCE_TRITON_MOE_FP8") is None
    assert last_release("SGLANG_FORCE_TRITON_MOE_FP8") is None
    assert removed_in("SGLANG_FORCE_TRITON_MOE_FP8") is None


def test_a_name_that_stays() -> None:
    assert last_release("SGLANG_LOG_GC") == "0.5.23"
    assert removed_in("SGLANG_LOG_GC") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SGLANG_ENABLE_THINKING", "SGLANG_DEFAULT_THINKING"),
        ("SGLANG_REASONING_EFFORT", "SGLANG_DSV4_REASONING_EFFORT"),
    ],
)
def test_the_renames_of_the_thinking_variables(old: str, new: str) -> None:
    for release in releases()[1:]:
        found = renamed(load(release), old)
        assert found is not None, release
        assert found.new == new
        assert found.wins == "old"
        assert found.forwarded == (release not in {"0.5.21", "0.5.22", "0.5.23"})
    newest = renamed(load("0.5.23"), old)
    assert newest is not None
    assert newest.release == "0.5.20"
    assert renamed(load("0.5.11"), old) is None
    assert removed_in(old) == "0.5.21"


def test_renames_can_change_the_value() -> None:
    milliseconds = renamed(load("0.5.13"), "SGLANG_QUEUED_TIMEOUT_MS")
    assert milliseconds is not None
    assert (milliseconds.new, milliseconds.transform) == ("SGLANG_REQ_WAITING_TIMEOUT", "ms_to_s")
    inverted = renamed(load("0.5.20"), "SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK")
    assert inverted is not None
    assert inverted.transform == "invert_bool"


def test_a_live_name_wasnt_renamed() -> None:
    assert renamed(load("0.5.23"), "SGLANG_LOG_GC") is None
    assert renamed(load("0.5.23"), "SGLANG_UNHEARD_OF") is None


def test_flags_through_the_releases() -> None:
    assert last_release("--nsa-prefill-backend") == "0.5.19"
    assert removed_in("--nsa-prefill-backend") == "0.5.20"
    assert replaced_flag(load("0.5.23"), "--nsa-prefill-backend") == "--dsa-prefill-backend"
    assert replaced_flag(load("0.5.23"), "--tp-size") is None


def test_the_changes_from_0_5_13_to_0_5_23() -> None:
    found = changes(load("0.5.13"), load("0.5.23"))
    for expected in (
        CatalogueChange("env", "removed", "SGLANG_OPT_USE_FUSED_COMPRESS"),
        CatalogueChange(
            "env",
            "renamed",
            "SGLANG_ENABLE_LOGITS_PROCESSER_CHUNK",
            "SGLANG_ENABLE_LOGITS_PROCESSER_CHUNK",
            "SGLANG_ENABLE_LOGPROB_CHUNK",
        ),
        CatalogueChange("args", "removed", "--nsa-prefill-backend", after="--dsa-prefill-backend"),
        CatalogueChange("args", "added", "--attn-dp-size"),
        CatalogueChange("args", "deprecated", "--enable-dp-attention", after="--attn-dp-size"),
    ):
        assert expected in found, expected
    names = [(c.section, c.kind, c.name) for c in found]
    assert len(names) == len(set(names))


def test_a_default_that_moved() -> None:
    found = changes(load("0.5.20"), load("0.5.22"))
    assert (
        CatalogueChange("env", "default", "SGLANG_HACK_FLASHMLA_BACKEND", "tilelang", "auto")
        in found
    )


def test_nothing_changes_from_a_release_to_itself() -> None:
    assert changes(load("0.5.16"), load("0.5.16")) == []


def test_older_releases_of_one_that_isnt_known() -> None:
    assert older("0.5.11") == ()
    assert older("0.5.17.post1") == older("0.5.18")
    assert older("0.5.13") == ("0.5.11", "0.5.12", "0.5.12.post1")
    assert older("0.5.13.post1") == (*older("0.5.13"), "0.5.13")


@pytest.mark.parametrize(
    ("name", "release", "default"),
    [
        ("SGLANG_HACK_FLASHMLA_BACKEND", "0.5.14", '"tilelang"'),
        ("SGLANG_HACK_FLASHMLA_BACKEND", "0.5.13", "not the same everywhere"),
        ("--tp-size", "0.5.13", '"1"'),
        ("--attention-backend", "0.5.13", "none"),
    ],
)
def test_defaults_for_people(name: str, release: str, default: str) -> None:
    assert default_of(load(release), name) == default


@pytest.mark.parametrize("flag", ["--attn-dp-size", "--cp-strategy", "--image-processor-backend"])
def test_what_is_given_otherwise_is_no_other_name(flag: str) -> None:
    """A profile's --attn-dp-size 8 isn't --enable-dp-attention 8 on an older release."""
    assert flag_in(load("0.5.13"), flag) == flag


def test_a_switch_is_not_called_as_what_takes_a_value() -> None:
    later = replace(load("0.5.23"), arguments={
        name: a for name, a in load("0.5.23").arguments.items() if a.flag != "--enable-dp-attention"
    })  # fmt: skip
    assert flag_in(later, "--enable-dp-attention") == "--enable-dp-attention"
