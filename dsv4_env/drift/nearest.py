"""Which profile a launch is nearest to: the one of whose settings the launch shares most."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.compare import importance
from dsv4_env.compare.equivalence import dest, same
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import (
    ComparedSetting,
    compared_settings,
    is_ignored,
    is_local,
    is_unknown,
    with_model,
)
from dsv4_env.drift.bound import SimilarityBound, Weighed
from dsv4_env.model import LaunchConfig, Outside, Unknown
from dsv4_env.model.finding import Severity
from dsv4_env.profile import Profile
from dsv4_env.profile.settings import Settings

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

WEIGHTS = {Severity.ERROR: 4.0, Severity.WARNING: 2.0, Severity.NOTE: 1.0}
"""What a setting counts for, by how bad it is when it differs."""

LEAST = 0.5
"""The share below which no profile is near."""

_DIFFERS = frozenset({"DSV001", "DSV002", "DSV003", "DSV008"})
_LOST = {"DSV001": 1.0, "DSV003": 1.0, "DSV005": 0.5, "DSV008": 1.0}
_MODEL_FLAGS = ("--model-path", "--model")
GIVEN = frozenset({"--model-path", "--api-key"})
"""Flags that a test's launcher gives by itself, from parameters of other names."""

_Key = tuple[str, str]
_Side = dict[_Key, list[ComparedSetting]]


