"""What becomes of differences after SGLang's own work: some have no effect, and some never start.

SGLang overwrites variables and sets arguments by model and platform, so that two launches that are
spelled differently may end up the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue.history import before
from dsv4_env.catalogue.store import shipped
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.rules import RULES
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Finding, Severity
from dsv4_env.plan.evaluate import Open, Refusal, Resolution, same_text, shown_at
from dsv4_env.plan.planning import resolved
from dsv4_env.plan.platforms import EACH, Platform, platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsv4_env.catalogue import Catalogue
    from dsv4_env.model import LaunchConfig
    from dsv4_env.model.finding import Comparison

NO_EFFECT, REFUSED = "DSV018", "DSV019"
_DIFFERENT = frozenset({"DSV001", "DSV002", "DSV003"})  # of what one side has, or has otherwise


def platform_of(hardware: Mapping[str, object]) -> Platform | None:
    """The platform that a profile names; None where it names none that is known."""
    name = hardware.get("accelerator")
    if not isinstance(name, str):
        return None
    try:
        return platform(name)
    except Dsv4Error:
        return None


def with_effects(
    comparison: Comparison,
    left: LaunchConfig,
    right: LaunchConfig,
    catalogue: Catalogue,
    on: Platform | None,
    model: str | None,
) -> Comparison:
    """The comparison with what has no effect told as a note, and an error for what is refused.

    *left* is the profile's launch, *right* the one that is held to it. Without *on*, it must be so
    on one platform of each kind; what is so on some is said with their names. Nothing changes where
    it isn't known what the release makes of launches.
    """
    if steps_of(catalogue) is None:
        return comparison
    places = EACH if on is None else (on,)
    one = [resolved(left, catalogue, p, model=model) for p in places]
    other = [resolved(right, catalogue, p, model=model) for p in places]
    stops: dict[Refusal, list[str]] = {}
    for place, a, b in zip(places, one, other, strict=True):
        for r in b.refused:
            if r not in a.refused:  # the profile's own: lint tells it
                stops.setdefault(r, []).append(place.name)
    everywhere = len({name for names in stops.values() for name in names}) == len(places)
    refused = [
        Finding(
            RULES[REFUSED],
            Severity.ERROR if everywhere else Severity.NOTE,
            "launch",
            f"{catalogue.name} refuses it on {' and '.join(names)}: {r.message} ({shown_at(r.at)})",
            right.location,
        )
        for r, names in stops.items()
    ]
    found = [_judged(f, places, one, other, catalogue) for f in comparison.findings]
    return replace(comparison, findings=(*refused, *found))


def _judged(
    finding: Finding,
    places: Sequence[Platform],
    one: Sequence[Resolution],
    other: Sequence[Resolution],
    catalogue: Catalogue,
) -> Finding:
    if finding.rule.id not in _DIFFERENT:
        return finding
    reasons: dict[str, list[str]] = {}
    for place, a, b in zip(places, one, other, strict=True):
        reason = _reason(finding.subject, a, b, catalogue)
        if reason is not None:
            reasons.setdefault(reason, []).append(place.name)
    if not reasons:
        return finding
    names = [name for found in reasons.values() for name in found]
    if len(names) < len(places):
        said = f"no effect on {' and '.join(names)}: {', '.join(reasons)}"
        return replace(finding, message=f"{finding.message}; {said}")
    message = f"{finding.message}; no effect: {', '.join(reasons)}"
    return replace(finding, rule=RULES[NO_EFFECT], severity=Severity.NOTE, message=message)


def _reason(name: str, one: Resolution, other: Resolution, catalogue: Catalogue) -> str | None:
    """Why a difference has no effect; None where it has, or where that isn't known."""
    if name.startswith("-"):
        match = catalogue.argument(name)
        if match is None or match.argument is None:
            return None
        section, dest = "args", match.argument.dest
        values = [r.fields.get(dest, Open()) for r in (one, other)]
        same = not any(isinstance(v, Open) for v in values) and values[0] == values[1]
    else:
        section, dest = "env", name
        variable = catalogue.variable(name)
        # One that no release knew may be of another SGLang.
        if variable is None and any(("V", name) in shipped(r) for r in before(catalogue)):
            return f"{catalogue.name} no longer knows it"
        if variable is not None and not variable.live:
            return f"{catalogue.name} reads it nowhere"
        values = [r.env.get(name) for r in (one, other)]
        same = same_text(catalogue, name, *values)
    at = other.last(section, dest) or one.last(section, dest)
    return f"SGLang sets it itself ({shown_at(at)})" if same and at else None
