"""What the workflows of a project set for the tests that are adopted: their legs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.adopt.planning import Adopted, Adoption
from dsv4_env.compare.legs import LegEffect, leg_settings
from dsv4_env.guard.files import read_bytes
from dsv4_env.model import Location, Value
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.readers.legs import Leg, legs

FOLDER = Path(".github", "workflows")
_MOST = 500  # workflows of a project


@dataclass(frozen=True, slots=True)
class LegLine:
    """A variable that a leg of a workflow sets, and what that does to which profiles."""

    location: Location
    name: str
    value: Value
    effect: LegEffect
    profiles: tuple[str, ...]

    @property
    def told(self) -> str:
        """What becomes of it."""
        names = ", ".join(self.profiles)
        return {
            LegEffect.TAKEN: f"{names}: taken from the environment",
            LegEffect.MODEL: f"{names}: the model is taken from it",
            LegEffect.PINNED: f"{names}: no effect, as the profile sets it",
            LegEffect.OTHER: f"{names}: no setting of the profile",
        }[self.effect]


def leg_lines(adoption: Adoption, root: Path) -> list[LegLine]:
    """What the legs of the workflows below *root* set for the launches, and what that does.

    A workflow that can't be read is left to `check` and `lint`; variables that are no setting of
    the profiles aren't told.
    """
    suites = {
        str(f.value) for a in adoption.adopted for f in a.source.launch.facts if f.key == "suite"
    }
    words = [w.encode() for w in (*suites, *(a.source.path for a in adoption.adopted))]
    found: list[LegLine] = []
    for path in sorted((root / FOLDER).glob("*.y*ml"))[:_MOST]:
        try:
            data = read_bytes(path, root=root)
            every = legs(data, str(path.relative_to(root))) if any(w in data for w in words) else []
        except Dsv4Error:
            continue
        for leg in every:
            found += _of_leg(leg, [a for a in adoption.adopted if _runs(leg, a)])
    return found


def _runs(leg: Leg, adopted: Adopted) -> bool:
    """Whether a leg runs a test."""
    source = adopted.source
    said = {f.value for f in source.launch.facts if f.key == "suite"}
    named = any(source.path.endswith(f.partition("::")[0].lstrip("./")) for f in leg.files)
    return leg.suite in said or named


def _of_leg(leg: Leg, mine: Sequence[Adopted]) -> Iterator[LegLine]:
    """The lines of one leg: profiles with which the same becomes of a variable share one."""
    groups: dict[tuple[str, LegEffect], list[str]] = {}
    for adopted in mine:
        for setting in leg_settings(adopted.composition.profile.config, leg):
            if setting.effect is not LegEffect.OTHER:
                names = groups.setdefault((setting.variable.name, setting.effect), [])
                names.append(str(adopted.composition))
    for (name, effect), names in groups.items():
        variable = leg.variable(name)
        if variable is not None:
            profiles = tuple(dict.fromkeys(names))
            yield LegLine(variable.location, name, variable.value, effect, profiles)
