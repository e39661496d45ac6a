"""Where a project's settings stand, and the one of them that is needed at every start.

Apart from :mod:`dsv4_env.profile.settings`, whose import takes a tenth of an export.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsv4_env.guard.files import is_dir, is_file, is_there, read_bytes
from dsv4_env.model.errors import ReadError, SettingsError

TABLE = ("tool", "dsv4_env")
PREFIX = "DSV4_ENV_"
# [tool.dsv4_env], [[tool.dsv4_env.pairs]], tool.dsv4_env.sglang = …; or dsv4_env under [tool].
# A name that is spelled in another way is found as well, so that an error can tell of it.
_DOTTED = re.compile(rb"""tool["']?\s*\.\s*["']?dsv4[-_.]?env\b""", re.IGNORECASE)
_PLAIN = re.compile(rb"""^[ \t]*+["']?dsv4_env["']?\s*+[.=]""", re.MULTILINE)


def find_pyproject(start: Path) -> Path | None:
    """The nearest pyproject.toml, from *start* upwards, that has settings of the tool.

    One that has no such table, as far as its bytes tell, is passed over without parsing it.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        try:
            data = read_bytes(path, root=folder, error=SettingsError)
        except SettingsError:
            if is_there(path) and not is_dir(path):
                raise
            continue
        if _DOTTED.search(data) or (b"dsv4_env" in data and _PLAIN.search(data) and _has(data)):
            return path
    return None


def _has(data: bytes) -> bool:
    """Whether a file has the table, and not only a key of that name: an entry point, a package.

    Of one that is no TOML an error will tell.
    """
    try:
        return any(map(is_ours, _parsed(data).get("tool", {})))
    except (ValueError, AttributeError, TypeError):
        return True


def own_script(start: Path) -> Path | None:
    """The launch script that comes with dsv4-env, within a checkout of it; None elsewhere.

    The nearest project counts: one that only stands in such a checkout is another one.
    """
    for folder in (start, *start.parents):
        path = folder / "pyproject.toml"
        if is_there(path):
            try:
                project = _parsed(read_bytes(path, root=folder)).get("project", {})
                named = project.get("name") == "dsv4-env"
            except (ReadError, ValueError, AttributeError):
                return None
            script = folder / "profiles" / "run_dsv4.sh"
            return script if named and is_file(script) else None
        if is_there(folder / ".git"):
            return None
    return None


def profiles_folder(start: Path, environ: Mapping[str, str]) -> Path | None:
    """The setting ``profiles`` alone, without the 150 ms that checking all settings takes.

    It is ``settings.load(start, environ).profiles`` wherever that raises nothing. Raises
    ValueError where something looks wrong, for ``load`` to tell.
    """
    folder, found = _some(start, environ, ("profiles",))
    text = found["profiles"]
    return folder / text if isinstance(text, str) else None


def target(start: Path, environ: Mapping[str, str]) -> Mapping[str, str | int | None]:
    """The settings that say which target of a profile is meant. Raises ValueError as above."""
    return _some(start, environ, TARGET)[1]


TARGET = ("sglang", "on", "strategy", "nodes", "role")


def _some(
    start: Path, environ: Mapping[str, str], keys: Sequence[str]
) -> tuple[Path, dict[str, str | int | None]]:
    """Settings by their names, and the folder that the first of them is from."""
    given = {key: environ.get(f"{PREFIX}{key.upper()}") or None for key in keys}
    found: dict[str, str | int | None] = {}
    for key, text in given.items():
        found[key] = int(text) if text and key == "nodes" else text
    pyproject = find_pyproject(start)
    if pyproject is None or all(found.values()):
        return start, found
    try:
        tools = _parsed(read_bytes(pyproject)).get("tool", {})
        if not any(map(is_ours, tools)):  # it only mentions the package
            return start, found
        table = tools["dsv4_env"]
        said = {key: table.get(key) for key in keys}
    except (LookupError, TypeError, AttributeError) as exc:
        raise ValueError(pyproject) from exc
    folder = start if found[keys[0]] else pyproject.parent
    for key, value in said.items():
        if value is not None and (type(value) is not (int if key == "nodes" else str) or not value):
            raise ValueError(pyproject)
        found[key] = found[key] or value
    return folder, found


@lru_cache(maxsize=4)  # a command asks for its folder, then for its target
def _parsed(data: bytes) -> dict[str, Any]:
    return tomllib.loads(data.decode("utf-8-sig"))


def is_ours(key: str) -> bool:
    """Whether a table is meant for this tool, however its name is spelled."""
    return re.sub(r"[-_.]", "", key).casefold() == "dsv4env"
