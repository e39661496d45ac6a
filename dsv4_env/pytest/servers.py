"""Servers for tests."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dsv4_env.model.errors import Dsv4Error
from dsv4_env.profile import Profile
from dsv4_env.server import process as servers
from dsv4_env.server.process import Server

LaunchServer = Callable[..., AbstractContextManager[Server]]
ServerCommand = Callable[[Profile, int], Sequence[str]]


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
                pytest.fail(str(exc), pytrace=False)
            running.append(server)
            stack.callback(running.remove, server)
            yield server

    return launch
