"""The tool's own settings: ``[tool.dsv4_env]`` in pyproject.toml, and ``DSV4_ENV_*`` over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsv4_env.errors import SettingsError, did_you_mean

PREFIX = "DSV4_ENV_"
TABLE = ("tool", "dsv4_env")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project has set; paths are absolute.

    *profiles* is a folder of further profiles, *profile* and *against* what ``check`` compares
    when it isn't told, *ignore* and *compare* patterns of names to leave out and to put back,
    *sglang* the release whose reading counts.
    """

    profiles: Path | None = None
    profile: tuple[str, ...] = ("pro-fp4",)
    against: Path | None = None
    ignore: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    sglang: str | None = None
    source: Path | None = field(default=None, compare=False)


def find_pyproject(start: Path) -> Path | None:
    """The nearest pyproject.toml, from *start* upwards, that mentions the tool."""
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            if b"dsv4_env" in path.read_bytes():
                return path
        except OSError:
            continue
    return None


def load(start: Path, environ: Mapping[str, str]) -> Settings:
    """The settings that hold in the folder *start*. Raises SettingsError.

    pydantic-settings costs 110 ms, so it is only asked where there is something to read.
    """
    pyproject = find_pyproject(start)
    variables = {n: v for n, v in environ.items() if n.startswith(PREFIX)}
    if pyproject is None and not variables:
        return Settings()
    return _load(pyproject, variables, start)


def _load(pyproject: Path | None, variables: Mapping[str, str], start: Path) -> Settings:
    from pydantic import BaseModel, ValidationError
    from pydantic_settings import (
        BaseSettings,
        InitSettingsSource,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
    )

    from dsv4_env import toml_source

    class ToolSettings(BaseSettings):
        model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", strict=False)

        profiles: str | None = None
        profile: list[str] | None = None
        against: str | None = None
        ignore: list[str] = []
        compare: list[str] = []
        sglang: str | None = None

        @classmethod
        def settings_customise_sources(  # type: ignore[override]
            cls, settings_cls: type[BaseSettings], **_: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (
                InitSettingsSource(settings_cls, from_variables),
                InitSettingsSource(settings_cls, table),
            )

    known = set(ToolSettings.model_fields)
    lists = {n for n, f in ToolSettings.model_fields.items() if "list" in str(f.annotation)}
    from_variables: dict[str, Any] = {}
    for variable, text in variables.items():
        name = variable.removeprefix(PREFIX).lower()
        if name not in known:
            raise SettingsError(
                f"unknown setting {variable}",
                where="environment",
                expected="one of " + ", ".join(f"{PREFIX}{n.upper()}" for n in sorted(known)),
                hint=did_you_mean(variable, [f"{PREFIX}{n.upper()}" for n in known]),
            )
        from_variables[name] = text.split() if name in lists else text

    table: dict[str, Any] = {}
    source = None
    if pyproject is not None:
        source = toml_source.parse(pyproject.read_bytes(), str(pyproject), SettingsError)
        inner: Any = source.data
        for key in TABLE:
            inner = inner.get(key, {}) if isinstance(inner, dict) else {}
        if not isinstance(inner, dict):
            raise SettingsError(
                "[tool.dsv4_env] is no table", where=source.key(TABLE), expected="a table"
            )
        for key in inner:
            if key not in known:
                raise SettingsError(
                    f"unknown key {key!r} in [tool.dsv4_env]",
                    where=source.key((*TABLE, key)),
                    expected="one of " + ", ".join(sorted(known)),
                    hint=did_you_mean(key, known),
                )
        table = inner

    try:
        found: BaseModel = ToolSettings()
    except ValidationError as exc:
        item = exc.errors()[0]
        name = str(item["loc"][0])
        if name in from_variables or source is None:
            where: object = f"environment, {PREFIX}{name.upper()}"
        else:
            where = source.value((*TABLE, name))
        expected = "a list of strings" if name in lists else "a string"
        shown = item["input"]
        raise SettingsError(f"{name} is {shown!r}", where=where, expected=expected) from None

    values = found.model_dump()
    base = pyproject.parent if pyproject else start

    def path(name: str) -> Path | None:
        if values[name] is None:
            return None
        return (start if name in from_variables else base) / str(values[name])

    return Settings(
        profiles=path("profiles"),
        profile=tuple(values["profile"] or Settings().profile),
        against=path("against"),
        ignore=tuple(values["ignore"]),
        compare=tuple(values["compare"]),
        sglang=values["sglang"],
        source=pyproject,
    )
