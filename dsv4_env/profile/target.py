"""What a profile is resolved for: a release, hardware, a strategy; and how that is asked for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from dsv4_env.model.errors import ProfileError, did_you_mean, shortened
from dsv4_env.model.hardware import canonical


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a target is asked for; None where it's left to the profile.

    *sglang* is a release, *on* hardware such as ``mi355x`` by any of its names, *nodes* their
    number. Raises ProfileError for what is none of these.
    """

    sglang: str | None = None
    on: str | None = None
    strategy: str | None = None
    nodes: int | None = None
    role: str | None = None

    def __post_init__(self) -> None:
        """Bring names into their one form."""
        for key, expected in _TEXTS.items():
            value = getattr(self, key)
            if value is not None and not isinstance(value, str):
                raise ProfileError(f"{key} is {shown(value)}", expected=expected)
        if self.nodes is not None and (type(self.nodes) is not int or self.nodes < 1):
            expected = "a whole number of nodes, 1 or more"
            raise ProfileError(f"nodes is {shown(self.nodes)}", expected=expected)
        spelled = {"on": canonical, "strategy": str.lower, "role": str.lower}
        for key, made in spelled.items():
            if value := getattr(self, key):
                object.__setattr__(self, key, made(value))


_TEXTS = {
    "sglang": "a release of SGLang, such as '0.5.23'",
    "on": "the name of hardware, such as 'mi355x'",
    "strategy": "the name of a strategy, such as 'balanced'",
    "role": "the name of a role, such as 'prefill'",
}


def shown(value: object) -> str:
    """A value that is of a wrong type, as a message says it."""
    return f"{shortened(repr(value), 80)}, {type(value).__name__}"


@dataclass(frozen=True, slots=True)
class Target:
    """One combination that a profile is for; *overlays* are those that are taken with it."""

    hardware: str | None = None
    strategy: str | None = None
    nodes: int = 1
    role: str | None = None
    overlays: tuple[str, ...] = ()
    verified: bool = True

    def __str__(self) -> str:
        words = [self.hardware, self.strategy, f"{self.nodes} nodes" if self.nodes > 1 else None]
        return ", ".join(w for w in (*words, self.role) if w)


@dataclass(frozen=True, slots=True)
class Spec:
    """A profile as it's named: ``NAME+OVERLAY@HARDWARE``."""

    base: str
    overlays: tuple[str, ...] = ()
    hardware: str | None = None

    @property
    def name(self) -> str:
        """Its name with the overlays in one order."""
        return "+".join((self.base, *self.overlays))

    def __str__(self) -> str:
        return self.name + (f"@{self.hardware}" if self.hardware else "")


_SPEC = re.compile(r"([^+@]+)((?:\+[^+@]+)*)(?:@([^+@]+))?")


def parse(text: str) -> Spec:
    """A profile's name, its overlays and its hardware. Raises ProfileError for anything else."""
    match = _SPEC.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ProfileError(
            f"bad profile name {text!r}", expected="NAME, NAME+OVERLAY or NAME+OVERLAY@HARDWARE"
        )
    overlays = tuple(dict.fromkeys(match[2].split("+")[1:]))
    return Spec(match[1], tuple(sorted(overlays)), canonical(match[3]) if match[3] else None)


def asked(spec: Spec, wanted: Wanted) -> Wanted:
    """What is asked for, with the hardware that the name gives. Raises ProfileError for two."""
    if spec.hardware and wanted.on and spec.hardware != wanted.on:
        raise ProfileError(
            f"{spec} is for {spec.hardware}, and {wanted.on} is asked for",
            expected="one of the two",
        )
    return replace(wanted, on=spec.hardware or wanted.on)


