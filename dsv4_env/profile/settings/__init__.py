"""The tool's own settings: ``[tool.dsv4_env]`` in pyproject.toml, and ``DSV4_ENV_*`` over it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from dsv4_env.guard.kept import kept
from dsv4_env.profile.project import PREFIX, find_pyproject
from dsv4_env.profile.settings.values import Pair, Settings

__all__ = ["Pair", "Settings", "load"]


def load(start: Path, environ: Mapping[str, str]) -> Settings:
    """The settings that hold in the folder *start*. Raises SettingsError."""
    pyproject = find_pyproject(start)
    variables = {n: v for n, v in environ.items() if n.startswith(PREFIX)}
    if pyproject is None and not variables:
        return Settings()
    given = (pyproject, start, tuple(sorted(variables.items())))
    return kept("settings", given, partial(_load, pyproject, variables, start))


def _load(pyproject: Path | None, variables: Mapping[str, str], start: Path) -> Settings:
    from dsv4_env.profile.settings.table import read_settings  # pydantic-settings takes 110 ms

    return read_settings(pyproject, variables, start)
