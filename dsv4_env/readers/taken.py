"""Profiles of this package that a test or a script takes its launch from, and what they gave.

What a profile gives stands where its layers set it, in a :class:`TakenFrom`, until a launch is
made of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsv4_env.guard.files import is_file, looked_at, real
from dsv4_env.model import EnvVar, Location, Origin, ServerArg, Unknown
from dsv4_env.model.errors import Dsv4Error, SettingsError
from dsv4_env.profile import Profile, Wanted, layer_places, load_wanted, startable
from dsv4_env.profile.project import profiles_folder

COST = 5_000  # steps that reading a folder's layers takes


@dataclass(frozen=True, slots=True)
class TakenFrom(Location):
    """The place of a setting in a layer; *profile* gave it, *taken* is where that was loaded."""

    profile: str = ""
    origin: Origin | None = None
    taken: Location | None = None


@dataclass(slots=True, eq=False)
class KnownProfiles:
    """The profiles that a reading has met.

    *root* is the folder that others than the shipped ones must lie below, *own* the folder of
    the project's profiles, where one is set, *sglang* the release that they are for where nothing
    else is said. *elsewhere* says of folders where their layers lie for now: those of a proposal
    that isn't written yet. *printed* is what ``dsv4-env export`` prints, by its places in scripts,
    with the reason where that is None.
    """

    root: Path | None = None
    own: Path | None = None
    sglang: str | None = None
    elsewhere: Mapping[Path, Path] = field(default_factory=dict)
    printed: dict[Location, tuple[str | None, str]] = field(default_factory=dict)
    _loaded: dict[tuple[str, Path | None, Wanted], Profile | str] = field(default_factory=dict)
    _folders: set[Path | None] = field(default_factory=set)

    def load(
        self,
        spend: Callable[[int], object],
        name: str,
        folder: Path | None,
        wanted: Wanted | None = None,
    ) -> Profile | str:
        """A profile by its name, or what is wrong with it; *spend* pays for reading layers."""
        wanted = wanted or Wanted()
        if wanted.sglang is None and self.sglang is not None:
            wanted = replace(wanted, sglang=self.sglang)
        spend(1 if folder in self._folders else COST)
        self._folders.add(folder)
        if folder is not None and self.elsewhere:
            folder = self.elsewhere.get(real(folder), folder)
        found = self._loaded.get((name, folder, wanted))
        if found is None:
            try:
                found = startable(load_wanted(name, folder, wanted))
                places = layer_places(folder)
                for layer in found.layers:
                    looked_at(places[layer])
            except Dsv4Error as exc:
                found = str(exc)
            self._loaded[name, folder, wanted] = found
        return found

    def loaded_as(self, name: str) -> list[Profile | str]:
        """What was loaded by a name, or what was wrong with it; once for each folder and target."""
        return [found for (known, _, _), found in self._loaded.items() if known == name]

    def releases(self) -> list[str]:
        """The releases that profiles were loaded for."""
        loaded = (p.sglang for p in self._loaded.values() if isinstance(p, Profile))
        return list(dict.fromkeys(loaded))

    def of_project(self) -> Path | None:
        """The folder that pytest's fixtures take profiles from, besides the shipped ones."""
        if self.own is None and self.root is not None:
            try:
                self.own = profiles_folder(self.root, {})
            except (ValueError, SettingsError):
                return None
        return self.own

    def within(self, folder: Path) -> Path | None:
        """A folder below the root, or of the project's profiles; None where it isn't one."""
        if self.root is None:
            return None
        whole = real(self.root / folder)
        tops = (self.root, self.own) if self.own is not None else (self.root,)
        return whole if any(whole.is_relative_to(real(top)) for top in tops) else None


# Why profiles that lie elsewhere aren't read, and what changes that.
NOT_BELOW = "isn't below the folder that is read from: --root DIR names another"
_OF_FILE: ContextVar[KnownProfiles | None] = ContextVar("profiles_of_file", default=None)


@contextlib.contextmanager
def reading_file(
    path: str, root: Path | None, own: Path | None, sglang: str | None
) -> Iterator[None]:
    """Within it, scripts that stand in a file take the profiles that a script beside it takes."""
    if root is None and path and is_file(path):
        root = real(path).parent
    token = _OF_FILE.set(KnownProfiles(root, own, sglang))
    try:
        yield
    finally:
        _OF_FILE.reset(token)


def of_file() -> KnownProfiles:
    """The profiles of the file that is read; the shipped ones alone where nothing is said."""
    return _OF_FILE.get() or KnownProfiles()


# What a launch is made of


def settled(
    env: Sequence[EnvVar], args: Sequence[ServerArg]
) -> tuple[tuple[EnvVar, ...], tuple[ServerArg, ...], dict[str, Location | None]]:
    """Settings with the origin that they have in their profile; and those profiles.

    What a test sets anew overrode what the profile set.
    """
    taken: dict[str, Location | None] = {}

    def known(origin: Origin) -> Origin:
        where = origin.location
        if not isinstance(where, TakenFrom):
            return origin
        taken.setdefault(where.profile, where.taken)
        return where.origin or origin

    found_env: list[EnvVar] = []
    under: dict[str, Origin] = {}  # what a profile set and the test set again
    for e in env:
        ours = isinstance(e.location, TakenFrom)
        origin = known(e.origin)
        if before := under.get(e.name):
            origin = replace(origin, overrode=before)
        if ours and e.superseded:
            under[e.name] = origin
        else:
            found_env.append(replace(e, origin=origin, value=_placed(e.value)))
    found_args = tuple(
        replace(a, origin=known(a.origin), values=tuple(map(_placed, a.values))) for a in args
    )
    return tuple(found_env), found_args, taken


def _placed(value: Any) -> Any:
    """A value whose place is one like others."""
    where = value.location if isinstance(value, Unknown) else None
    if isinstance(where, TakenFrom):
        return replace(value, location=Location(where.path, where.line, where.column))
    return value
