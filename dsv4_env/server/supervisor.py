"""A process between a caller and its server, started as a script; it ends what the server starts.

``python -I -S supervisor.py``, so it imports nothing of the package.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

GIVE_UP = 30.0  # seconds after SIGKILL: only a process stuck in the kernel takes longer
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


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
        if now >= killed_at + GIVE_UP:
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
    try:
        return ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None


if __name__ == "__main__":
    _supervise()
