"""What the tag of an image says: the release of SGLang that is in it, or the day it was built.

SGLang's own images (.github/workflows/release-docker*.yml of sgl-project/sglang) have tags such as
``v0.5.18``, ``v0.5.23.post1-cu130`` and ``v0.5.18-rocm720-mi35x``, AMD's of every night (pushed to
``rocm/sgl-dev`` and ``lmsysorg/sglang-rocm``) a date behind that; the others of every night are
called ``nightly-dev-cu13-20260815-1a2b3c4d`` and ``nightly-dev-xpu-bmg-20260815-1a2b3c4d``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

# The spelling of a release, and what may stand behind it in a tag: platform, accelerator, date.
_RELEASE = re.compile(
    r"v?(\d+(?:\.\d+)+(?:\.?(?:a|b|rc|dev)\d+|[-_.]?post\d+)*(?:\+[A-Za-z0-9.]+)?)"
    r"(?:[-_][A-Za-z0-9._-]*)?",
    re.ASCII,
)
_DAY = re.compile(r"(?<![0-9A-Za-z.])(20\d\d)(\d\d)(\d\d)(?![0-9A-Za-z.])", re.ASCII)
_OWN = re.compile(
    r"(?:[^@]*/)?(?:lmsysorg/sglang(?:-[a-z]+)?|rocm/sgl-dev):[^@/]+(?:@.*)?", re.ASCII
)
LONGEST = 128  # characters of a tag, as Docker has it
_IMAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:@/-]{0,1000}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageTag:
    """A tag: the *release* that it names, as it spells it, or None; then *day* counts."""

    release: str | None
    day: date = date.min


def parse(text: str) -> ImageTag | None:
    """What a release, a tag or an image with its tag names; None where it is none of these.

    A release wins over a day behind it: ``v0.5.18-rocm720-mi35x-20260828`` is SGLang 0.5.18.
    """
    tag = tag_of(text)
    if tag is None or len(tag) > LONGEST or not _IMAGE.fullmatch(text):
        return None
    if (match := _RELEASE.fullmatch(tag)) is not None:
        return ImageTag(match[1])
    for year, month, day in reversed(_DAY.findall(tag)):
        try:
            return ImageTag(None, date(int(year), int(month), int(day)))
        except ValueError:  # no day of the calendar
            continue
    return None


def is_image(text: str) -> bool:
    """Whether a text is spelled as an image is: with a repository, and a tag or none."""
    return _IMAGE.fullmatch(text) is not None and tag_of(text) != text


def is_own(image: str) -> bool:
    """Whether an image with its tag is one of SGLang's own, of whatever registry."""
    return _OWN.fullmatch(image) is not None


def tag_of(image: str) -> str | None:
    """The tag of an image, or the text itself where it names no image; None for one without.

    ``registry:5000/sglang:v0.5.18@sha256:…`` has the tag ``v0.5.18``.
    """
    name, _, _ = image.partition("@")
    path, slash, last = name.rpartition("/")
    repository, colon, tag = last.partition(":")
    if colon:
        return tag if repository else None
    return None if slash or path else last
