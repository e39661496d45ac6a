"""The profiles and settings of a session of tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pytest

from dsv4_env.model.errors import Dsv4Error, ProfileError
from dsv4_env.profile import Profile, load_all, load_profile
from dsv4_env.profile.settings import Settings, load


class KnownProfiles:
    """What a session knows, read when it is first asked for.

    Its attributes raise Dsv4Error where the settings or a layer are wrong.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @cached_property
    def settings(self) -> Settings:
        """The settings of the project."""
        return load(self._config.rootpath, os.environ)

    @cached_property
    def folder(self) -> Path | None:
        """The folder of the user's own profiles: the option's, else the setting's."""
        given: str | None = self._config.getoption("dsv4_profiles")
        own = self.settings.profiles  # which are read to be checked, whatever is given
        return own if given is None else self._config.invocation_params.dir / given

    @cached_property
    def profiles(self) -> dict[str, Profile]:
        """Every profile by name."""
        return load_all(self.folder)

    def profile(self, name: object) -> Profile:
        """The profile of a name, or a profile as it is. Raises Dsv4Error."""
        if isinstance(name, Profile):
            return name
        if not isinstance(name, str):
            expected = ", ".join(self.profiles)
            raise ProfileError(f"{name!r} is no name of a profile", expected=expected)
        return self.profiles.get(name) or load_profile(name, self.folder)

    def problem(self, names: Sequence[object]) -> str | None:
        """What is wrong with the names of profiles, or with the profiles."""
        try:
            self.profiles  # noqa: B018  # raises where a layer is wrong
            for name in names:
                self.profile(name)
        except Dsv4Error as exc:
            return str(exc)
        return None
