"""What SGLang's own images set, by their names."""

from __future__ import annotations

import pytest

from dsv4_env.catalogue.images import families, family_of, image_env
from dsv4_env.model import ENV_NAME, Image


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("lmsysorg/sglang-rocm:v0.5.14-rocm720-mi35x-20260710", "rocm"),
        ("docker.io/lmsysorg/sglang-rocm:v0.5.14-rocm720-mi35x-20260710", "rocm"),
        ("lmsysorg/sglang-rocm@sha256:00", "rocm"),
        ("lmsysorg/sglang-rocm", "rocm"),
        ("lmsysorg/sglang:v0.5.18-rocm720-mi35x", "rocm"),
        ("rocm/sgl-dev:v0.5.18-rocm720-mi30x-20260828", "rocm"),
        ("lmsysorg/sglang:v0.5.18", None),
        ("lmsysorg/sglang:latest", None),
        ("lmsysorg/sglang-rocm-of-mine:1", None),
        ("example.com/lmsysorg/sglang-rocm:1", None),
        ("", None),
    ],
)
def test_the_family_of_an_image(name: str, family: str | None) -> None:
    found = family_of(name)
    assert (found and found.name) == family


def test_what_the_rocm_images_set() -> None:
    rocm = families()["rocm"]
    assert len(rocm.env) == 15
    assert (rocm.env["SGLANG_USE_AITER"], rocm.env["SGLANG_INT4_WEIGHT"]) == ("1", "0")
    assert rocm.source == "sgl-project/sglang docker/rocm.Dockerfile:671-690 at 0077f84d"
    assert all(ENV_NAME.fullmatch(n) and isinstance(v, str) for n, v in rocm.env.items())


def test_an_image_that_says_more_wins_over_its_family() -> None:
    own = Image("lmsysorg/sglang-rocm:1", env=(("SGLANG_USE_AITER", "0"), ("MINE", "x")))
    found = image_env(own)
    assert (found["SGLANG_USE_AITER"], found["MINE"], found["SGLANG_MOE_PADDING"]) == (
        "0",
        "x",
        "1",
    )


def test_an_image_of_another_platform_is_not_what_runs() -> None:
    image = Image(family="rocm", env=(("MINE", "x"),))
    assert image_env(image, "cuda") == {"MINE": "x"}
    assert image_env(image, "rocm") == image_env(image)
    assert image_env(Image("example/mine:1"), "rocm") == image_env(Image()) == image_env(None) == {}
