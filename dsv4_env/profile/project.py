"""Where a project's settings stand, and the one of them that is needed at every start.

Apart from :mod:`dsv4_env.profile.settings`, whose import takes a tenth of an export.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from dsv4_env.guard.files import read_bytes
from dsv4_env.model.errors import SettingsError

TABLE = ("tool", "dsv4_env")
PREFIX = "DSV4_ENV_"
# [tool.dsv4_env], [[tool.dsv4_env.pairs]], tool.dsv4_env.sglang = …; or dsv4_env under [tool].
# Of a name that is spelled in another way is to be told, so it is found, too.
_DOTTED = re.compile(rb"""tool["']?\s*\.\s*["']?dsv4[-_.]?env\b""", re.IGNORECASE)
_PLAIN = re.compile(rb"""^\s*["']?dsv4_env["']?\s*[.=]""", re.MULTILINE)


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
    found = _setting(start, environ, "profiles")
    return found[0] / found[1] if found else None


def setting(start: Path, environ: Mapping[str, str], key: str) -> str | None:
    """One setting that is a text, as :func:`profiles_folder`. Raises ValueError."""
    found = _setting(start, environ, key)
    return found[1] if found else None


def _setting(start: Path, environ: Mapping[str, str], key: str) -> tuple[Path, str] | None:
    """A setting, and the folder that says so."""
    if text := environ.get(f"{PREFIX}{key.upper()}"):
        return start, text
    pyproject = find_pyproject(start)
    if pyproject is None:
        return None
    try:
        table = tomllib.loads(read_bytes(pyproject).decode("utf-8-sig"))["tool"]["dsv4_env"]
        text = table.get(key)
    except (LookupError, TypeError, AttributeError) as exc:
        raise ValueError(pyproject) from exc
    if text is None:
        return None
    if not isinstance(text, str) or not text:
        raise ValueError(pyproject)
    return pyproject.parent, text


def is_ours(key: str) -> bool:
    """Whether a table is meant for this tool, however its name is spelled."""
    return re.sub(r"[-_.]", "", key).casefold() == "dsv4env"
