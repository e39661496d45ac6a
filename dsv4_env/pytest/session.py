"""What a session of tests knows, and the servers that it starts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import pytest

from dsv4_env.model.errors import Dsv4Error, ProfileError
from dsv4_env.profile import Profile, load_all, load_profile
from dsv4_env.profile.settings import Settings, load
from dsv4_env.server import process as servers
from dsv4_env.server.process import Server

LaunchServer = Callable[..., AbstractContextManager[Server]]
ServerCommand = Callable[[Profile, int], Sequence[str]]


class SessionProfiles:
    """What a session knows, read when it is first asked for.

    Its attributes raise Dsv4Error where the settings or a layer are wrong.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @property
    def start(self) -> Path:
        """The folder from which upwards settings are looked for."""
        root, here = self._config.rootpath, self._config.invocation_params.dir
        return here if here.is_relative_to(root) else root

    @cached_property
    def settings(self) -> Settings:
        """The settings of the project that pytest is run in: those that the command has there."""
        return load(self.start, os.environ)

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


def server_launcher(
    *,
    profile: Callable[[Profile | str], Profile],
    command: ServerCommand,
    timeout: Callable[[float | None], float],
    log: Callable[[], Path],
    running: list[Server],
) -> LaunchServer:
    """What starts servers, each of which is in *running* while it runs."""
    find, usual, within = profile, command, timeout

    @contextlib.contextmanager
    def launch(
        profile: Profile | str,
        *,
        command: Sequence[str] | ServerCommand = usual,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        timeout: float | None = None,
        grace: float = servers.GRACE,
    ) -> Iterator[Server]:
        """A server of a profile (or its name) that answers ``/health``, while the block runs.

        *command* is a list, or is called with the profile and the port; *env* goes over the
        profile's variables. It has *timeout* seconds to come up, and *grace* to end on SIGTERM.
        The test fails, with the end of the log, where it doesn't come up.
        """
        profile = find(profile)
        port = port or servers.free_port()
        with contextlib.ExitStack() as stack:
            try:
                serving = servers.serving(
                    command(profile, port) if callable(command) else command,
                    env={**profile.launch_env(os.environ), **(env or {})},
                    log=log(),
                    port=port,
                    timeout=timeout or within(profile.launch_timeout_seconds),
                    grace=grace,
                )
                server = stack.enter_context(serving)
            except Dsv4Error as exc:
                failed = str(exc)
            else:
                failed = ""
            if failed:  # outside of `except`, where pytest would tell it twice
                pytest.fail(failed, pytrace=False)
            running.append(server)
            stack.callback(running.remove, server)
            yield server

    return launch
