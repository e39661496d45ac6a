"""Which shipped release answers for a release of SGLang, and its catalogue."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.catalogue import tags
from dsv4_env.catalogue.store import RELEASED, RELEASES, from_lines, shipped
from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from dsv4_env.catalogue.entries import Catalogue


def releases() -> tuple[str, ...]:
    """The releases whose catalogues ship with the package, oldest first."""
    return RELEASES


@lru_cache(maxsize=len(RELEASES))
def _load(release: str) -> Catalogue:
    return from_lines(release, shipped(release), f"SGLang {release}")


def load(release: str) -> Catalogue:
    """The shipped catalogue of a release. Raises ReadError for one that isn't known."""
    known, note = nearest(release)
    if note is not None:
        raise _unknown(release, known)
    return _load(known)


def nearest(release: str) -> tuple[str, str | None]:
    """The shipped release that answers for *release*, and a note where it is another one.

    A build of a release (``0.5.16+rocm720``) is that release, and so is an image whose tag names
    it (``lmsysorg/sglang:v0.5.16-rocm720-mi35x-20260728``). A nightly image, whose tag has a date
    alone, is the newest release before that day; one that isn't known is the one before it. Both
    have a note. Raises ReadError for what is older than all, and for no release at all.
    """
    text = release.strip()
    if text.removeprefix("v") in _NUMBERS:
        return text.removeprefix("v"), None
    tag = tags.parse(text)
    if tag is None and tags.is_image(text):
        raise ReadError(
            f"the image {text} doesn't say which release of SGLang it has",
            expected=f"a tag with a release or a day, as v{RELEASES[-1]}-cu130, or the release",
        )
    if tag is None:
        raise _unknown(release, closest(text))
    if tag.release is None:
        return _before_day(text, tag.day)
    return _before(text, tag.release)


def _before_day(image: str, day: date) -> tuple[str, str]:
    """The newest release before the day of a nightly image."""
    older = [r for r, came in RELEASED.items() if came < day]
    if not older:
        first = RELEASES[0]
        raise ReadError(
            f"the nightly image {image!r} is older than SGLang {first}",
            expected=f"an image of after {RELEASED[first]}, or one of {', '.join(RELEASES)}",
            hint=first,
        )
    return older[-1], f"{image} is a nightly image; read as {older[-1]}, the newest before {day}"


def _before(text: str, release: str) -> tuple[str, str | None]:
    from packaging.version import InvalidVersion, Version  # heavy: most releases are known

    try:
        wanted = Version(Version(release).public)
    except InvalidVersion:
        raise _unknown(text, closest(text)) from None
    known = {Version(r): r for r in RELEASES}
    if wanted in known:
        return known[wanted], None
    older = [known[v] for v in known if v < wanted]
    if not older:
        raise _unknown(text, closest(text))
    which = "the newest that is" if older[-1] == RELEASES[-1] else "the one before it"
    yet = " yet" if older[-1] == RELEASES[-1] else ""
    return older[-1], f"SGLang {release} isn't known{yet}; read as {older[-1]}, {which}"


_PLAIN = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)\s*", re.ASCII)


def common_words() -> frozenset[str]:
    """What the newest SGLang takes for its settings: words that any launch may hold."""
    arguments = load(releases()[-1]).arguments.values()
    found = {str(choice) for a in arguments for choice in a.choices or ()}
    return frozenset(found | {str(a.default) for a in arguments})


@lru_cache(maxsize=64)
def within(range_: str) -> tuple[str, ...]:
    """The known releases that lie in a PEP 440 range, oldest first."""
    bounds = [_PLAIN.fullmatch(part) for part in range_.split(",")]
    if all(bounds):  # nearly always; packaging takes longer to import than all else here
        found: tuple[str, ...] = RELEASES
        for sign, version in (m.groups() for m in bounds if m):
            found = tuple(r for r in found if _holds(_NUMBERS[r], sign, _numbers(version)))
        return found
    from packaging.specifiers import SpecifierSet  # heavy, as said above

    return tuple(SpecifierSet(range_).filter(RELEASES))


_SIGNS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_Numbers: TypeAlias = "tuple[tuple[int, ...], int]"


def _holds(release: _Numbers, sign: str, bound: _Numbers) -> bool:
    """Whether a release is on that side of a bound; ``>0.5.12`` leaves its post releases out."""
    if sign == ">" and release[0] == bound[0]:
        return False
    return bool(getattr(operator, _SIGNS[sign])(release, bound))


def _numbers(release: str) -> _Numbers:
    """The numbers of a release and of its post release, -1 for none; 0.5 is 0.5.0."""
    base, _, post = release.partition(".post")
    numbers = [int(n) for n in base.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers), int(post) if post else -1


_NUMBERS = {r: _numbers(r) for r in RELEASES}


def in_order(found: Iterable[str]) -> tuple[str, ...]:
    """Releases by their versions, oldest first. Raises ReadError for what is none."""
    from packaging.version import InvalidVersion, Version  # heavy: only a build needs it

    try:
        return tuple(sorted(found, key=Version))
    except InvalidVersion as exc:
        raise ReadError(str(exc), expected="releases such as 0.5.23") from None


def fitting(release: str | None, ranges: Collection[str | None]) -> tuple[Catalogue, str | None]:
    """The catalogue of *release*, else of the newest that lies within all *ranges*.

    Without ranges, or where no known release lies in one of them, it is the newest of all. The
    note is that of ``nearest``. Raises ReadError as it does.
    """
    if release:
        known, note = nearest(release)
        return load(known), note
    found = set(releases())
    for range_ in ranges:
        found &= set(within(range_)) if range_ else found
    return load([r for r in releases() if r in found or not found][-1]), None


def named_by(image: str | None) -> tuple[str, str] | None:
    """The shipped release that stands for that of an image, and a note which and why.

    None for images that aren't SGLang's own, whose tags may count anything, and for a tag that
    names neither a release nor a day, or one before all that are known.
    """
    if image is None or not tags.is_own(image):
        return None
    try:
        release, note = nearest(image)
    except ReadError:
        return None
    if note is None:
        return release, f"the image {image} is read as SGLang {release} (--sglang)"
    return release, note if image in note else f"the image {image}: {note}"


def closest(text: str) -> str:
    """The known release nearest to one that is named anywhere in *text*, else the newest."""
    match = re.search(r"(?<![0-9.])([0-9]+\.[0-9]+\.[0-9]+(?:\.post[0-9]+)?)", text, re.ASCII)
    if match is None:
        return RELEASES[-1]
    if match[1] in _NUMBERS:
        return match[1]
    wanted = _aligned(_numbers(match[1]))
    if not _aligned(_NUMBERS[RELEASES[0]]) < wanted < _aligned(_NUMBERS[RELEASES[-1]]):
        return RELEASES[0] if wanted <= _aligned(_NUMBERS[RELEASES[0]]) else RELEASES[-1]
    return min(
        RELEASES,
        key=lambda r: [abs(a - b) for a, b in zip(_aligned(_NUMBERS[r]), wanted, strict=True)],
    )


def _aligned(numbers: _Numbers) -> tuple[int, ...]:
    """The three numbers of a release and that of its post release, from 0 for none."""
    base, post = numbers
    return (*(*base, 0, 0, 0)[:3], post + 1)


def _unknown(release: str, hint: str) -> ReadError:
    return ReadError(
        f"no catalogue of SGLang {release!r}",
        expected=f"one of {', '.join(RELEASES)}, a newer release, the tag of an image, "
        "or tree in a checkout of SGLang",
        hint=hint,
    )
