"""What a project has set, where that stands, and the one setting that every start needs."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.guard.files import read_bytes
from dsv4_env.model import Location
from dsv4_env.model.errors import SettingsError
from dsv4_env.model.finding import Severity, Waiver

TABLE = ("tool", "dsv4_env")
PREFIX = "DSV4_ENV_"
# [tool.dsv4_env], [[tool.dsv4_env.pairs]], tool.dsv4_env.sglang = …; or dsv4_env under [tool].
# Of a name that is spelled in another way is to be told, so it is found, too.
_DOTTED = re.compile(rb"""tool["']?\s*\.\s*["']?dsv4[-_.]?env\b""", re.IGNORECASE)
_PLAIN = re.compile(rb"""^\s*["']?dsv4_env["']?\s*[.=]""", re.MULTILINE)


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


def find_pyproject(start: Path) -> Path | None:
    """The nearest pyproject.toml, from *start* upwards, that has settings of the tool.

    One that has no such table, as far as its bytes tell, is passed over without parsing it.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            data = read_bytes(path, root=folder, error=SettingsError)
        except SettingsError:
            if os.path.lexists(path) and not path.is_dir():
                raise
            continue
        if _DOTTED.search(data) or (b"dsv4_env" in data and _PLAIN.search(data)):
            return path
    return None


def profiles_folder(start: Path, environ: Mapping[str, str]) -> Path | None:
    """The setting ``profiles`` alone, without the 150 ms that checking all settings takes.

    It is ``settings.load(start, environ).profiles`` wherever that raises nothing. Raises
    ValueError where something looks wrong, for ``load`` to tell.
    """
    if text := environ.get(f"{PREFIX}PROFILES"):
        return start / text
    pyproject = find_pyproject(start)
    if pyproject is None:
        return None
    try:
        table = tomllib.loads(read_bytes(pyproject).decode("utf-8-sig"))["tool"]["dsv4_env"]
        text = table.get("profiles")
    except (LookupError, TypeError, AttributeError) as exc:
        raise ValueError(pyproject) from exc
    if text is None:
        return None
    if not isinstance(text, str) or not text:
        raise ValueError(pyproject)
    return pyproject.parent / text


def is_ours(key: str) -> bool:
    """Whether a table is meant for this tool, however its name is spelled."""
    return re.sub(r"[-_.]", "", key).casefold() == "dsv4env"
