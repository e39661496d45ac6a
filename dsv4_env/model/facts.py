"""What a test says beside the settings of its launch."""

from __future__ import annotations

from dataclasses import dataclass

from dsv4_env.model.launch import LaunchConfig, Location, Unknown

_LARGEST = 10**15


def usable(value: str | float) -> bool:
    """Whether a fact can be had as it is told: 1e999, or a number of 400 digits, can't be."""
    return isinstance(value, str) or abs(value) <= _LARGEST


@dataclass(frozen=True, slots=True)
class Fact:
    """What a test says beside the settings of its launch, as a key of a layer's table.

    *table* and *key* are those of ``profile/schema.py`` (``launch``, ``timeout-seconds``); without
    a *key* no layer can hold it, and *value* says why. *location* is the literal where there is
    one. *vendor* is whose CI a registration is for (``amd``, ``cuda``, ``npu``), else empty.
    """

    table: str
    key: str
    value: str | int | float | bool | Unknown
    location: Location | None = None
    vendor: str = ""


def facts_told(config: LaunchConfig, table: str, key: str) -> tuple[Fact, ...]:
    """What a launch's source says of a key; of a registration's, one for each vendor."""
    return tuple(f for f in config.facts if (f.table, f.key) == (table, key))
