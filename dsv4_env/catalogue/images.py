"""What SGLang's own container images set: where a launch sets less, the image's value counts.

The images of one Dockerfile are a *family*: ``data/images.json`` says which names they have, which
variables they set and where that stands. It is the one place that says so: a layer names the image
or its family, a manifest names the image, and both get the values from there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsv4_env.model import Image

_HUB = ("docker.io/", "index.docker.io/", "registry-1.docker.io/")


@dataclass(frozen=True, slots=True)
class Family:
    """The images of one Dockerfile: their *patterns*, *platform* (``rocm``), *env*, *source*."""

    name: str
    patterns: tuple[str, ...]
    platform: str
    env: Mapping[str, str]
    source: str


@cache
def families() -> Mapping[str, Family]:
    """The families whose variables are known, by name."""
    data = json.loads((Path(__file__).parent / "data" / "images.json").read_bytes())
    return {
        name: Family(
            name,
            tuple(item["images"]),
            item["platform"],
            item["env"],
            "{repository} {path}:{lines} at {commit}".format_map(item["source"]),
        )
        for name, item in data.items()
    }


def family_of(image: str) -> Family | None:
    """The family of an image by its name (``org/name:tag@digest``); None where it is none's."""
    name = image.partition("@")[0]
    for hub in _HUB:
        name = name.removeprefix(hub)
    for family in families().values():
        for pattern in family.patterns:
            # A pattern without a tag stands for all of them.
            if fnmatchcase(name, pattern) or (
                ":" not in pattern and name.startswith(f"{pattern}:")
            ):
                return family
    return None


def image_env(image: Image | None, platform: str | None = None) -> Mapping[str, str]:
    """The variables that an image is known to set; none where nothing is known of it.

    *platform* is the family of hardware (``rocm``, ``cuda``) where it is known: an image of
    another one isn't what runs there.
    """
    if image is None:
        return {}
    family = families().get(image.family or "") or (family_of(image.name) if image.name else None)
    if family is None or platform not in (None, family.platform):
        return dict(image.env)
    return {**family.env, **dict(image.env)}


def envs_of(image: Image | None, platform: str | None = None) -> tuple[Mapping[str, str], ...]:
    """What the image that a launch runs in may set: of each image that it may be, the variables.

    Where nothing tells which it is, or it's one of which nothing is known, it may be any of
    SGLang's own for the *platform*, or built on one, and none.
    """
    known = image_env(image, platform)
    if image is not None and (image.family or known or family_of(image.name or "") is not None):
        return (known,)
    fits = (f for f in families().values() if platform in (None, f.platform))
    return (known, *(f.env for f in fits))
