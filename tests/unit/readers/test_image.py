"""The image that a launch runs in, as each kind of file names it."""

from __future__ import annotations

import pytest

from dsv4_env.model import Image, LaunchConfig
from dsv4_env.readers import bash, compose, dockerfile, kubernetes, workflow

ROCM = "lmsysorg/sglang-rocm:v0.5.14-rocm720-mi35x-20260710"
RUN = "sglang serve --tp 8"


def pod(image: str) -> list[LaunchConfig]:
    return kubernetes.read_all(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        f"    - {{name: c, {image}command: [sglang, serve]}}\n",
        "f.yml",
    )


def test_a_pod() -> None:
    assert [c.image for c in pod(f"image: '{ROCM}', ")] == [Image(ROCM)]
    assert [c.image for c in pod("")] == [None]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (ROCM, Image(ROCM)),
        ("lmsysorg/sglang-rocm:${TAG:-v1}", Image("lmsysorg/sglang-rocm:v1")),
        ("${IMAGE}", Image("")),
        ("", None),
    ],
)
def test_a_service(image: str, expected: Image | None) -> None:
    line = f"    image: {image}\n" if image else ""
    text = f"services:\n  s:\n{line}    command: {RUN}\n"
    (config,) = compose.read_all(text, "f.yml")
    assert config.image == expected


def test_a_service_has_the_image_of_what_it_extends() -> None:
    text = f"services:\n  a: {{image: '{ROCM}'}}\n  s: {{extends: a, command: {RUN}}}\n"
    (config,) = compose.read_all(text, "f.yml")
    assert config.image == Image(ROCM)


def test_a_stage() -> None:
    def read(base: str, more: str = "") -> LaunchConfig:
        (config,) = dockerfile.read_all(f"{more}FROM {base}\nCMD {RUN}\n", "f")
        return config

    assert read(ROCM).image == Image(ROCM)
    assert read("later", f"FROM {ROCM} AS later\n").image == Image(ROCM)
    assert read("scratch").image is None
    assert read("$BASE", f"ARG BASE={ROCM}\n").image == Image(ROCM)
    assert read("$BASE", "ARG BASE\n").image == Image()
    said = [n.message for n in read(ROCM).notes]
    assert (
        "of the environment that the base image sets only what SGLang's rocm images set is known"
        in said
    )


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        (f"container: {ROCM}", Image(ROCM)),
        (f"container: {{image: '{ROCM}'}}", Image(ROCM)),
        ("container: ${{ inputs.image }}", Image()),
        ("runs-on: x", None),
    ],
)
def test_a_job(container: str, expected: Image | None) -> None:
    text = f"jobs:\n  j:\n    {container}\n    steps:\n      - run: {RUN}\n"
    (config,) = workflow.read_all(text, "f.yml")
    assert config.image == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (f"docker run --rm {ROCM} {RUN}", Image(ROCM)),
        (f"docker run --rm {ROCM} bash -c '{RUN}'", Image(ROCM)),
        (f"docker run --rm $IMAGE {RUN}", Image()),
        (f"docker exec name {RUN}", Image()),
        (f"docker compose run service {RUN}", Image()),
        (RUN, None),
    ],
)
def test_docker(script: str, expected: Image | None) -> None:
    assert bash.read(script).image == expected


def test_a_container_that_a_job_starts_is_its_own() -> None:
    text = (
        f"jobs:\n  j:\n    container: other:1\n    steps:\n      - run: docker run {ROCM} {RUN}\n"
    )
    (config,) = workflow.read_all(text, "f.yml")
    assert config.image == Image(ROCM)
