"""Live processes, from roots that look like /proc, and one real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dsv4_env.model.errors import ReadError
from dsv4_env.readers import process

LAUNCH = ["python3", "-m", "sglang.launch_server", "--tp", "8"]
ENV = ["SGLANG_A=1", "PATH=/bin", "EMPTY=", "X=a=b\nc"]


def add(root: Path, pid: int, words: list[str], parent: int = 1, state: str = "S") -> Path:
    folder = root / str(pid)
    (folder / "fd").mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(os.fsencode(w) + b"\0" for w in words))
    (folder / "environ").write_bytes(b"".join(os.fsencode(e) + b"\0" for e in ENV))
    (folder / "stat").write_text(f"{pid} (a (b) c) {state} {parent} 0 0\n")
    return folder


def test_one_process(tmp_path: Path) -> None:
    add(tmp_path, 7, [*LAUNCH, "--empty", "", "--x=y z", "é\udcff"])
    (config,) = process.read(tmp_path, pid=7)
    assert {e.name: e.value for e in config.env} == {
        "SGLANG_A": "1",
        "PATH": "/bin",
        "EMPTY": "",
        "X": "a=b\nc",
    }
    assert config.command == ("python3", "-m", "sglang.launch_server")
    assert config.argv == ["--tp", "8", "--empty", "", "--x=y z", "é\udcff"]
    assert config.name == "process 7"


def test_all_servers_without_their_workers(tmp_path: Path) -> None:
    add(tmp_path, 7, LAUNCH)
    add(tmp_path, 8, ["sglang::scheduler_TP0"], parent=7)
    add(tmp_path, 9, LAUNCH, parent=7)
    add(tmp_path, 10, ["bash", "-c", " ".join(LAUNCH)])
    add(tmp_path, 11, ["/venv/bin/sglang", "serve", "--port", "1"])
    add(tmp_path, 12, [], state="Z")
    (tmp_path / "13").mkdir()
    assert [c.name for c in process.read(tmp_path)] == ["process 7", "process 11"]
    assert [c.name for c in process.read(tmp_path, name="--port")] == ["process 11"]
    assert process.read(tmp_path, pid=8)[0].argv == ["--tp", "8"]
    with pytest.raises(ReadError, match="no server with `nothing` is running"):
        process.read(tmp_path, name="nothing")


def test_none_is_running(tmp_path: Path) -> None:
    assert process.read(tmp_path) == []


@pytest.mark.parametrize("file", ["tcp", "tcp6"])
def test_by_port(tmp_path: Path, file: str) -> None:
    add(tmp_path, 7, LAUNCH)
    worker = add(tmp_path, 8, ["sglang::tokenizer"], parent=7)
    (worker / "fd" / "3").symlink_to("socket:[4242]")
    (worker / "fd" / "4").symlink_to("/dev/null")
    (tmp_path / "net").mkdir()
    rows = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when uid timeout inode",
        "   0: 00000000:7530 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4242 1",
        "   1: 00000000:7531 00000000:0000 01 00000000:00000000 00:00000000 00000000 0 0 4243 1",
    ]
    (tmp_path / "net" / file).write_text("\n".join(rows) + "\n")
    (config,) = process.read(tmp_path, port=30000)
    assert config.name == "process 7"
    with pytest.raises(ReadError, match="nothing listens on port 30001"):
        process.read(tmp_path, port=30001)
    (worker / "fd" / "3").unlink()
    with pytest.raises(ReadError, match="what listens on port 30000 can't be seen"):
        process.read(tmp_path, port=30000)


def test_errors(tmp_path: Path) -> None:
    add(tmp_path, 7, [], state="Z")
    add(tmp_path, 8, ["sleep", "1"])
    add(tmp_path, 9, LAUNCH)
    (tmp_path / "9" / "environ").unlink()
    for pid, message in (
        (7, f"{tmp_path}/7: process 7: it has ended; expected a running server"),
        (8, f"{tmp_path}/8: process 8 is `sleep 1`; expected python3 -m sglang.launch_server"),
        (9, f"{tmp_path}/9: there is no process 9; expected a running server"),
        (10, f"{tmp_path}/10: there is no process 10"),
    ):
        with pytest.raises(ReadError) as caught:
            process.read(tmp_path, pid=pid)
        assert str(caught.value).startswith(message)
    with pytest.raises(ReadError, match="expected a /proc file system"):
        process.read(tmp_path / "none")


def test_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path, 7, LAUNCH)
    add(tmp_path, 8, LAUNCH)
    real = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path == tmp_path / "7" / "environ":
            raise PermissionError
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(ReadError, match="process 7 may not be read; expected the same user"):
        process.read(tmp_path, pid=7)
    (config,) = process.read(tmp_path)
    assert config.name == "process 8"
    assert [n.message for n in config.notes] == ["process 7 may not be read"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
def test_a_real_process(tmp_path: Path) -> None:
    package = tmp_path / "sglang"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "launch_server.py").write_text("print('up', flush=True); input()")
    command = [sys.executable, "-m", "sglang.launch_server", "--tp", "8", "--x", "a b"]
    env = {"SGLANG_A": "1", "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        command, env=env, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"up\n"
        (config,) = process.read(pid=server.pid)
        server.communicate(b"\n")
    assert config.effective_env["SGLANG_A"].value == "1"
    assert config.argv == ["--tp", "8", "--x", "a b"]
