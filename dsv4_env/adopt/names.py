"""What launches are called, by their files: profiles, and the overlays that names add to others."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dsv4_env.model import LaunchConfig

MODELS = ("flash", "pro")
PRECISIONS = ("fp4", "fp8", "nvfp4", "mxfp4", "bf16", "int8", "w8a8", "w4a4", "w4a8")
_AXES = {*MODELS, *PRECISIONS}
_WORDS = re.compile(  # the first are words that are neither small nor all capitals
    r"MoE|DSpark|A2A|[A-Z]{2,}(?=(?:with|and|for)(?![a-z]))"
    r"|[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+"
)
_DULL = {"test", "tests", "run", "launch", "server", "sh", "py", "setup", "class"}

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """The words of a launch's name: those of its profile, and those of its overlays."""

    base: Words
    overlays: tuple[Words, ...] = ()

    def __str__(self) -> str:
        return "+".join("-".join(words) for words in (self.base, *self.overlays))

    @property
    def of(self) -> frozenset[str]:
        """The words of the profile, and all of them as one: other profiles may have them, too."""
        return frozenset((*self.base, self.whole))

    @property
    def whole(self) -> str:
        """What tells the profile from all others."""
        return f"={'-'.join(self.base)}"

    @property
    def taken(self) -> frozenset[str]:
        """The names of the overlays."""
        return frozenset("-".join(words) for words in self.overlays)


def names(launches: Sequence[tuple[str, LaunchConfig]]) -> list[Name]:
    """A name for each launch, given with the path of its file, and no two alike.

    What all names begin with is left out. A name that adds words to another's has that one's
    profile: what it adds are overlays, each as small as the names tell.
    """
    words = _distinct([_words(path, launch, launches) for path, launch in launches])
    shared = 0
    if len(words) > 1:
        while all(len(w) > shared + 1 for w in words) and len({w[shared] for w in words}) == 1:
            if words[0][shared] in _AXES:
                break
            shared += 1
    short = [w[shared:] for w in words]
    bases = {w: _base(w, short) for w in short}
    extras = {w[len(bases[w]) :] for w in short} - {()}
    atoms = _atoms(extras)
    return [Name(bases[w], _split(w[len(bases[w]) :], atoms)) for w in short]


def shared_words(paths: Collection[str]) -> Words:
    """What the folder of some files is called, for what belongs to all of them."""
    folder = posixpath.basename(posixpath.commonpath([posixpath.dirname(p) or "." for p in paths]))
    found = tuple(w.lower() for w in re.findall(r"[A-Za-z0-9]+", folder))
    return found or ("shared",)


def _words(path: str, launch: LaunchConfig, every: Sequence[tuple[str, LaunchConfig]]) -> Words:
    """The words of a file's name, and those of the class where the file has several launches."""
    stem = posixpath.basename(path).split(".")[0]
    found = [w.lower() for w in re.findall(r"[A-Za-z0-9]+", stem)]
    found = [w for w in found if w not in _DULL] or found
    if sum(p == path for p, _ in every) > 1 and launch.symbol:
        parts = _WORDS.findall(launch.symbol.split(".")[0])
        more = [w.lower() for w in parts if w.lower() not in _DULL]
        found += [w for w in more if w not in found]
    return tuple(found)


def _distinct(words: list[Words]) -> list[Words]:
    """The same with a number behind all but the first of those that are alike."""
    seen: Counter[Words] = Counter()
    found = []
    for each in words:
        seen[each] += 1
        found.append(each if seen[each] == 1 else (*each, str(seen[each])))
    return found


def _base(words: Words, every: Collection[Words]) -> Words:
    """The shortest name that this one begins with, and that lacks nothing of model or precision."""
    fitting = [
        other
        for other in every
        if words[: len(other)] == other and not _AXES & set(words[len(other) :])
    ]
    return min(fitting, key=len)


def _atoms(extras: Collection[Words]) -> list[Words]:
    """The overlays that the additions of names are made of: none consists of others."""
    found: list[Words] = []
    for extra in sorted(extras, key=lambda e: (len(e), e)):
        rest = extra
        for part in _split(extra, found):
            if part in found:
                at = next(i for i in range(len(rest)) if rest[i : i + len(part)] == part)
                rest = (*rest[:at], *rest[at + len(part) :])
        if rest and rest not in found:
            found.append(rest)
    return found


def _split(extra: Words, atoms: Sequence[Words]) -> tuple[Words, ...]:
    """An addition as overlays, the longest known ones first; what is left is one of its own."""
    found: list[Words] = []
    rest = extra
    for atom in sorted(atoms, key=lambda a: (-len(a), a)):
        at = next((i for i in range(len(rest)) if rest[i : i + len(atom)] == atom), None)
        if at is not None:
            found.append(atom)
            rest = (*rest[:at], *rest[at + len(atom) :])
    return tuple(sorted([*found, *([rest] if rest else [])]))
