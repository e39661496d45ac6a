"""What a leg of a workflow changes in a launch: variables that it sets from the outside."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from dsv4_env.model import LaunchConfig, Outside, Unknown, facts_told, own_default
from dsv4_env.model.secrets import masked
from dsv4_env.readers.legs import Leg, LegVariable


class LegEffect(enum.StrEnum):
    """What becomes of a variable that a leg sets."""

    TAKEN = "taken"  # the launch has it from the environment
    PINNED = "pinned"  # the launch sets it itself, so that the leg has no effect
    MODEL = "model"  # it names the model
    OTHER = "other"  # the launch says nothing of it


@dataclass(frozen=True, slots=True)
class LegSetting:
    """A variable of a leg, and what it does to a launch."""

    leg: Leg
    variable: LegVariable
    effect: LegEffect
    message: str


def leg_settings(launch: LaunchConfig, leg: Leg) -> Iterator[LegSetting]:
    """What each variable of a leg does to a profile's launch, or to that of a test."""
    models = {f.value for f in facts_told(launch, "model", "path-variable")}
    env = launch.effective_env
    for variable in {v.name: v for v in leg.variables}.values():
        name, value = variable.name, variable.value
        shown = masked(name, value if isinstance(value, str) else f"<{value.text}>")
        own = env.get(name)
        if name in models:
            effect, says = LegEffect.MODEL, f"{launch.name} takes the model from it"
        elif own is None:
            effect, says = LegEffect.OTHER, f"no setting of {launch.name}"
        elif isinstance(own.value, Outside) or own_default(name, own.value) is not None:
            effect, says = LegEffect.TAKEN, f"{launch.name} takes it from the environment"
        elif isinstance(own.value, Unknown):
            effect, says = LegEffect.OTHER, f"what {launch.name} makes of it isn't known"
        elif own.value == value:
            effect, says = LegEffect.PINNED, f"{launch.name} sets it to the same itself"
        else:
            pinned = masked(name, own.value)
            effect = LegEffect.PINNED
            says = f"no effect: {launch.name} sets it to {pinned} itself"
        yield LegSetting(leg, variable, effect, f"{name}={shown}: {says}")
