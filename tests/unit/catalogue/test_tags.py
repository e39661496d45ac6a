from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st

from dsv4_env.catalogue.tags import ImageTag, parse, tag_of


@pytest.mark.parametrize(
    ("text", "release"),
    [
        ("v0.5.18", "0.5.18"),
        ("0.5.18", "0.5.18"),
        ("v0.5.18-cu130", "0.5.18"),
        ("v0.5.18-rocm720-mi35x-20260828", "0.5.18"),
        ("v0.5.18_xeon", "0.5.18"),
        ("v0.5.23.post1-cu130", "0.5.23.post1"),
        ("v0.5.23-post1-cu130", "0.5.23-post1"),
        ("v0.5.10rc0-cu130", "0.5.10rc0"),
        ("0.5.18.dev7+g1a2b3c4", "0.5.18.dev7+g1a2b3c4"),
        ("lmsysorg/sglang:v0.5.18-cann9.0.0-a3", "0.5.18"),
        ("rocm/sgl-dev:v0.5.18-rocm720-mi35x-20260828", "0.5.18"),
        ("localhost:5000/sglang:v0.5.18@sha256:0123", "0.5.18"),
        ("sglang:0.5", "0.5"),
    ],
)
def test_a_tag_with_a_release(text: str, release: str) -> None:
    assert parse(text) == ImageTag(release)


@pytest.mark.parametrize(
    "text",
    [
        "nightly-dev-20260815-1a2b3c4d",
        "nightly-dev-cu13-20260815-1a2b3c4d",
        "lmsysorg/sglang:nightly-dev-xpu-bmg-20260815-20261399",
        "rocm/sgl-dev:rocm720-mi35x-20260815",
        "miles-rocm700-mi30x-20260815",
        "dev_20260815",
    ],
)
def test_a_tag_with_a_day(text: str) -> None:
    assert parse(text) == ImageTag(None, date(2026, 8, 15))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "dev",
        "newest",
        "sglang",
        "lmsysorg/sglang",
        "lmsysorg/sglang:",
        ":v0.5.18",
        "localhost:5000/sglang",
        "nightly-dev-20261332-1a2b3c4d",
        "nightly-dev-a20260815",  # of a commit
        "vllm-0.9.0",
        "v0.5.18 ",
        "v0.5.18;x",
        "\x1b[31m/x:nightly-20260815",
        "x" * 2000 + "-20260815",
    ],
)
def test_no_tag_of_a_release(text: str) -> None:
    assert parse(text) is None


def test_the_tag_of_an_image() -> None:
    assert tag_of("a/b:c@sha256:0") == "c"
    assert tag_of("a:5/b") is None
    assert tag_of("a") == "a"


@given(st.text(alphabet="v0123456789.-_:/@+postrcde", max_size=40))
def test_any_text_is_told_apart(text: str) -> None:
    found = parse(text)
    assert found is None or (found.release is None) == (found.day != date.min)