def choose(
    name: str,
    rows: Sequence[Target],
    wanted: Wanted,
    overlays: Sequence[str],
    roles: Collection[str] = (),
) -> Target:
    """The target that is meant: of those that fit, the first with these overlays, else without.

    What isn't asked for is as the first one that fits says. A profile without targets is for
    whatever is asked for; one of *roles* goes with any target. Raises ProfileError where none fits.
    """
    taken = tuple(overlays)
    if wanted.role in roles and not any(row.role == wanted.role for row in rows):
        found = choose(name, rows, replace(wanted, role=None), overlays)
        return replace(found, role=wanted.role, verified=False)
    if not rows:
        return Target(wanted.on, wanted.strategy, wanted.nodes or 1, wanted.role, taken)
    fitting = [row for row in rows if fits(row, wanted)]
    if not fitting:
        raise _unknown(name, rows, wanted, roles)
    found = min(fitting, key=lambda row: (row.overlays != taken, bool(row.overlays)))
    return found if found.overlays == taken else replace(found, overlays=taken, verified=False)


def fits(row: Target, wanted: Wanted) -> bool:
    """Say whether a target is one that is asked for."""
    return (
        wanted.on in (None, row.hardware)
        and wanted.strategy in (None, row.strategy)
        and wanted.nodes in (None, row.nodes)
        and wanted.role == row.role
    )


def shortest(
    name: str, rows: Sequence[Target], target: Target, settings: Wanted
) -> tuple[Spec, Wanted]:
    """The least that asks for one of *rows* where *settings* hold: a name, and what beside it."""
    spec = Spec(name, target.overlays)
    axes = ("on", "strategy", "nodes", "role")
    for count in range(len(axes) + 1):
        for keys in combinations(axes, count):
            own = {k: getattr(target, "hardware" if k == "on" else k) for k in keys}
            try:
                found = choose(name, rows, replace(settings, **own), target.overlays)
            except ProfileError:
                continue
            if found == target:
                on = own.pop("on", None)
                return replace(spec, hardware=on), Wanted(**own)
    return replace(spec, hardware=target.hardware), Wanted(
        strategy=target.strategy, nodes=target.nodes, role=target.role
    )


_AXES = {"hardware": "on", "strategy": "strategy", "nodes": "nodes", "role": "role"}


def _unknown(
    name: str, rows: Sequence[Target], wanted: Wanted, roles: Collection[str]
) -> ProfileError:
    """No target fits: which of what is asked for is the first that leaves none."""
    left = list(rows)
    for axis, key in _AXES.items():
        value = getattr(wanted, key)
        fitting = [r for r in left if getattr(r, axis) == value or value is None]
        if key == "role":
            fitting = [r for r in left if r.role == value]
        if not fitting:
            known = list(dict.fromkeys(str(getattr(r, axis)) for r in left if getattr(r, axis)))
            known += sorted(roles) if axis == "role" else []
            before = {k: getattr(wanted, k) for k in _AXES.values() if getattr(wanted, k)}
            beside = [
                _said(k, v) if k == "nodes" else str(v) for k, v in before.items() if k != key
            ]
            return ProfileError(
                f"{name} isn't known for {_said(axis, value)}"
                + (f" with {', '.join(beside)}" if beside and axis != "hardware" else ""),
                expected="one of " + ", ".join(known) if known else f"no {axis}",
                hint=did_you_mean(str(value), known),
            )
        left = fitting
    raise AssertionError("some target fits")


def _said(axis: str, value: object) -> str:
    return {
        "hardware": f"the hardware {value}",
        "strategy": f"the strategy {value}",
        "nodes": f"{value} node{'s' * (value != 1)}",
        "role": f"the role {value}" if value else "serving as one",
    }[axis]


def products(
    hardware: Sequence[str],
    strategy: Sequence[str] | None,
    nodes: Sequence[int],
    role: Sequence[str] | None,
    overlays: Sequence[str],
    *,
    verified: bool,
) -> Iterator[Target]:
    """Every combination of a row's values, in their order."""
    for h in hardware:
        for s in strategy or (None,):
            for n in nodes:
                for r in role or (None,):
                    yield Target(canonical(h), s, n, r, tuple(sorted(overlays)), verified)
