"""A server comes up or is given up, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsv4_env.model.errors import ServerError
from dsv4_env.server.process import Server, exit_text, free_port, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

STAND_IN = Path(__file__).parents[1] / "stand_in_server.py"


def running(pid: int) -> bool:
    """Whether a process runs; one that has ended and only waits to be asked for doesn't."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pids: list[int], seconds: float = 20) -> bool:
    """Whether processes end, waiting for it."""
    deadline = time.monotonic() + seconds
    while any(map(running, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(running, pids))


def record(path: Path, seconds: float = 20) -> dict[str, Any]:
    """What a stand-in has recorded, waiting for it."""
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., AbstractContextManager[Server]]:
    def start(
        habits: str = "", timeout: float = 20, grace: float = 0.3
    ) -> AbstractContextManager[Server]:
        port = free_port()
        return serving(
            [sys.executable, str(STAND_IN), str(tmp_path / "record"), "--port", str(port)],
            env={**os.environ, "STAND_IN": habits},
            log=tmp_path / "log",
            port=port,
            timeout=timeout,
            grace=grace,
        )

    return start


def test_it_answers_and_ends(serve: Any, tmp_path: Path) -> None:
    with serve("slow") as server:
        assert server.alive()
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert [server.pid] == record(tmp_path / "record")["pids"]
        assert os.getpgid(server.pid) == server.pid != os.getpgid(0)
        socket.create_connection((server.host, server.port)).close()
    assert not running(server.pid)
    assert not server.alive()
    assert server.exit_code == -signal.SIGTERM


def test_a_proxy_is_not_asked(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serve() as server:
        assert server.alive()


def test_what_withstands_sigterm_is_killed(serve: Any, tmp_path: Path) -> None:
    with serve("stubborn") as server:
        pids = record(tmp_path / "record")["pids"]
        assert len(pids) == 3
        assert all(map(running, pids))
        assert os.getpgid(pids[1]) == server.pid != os.getpgid(pids[2])
    assert not any(map(running, pids))
    assert server.exit_code == -signal.SIGKILL


def test_children_end_though_their_server_has(serve: Any, tmp_path: Path) -> None:
    with serve("stubborn") as server:
        pids = record(tmp_path / "record")["pids"]
        os.kill(server.pid, signal.SIGKILL)
        assert gone(pids)
        assert not server.alive()


def test_one_that_dies_is_told_at_once_with_its_log(serve: Any) -> None:
    with pytest.raises(ServerError) as caught, serve("dies", timeout=300):
        pass
    text = str(caught.value)
    assert "the server has ended, exit code 3, before it was up" in text
    assert "  | out of memory" in text
    assert "sesame" not in text
    assert str(STAND_IN) in text


def test_one_that_never_answers_is_given_up(serve: Any, tmp_path: Path) -> None:
    late = r"isn't up after 1\.5 s: /health answers nothing"
    with pytest.raises(ServerError, match=late), serve("deaf stubborn", timeout=1.5):
        pass
    assert not any(map(running, record(tmp_path / "record")["pids"]))


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    start = serving([str(tmp_path / "no")], env={}, log=tmp_path / "log", port=1, timeout=300)
    with pytest.raises(ServerError, match="can't be started: no such file or directory"), start:
        pass


def test_any_bytes_arrive(tmp_path: Path) -> None:
    value = os.fsdecode(bytes(range(1, 256)))
    code = "import os; os.write(1, os.environb[b'X'] + os.fsencode(__import__('sys').argv[1]))"
    words = [sys.executable, "-c", code, value]
    start = serving(words, env={"X": value}, log=tmp_path / "log", port=1, timeout=300)
    with pytest.raises(ServerError, match="exit code 0"), start:
        pass
    assert (tmp_path / "log").read_bytes() == os.fsencode(value) * 2


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_stays_when_the_caller_is_killed(by: int, tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from pathlib import Path
from dsv4_env.server.process import serving
words = [sys.executable, {str(STAND_IN)!r}, "record", "--port", "1"]
env = {{**os.environ, "STAND_IN": "deaf stubborn"}}
with serving(words, env=env, log=Path("log"), port=1, timeout=600, grace=0.3):
    pass
"""
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    pids = record(tmp_path / "record")["pids"]
    assert all(map(running, pids))
    caller.send_signal(by)
    caller.wait()
    assert gone(pids)


def test_it_ends_with_its_supervisor(serve: Any, tmp_path: Path) -> None:
    with serve() as server:
        parent = int(Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)
        assert gone([server.pid])
        assert not server.alive()


def test_a_free_port_is_free_and_below_those_of_connections() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        assert 20000 <= port < 30000


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, "exit code 0"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")],
)
def test_how_it_ended(code: int, expected: str) -> None:
    assert exit_text(code) == expected
    assert exit_text(None) == "exit code unknown"
