"""Every launch of some trees that uses a variable or a flag, under whatever name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.catalogue import Catalogue, FlagMatch, load
from dsv4_env.catalogue.history import flag_in
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.drift.bound import SimilarityBound
from dsv4_env.drift.nearest import Nearest, ProfileMatch
from dsv4_env.model import EnvVar, LaunchConfig, Location, ServerArg

_SHORTEST = 4  # the fewest letters, with the dashes, that may stand for a longer flag


@dataclass(frozen=True, slots=True)
class Sought:
    """A variable or a flag; *names* are all that some release knows it by."""

    name: str
    names: frozenset[str]

    @property
    def flag(self) -> bool:
        """Whether it is a flag."""
        return self.name.startswith("-")

    def pattern(self) -> re.Pattern[str]:
        """What finds it in a text: each name, and each beginning that may stand for a flag."""
        words = set(self.names)
        if self.flag:
            words |= {n[:end] for n in self.names for end in range(_SHORTEST, len(n))}
        texts = "|".join(sorted(map(re.escape, words), key=lambda w: (-len(w), w)))
        return re.compile(rf"(?<![\w-])(?:{texts})(?![\w-])", re.IGNORECASE)

    def within(self, config: LaunchConfig) -> LaunchConfig | None:
        """A launch with the settings alone that some release may take for it; None without any."""
        env = () if self.flag else tuple(e for e in config.env if e.name in self.names)
        args = tuple(a for a in config.args or () if a.flag and self._may_be(a.flag))
        return replace(config, env=env, args=args) if env or args else None

    def given(self, config: LaunchConfig, catalogue: Catalogue) -> Iterator[EnvVar | ServerArg]:
        """The settings of a launch that are it, as a release or argparse reads their names."""
        if not self.flag:
            yield from (e for e in config.env if e.name in self.names and not e.superseded)
            return
        for arg in config.args or ():
            if arg.flag is not None and self._is(arg.flag, catalogue):
                yield arg

    def _may_be(self, flag: str) -> bool:
        beginning = len(flag) >= _SHORTEST and any(n.startswith(flag) for n in self.names)
        return flag in self.names or beginning

    def _is(self, flag: str, catalogue: Catalogue) -> bool:
        if flag in self.names or not self._may_be(flag):
            return flag in self.names
        found = catalogue.argument(flag)
        return found is None or bool(_meant(found) & self.names)


@dataclass(frozen=True, slots=True)
class Use:
    """A launch that uses it: where, how it is spelled there, and what its release makes of that.

    *stops*: the release doesn't start with it.
    """

    path: str
    location: Location
    launch: str
    words: str
    release: str
    says: str
    stops: bool


def sought(name: str) -> Sought | None:
    """A variable or flag by a name that some release has for it; None where none has."""
    names = {name} if not name.startswith("-") else set()
    known = False
    for release in RELEASES:
        catalogue = load(release)
        if not name.startswith("-"):
            known = known or catalogue.variable(name) is not None
            continue
        found = catalogue.argument(flag_in(catalogue, name))
        if found is not None and found.argument is not None and not found.abbreviated:
            names |= set(found.argument.flags)
            known = True
    return Sought(name, frozenset(names | {name})) if known else None


def every_name() -> set[str]:
    """All variables and flags that some release knows."""
    found: set[str] = set()
    for release in RELEASES:
        catalogue = load(release)
        found |= {*catalogue.variables, *catalogue.option_strings()}
    return found


@dataclass(slots=True)
class Searched(Nearest):
    """Takes the launches that may use what is wanted for those of the family, and none for near."""

    wanted: Sought = Sought("", frozenset())
    seek: re.Pattern[str] = re.compile("")

    def __call__(self, config: LaunchConfig) -> ProfileMatch:
        """No match: no profile is asked for."""
        return ProfileMatch(None, 0.0)

    def kept(self, config: LaunchConfig) -> LaunchConfig | None:
        """What of a launch may be it."""
        return self.wanted.within(config)

    def bound(self, root: Path) -> SimilarityBound:
        """What tells the files below *root* in whose reach it isn't named."""
        return SimilarityBound((), self.least, str(root), self.seek, sourced=True)

    @property
    def family(self) -> re.Pattern[str]:
        """What finds the name."""
        return self.seek


def verdict(setting: EnvVar | ServerArg, catalogue: Catalogue, wanted: Sought) -> tuple[str, bool]:
    """What a release makes of a setting's name, and whether it stops at it."""
    if isinstance(setting, EnvVar):
        if catalogue.variable(setting.name) is not None:
            return "read as it is", False
        return "not known, so that it is ignored", False
    flag = setting.flag or ""
    found = catalogue.argument(flag)
    if found is None:
        new = flag_in(catalogue, wanted.name)
        other = f": now {new}" if new != flag and catalogue.argument(new) else ""
        return f"unrecognized{other}", True
    if found.candidates:
        return f"ambiguous: {', '.join(found.candidates)}", True
    if found.abbreviated:
        return f"read as {found.flag}", False
    return "read as it is", False


def _meant(found: FlagMatch) -> set[str]:
    """All option strings that a word may stand for."""
    owner = set(found.argument.flags) if found.argument is not None else set()
    return {found.flag, *found.candidates, *owner}
