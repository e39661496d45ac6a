"""Which profile a launch is nearest to: the one of whose settings the launch shares most."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.catalogue.arguments import regrouped
from dsv4_env.compare import importance
from dsv4_env.compare.equivalence import dest, is_default, same
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import (
    POSITIONAL,
    ComparedSetting,
    as_parsed,
    compared_settings,
    is_ignored,
    is_local,
    is_unknown,
    open_words,
    with_model,
)
from dsv4_env.drift.bound import SimilarityBound, Weighed
from dsv4_env.drift.family import family_names, is_of_family
from dsv4_env.drift.hints import Hints, Said
from dsv4_env.model import LaunchConfig, Outside, Unknown, Value
from dsv4_env.model.finding import Severity
from dsv4_env.profile import Profile
from dsv4_env.profile.settings import Settings

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

WEIGHTS = {Severity.ERROR: 4.0, Severity.WARNING: 2.0, Severity.NOTE: 1.0}
"""What a setting counts for, by how bad it is when it differs."""

LEAST = 0.5
"""The share below which no profile is near."""

_UNKNOWN = frozenset({"DSV005", "DSV016"})
_OPEN = 1.0  # what a setting of which nothing can be known counts for, as a difference
_HALF = 0.5
_CLOSE = 4.0  # differences by which a quick look may err, as those of one error
_FAR = 16.0  # differences, as those of four errors, by which a name counts twice
_MODEL_FLAGS = ("--model-path", "--model")
_CACHED = re.compile(r"(?<![\w.-])models--[\w.-]+--\w")
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A setting of a profile as a launch is held to it: by how much it weighs, and *free*, whether
    a launch without it has it all the same."""

    key: _Key
    setting: ComparedSetting
    weight: float
    free: bool


@dataclass(slots=True)
class _Seen:
    """A launch as one release reads it, and what of it is told once for all profiles."""

    side: _Side
    open_env: bool
    open_args: bool
    alike: dict[tuple[_Key, tuple[Value, ...]], float] = field(default_factory=dict)
    extra: dict[_Key, float] = field(default_factory=dict)


