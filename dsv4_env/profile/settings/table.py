"""What may stand in ``[tool.dsv4_env]``, typed, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from dsv4_env.catalogue.entries import TREE
from dsv4_env.catalogue.releases import nearest
from dsv4_env.guard.files import checkout, is_within, read_bytes
from dsv4_env.lang import toml as toml_source
from dsv4_env.lang.toml import TomlSource
from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError, SettingsError, did_you_mean
from dsv4_env.model.finding import Severity, Waiver
from dsv4_env.profile.project import PREFIX, TABLE, is_ours
from dsv4_env.profile.settings.values import Pair, Settings


def _several(value: object) -> object:
    """One for a list of one."""
    return (value,) if isinstance(value, str | int) and not isinstance(value, bool) else value


_Text = Annotated[str, Field(strict=True, min_length=1)]
_Texts = Annotated[tuple[_Text, ...], BeforeValidator(_several)]
_Numbers = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1)], ...], BeforeValidator(_several)
]
_Count = Annotated[int, Field(ge=1)]
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
    on: _Text | None = None
    strategy: _Text | None = None
    nodes: _Count | None = None
    role: _Text | None = None


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
    on: _Text | None = None
    strategy: _Text | None = None
    nodes: _Count | None = None
    role: _Text | None = None
    baseline: _Text | None = None
    severity: _Severities = {}
    pairs: tuple[PairTable, ...] = ()
    waivers: tuple[WaiverTable, ...] = ()


LISTS = frozenset({"profile", "ignore", "compare"})
SIMPLE = frozenset(ToolSettings.model_fields) - {"severity", "pairs", "waivers"}
_TABLES: dict[str, type[BaseModel]] = {"pairs": PairTable, "waivers": WaiverTable}


def _merged(variables: Mapping[str, Any], table: Mapping[str, Any]) -> ToolSettings:
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


def _toml(value: object) -> str:
    """A value as TOML spells it, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_toml(str(k))} = {_toml(v)}" for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _keys_of(path: tuple[str | int, ...]) -> set[str]:
    """The keys that a table may have; none where it isn't one of ours."""
    model = _TABLES.get(str(path[0])) if path else ToolSettings
    return set(model.model_fields) if model else set()


def _expected(path: tuple[str | int, ...], problem: Mapping[str, Any]) -> str:
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
    if names[-1] == "nodes":
        return "a number of nodes"
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


def read_settings(pyproject: Path | None, variables: Mapping[str, str], start: Path) -> Settings:
    """The settings of a pyproject.toml and of variables, as in the folder *start*.

    Raises SettingsError.
    """
    from_variables: dict[str, Any] = {}
    for variable, text in variables.items():
        name = variable.removeprefix(PREFIX).lower()
        if name not in SIMPLE:
            names = [f"{PREFIX}{n.upper()}" for n in sorted(SIMPLE)]
            raise SettingsError(
                f"unknown setting {variable}",
                where="environment",
                expected="one of " + ", ".join(names),
                hint=did_you_mean(variable, names),
            )
        if text:  # an empty variable sets nothing
            from_variables[name] = text.split() if name in LISTS else text

    table: dict[str, Any] = {}
    source = None
    if pyproject is not None:
        source = toml_source.parse(
            read_bytes(pyproject, error=SettingsError), str(pyproject), SettingsError
        )
        for key in source.data.get("tool", {}):
            if key != TABLE[1] and is_ours(key):
                raise SettingsError(
                    f"unknown table [tool.{key}]",
                    where=next(
                        (at for k, at in source.keys.items() if k[:2] == ("tool", key)), None
                    ),
                    expected="[tool.dsv4_env]",
                )
        inner: Any = source.data
        for key in TABLE:
            inner = inner.get(key, {}) if isinstance(inner, dict) else {}
        if not isinstance(inner, dict):
            raise SettingsError(
                "[tool.dsv4_env] is no table", where=source.key(TABLE), expected="a table"
            )
        table = inner
    try:
        found = _merged(from_variables, table)
    except ValidationError as exc:
        raise _problem(exc, source, from_variables) from None
    base = pyproject.parent if pyproject else start

    def path(name: str) -> Path | None:
        value = getattr(found, name)
        if value is None:
            return None
        return (start if name in from_variables else base) / str(value)

    def at(*key: str | int) -> Location | None:
        return source.value((*TABLE, *key)) if source else None

    if pyproject is not None:
        for name in ("profiles", "against", "baseline"):
            if name not in from_variables and (value := getattr(found, name)) is not None:
                _within(str(value), base, at(name))
        for i, pair in enumerate(found.pairs):
            for j, pattern in enumerate(pair.files):
                listed = isinstance(table["pairs"][i]["files"], list)
                _within(pattern, base, at("pairs", i, "files", *([j] if listed else [])))

    if found.sglang is not None:
        named = "sglang" in from_variables
        _release(found.sglang, f"{PREFIX}SGLANG" if named else at("sglang"))
    for i, pair in enumerate(found.pairs):
        if pair.sglang is not None:
            _release(pair.sglang, at("pairs", i, "sglang"))

    return Settings(
        profiles=path("profiles"),
        profile=tuple(found.profile or Settings().profile),
        against=path("against"),
        ignore=tuple(found.ignore),
        compare=tuple(found.compare),
        sglang=found.sglang,
        on=found.on,
        strategy=found.strategy,
        nodes=found.nodes,
        role=found.role,
        severity=found.severity,
        pairs=tuple(Pair(**dict(p), location=at("pairs", i)) for i, p in enumerate(found.pairs)),
        waivers=tuple(
            Waiver(w.name, w.reason, w.until, at("waivers", i), w.files, w.profile)
            for i, w in enumerate(found.waivers)
        ),
        baseline=path("baseline"),
        folder=base,
        source=pyproject,
    )


