"""The settings that hold where a command runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dsv4_env.profile.project import profiles_folder
from dsv4_env.profile.settings import Settings, load


def settings(*, anew: bool = False) -> Settings:
    """The settings of the current folder and environment; a command reads them once, or *anew*."""
    context = click.get_current_context(silent=True)
    if context is None:
        return load(Path.cwd(), os.environ)
    if anew or __name__ not in context.meta:
        context.meta[__name__] = load(Path.cwd(), os.environ)
    found: Settings = context.meta[__name__]
    return found


def profile_folder(folder: Path | None) -> Path | None:
    """The folder of the user's own profiles: the option's, else the setting's."""
    if folder is not None:
        return folder
    try:
        return profiles_folder(Path.cwd(), os.environ)
    except ValueError:
        return settings().profiles


def pyproject() -> Path:
    """Where the pairs go where no file mentions the tool yet: the project's, or one made here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
        if (folder / ".git").exists():
            return folder / "pyproject.toml"
    return here / "pyproject.toml"
