"""A server that is started, awaited and ended with all that it has started itself.

Between the caller and the server stands a supervisor: this file, run by itself. It ends the
server when it is told to, and also when the caller is gone, however that came: a crash or SIGKILL
leaves no server behind. It imports nothing of the package.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
TIMEOUT = 600.0  # seconds until the server answers, where nothing else is said
GRACE = 10.0  # seconds between SIGTERM and SIGKILL
TAIL = 40  # lines of the log that a message shows
_PORTS = range(20000, 30000)  # below those that connections get, which are gone an hour later
_GIVE_UP = 30.0  # seconds after SIGKILL: only a process stuck in the kernel takes longer
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


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
        self._supervisor = subprocess.Popen(  # noqa: S603  # this file
            [sys.executable, "-I", "-S", __file__],
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
        from dsv4_env.model.errors import ServerError

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
        found = self._error or f"the server has ended, {ended(self.exit_code)}, before it was up"
        raise ServerError(self._told(found), where=self.url)

    def stop(self) -> None:
        """End the server and all its processes: SIGTERM, and SIGKILL when the grace is over.

        Raises ServerError when a process withstands even that.
        """
        from dsv4_env.model.errors import ServerError

        pipe = self._supervisor.stdin
        assert pipe is not None
        with contextlib.suppress(OSError, ValueError):  # told already, or it has gone by itself
            pipe.write(b"end\n")
            pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()
        try:
            self._supervisor.wait(self._grace + _GIVE_UP + 10)
        except subprocess.TimeoutExpired:
            raise ServerError(f"process {self.pid} doesn't end", where=self.url) from None
        left = self._listen(0).get("left")
        if self._supervisor.stdout is not None:
            self._supervisor.stdout.close()
        if left:
            raise ServerError(f"processes {left} don't end", where=self.url)

    def tail(self, lines: int = TAIL) -> str:
        """The last lines of the log, secrets masked."""
        from dsv4_env.model.secrets.text import scrubbed

        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - lines * 400))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return scrubbed("\n".join(text.splitlines()[-lines:]))

    def _told(self, found: str) -> str:
        import shlex

        from dsv4_env.model.secrets.text import scrubbed

        tail = self.tail()
        told = f"{found}\n  command: {scrubbed(shlex.join(self.command))}\n  log: {self.log}"
        return told + "".join(f"\n  | {line}" for line in tail.splitlines()) if tail else told

    def _health(self, timeout: float) -> str:
        """The status that ``/health`` answers with, or why there is none; asks no proxy."""
        from http.client import HTTPConnection, HTTPException

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
    import secrets
    import socket

    for _ in range(200):
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def ended(code: int | None) -> str:
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


# What follows runs in the supervisor alone.


def _supervise() -> None:
    """Start what standard input asks for; end it when it says so, or has nobody behind it."""
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return  # the caller has gone before it could say what to start
    order = json.loads(line)
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    told: list[int] = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    signal.signal(signal.SIGHUP, lambda *_: None)  # the server would inherit SIG_IGN
    prctl = _prctl()
    if prctl is not None:  # what loses its parent comes to us, and so is found
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        with open(order["log"].encode("latin-1"), "ab") as log:  # noqa: PTH123  # bytes
            server = subprocess.Popen(  # noqa: S603
                [word.encode("latin-1") for word in order["command"]],
                env={k.encode("latin-1"): v.encode("latin-1") for k, v in order["env"].items()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prctl and (lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)),
            )
    except (OSError, ValueError) as exc:
        why = exc.strerror.lower() if isinstance(exc, OSError) and exc.strerror else str(exc)
        _say(error=f"the server can't be started: {why}")
        return
    _say(pid=server.pid)
    while not told and server.returncode is None:
        ready, _, _ = select.select([0, woken], [], [])
        if 0 in ready:
            break
        os.read(woken, 4096)
        _reap(server)
    _say(**_end(server, float(order["grace"])))


def _say(**what: Any) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        os.write(1, json.dumps(what).encode() + b"\n")


def _reap(server: subprocess.Popen[bytes]) -> bool:
    """Take note of children that have ended; whether there are any left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        if pid == server.pid:
            server.returncode = os.waitstatus_to_exitcode(status)
            _say(exit=server.returncode)


def _end(server: subprocess.Popen[bytes], grace: float) -> dict[str, Any]:
    """SIGTERM to all, and SIGKILL to what is still there after the grace; what withstands it."""
    _signal(server, signal.SIGTERM)
    killed_at = time.monotonic() + grace
    while True:
        some = _reap(server)
        if not some and not _group(server.pid, 0):
            return {}
        now = time.monotonic()
        if now >= killed_at + _GIVE_UP:
            return {"left": _descendants()}
        if now >= killed_at:
            _signal(server, signal.SIGKILL)
        time.sleep(0.05)


def _signal(server: subprocess.Popen[bytes], number: int) -> None:
    """Signal the group, and what has left it."""
    _group(server.pid, number)
    for pid in _descendants():
        with contextlib.suppress(OSError):
            if os.getpgid(pid) != server.pid:
                os.kill(pid, number)


def _group(leader: int, number: int) -> bool:
    """Signal a process group; whether there is one."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def _descendants() -> list[int]:
    """All processes below this one, where ``/proc`` tells."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
            parents[int(path.parent.name)] = int(path.read_bytes().rpartition(b")")[2].split()[1])
    found: set[int] = {os.getpid()}
    count = 0
    while count != len(found):
        count = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return sorted(found - {os.getpid()})


def _prctl() -> Any:
    """Linux's prctl, None elsewhere."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    try:
        return ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None


if __name__ == "__main__":
    _supervise()
