"""What a workflow's leg does to a launch."""

from __future__ import annotations

from dsv4_env.compare.legs import LegEffect, leg_settings
from dsv4_env.model import EnvVar, Fact, LaunchConfig, Location, Origin, Unknown, overridable
from dsv4_env.readers.legs import Leg, LegVariable

AT = Location("w.yml", 1, 1)


def test_each_effect() -> None:
    env = (
        EnvVar("FREE", overridable("FREE", "a"), Origin("v4")),
        EnvVar("FIXED", "a", Origin("v4")),
        EnvVar("OPEN", Unknown("$(x)", "a command"), Origin("v4")),
        EnvVar("API_TOKEN", "secret", Origin("v4")),
    )
    facts = (Fact("model", "path-variable", "V4_MODEL"),)
    launch = LaunchConfig("v4", "profile", env, (), facts=facts)
    names = ("FREE", "FIXED", "OPEN", "V4_MODEL", "MORE", "API_TOKEN")
    variables = tuple(LegVariable(n, "b", AT) for n in names)
    same = LegVariable("FIXED", "a", AT)
    found = list(leg_settings(launch, Leg("j", "s", "", AT, variables=(*variables, same))))
    assert [(s.variable.name, s.effect) for s in found] == [
        ("FREE", LegEffect.TAKEN),
        ("FIXED", LegEffect.PINNED),
        ("OPEN", LegEffect.OTHER),
        ("V4_MODEL", LegEffect.MODEL),
        ("MORE", LegEffect.OTHER),
        ("API_TOKEN", LegEffect.PINNED),
    ]
    assert [s.message for s in found] == [
        "FREE=b: v4 takes it from the environment",
        "FIXED=a: v4 sets it to the same itself",
        "OPEN=b: what v4 makes of it isn't known",
        "V4_MODEL=b: v4 takes the model from it",
        "MORE=b: no setting of v4",
        "API_TOKEN=********: no effect: v4 sets it to ******** itself",
    ]
