"""A server that is started, awaited and ended with all that it has started itself.

Between the caller and the server stands a supervisor: :mod:`dsv4_env.server.supervisor`, run by
itself. It ends the server when it is told to, and also when the caller is gone, however that came:
a crash or SIGKILL leaves no server behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from dsv4_env.model.errors import ServerError
from dsv4_env.model.secrets import scrubbed
from dsv4_env.server import supervisor

HOST = "127.0.0.1"
TIMEOUT = 600.0  # seconds until the server answers, where nothing else is said
GRACE = 10.0  # seconds between SIGTERM and SIGKILL
TAIL = 40  # lines of the log that a message shows
_PORTS = range(20000, 30000)  # below those that connections get, which are gone an hour later


class Server:
    """A server that was started: where it answers, and its log, a file.

    *pid* is its process, which leads a process group of its own.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        port: int,
        host: str = HOST,
        grace: float = GRACE,
    ) -> None:
        self.command, self.host, self.port, self.log = tuple(command), host, port, log
        self.pid: int | None = None
        self.exit_code: int | None = None
        self._grace = grace
        self._error: str | None = None
        self._answers = b""
        self._supervisor = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", supervisor.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        order = {
            "command": [_text(word) for word in command],
            "env": {_text(name): _text(value) for name, value in env.items()},
            "log": _text(str(log)),
            "grace": grace,
        }
        assert self._supervisor.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._supervisor.stdin.write(json.dumps(order).encode() + b"\n")
            self._supervisor.stdin.flush()

    @property
    def url(self) -> str:
        """``http://host:port``, as ``base_url`` is in SGLang's tests."""
        return f"http://{self.host}:{self.port}"

    def alive(self) -> bool:
        """Whether the server's process runs."""
        self._listen(0)
        return self._error is None and self.exit_code is None and self._supervisor.poll() is None

    def wait(self, timeout: float = TIMEOUT) -> None:
        """Wait until ``/health`` answers with 200. *timeout* is in seconds.

        Raises ServerError, with the end of the log, when the process ends or the time is over.
        """
        started = time.monotonic()
        pause, last = 0.02, "nothing"
        while self.alive():
            left = started + timeout - time.monotonic()
            if left <= 0:
                found = f"the server isn't up after {timeout:g} s: /health answers {last}"
                raise ServerError(self._told(found), where=self.url)
            last = self._health(min(5.0, left))
            if last == "200" and self.alive():
                return
            self._listen(min(pause, max(left, 0.0)))
            pause = min(1.0, pause * 1.5)
        found = (
            self._error or f"the server has ended, {exit_text(self.exit_code)}, before it was up"
        )
        raise ServerError(self._told(found), where=self.url)

    def stop(self) -> None:
        """End the server and all its processes: SIGTERM, and SIGKILL when the grace is over.

        Raises ServerError when a process withstands even that.
        """
        pipe = self._supervisor.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):  # told already, or it has gone by itself
            pipe.write(b"end\n")
            pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()
        try:
            self._supervisor.wait(self._grace + supervisor.GIVE_UP + 10)
        except subprocess.TimeoutExpired:
            raise ServerError(f"process {self.pid} doesn't end", where=self.url) from None
        left = self._listen(0).get("left")
        if self._supervisor.stdout is not None:
            self._supervisor.stdout.close()
        if left:
            raise ServerError(f"processes {left} don't end", where=self.url)

    def tail(self, lines: int = TAIL) -> str:
        """The last lines of the log, secrets masked."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - lines * 400))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return scrubbed("\n".join(text.splitlines()[-lines:]))

    def _told(self, found: str) -> str:
        tail = self.tail()
        told = f"{found}\n  command: {scrubbed(shlex.join(self.command))}\n  log: {self.log}"
        return told + "".join(f"\n  | {line}" for line in tail.splitlines()) if tail else told

    def _health(self, timeout: float) -> str:
        """The status that ``/health`` answers with, or why there is none; asks no proxy."""
        connection = HTTPConnection(self.host, self.port, timeout=max(timeout, 0.05))
        try:
            connection.request("GET", "/health")
            return str(connection.getresponse().status)
        except (OSError, HTTPException) as exc:
            return f"nothing ({getattr(exc, 'strerror', None) or exc or type(exc).__name__})"
        finally:
            connection.close()

    def _listen(self, seconds: float) -> dict[str, Any]:
        """What the supervisor has said, waiting up to *seconds* for it; the last of it."""
        said: dict[str, Any] = {}
        pipe = self._supervisor.stdout
        if pipe is None or pipe.closed:
            return said
        while select.select([pipe], [], [], seconds)[0]:
            data = os.read(pipe.fileno(), 65536)
            if not data:
                break
            *whole, self._answers = (self._answers + data).split(b"\n")
            for line in whole:
                said = json.loads(line)
                self.pid = said.get("pid", self.pid)
                self.exit_code = said.get("exit", self.exit_code)
                self._error = said.get("error", self._error)
            seconds = 0
        return said


@contextlib.contextmanager
def serving(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    port: int,
    timeout: float = TIMEOUT,
    grace: float = GRACE,
) -> Iterator[Server]:
    """A server that answers, for as long as the block runs. Times are in seconds.

    Raises ServerError when it doesn't come up, or doesn't end.
    """
    server = Server(command, env=env, log=log, port=port, grace=grace)
    try:
        server.wait(timeout)
        yield server
    finally:
        server.stop()


def free_port(host: str = HOST) -> int:
    """A port that nothing listens on, and that no outgoing connection will be given."""
    for _ in range(200):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def exit_text(code: int | None) -> str:
    """``exit code 3`` or ``killed by SIGKILL``."""
    if code is None or code >= 0:
        return f"exit code {'unknown' if code is None else code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _text(value: str) -> str:
    """The bytes of a word as text that JSON can carry, whatever the encoding is here or there."""
    return os.fsencode(value).decode("latin-1")
