"""The tool's own settings: ``[tool.dsv4_env]`` in pyproject.toml, and ``DSV4_ENV_*`` over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv4_env.guard.files import checkout, is_within, read_bytes
from dsv4_env.model.errors import SettingsError, did_you_mean
from dsv4_env.profile.project import PREFIX, find_pyproject, is_ours

if TYPE_CHECKING:
    from dsv4_env.lang.toml import TomlSource
    from dsv4_env.model import Location
    from dsv4_env.model.finding import Severity, Waiver

TABLE = ("tool", "dsv4_env")


@dataclass(frozen=True, slots=True)
class Pair:
    """A profile and the files that are held to it; *files* and *exclude* are globs.

    *launch* (numbers from 1) and *symbol* (patterns of names) choose among the launches of a
    file; without them every launch counts. *reader* and *dialect* say what the files are, where
    their names don't. *set* is what the files get from outside, with *closed* all of it. The rest
    is as in :class:`Settings`, for this pair alone.
    """

    profile: str
    files: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    launch: tuple[int, ...] = ()
    symbol: tuple[str, ...] = ()
    reader: str | None = None
    dialect: str | None = None
    set: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    ignore: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    sglang: str | None = None
    location: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project has set; paths are absolute.

    *profiles* is a folder of further profiles, *profile* and *against* what ``check`` compares
    when it isn't told and there are no *pairs*, *ignore* and *compare* patterns of names to leave
    out and to put back, *severity* what findings about a name pattern count as (the last that
    fits), *sglang* the release whose reading counts, *baseline* the file of known findings.
    *folder* is where the patterns of files start.
    """

    profiles: Path | None = None
    profile: tuple[str, ...] = ("pro-fp4",)
    against: Path | None = None
    ignore: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    sglang: str | None = None
    severity: Mapping[str, Severity] = field(default_factory=dict)
    pairs: tuple[Pair, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    baseline: Path | None = None
    folder: Path | None = field(default=None, compare=False)
    source: Path | None = field(default=None, compare=False)


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
    from pydantic import ValidationError

    from dsv4_env.lang import toml as toml_source
    from dsv4_env.model.finding import Waiver
    from dsv4_env.profile.settings import schema

    known = set(schema.ToolSettings.model_fields)
    simple = schema.SIMPLE
    lists = schema.LISTS
    from_variables: dict[str, Any] = {}
    for variable, text in variables.items():
        name = variable.removeprefix(PREFIX).lower()
        if name not in simple:
            names = [f"{PREFIX}{n.upper()}" for n in sorted(simple)]
            raise SettingsError(
                f"unknown setting {variable}",
                where="environment",
                expected="one of " + ", ".join(names),
                hint=did_you_mean(variable, names),
            )
        if text:  # an empty variable sets nothing
            from_variables[name] = text.split() if name in lists else text

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
        found = schema.merged(from_variables, table)
    except ValidationError as exc:
        raise _problem(exc, source, from_variables, known) from None
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

    return Settings(
        profiles=path("profiles"),
        profile=tuple(found.profile or Settings().profile),
        against=path("against"),
        ignore=tuple(found.ignore),
        compare=tuple(found.compare),
        sglang=found.sglang,
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
            f"{pattern!r} leads out of the checkout",
            where=where,
            expected=f"a path within {root}",
        )


def _problem(
    exc: Any, source: TomlSource | None, from_variables: Mapping[str, Any], known: set[str]
) -> SettingsError:
    """The first thing that is wrong, with its place."""
    from dsv4_env.profile.settings import schema

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
        allowed = schema.keys_of(keys[:-1]) or known
        return SettingsError(
            f"unknown key {last!r} in [{table}]",
            where=where,
            expected="one of " + ", ".join(sorted(allowed)),
            hint=did_you_mean(str(last), allowed),
        )
    if item["type"] == "missing":
        return SettingsError(f"[[{table}]] has no {last}", where=where, expected=f"{last} = …")
    shown = source.spelled.get(path) if source and name not in from_variables else None
    shown = schema.toml(item["input"]) if shown is None or "\n" in shown else shown
    shown = f"{last} is {shown}" if isinstance(last, str) else shown
    return SettingsError(shown, where=where, expected=schema.expected(keys, item))