@dataclass(frozen=True, slots=True)
class ProfileMatch:
    """How near a launch is to a profile.

    *share* (0 to 1) is how much of the profile's settings the launch has too, each counted by
    how much it matters, and an unknown one by half. *profile* is None where none is near; then
    *share* is that of the nearest. *also* are the profiles that are as near. *differ* are
    settings, of *compared*, that a check would report, *unknown* those that can't be known.
    """

    profile: str | None
    share: float
    also: tuple[str, ...] = ()
    differ: int = 0
    compared: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Nearest:
    """Finds the profile that a launch is nearest to, compared as ``check`` would compare them.

    *profiles* are the ones to choose among, *least* the share from which on one is near.
    """

    profiles: Mapping[str, Profile]
    settings: Settings
    catalogue: Callable[[str | None, Sequence[str | None]], Catalogue]
    least: float = LEAST
    _sides: dict[str, _Side] = field(default_factory=dict)
    _catalogues: dict[str | None, Catalogue] = field(default_factory=dict)

    def __call__(self, config: LaunchConfig) -> ProfileMatch:
        """The match of a launch."""
        sides: dict[str, _Side] = {}
        for name in self.profiles:
            catalogue = self._of(name)
            if catalogue.release not in sides:
                sides[catalogue.release] = self._side(config, catalogue)
        shares = {n: self._share(n, config, sides[self._of(n).release]) for n in self.profiles}
        if not shares:
            return ProfileMatch(None, 0.0, unknown=len(config.unknowns))
        models = {n: _model(p, config) for n, p in self.profiles.items()}
        order = sorted(self.profiles)
        order.sort(key=lambda n: (shares[n], models[n]), reverse=True)
        best = order[0]
        if shares[best] < self.least / 2:
            return ProfileMatch(None, shares[best], unknown=len(config.unknowns))
        near = [n for n in order if (shares[n], models[n]) == (shares[best], models[best])]
        found = self._compared(best, config)
        if len(near) > 1:  # of them, those beside whose settings the launch has the fewest others
            every = {n: self._compared(n, config) for n in near}
            fewest = min(e.differ for e in every.values())
            near = [n for n in near if every[n].differ == fewest]
            best, found = near[0], every[near[0]]
        if found.share < self.least:
            return ProfileMatch(None, found.share, unknown=len(config.unknowns))
        return ProfileMatch(
            best, found.share, tuple(near[1:]), found.differ, found.compared, found.unknown
        )

    def bound(self, root: Path) -> SimilarityBound:
        """What tells the files below *root* of whose launches no profile can be near."""
        weighed = {
            tuple(self._weighed(section, s[0].name, self._of(name)) for (section, _), s in side)
            for name, side in ((n, self._mine(n).items()) for n in self.profiles)
        }
        return SimilarityBound(weighed, self.least / 2, str(root))

    def _weighed(self, section: str, name: str, catalogue: Catalogue) -> Weighed:
        names = whole = {name}
        if section == "args":
            match = catalogue.argument(name)
            flags = match.argument.flags if match and match.argument else ()
            shortest = [(f, len(catalogue.shortest(f))) for f in flags]
            whole = {name, *flags}
            names = whole | {f[:end] for f, start in shortest for end in range(start, len(f))}
            if not name.startswith("-") or GIVEN.intersection(flags):
                names = whole = set()
        keys = [frozenset(n.lower().encode() for n in each) for each in (names, whole)]
        return Weighed(keys[0], keys[1], self._weight(name), section == "env")

    def _of(self, name: str) -> Catalogue:
        range_ = self.profiles[name].sglang_range
        if range_ not in self._catalogues:
            self._catalogues[range_] = self.catalogue(self.settings.sglang, [range_])
        return self._catalogues[range_]

    def _share(self, name: str, config: LaunchConfig, theirs: _Side) -> float:
        """A quick look, without renamed variables and defaults: enough to tell profiles apart."""
        catalogue = self._of(name)
        got = whole = 0.0
        for (section, key), ours in self._mine(name).items():
            if not _holds(config, section):
                continue
            weight = self._weight(ours[0].name)
            whole += weight
            got += weight * _alike(section, ours[0], theirs.get((section, key), ()), catalogue)
        return got / whole if whole else 0.0

    def _mine(self, name: str) -> _Side:
        if name not in self._sides:
            self._sides[name] = self._side(self.profiles[name].config, self._of(name))
        return self._sides[name]

    def _side(self, config: LaunchConfig, catalogue: Catalogue) -> _Side:
        found: _Side = {}
        for section, side in compared_settings(config).items():
            for name, alternatives in side.items():
                if self._left_out(name):
                    continue
                key = dest(catalogue, name) if section == "args" else name
                found.setdefault((section, key), []).extend(alternatives)
        return found

    def _left_out(self, name: str) -> bool:
        return is_local(name, self.settings.compare) or is_ignored(name, self.settings.ignore)

    def _weight(self, name: str) -> float:
        return WEIGHTS[importance.severity(name, self.settings.severity)]

    def _compared(self, name: str, config: LaunchConfig) -> ProfileMatch:
        """What a check of the launch says."""
        profile = self.profiles[name]
        comparison = compare_launches(
            with_model(profile),
            config,
            ignore=self.settings.ignore,
            compare=self.settings.compare,
            catalogue=self._of(name),
            severities=self.settings.severity,
        )
        lost = whole = 0.0
        worst: dict[str, float] = {}
        for f in comparison.findings:
            worst[f.subject] = max(worst.get(f.subject, 0.0), _LOST.get(f.rule.id, 0.0))
        for (section, _), ours in self._mine(name).items():
            if not _holds(config, section):
                continue
            weight = self._weight(ours[0].name)
            whole += weight
            lost += weight * worst.get(ours[0].name, 0.0)
        differ = len({f.subject for f in comparison.findings if f.rule.id in _DIFFERS})
        share = 1 - lost / whole if whole else 0.0
        return ProfileMatch(name, share, (), differ, comparison.compared, comparison.unknown)


def _holds(config: LaunchConfig, section: str) -> bool:
    """Whether the source of a launch can hold variables, or arguments."""
    return config.args is not None if section == "args" else not config.arguments_alone


def _alike(
    section: str, ours: ComparedSetting, theirs: Sequence[ComparedSetting], catalogue: Catalogue
) -> float:
    """How far a launch has a profile's setting: 1, 0, or 0.5 where that can't be known."""
    found = 0.0
    for each in theirs:
        if each.spelling == ours.spelling or same(section, ours, each, catalogue):
            return 1.0
        if is_unknown(each.words) and isinstance(ours.words[0], Outside):
            return 1.0
        if is_unknown(each.words):
            found = 0.5
    return found


def _model(profile: Profile, config: LaunchConfig) -> tuple[int, int]:
    """How much of the model's name is the profile's: shared words, less those that it lacks."""
    wanted = _words(posixpath.basename(profile.default_model_path or ""))
    found: set[str] = set()
    for arg in config.args or ():
        word = arg.values[0] if arg.flag in _MODEL_FLAGS and arg.values else ""
        found = _words((word.default or word.text) if isinstance(word, Unknown) else word) or found
    return len(wanted & found), -len(wanted - found)


def _words(text: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", text.casefold())) - {""}