def _release(text: str, where: object) -> None:
    """Raise SettingsError where a release is none that is known, nor one that may come."""
    if text == TREE:
        return
    try:
        nearest(text)
    except ReadError as exc:
        raise SettingsError(exc.found, where=where, expected=exc.expected, hint=exc.hint) from None


def _within(pattern: str, base: Path, where: Location | None) -> None:
    """Raise SettingsError where a path or pattern of a checkout leads out of it.

    Whoever wrote the pyproject.toml chose it, and what is read there is shown.
    """
    if pattern.startswith("~"):
        expected = f"a path from {base}; ~ isn't expanded here"
        raise SettingsError(f"{pattern!r} is no path", where=where, expected=expected)
    parts = Path(pattern).parts
    fixed = next((i for i, part in enumerate(parts) if set("*?[") & set(part)), len(parts))
    root = checkout(base / "pyproject.toml") or base
    place = base.joinpath(*parts[:fixed])
    if ".." in parts[fixed:] or not is_within(place, root):
        raise SettingsError(
            f"{pattern!r} leads out of the checkout", where=where, expected=f"a path within {root}"
        )


def _problem(
    exc: ValidationError, source: TomlSource | None, from_variables: Mapping[str, Any]
) -> SettingsError:
    """The first thing that is wrong, with its place."""
    # Key problems first: a misspelled key is why a required one is missing.
    item = min(exc.errors(), key=lambda e: e["type"] != "extra_forbidden")
    keys = tuple(k for k in item["loc"] if k not in ("str", "tuple[str, ...]", "[key]"))
    name, last = str(keys[0]), keys[-1]
    path = (*TABLE, *keys)
    if name in from_variables or source is None:
        where: object = f"environment, {PREFIX}{name.upper()}"
    elif item["type"] == "extra_forbidden":
        where = source.key(path)
    elif item["type"] == "missing":
        where = source.value(path[:-1])
    else:
        where = source.value(path)
    table = ".".join(map(str, ("tool", "dsv4_env", *(k for k in keys[:-1] if isinstance(k, str)))))
    if item["type"] == "extra_forbidden":
        allowed = _keys_of(keys[:-1]) or set(ToolSettings.model_fields)
        return SettingsError(
            f"unknown key {last!r} in [{table}]",
            where=where,
            expected="one of " + ", ".join(sorted(allowed)),
            hint=did_you_mean(str(last), allowed),
        )
    if item["type"] == "missing":
        return SettingsError(f"[[{table}]] has no {last}", where=where, expected=f"{last} = …")
    shown = source.spelled.get(path) if source and name not in from_variables else None
    shown = _toml(item["input"]) if shown is None or "\n" in shown else shown
    shown = f"{last} is {shown}" if isinstance(last, str) else shown
    return SettingsError(shown, where=where, expected=_expected(keys, item))