@dataclass(slots=True)
class Nearest:
    """Finds the profile that a launch is nearest to, compared as ``check`` would compare them.

    *profiles* are the ones to choose among, *least* the share from which on one is near. Of those
    that are near, the one counts from which the launch differs least, extra settings and all that
    ``check`` tells included; what names say to the contrary (:mod:`dsv4_env.drift.hints`) counts as
    differences, unless there is none. *further* are those among which a launch of their family
    chooses, too, or one that names no model and is called so. Without *any_model* no profile of a
    model is near a launch of another family. *alike* are what others that launch the same are
    called, by the text of the one that stands for all and by hardware.
    """

    profiles: Mapping[str, Profile]
    settings: Settings
    catalogue: Callable[[str | None, Sequence[str | None]], Catalogue]
    least: float = LEAST
    further: Mapping[str, Profile] = field(default_factory=dict)
    any_model: bool = False
    alike: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _wanted: dict[str, list[_Wanted]] = field(default_factory=dict)
    _catalogues: dict[str | None, Catalogue] = field(default_factory=dict)
    _free: dict[tuple[str, _Key, tuple[Value, ...]], bool] = field(default_factory=dict)
    _weights: dict[str, float] = field(default_factory=dict)
    _family: re.Pattern[str] | None = None
    _hints: Hints | None = None

    def __call__(self, config: LaunchConfig, names: Sequence[str] = ()) -> ProfileMatch:
        """The match of a launch; *names* are what it and its file are called, the nearest first."""
        seen: dict[str, _Seen] = {}
        family = is_of_family(config, self.family)
        names_model = _names_model(config)
        other = not self.any_model and not family and names_model
        named = not names_model and any(map(self.family.search, names))
        known = [*self.profiles, *(self.further if family or named else ())]
        for name in known:
            catalogue = self._of(name)
            if catalogue.release not in seen:
                seen[catalogue.release] = self._seen(config, catalogue)
        looks = {n: self._look(n, config, seen[self._of(n).release]) for n in known}
        best = max((share for share, _ in looks.values()), default=0.0)
        near = {
            n: far
            for n, (share, far) in looks.items()
            if share >= self.least and not (other and self._profile(n).default_model_path)
        }
        if not near:
            unknown = sum(u.default is None for u in config.unknowns)
            return ProfileMatch(None, best, unknown=unknown)
        models = {n: _model(self._profile(n), config) for n in near}
        said = self.hints.said(
            [*names, config.image_name or ""], model_of(config) or _served_as(config)
        )
        against = {n: self._against(n, said) for n in near}
        place = {n: i for i, n in enumerate(known)}
        least: float | None = None
        compared: dict[str, ProfileMatch] = {}
        ranks: dict[str, tuple[float, ...]] = {}
        for name in sorted(near, key=lambda n: (_counted(near[n], against[n]), place[n])):
            # One that may turn out to launch the same is compared whatever names say.
            whole = near[name] if near[name] <= _CLOSE else _counted(near[name], against[name])
            if least is not None and whole > least + _CLOSE:
                continue
            far, compared[name] = self._compared(name, config, looks[name][0])
            counted = _counted(far, against[name])
            ranks[name] = counted, against[name], *(-m for m in models[name])
            least = counted if least is None else min(least, counted)
        order = sorted(compared, key=lambda n: (ranks[n], place[n]))
        first = order[0]
        # One that launches the same as the first one does so whatever it is called.
        told = (0, 1, 2, 3) if ranks[first][0] else (0, 2, 3)
        also = [
            self._called(n, said)
            for n in order[1:]
            if all(ranks[n][i] == ranks[first][i] for i in told)
        ]
        called = self._called(first, said)
        return replace(compared[first], profile=called, also=tuple(also))

    def _against(self, name: str, said: Said) -> float:
        called = self._called(name, said)
        card = None if called != name else said.card  # it's of that card, under another name
        return self.hints.against(self._profile(name), replace(said, card=card))

    def _called(self, name: str, said: Said) -> str:
        """What a profile is called on the hardware that names tell, where it launches the same."""
        return self.alike.get(name, {}).get(said.card or "", name)

    def _profile(self, name: str) -> Profile:
        return self.profiles[name] if name in self.profiles else self.further[name]

    def kept(self, config: LaunchConfig) -> LaunchConfig | None:
        """What somebody wants of a launch itself beside its match; nothing here."""
        return None

    def bound(self, root: Path) -> SimilarityBound:
        """What tells the files below *root* of whose launches no profile can be near."""
        weighed = {
            tuple(self._weighed(w, self._of(name)) for w in self._mine(name))
            for name in self.profiles
        }
        return SimilarityBound(weighed, self.least, str(root), self.family)

    @property
    def family(self) -> re.Pattern[str]:
        """What finds the names of the models that the profiles are for."""
        if self._family is None:
            self._family = family_names(p.default_model_path for p in self.profiles.values())
        return self._family

    @property
    def hints(self) -> Hints:
        """What understands the names of launches."""
        if self._hints is None:
            profiles = [*self.profiles.values(), *self.further.values()]
            self._hints = Hints(profiles, self.family)
        return self._hints

    def _weighed(self, wanted: _Wanted, catalogue: Catalogue) -> Weighed:
        section, name = wanted.key[0], wanted.setting.name
        names = whole = {name}
        if section == "args":
            match = catalogue.argument(name)
            flags = match.argument.flags if match and match.argument else ()
            shortest = [(f, len(catalogue.shortest(f))) for f in flags]
            whole = {name, *flags}
            names = whole | {f[:end] for f, start in shortest for end in range(start, len(f))}
            if not name.startswith("-") or GIVEN.intersection(flags):
                names = whole = set()
        if wanted.free:
            names = whole = set()
        keys = [frozenset(n.lower().encode() for n in each) for each in (names, whole)]
        return Weighed(keys[0], keys[1], wanted.weight, section == "env")

    def _of(self, name: str) -> Catalogue:
        range_ = self._profile(name).sglang_range
        if range_ not in self._catalogues:
            self._catalogues[range_] = self.catalogue(self.settings.sglang, [range_])
        return self._catalogues[range_]

    def _look(self, name: str, config: LaunchConfig, seen: _Seen) -> tuple[float, float]:
        """A quick look: the share of a profile's settings, and how far the launch is from it.

        It is what a comparison says, but for renamed variables and rare spellings. Flags that
        words which aren't known may give count by half, where something else says it is near.
        """
        catalogue = self._of(name)
        got = whole = far = half = 0.0
        mine = self._mine(name)
        for wanted in mine:
            section, _ = wanted.key
            if not _holds(config, section):
                continue
            theirs = seen.side.get(wanted.key, ())
            of = (wanted.key, wanted.setting.words)
            if not theirs:
                alike = 1.0 if wanted.free else 0.0
            elif of in seen.alike:
                alike = seen.alike[of]
            else:
                alike = _alike(section, wanted.setting, theirs, catalogue)
                seen.alike[of] = alike
            whole += wanted.weight
            got += wanted.weight * alike
            open_ = not theirs and (seen.open_env if section == "env" else seen.open_args)
            lost = wanted.weight * (1 - alike)
            half += _HALF * lost if open_ and section == "args" else 0.0
            far += min(lost, _OPEN) if open_ or alike == _HALF else lost
        keys = {w.key for w in mine}
        far += sum(weight for key, weight in seen.extra.items() if key not in keys)
        share = got / whole if whole else 0.0
        return (share + half / whole if whole and share >= self.least / 2 else share), far

    def _seen(self, config: LaunchConfig, catalogue: Catalogue) -> _Seen:
        config = regrouped(config, catalogue)
        side = self._side(config, catalogue)
        seen = _Seen(
            side, any(n.opens for n in config.notes), next(open_words(config), None) is not None
        )
        for key, (first, *_) in side.items():
            if key[1] != POSITIONAL and not self._is_free(key, first, catalogue):
                seen.extra[key] = self._weight(first.name)
        return seen

    def _mine(self, name: str) -> list[_Wanted]:
        if name not in self._wanted:
            catalogue = self._of(name)
            self._wanted[name] = [
                _Wanted(key, s[0], self._weight(s[0].name), self._is_free(key, s[0], catalogue))
                for key, s in self._side(self._profile(name).config, catalogue).items()
            ]
        return self._wanted[name]

    def _is_free(self, key: _Key, setting: ComparedSetting, catalogue: Catalogue) -> bool:
        """Whether making a setting is like leaving it out."""
        of = (catalogue.release, key, setting.words)
        if of not in self._free:
            self._free[of] = isinstance(setting.words[0], Outside) or is_default(
                key[0], setting, catalogue
            )
        return self._free[of]

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
        if name not in self._weights:
            severity = importance.severity(name, self.settings.severity)
            self._weights[name] = WEIGHTS[severity]
        return self._weights[name]

    def _compared(
        self, name: str, config: LaunchConfig, share: float
    ) -> tuple[float, ProfileMatch]:
        """How far a launch is from a profile, and what a check of it says."""
        comparison = compare_launches(
            with_model(self._profile(name)),
            config,
            ignore=self.settings.ignore,
            compare=self.settings.compare,
            catalogue=self._of(name),
            severities=self.settings.severity,
            beside=False,
        )
        told = [f for f in comparison.findings if f.rule.id not in _UNKNOWN]
        far = sum(WEIGHTS[f.severity] for f in told) + _OPEN * comparison.unknown
        differ = len({f.subject for f in told})
        match = ProfileMatch(name, share, (), differ, comparison.compared, comparison.unknown)
        return far, match


