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
from dsv4_env.compare import importance
from dsv4_env.compare.rules import RULES
from dsv4_env.compare.served import otherwise, told_by
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Finding, Severity
from dsv4_env.model.secrets import masked
from dsv4_env.plan.evaluate import Open, Resolution, same_text, shown_at
from dsv4_env.plan.planning import resolved, value_text
from dsv4_env.plan.platforms import Platform, platform

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    on: Platform,
    model: str | None,
) -> Comparison:
    """The comparison with what has no effect told as a note, and an error for what is refused.

    *left* is the profile's launch, *right* the one that is held to it. Nothing changes where it
    isn't known what the release makes of launches.
    """
    if steps_of(catalogue) is None:
        return comparison
    one = resolved(left, catalogue, on, model=model)
    served = right.served is not None
    other = told_by(right, one) if served else resolved(right, catalogue, on, model=model)
    refused = [
        Finding(
            RULES[REFUSED],
            Severity.ERROR,
            "launch",
            f"{catalogue.name} refuses it on {on.name}: {r.message} ({shown_at(r.at)})",
            right.location,
        )
        for r in other.refused
        if r not in one.refused  # the profile's own: lint tells it
    ]
    found = [_judged(f, one, other, catalogue) for f in comparison.findings]
    if served:
        found = [_planned(f, one, catalogue) for f in found]
        found += _otherwise(left, right, one, catalogue)
    return replace(comparison, findings=(*refused, *found))


def _judged(finding: Finding, one: Resolution, other: Resolution, catalogue: Catalogue) -> Finding:
    if finding.rule.id not in _DIFFERENT:
        return finding
    reason = _reason(finding.subject, one, other, catalogue)
    if reason is None:
        return finding
    message = f"{finding.message}; no effect: {reason}"
    return replace(finding, rule=RULES[NO_EFFECT], severity=Severity.NOTE, message=message)


def _planned(finding: Finding, one: Resolution, catalogue: Catalogue) -> Finding:
    """A difference to a running server, with what SGLang should have made of the profile's own."""
    match = catalogue.argument(finding.subject) if finding.rule.id in _DIFFERENT else None
    if match is None or match.argument is None:
        return finding
    value = one.fields.get(match.argument.dest, Open())
    at = one.last("args", match.argument.dest)
    if isinstance(value, Open):
        message = f"{finding.message}; whether SGLang sets it itself isn't known"
        return replace(finding, rule=RULES["DSV005"], severity=Severity.WARNING, message=message)
    if at is None:
        return finding
    shown = masked(finding.subject, value_text(value))
    message = f'{finding.message}; SGLang should set "{shown}" ({shown_at(at)})'
    return replace(finding, message=message)


def _otherwise(
    left: LaunchConfig, right: LaunchConfig, one: Resolution, catalogue: Catalogue
) -> list[Finding]:
    """What neither side gives, and a running server has otherwise than SGLang should set it."""
    return [
        Finding(
            RULES["DSV003"],
            importance.severity(flag),
            flag,
            f'{flag} is "{now}"; {left.name} doesn\'t have it, and SGLang should set "{then}" '
            f"({at})",
            right.location,
        )
        for flag, now, then, at in otherwise(right, left, catalogue, one)
    ]


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
