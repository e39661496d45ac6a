"""The programs that read what is exported: each gets a text, and says what it made of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socketserver
import subprocess
import threading
from http.server import BaseHTTPRequestHandler
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need

SHELLS = {
    "bash": ["bash", "--norc"],
    "dash": ["dash"],
    "zsh": ["zsh", "-f"],
    "mksh": ["mksh"],
    "busybox": ["busybox", "sh"],
}
SYSTEMD = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


def pairs(dump: bytes) -> dict[str, bytes]:
    """The variables that ``env -0`` printed, but for those that every process has."""
    items = (item.partition(b"=") for item in dump.split(b"\0") if item)
    return {os.fsdecode(n): v for n, _, v in items if re.fullmatch(rb"V\d+", n)}


def run(words: list[str], *, cwd: Path | None = None, **environ: str) -> bytes:
    """What a program prints. It has to end well, and to complain of nothing."""
    env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [need(words[0]), *words[1:]],
        env={**env, **environ}, cwd=cwd, capture_output=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == b"", done.stderr[-2000:]
    return done.stdout


def docker_requests(words: list[str], folder: Path) -> dict[str, Any]:
    """What Docker's client asks its daemon to create: a stand-in daemon listens."""
    asked: list[bytes] = []

    class Daemon(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.answer(200, b"OK")

        def do_GET(self) -> None:
            self.answer(200, b"{}")

        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(201, b'{"Id": "0123456789ab", "Warnings": []}')

        def address_string(self) -> str:
            return "client"

        def log_message(self, format: str, *args: object) -> None:
            pass

    path = folder / "docker.sock"
    path.unlink(missing_ok=True)
    with socketserver.ThreadingUnixStreamServer(str(path), Daemon) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            run(["docker", "-H", f"unix://{path}", "create", *words], HOME=str(folder))
        finally:
            server.shutdown()
            thread.join()
    (body,) = asked
    found: dict[str, Any] = json.loads(body)
    return found


def compose_config(path: Path) -> dict[str, Any]:
    """What Compose makes of a file, without an engine: version 2 where it's there, or 1."""
    from ruamel.yaml import YAML

    words = ["docker-compose"]
    if shutil.which("docker") and not subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode:  # fmt: skip
        words = ["docker", "compose"]
    text = run([*words, "-f", str(path), "config"]).decode()
    yaml = YAML(typ="base", pure=True)  # its 1e3 is a text
    yaml.version = (1, 1)
    found: dict[str, Any] = yaml.load(text)
    return found


def loaded(text: str, version: tuple[int, int]) -> Any:
    """What YAML of a version reads."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    return yaml.load(StringIO(text))


def systemd_reads(text: str, folder: Path) -> dict[str, bytes]:
    """What systemd reads from a file of variables.

    Nothing of systemd reads an EnvironmentFile without an init; but environment.d has the same
    parser, after which it fills in ``$``. So each ``$`` that is exported comes doubled. It knows
    no empty values.
    """
    if not SYSTEMD.exists():
        pytest.skip("systemd isn't installed")
    (folder / "environment.d").mkdir(exist_ok=True)
    (folder / "environment.d" / "50-test.conf").write_text(text)
    printed = run([str(SYSTEMD)], XDG_CONFIG_HOME=str(folder))
    items = (line.partition(b"=") for line in printed.split(b"\n"))
    return {os.fsdecode(n): _unquoted(v) for n, _, v in items if re.fullmatch(rb"V\d+", n)}


def _unquoted(value: bytes) -> bytes:
    """What systemd prints between double quotes, with the escapes of C."""
    if not value.startswith(b'"'):
        return value
    known = {b"n": b"\n", b"t": b"\t"}
    return re.sub(rb"\\(.)", lambda m: known.get(m[1], m[1]), value[1:-1])


def github_reads(text: str) -> dict[str, str]:
    """What GitHub's runner reads from $GITHUB_ENV: lines up to the delimiter."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        name, arrows, delimiter = line.partition("<<")
        assert arrows
        value: list[str] = []
        while (row := next(lines)) != delimiter:
            value.append(row)
        found[name] = "\n".join(value)
    return found


def kubernetes_fills_in(text: str, env: dict[str, str]) -> str:
    """What becomes of a value: $(NAME) is filled in, $$ is a dollar, and bytes count."""
    data, out, at = text.encode(), b"", 0
    while at < len(data):
        if data[at : at + 1] != b"$" or at + 1 == len(data):
            out += data[at : at + 1]
            at += 1
            continue
        behind, end = data[at + 1 : at + 2], data.find(b")", at)
        if behind == b"$":
            out += b"$"
            at += 2
        elif behind == b"(" and end > 0:
            name = data[at + 2 : end].decode()
            out += env[name].encode() if name in env else data[at : end + 1]
            at = end + 1
        else:  # one byte behind the dollar is taken for a character
            out += b"$" + chr(behind[0]).encode()
            at += 2
    return out.decode()
