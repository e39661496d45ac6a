"""The settings that hold where a command runs."""

from __future__ import annotations

import os
from pathlib import Path

from dsv4_env.profile.project import profiles_folder
from dsv4_env.profile.settings import Settings, load


def settings() -> Settings:
    """The settings of the current folder and environment."""
    return load(Path.cwd(), os.environ)


def profile_folder(folder: Path | None) -> Path | None:
    """The folder of the user's own profiles: the option's, else the setting's."""
    if folder is not None:
        return folder
    try:
        return profiles_folder(Path.cwd(), os.environ)
    except ValueError:
        return settings().profiles
