"""Which shipped release answers for a release of SGLang, and its catalogue."""

from __future__ import annotations

import operator
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from dsv4_env.catalogue.store import RELEASES, from_lines, shipped
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

    A build of a release (``0.5.16+rocm720``) is that release. One newer than all known ones
    falls back to the newest, with the note. Raises ReadError for anything else that isn't known:
    older, between two, or no release at all.
    """
    text = release.strip().removeprefix("v")
    if text in RELEASES:
        return text, None
    from packaging.version import InvalidVersion, Version

    try:
        wanted = Version(Version(text).public)
    except InvalidVersion:
        raise _unknown(release, closest(text)) from None
    known = {Version(r): r for r in RELEASES}
    if wanted in known:
        return known[wanted], None
    if wanted > max(known):
        newest = RELEASES[-1]
        return newest, f"SGLang {text} isn't known yet; read as {newest}, the newest that is"
    raise _unknown(release, closest(wanted.base_version))


_PLAIN = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)\s*", re.ASCII)


@lru_cache(maxsize=64)
def within(range_: str) -> tuple[str, ...]:
    """The known releases that lie in a PEP 440 range, oldest first."""
    bounds = [_PLAIN.fullmatch(part) for part in range_.split(",")]
    if all(bounds):  # nearly always; packaging takes longer to import than all else here
        found: tuple[str, ...] = RELEASES
        for sign, version in (m.groups() for m in bounds if m):
            holds = getattr(operator, _SIGNS[sign])
            found = tuple(r for r in found if holds(*_aligned(r, version)))
        return found
    from packaging.specifiers import SpecifierSet

    return tuple(SpecifierSet(range_).filter(RELEASES))


_SIGNS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def _aligned(*versions: str) -> Iterator[tuple[int, ...]]:
    """The numbers of versions, as many of each: 0.5 is 0.5.0."""
    parts = [[int(n) for n in v.split(".")] for v in versions]
    most = max(map(len, parts))
    return (tuple(p + [0] * (most - len(p))) for p in parts)


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


def closest(text: str) -> str:
    """The known release nearest to one that is named anywhere in *text*, else the newest."""
    match = re.search(r"(?<![0-9.])([0-9]+)\.([0-9]+)\.([0-9]+)", text)
    if match is None:
        return RELEASES[-1]
    wanted = tuple(int(n) for n in match.groups())

    def parts(release: str) -> tuple[int, ...]:
        return tuple(int(n) for n in release.split("."))

    if not parts(RELEASES[0]) < wanted < parts(RELEASES[-1]):
        return RELEASES[0] if wanted <= parts(RELEASES[0]) else RELEASES[-1]
    return min(RELEASES, key=lambda r: [abs(a - b) for a, b in zip(parts(r), wanted, strict=True)])


def _unknown(release: str, hint: str) -> ReadError:
    return ReadError(
        f"no catalogue of SGLang {release!r}",
        expected=f"one of {', '.join(RELEASES)}, or a newer release",
        hint=hint,
    )
