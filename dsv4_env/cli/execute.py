"""How a command takes the place of dsv4-env, as a shell's ``exec`` would let it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dsv4_env.cli.output import tell

_MISSING, _REFUSED = 127, 126  # a shell's exit codes for a command: not found, not to be run


def start_environment() -> dict[str, str]:
    """The environment that dsv4-env was started with.

    Python itself sets LC_CTYPE in a plain C locale (PEP 538), which no command should inherit.
    """
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        try:
            before = Path("/proc/self/environ").read_bytes()
        except OSError:
            return environ
        if not any(item.startswith(b"LC_CTYPE=") for item in before.split(b"\0")):
            del environ["LC_CTYPE"]
    return environ


def execute(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Become the command; where that can't be (or on Windows, when it ends), its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    if os.name == "nt":
        return _call(command, environ)
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and the command would inherit that
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    code, reason = _MISSING, "command not found"
    for path in _places(command[0], environ):
        try:
            os.execve(path, list(command), environ)  # noqa: S606
        except OSError as exc:
            if exc.errno == errno.ENOEXEC and _is_text(path):  # no `#!`: a script of the shell
                os.execve("/bin/sh", ["/bin/sh", path, *command[1:]], environ)  # noqa: S606
            if code == _REFUSED or exc.errno == errno.ENOTDIR:
                continue
            if exc.errno == errno.ENOENT:
                if Path(path).exists():
                    reason = "the interpreter that its first line names isn't there"
            elif not Path(path).is_dir():
                code, reason = _REFUSED, (exc.strerror or str(exc)).lower()
            elif path == command[0]:
                code, reason = _REFUSED, "it is a folder"
    tell(f"dsv4-env: error: {command[0] or repr('')}: {reason}")
    return code


def _places(name: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Where a command may be: itself where it has a slash, else in the folders of PATH."""
    if "/" in name:
        yield name
    elif name:
        for folder in os.get_exec_path(environ):
            yield f"{folder or '.'}/{name}"


def _is_text(path: str) -> bool:
    """Whether a shell would take the file for a script: no NUL byte in its first line."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return b"\0" not in file.readline(80)
    except OSError:
        return True


def _call(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the command as a child, where no process can become another."""
    path = shutil.which(command[0], path=environ.get("PATH"))
    if path is None:
        tell(f"dsv4-env: error: {command[0]}: command not found")
        return _MISSING
    try:
        child = subprocess.Popen([path, *command[1:]], env=environ)  # noqa: S603
    except OSError as exc:
        tell(f"dsv4-env: error: {command[0]}: {(exc.strerror or str(exc)).lower()}")
        return _REFUSED
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # Ctrl-C reaches the child too, which decides
            continue
