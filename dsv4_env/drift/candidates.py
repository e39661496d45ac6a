"""What a launch may be held to: every profile, and each target of them that launches otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.drift.nearest import LEAST, Nearest
from dsv4_env.profile import Profile, Wanted, known_targets, load_all, load_targets, with_settings
from dsv4_env.profile.settings import Pair, Settings
from dsv4_env.profile.target import parse, shortest

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile, as what a pair or a command asks for it by: its *name*, and what *beside* it."""

    name: str
    profile: Profile
    beside: Wanted = Wanted()  # noqa: RUF009  # which is frozen

    def __str__(self) -> str:
        strategy, nodes = self.beside.strategy, self.beside.nodes
        words = (self.name, strategy, f"{nodes} nodes" if nodes else None, self.beside.role)
        return " ".join(w for w in words if w)

    def pair(self, files: tuple[str, ...]) -> Pair:
        """The pair that holds files to it."""
        of = self.beside
        return Pair(self.name, files, strategy=of.strategy, nodes=of.nodes, role=of.role)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The profiles as they *usually* are, and *further* ones: their targets. Each by its text.

    *alike* are targets on other hardware that one of them launches as well, by the text of that
    one, and by hardware.
    """

    usual: Mapping[str, Candidate]
    further: Mapping[str, Candidate]
    alike: Mapping[str, Mapping[str, Candidate]] = field(default_factory=dict)

    def __getitem__(self, text: str) -> Candidate:
        found = self.usual.get(text) or self.further.get(text)
        if found is None:
            others = (c for those in self.alike.values() for c in those.values())
            found = next((c for c in others if str(c) == text), None)
        if found is None:
            raise KeyError(text)
        return found

    def nearest(
        self,
        settings: Settings,
        catalogue: Callable[[str | None, Sequence[str | None]], Catalogue],
        *,
        least: float = LEAST,
        any_model: bool = False,
    ) -> Nearest:
        """What finds the one that a launch is nearest to, as :class:`Nearest` says."""
        usual, further = (
            {text: c.profile for text, c in those.items()} for those in (self.usual, self.further)
        )
        alike = {
            text: {on: str(c) for on, c in those.items()} for text, those in self.alike.items()
        }
        return Nearest(usual, settings, catalogue, least, further, any_model, alike)


def candidates(folder: Path | None, wanted: Wanted, names: tuple[str, ...] = ()) -> Candidates:
    """Every profile and each target of one that no other launches alike; of *wanted* the release.

    With *names* they are those profiles and their targets alone, or those compositions. Raises
    ProfileError for a wrong layer.
    """
    chosen = {str(parse(name)) for name in names}
    usual = {name: Candidate(name, p) for name, p in load_all(folder, wanted).items()}
    standing = {(n, launched(c.profile)): c for n, c in usual.items()}
    if chosen:
        usual = {n: c for n, c in usual.items() if n in chosen}
    rows, asked = known_targets(folder), replace(with_settings(), sglang=None)
    further: dict[str, Candidate] = {}
    alike: dict[str, dict[str, Candidate]] = {}
    for profile in load_targets(folder, wanted):
        spec = parse(profile.name)
        of = spec.base, launched(profile)
        one = standing.get(of)
        there = one is not None and (str(one) in usual or str(one) in further)
        on = profile.target.hardware
        if one is not None and there and on in (None, one.profile.target.hardware):
            continue
        short, beside = shortest(spec.base, rows[spec.base], profile.target, asked)
        if chosen and not chosen & {spec.base, spec.name, str(spec), str(short)}:
            continue
        found = Candidate(str(short), profile, beside)
        if one is not None and there and on is not None:
            alike.setdefault(str(one), {}).setdefault(on, found)
        else:
            standing[of] = further[str(found)] = found
    return Candidates(usual, further, alike)


def launched(profile: Profile) -> str:
    """All that makes a launch of a profile: two that have the same of it launch alike."""
    config = profile.config
    env = tuple((e.name, e.value) for e in config.env)
    args = tuple((a.flag, a.values) for a in config.args or ())
    return repr((env, args, profile.default_model_path, profile.sglang_range, profile.image))
