"""How a value, a place and what a profile is are shown, wherever that is; secrets are masked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsv4_env.model import Location, Outside, ServerArg, Value, shown_path
from dsv4_env.model.errors import shortened
from dsv4_env.model.quoting import word
from dsv4_env.model.secrets import MASK, masked, unknown_masked
from dsv4_env.profile import Profile


def shown_place(location: Location | None) -> str:
    """A location with its path relative to the current folder where it lies below it."""
    if location is None:
        return ""
    path = shown_path(location.path, str(Path.cwd()))
    return str(Location(path, location.line, location.column))


def value_text(name: str, value: Value) -> str:
    """A value as one line of text, secrets masked."""
    if isinstance(value, str):
        return shortened(masked(name, value))
    if isinstance(value, Outside):
        return str(value)
    if value.default is not None:
        told = shortened(unknown_masked(name, value, value.default)) or '""'
        names = " or ".join(value.names)
        return f"{told} unless {names} is set" if names else f"{told} ({value.reason})"
    return f"<{shortened(masked(name, value.text))}> unknown: {value.reason}"


def argument_text(arg: ServerArg) -> str:
    """The values of a server argument, quoted as for a shell, secrets masked."""
    said = [(v, value_text(arg.flag or "", v)) for v in arg.values]
    return " ".join(t if v != t or MASK in t else word(t) for v, t in said)


def without_secrets(data: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tables of a profile: the path of a model may hold a password."""
    return {
        table: {k: masked(k, v) if isinstance(v, str) else v for k, v in values.items()}
        for table, values in data.items()
    }


def about(profile: Profile) -> dict[str, Any]:
    """What a profile is beside its settings, as plain data; secrets are masked."""
    head = {"name": profile.name, "description": profile.description, "layers": profile.layers}
    return {**head, "target": target_of(profile), **without_secrets(profile.data)}


def target_of(profile: Profile) -> dict[str, Any]:
    """What a profile is resolved for: the release, and of its target what is given."""
    target = profile.target
    axes = {"hardware": target.hardware, "strategy": target.strategy, "role": target.role}
    given = {axis: value for axis, value in axes.items() if value is not None}
    more = {"nodes": target.nodes} if target.nodes > 1 else {}
    return {"sglang": profile.sglang, **given, **more}
