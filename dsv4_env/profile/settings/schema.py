"""What may stand in ``[tool.dsv4_env]``, typed; imported only where there is something to read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from dsv4_env.model.finding import Severity


def _several(value: object) -> object:
    """One for a list of one."""
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


_Text = Annotated[str, Field(strict=True, min_length=1)]
_Texts = Annotated[tuple[_Text, ...], BeforeValidator(_several)]
_Numbers = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1)], ...], BeforeValidator(_several)
]
_Severities = dict[_Text, Severity]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PairTable(_Table):
    """``[[tool.dsv4_env.pairs]]``."""

    profile: _Text
    files: Annotated[_Texts, Field(min_length=1)]
    exclude: _Texts = ()
    launch: _Numbers = ()
    symbol: _Texts = ()
    reader: _Text | None = None
    dialect: _Text | None = None
    set: dict[_Text, Annotated[str, Field(strict=True)]] = {}
    closed: Annotated[bool, Field(strict=True)] = False
    ignore: _Texts = ()
    compare: _Texts = ()
    severity: _Severities = {}
    sglang: _Text | None = None


class WaiverTable(_Table):
    """``[[tool.dsv4_env.waivers]]``."""

    name: _Text
    reason: Annotated[str, Field(strict=True, pattern=r"\S")]
    until: date | None = None
    files: _Texts = ()
    profile: _Texts = ()


class ToolSettings(BaseSettings):
    """``[tool.dsv4_env]``, and what variables say over it."""

    model_config = SettingsConfigDict(extra="forbid")

    profiles: _Text | None = None
    profile: _Texts | None = None
    against: _Text | None = None
    ignore: _Texts = ()
    compare: _Texts = ()
    sglang: _Text | None = None
    baseline: _Text | None = None
    severity: _Severities = {}
    pairs: tuple[PairTable, ...] = ()
    waivers: tuple[WaiverTable, ...] = ()


LISTS = frozenset({"profile", "ignore", "compare"})
SIMPLE = frozenset(ToolSettings.model_fields) - {"severity", "pairs", "waivers"}
_TABLES: dict[str, type[BaseModel]] = {"pairs": PairTable, "waivers": WaiverTable}


def merged(variables: Mapping[str, Any], table: Mapping[str, Any]) -> ToolSettings:
    """The settings of the table with those of the variables over them.

    Raises pydantic's ValidationError.
    """

    class Merged(ToolSettings):
        @classmethod
        def settings_customise_sources(  # type: ignore[override]
            cls, settings_cls: type[BaseSettings], **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (
                InitSettingsSource(settings_cls, dict(variables)),
                InitSettingsSource(settings_cls, dict(table)),
            )

    return Merged()


def toml(value: object) -> str:
    """A value as TOML spells it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml(str(k))} = {toml(v)}" for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def keys_of(path: tuple[str | int, ...]) -> set[str]:
    """The keys that a table may have; none where it isn't one of ours."""
    model = _TABLES.get(str(path[0])) if path else ToolSettings
    return set(model.model_fields) if model else set()


def expected(path: tuple[str | int, ...], problem: Mapping[str, Any]) -> str:
    """What should have been at a place."""
    names = [k for k in path if isinstance(k, str)]
    if "severity" in names:
        return "error, warning or note" if names[-1] != "severity" else "a table of severities"
    if names[-1] in ("pairs", "waivers"):
        return f"tables, [[tool.dsv4_env.{names[-1]}]]"
    if names[-1] == "until":
        return "a date, such as 2026-12-31"
    if names[-1] == "launch":
        return "the number of a launch in its file (the first is 1), or a list of them"
    if names[-1] == "closed":
        return "true or false"
    if names[-1] == "set":
        return "a table of strings"
    if names[-1] == "reason" and problem["type"] == "string_pattern_mismatch":
        return "a reason"
    listed = {"files", "exclude", "symbol", *LISTS}
    if names[-1] in listed and not isinstance(path[-1], int):
        return "a string or a list of strings"
    return "a string" if problem["type"] != "string_too_short" else "a string that isn't empty"
