"""What names say of a launch where its settings don't: the hardware, and which model of the family.

Folders, files and launches are called after what they are for: ``b200-fp8/``, ``dsv4flash.yaml``,
``dsv4_fp4_mi355x.sh``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dsv4_env.model.hardware import ACCELERATORS, canonical, cards_in, without_cards
from dsv4_env.profile import Profile
from dsv4_env.profile.target import parse

# What a contradiction counts for, as differences of settings do: an error is 4.
_WORD = 8.0  # another model, or another number format
_CARD, _ARCHITECTURE, _FAMILY = 2.0, 4.0, 8.0  # another card of an architecture, another one, maker
_FORMAT = re.compile(r"(?:nv)?fp[48]|w\d+a\d+|int[48]")
_OWN_FP4 = "mxfp4"  # what the models' own FP4 is
_APART = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Said:
    """What names say: a *card*, words that tell *models* apart, and those that the *model* has."""

    card: str | None = None
    words: frozenset[str] = frozenset()
    model: frozenset[str] = frozenset()


@dataclass(slots=True)
class Hints:
    """Understands names by the *profiles* among which they choose; *family* finds its models."""

    profiles: Iterable[Profile]
    family: re.Pattern[str]
    _known: set[str] = field(default_factory=set)
    _own: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Learn the words that tell models apart; what an overlay is called is said by settings."""
        overlays: set[str] = set()
        for profile in self.profiles:
            model = posixpath.basename(profile.default_model_path or "")
            spec = parse(profile.name)
            overlays.update(spec.overlays)
            if self.family.search(model):
                self._known |= self._split(model)
        self._known -= overlays

    def _split(self, text: str) -> set[str]:
        rest = self.family.sub(" ", without_cards(text.casefold()))
        return set(_APART.split(rest.replace(_OWN_FP4, "fp4"))) - {""}

    def said(self, names: Sequence[str], model: str | None) -> Said:
        """What names say, the nearest first, and the *model* that a launch names."""
        parts = [p for name in names for p in reversed(name.split("/"))]
        cards = (cards_in([part]) for part in parts)
        card = next((found.pop() for found in cards if len(found) == 1), None)
        told = self._telling(w for part in parts for w in self._split(part))
        return Said(card, told, self._telling(self._split(posixpath.basename(model or ""))))

    def _telling(self, words: Iterable[str]) -> frozenset[str]:
        return frozenset(w for w in words if w in self._known or _FORMAT.fullmatch(w))

    def against(self, profile: Profile, said: Said) -> float:
        """How much of what is said a profile contradicts."""
        own = self._words(profile)
        words = sum(not any(o.endswith(w) for o in own) for w in (*said.words, *said.model))
        card = _cards_apart(said.card, (profile.hardware or {}).get("accelerator"))
        return (_WORD * words if own else 0.0) + card

    def _words(self, profile: Profile) -> frozenset[str]:
        """The words of a profile that tell its model; none of one that is for any."""
        if profile.name not in self._own:
            spec = parse(profile.name)
            texts = spec.base, posixpath.basename(profile.default_model_path or "")
            self._own[profile.name] = self._telling(w for t in texts for w in self._split(t))
        return self._own[profile.name]


def _cards_apart(said: str | None, own: object) -> float:
    known = canonical(own) if isinstance(own, str) else None
    if said is None or known is None or said == known:
        return 0.0
    mine, theirs = ACCELERATORS.get(known, (known, "")), ACCELERATORS.get(said, (said, ""))
    if mine == theirs:
        return _CARD
    return _ARCHITECTURE if mine[0] == theirs[0] else _FAMILY
