"""Which profile with which overlays, for which target, a launch is nearest to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from dsv4_env.adopt.carried import Carried, Key, held_by
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import Profile, Wanted, layer_files
from dsv4_env.profile.layers import Layers
from dsv4_env.profile.target import Spec, Target, choose, fits

NEAR = 0.5
"""The share of settings that a launch has to have in common with a profile that it extends."""

_WEIGHTS = {"env": 1.0, "args": 1.0, "model": 2.0}
_FACT = 0.1  # what a test says beside its launch: it tells two that launch alike apart


@dataclass(frozen=True, slots=True)
class Composition:
    """A profile with overlays for a target, and how it is asked for."""

    spec: Spec
    target: Target
    profile: Profile
    wanted: Wanted

    @property
    def name(self) -> str:
        """What it is called where a profile is named."""
        return str(replace(self.spec, hardware=self.wanted.on))

    def __str__(self) -> str:
        more = [f"strategy {self.wanted.strategy}"] if self.wanted.strategy else []
        more += [f"{self.wanted.nodes} nodes"] if self.wanted.nodes else []
        more += [self.wanted.role] if self.wanted.role else []
        return " ".join((self.name, *more))


_Ranked: TypeAlias = tuple[float, int, str, Composition]
"""How far one is: by its settings, by its model where those are as near, and by its name."""


@dataclass(slots=True)
class Compositions:
    """All that can be composed of the layers of a folder, for one release.

    *data* are layers that aren't there yet, *place* the folder that they will be in.
    """

    folder: Path | None
    sglang: str
    bases: Collection[str] = ()
    data: Mapping[str, bytes] = field(default_factory=dict)
    place: Path | None = None
    files: dict[str, Path] = field(init=False)
    layers: Layers = field(init=False)
    _held: dict[tuple[Spec, Target], Composition | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.files = layer_files(self.folder)
        new = self.place or self.folder or Path()
        self.files |= {name: new / f"{name}.toml" for name in self.data}
        self.layers = Layers(self.files, self.data)

    def named(self, text: Spec, wanted: Wanted) -> Composition:
        """The composition of a name. Raises ProfileError where its layers don't go together."""
        spec, target = Spec(text.base, text.overlays), self._target(text, wanted)
        return self.at(spec, target) or self.composed(spec, target)

    def _target(self, spec: Spec, wanted: Wanted) -> Target:
        rows = self.layers.rows(spec.base)
        return choose(spec.name, rows, wanted, spec.overlays, self.layers.roles(spec))

    def at(self, spec: Spec, target: Target) -> Composition | None:
        """The composition for a target; None where its layers don't go together."""
        key = (spec, target)
        if key not in self._held:
            try:
                self._held[key] = self.composed(spec, target)
            except ProfileError:
                self._held[key] = None
        return self._held[key]

    def profiles(self) -> list[Profile]:
        """Every profile as it usually is."""
        return [self.layers.usual(name, self.sglang) for name in self.layers.names]

    def composed(self, spec: Spec, target: Target) -> Composition:
        """The composition for a target. Raises ProfileError where its layers don't go together."""
        profile = self.layers.profile(spec, target, self.sglang)
        return Composition(spec, target, profile, self._asked(spec, target))

    def _asked(self, spec: Spec, target: Target) -> Wanted:
        """The least that has to be asked for to get a target."""
        whole = Wanted(None, target.hardware, target.strategy, target.nodes, target.role)
        asked = Wanted(role=target.role)
        for key in ("", "on", "strategy", "nodes"):
            asked = replace(asked, **{key: getattr(whole, key)}) if key else asked
            if self._same(spec, asked, target):
                break
        return asked

    def _same(self, spec: Spec, asked: Wanted, target: Target) -> bool:
        try:
            found = self._target(spec, asked)
        except ProfileError:
            return False
        return replace(found, verified=target.verified) == target

    def nearest(
        self, launch: Carried, wanted: Wanted | None = None, path: str = ""
    ) -> tuple[Composition, float] | None:
        """The nearest one to a launch, and the share of settings that they have in common.

        Only targets that are *wanted* count, where that is given. Among those as near, of a launch
        that names no model the *path* of its file decides.
        """
        best: _Ranked | None = None
        for name in self.layers.names:
            if self.bases and name not in self.bases:
                continue
            for target in self.layers.rows(name) or [Target()]:
                if wanted is not None and not fits(target, wanted):
                    continue
                found = self.at(Spec(name, target.overlays), target)
                if found is not None:
                    best = min(filter(None, (best, self._ranked(found, launch, path))))
        if best is None:
            return None
        while best[0]:
            better = min((best, *(self._ranked(c, launch, path) for c in self._beside(best[-1]))))
            if better[:-1] >= best[:-1]:
                break
            best = better
        whole = sum(_WEIGHTS.get(table, 0.0) for table, _ in launch.settings) or 1.0
        return best[-1], 1 - best[0] / whole

    def _ranked(self, found: Composition, launch: Carried, path: str) -> _Ranked:
        held = held_by(found.profile)
        far = sum(_WEIGHTS.get(table, _FACT) for table, _ in launch.otherwise(held))
        other = other_model(launch.model, held.model)
        if not launch.model:
            other = -len(_words(path) & _words(found.spec.base))
        return far, other, f"{len(found.spec.overlays)} {found}", found

    def _beside(self, found: Composition) -> list[Composition]:
        """Those with one overlay more or less."""
        result = []
        for name in self.layers.overlays:
            taken = tuple(sorted({*found.spec.overlays} ^ {name}))
            spec = Spec(found.spec.base, taken)
            other = self.at(spec, replace(found.target, overlays=taken, verified=False))
            result += [other] if other is not None else []
        return result

    def setters(self, found: Composition) -> dict[Key, frozenset[str]]:
        """For each key the overlays of a composition that say something of it."""
        made: dict[str, set[str]] = {}
        for overlay in found.spec.overlays:
            for name in self.layers.lineage(overlay):
                made.setdefault(name, set()).add(overlay)
        merged = self.layers.merged(found.spec, found.target, self.sglang)
        return {
            key: frozenset(o for origin in m.origin.chain() for o in made.get(origin.name, ()))
            for key, m in merged.items()
        }

    def axes(self, found: Composition) -> dict[str, str | None]:
        """The words that conditions on a composition can ask for, by the key that does."""
        order = self.layers.order(found.spec)
        now = self.layers.situation(order, found.target, self.sglang)
        target = found.target
        return {
            "model": now.model,
            "precision": now.precision,
            "hardware": target.hardware,
            "strategy": target.strategy,
            "nodes": str(target.nodes) if target.nodes > 1 else None,
            "role": target.role,
        }


def other_model(launch: str | None, profile: str | None) -> int:
    """How many words of the names of two models only one has; 0 where one isn't said."""
    if not launch or not profile:
        return 0
    names = (posixpath.basename(path.rstrip("/")) for path in (launch, profile))
    one, two = map(_words, names)
    return len(one ^ two)


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.casefold()))