def _counted(far: float, against: float) -> float:
    """How far a launch is from a profile with what names say *against* it.

    Of settings that are the same they say nothing, and the more where much differs anyway.
    """
    return far + against * (1 + far / _FAR) if far else far


def model_of(config: LaunchConfig) -> str | None:
    """The model that a launch names last, or that it names where nobody says otherwise."""
    for arg in reversed(as_parsed(config).args or ()):
        if arg.flag in _MODEL_FLAGS and arg.values:
            value = arg.values[0]
            return value.default if isinstance(value, Unknown) else value
    return None


def _names_model(config: LaunchConfig) -> bool:
    """Whether a launch says which model it is of, if only by a folder of Hugging Face's cache or
    by the name that clients know it by."""
    given = [a.values[0] for a in config.args or () if a.flag in _MODEL_FLAGS and a.values]
    return (
        model_of(config) is not None
        or "/" in (_served_as(config) or "")
        or any(isinstance(v, Unknown) and _CACHED.search(v.text) for v in given)
    )


def _served_as(config: LaunchConfig) -> str | None:
    """What clients call the model of a launch, where that is known."""
    for arg in reversed(as_parsed(config).args or ()):
        if arg.flag == "--served-model-name" and arg.values:
            value = arg.values[0]
            return value.default if isinstance(value, Unknown) else value
    return None


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
            found = _HALF
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
