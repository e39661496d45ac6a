"""Which targets of the profiles the launches of a tree stand for, and which have none."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.drift.bound import SimilarityBound
from dsv4_env.drift.candidates import launched
from dsv4_env.drift.discover import Discovered, FoundLaunch, Problem
from dsv4_env.drift.nearest import WEIGHTS, Nearest, ProfileMatch, model_of
from dsv4_env.model import LaunchConfig
from dsv4_env.model.finding import Severity
from dsv4_env.profile import Profile, Target
from dsv4_env.profile.target import Spec, parse

SAME, NEAR, NONE = "same", "near", "none"
"""How a launch and a target stand to each other, as SGLang reads them."""


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """A target and the profile that it is one of, named as it's asked for."""

    profile: str
    target: Target

    def __str__(self) -> str:
        strategy, nodes = self.target.strategy, self.target.nodes
        words = (self.profile, strategy, f"{nodes} nodes" if nodes > 1 else None, self.target.role)
        return " ".join(w for w in words if w)


@dataclass(frozen=True, slots=True)
class HeldLaunch:
    """A launch and the *targets* that it is nearest to, each of which it equals where it's SAME."""

    found: FoundLaunch
    status: str
    targets: tuple[KnownTarget, ...]


@dataclass(slots=True)
class CoveredTarget:
    """A target, the *launches* that equal it, and of all others that are near it the nearest."""

    known: KnownTarget
    launches: list[FoundLaunch] = field(default_factory=list)
    nearest: FoundLaunch | None = None

    @property
    def status(self) -> str:
        """SAME, NEAR or NONE."""
        return SAME if self.launches else NEAR if self.nearest else NONE


@dataclass(frozen=True, slots=True)
class Coverage:
    """All targets and all launches, each held to the others.

    *lost* are launches that can't be followed, so that nobody knows which model they launch;
    *problems* are files that can't be read.
    """

    targets: Sequence[CoveredTarget]
    launches: Sequence[HeldLaunch] = ()
    lost: Sequence[FoundLaunch] = ()
    problems: Sequence[Problem] = ()

    @property
    def uncovered(self) -> list[CoveredTarget]:
        """The verified targets that no launch stands for."""
        return [t for t in self.targets if t.known.target.verified and t.status != SAME]


class HeldToTargets(Nearest):
    """Matches launches to targets, whose model counts; of a tree only the family is followed."""

    def bound(self, root: Path) -> SimilarityBound:
        """What tells the files below *root* that launch none of the family."""
        return SimilarityBound((), self.least, str(root), self.family)

    def _compared(
        self, name: str, config: LaunchConfig, share: float
    ) -> tuple[float, ProfileMatch]:
        far, match = super()._compared(name, config, share)
        ours, theirs = self.profiles[name].default_model_path, model_of(config)
        if ours is None or (theirs is not None and _called(ours) == _called(theirs)):
            return far, match
        known = theirs is not None
        return far + (WEIGHTS[Severity.ERROR] if known else 1.0), ProfileMatch(
            name,
            share,
            (),
            match.differ + known,
            match.compared + 1,
            match.unknown + (not known),
        )


def _called(model: str) -> str:
    """The name of a model, wherever it is kept."""
    return posixpath.basename(model.rstrip("/")).casefold()


def known(profile: Profile) -> KnownTarget:
    """The target that a profile is resolved for."""
    spec, target = parse(profile.name), profile.target
    return KnownTarget(str(Spec(spec.base, target.overlays, target.hardware)), target)


def distinct(profiles: Iterable[Profile]) -> dict[str, list[Profile]]:
    """The profiles that make the same launch, by the first of them: each is held but once."""
    found: dict[str, list[Profile]] = {}
    for profile in profiles:
        found.setdefault(launched(profile), []).append(profile)
    return {str(known(first)): [first, *rest] for first, *rest in found.values()}


def coverage(profiles: Sequence[Profile], found: Discovered | None = None) -> Coverage:
    """Hold what was found by a HeldToTargets over :func:`distinct` profiles to all targets."""
    covered = [CoveredTarget(known(p)) for p in profiles]
    if found is None:
        return Coverage(covered)
    of = {str(c.known): c for c in covered}
    groups = {name: [of[str(known(p))] for p in same] for name, same in distinct(profiles).items()}
    launches: list[HeldLaunch] = []
    lost: list[FoundLaunch] = []
    for launch in found.launches:
        match = launch.match
        if match.profile is None and not launch.family:
            lost += [launch] if launch.trouble else []
            continue
        if launch.variables or launch.router:
            continue  # a file of variables starts nothing, a router no server
        names = [match.profile, *match.also] if match.profile is not None else []
        targets = [target for name in names for target in groups[name]]
        same = bool(targets) and not match.differ and not match.unknown
        for target in targets:
            if same:
                target.launches.append(launch)
            elif target.nearest is None or _far(launch) < _far(target.nearest):
                target.nearest = launch
        status = SAME if same else NEAR if targets else NONE
        launches.append(HeldLaunch(launch, status, tuple(t.known for t in targets)))
    return Coverage(covered, launches, lost, found.problems)


def _far(launch: FoundLaunch) -> tuple[int, int]:
    return launch.match.differ, launch.match.unknown
