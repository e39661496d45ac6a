"""Secrets are kept out of layers: refused, or left to the environment of the launch."""

from __future__ import annotations

from dsv4_env.compare.differences import Difference
from dsv4_env.model import FROM_ENVIRONMENT, LaunchConfig, Location, Unknown
from dsv4_env.model.secrets import plain_default, plain_secret, secret_name
from dsv4_env.writeback import Refused, occurrences

OPTION = "--secrets-from-environment"
_HOLDS = "holds what looks like a secret, and a layer is read by everyone"
_SOURCES = ("Secret ", "${{ secrets.")  # as a manifest and a workflow refer to one


def refused(launch: LaunchConfig, d: Difference) -> Refused | None:
    """Why the launch's value of a setting can't be kept in a layer; None where it can."""
    name = d.right_name or d.name
    if d.right is None:
        return None
    words = [w for values in occurrences(launch, d.section, name) for w in values]
    if not any(plain_secret(name, word) for word in words) and not any(map(plain_default, d.right)):
        return None
    return secret(name, d.right_location or launch.location)


def secret(name: str, where: Location | None) -> Refused:
    """The refusal of a secret, with the way to leave it to the environment."""
    if name.startswith("-"):
        expected = f"it given at the launch, behind --; {OPTION} leaves it out"
    else:
        expected = f"{name} = {FROM_ENVIRONMENT} under [env]; {OPTION} writes that"
    return Refused(name, _HOLDS, where, expected)


def refers(d: Difference) -> bool:
    """Whether a launch takes a secret variable from outside, under its own name."""
    name = d.right_name or d.name
    value = d.right[0] if d.right else None
    if d.section != "env" or not isinstance(value, Unknown) or not secret_name(name):
        return False
    return not value.default and (name in value.names or value.text.startswith(_SOURCES))
