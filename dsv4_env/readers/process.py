"""Live processes: what a running server was launched with, from a /proc file system."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from dsv4_env.model import EnvVar, LaunchConfig, Location, Note, Origin, group_args
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import meet
from dsv4_env.readers.launcher import launcher_length, without_own

_LISTENS = "0A"  # the state of a listening socket in net/tcp


def read(
    proc: Path = Path("/proc"),
    *,
    pid: int | None = None,
    port: int | None = None,
    name: str | None = None,
) -> list[LaunchConfig]:
    """The launches that are running: of one process, one port, a name, or all servers.

    *name* is a part of the command line. All variables of the environment are kept, as they were
    when the process began. Raises ReadError where there is no such process or server, where it
    may not be read, and where it is gone.
    """
    if pid is not None:
        return [_required(proc, pid)]
    if port is not None:
        return _by_port(proc, port)
    found: list[LaunchConfig] = []
    refused: list[int] = []
    for number in _pids(proc):
        try:
            words = _words(proc, number)
            if _size(words) is None or (name is not None and name not in " ".join(words)):
                continue
            if _is_copy(proc, number, words):
                continue
            found.append(_config(proc, number, words))
        except PermissionError:
            refused.append(number)
        except (OSError, ValueError):
            continue  # it ended meanwhile
    if not found and refused:
        raise _forbidden(proc, refused[0])
    if not found and name is not None:
        raise ReadError(f"no server with `{name}` is running", where=proc, expected="a launch")
    notes = tuple(
        Note(f"process {n} may not be read", Location(str(proc / str(n)))) for n in refused
    )
    return [_noted(c, notes) for c in found]


def _noted(config: LaunchConfig, notes: tuple[Note, ...]) -> LaunchConfig:
    return replace(config, notes=(*config.notes, *notes)) if notes else config


def _pids(proc: Path) -> list[int]:
    try:
        return sorted(int(p.name) for p in proc.iterdir() if re.fullmatch("[0-9]+", p.name))
    except OSError as exc:
        raise ReadError(
            f"{exc.strerror or exc}", where=proc, expected="a /proc file system"
        ) from None


def _words(proc: Path, pid: int) -> list[str]:
    data = (proc / str(pid) / "cmdline").read_bytes()
    return os.fsdecode(data).removesuffix("\0").split("\0") if data else []


def _size(words: list[str]) -> int | None:
    """How many words are the launcher; None where it isn't one."""
    if not words:
        return None
    place = Location("")
    return launcher_length([(w, place) for w in words])


def _is_copy(proc: Path, pid: int, words: list[str]) -> bool:
    """Whether it is a fork of a server, which has the same command line as its parent."""
    parent = _parent(proc, pid)
    try:
        return parent is not None and _words(proc, parent) == words
    except OSError:
        return False


def _parent(proc: Path, pid: int) -> int | None:
    fields = _stat(proc, pid)
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else None


def _stat(proc: Path, pid: int) -> list[str]:
    """What the kernel tells of a process behind its name: its state, its parent, …"""
    try:
        return (proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _required(proc: Path, pid: int) -> LaunchConfig:
    """The launch of a process that has to be one."""
    folder = proc / str(pid)
    try:
        words = _words(proc, pid)
        if not words:
            why = "it has ended" if _stat(proc, pid)[:1] == ["Z"] else "it has no command line"
            raise ReadError(f"process {pid}: {why}", where=folder, expected="a running server")
        if words[0].startswith("sglang::"):
            words = _server_above(proc, pid)
            if words:
                return _config(proc, pid, words)
        if _size(words) is None:
            shown = " ".join(words[:3])[:100]
            raise ReadError(
                f"process {pid} is `{shown}`",
                where=folder,
                expected="python3 -m sglang.launch_server … or sglang serve …",
            )
        return _config(proc, pid, words)
    except PermissionError:
        raise _forbidden(proc, pid) from None
    except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
        raise ReadError(
            f"there is no process {pid}", where=folder, expected="a running server"
        ) from None
    except OSError as exc:
        raise ReadError(f"{exc.strerror or exc}", where=folder) from None


def _forbidden(proc: Path, pid: int) -> ReadError:
    return ReadError(
        f"process {pid} may not be read",
        where=proc / str(pid) / "environ",
        expected="the same user as the server's, or root",
    )


def _config(proc: Path, pid: int, words: list[str]) -> LaunchConfig:
    size = _size(words)
    assert size is not None
    folder = proc / str(pid)
    data = os.fsdecode((folder / "environ").read_bytes())
    place = Location(str(folder / "environ"))
    notes: list[Note] = []
    env: list[EnvVar] = []
    seen: set[str] = set()
    for entry in data.split("\0"):
        name, equals, value = entry.partition("=")
        if not entry:
            continue
        if not equals or not name:
            notes.append(Note(f"`{name or '='}` in the environment isn't a variable", place))
            continue
        # Where a name comes twice, getenv and Python's os.environ take the first.
        env.append(EnvVar(name, value, Origin("process", place, value), name in seen))
        seen.add(name)
    at = Location(str(folder / "cmdline"))
    args = group_args([(w, at) for w in words[size:]], "process")
    command = tuple(words[:size])
    config = LaunchConfig(
        f"process {pid}", "process", tuple(env), args, command, at, notes=tuple(notes)
    )
    meet(config)
    return without_own(config)


def _by_port(proc: Path, port: int) -> list[LaunchConfig]:
    inodes = set(_listening(proc, port))
    if not inodes:
        raise ReadError(
            f"nothing listens on port {port}", where=proc / "net" / "tcp", expected="a server"
        )
    wanted = {f"socket:[{i}]" for i in inodes}
    refused = 0
    owners: list[int] = []
    for pid in _pids(proc):
        try:
            if any(_link(f) in wanted for f in (proc / str(pid) / "fd").iterdir()):
                owners.append(pid)
        except PermissionError:
            refused += 1
        except OSError:
            continue
    servers: dict[int, None] = {}
    for pid in owners:
        if (server := _server_pid(proc, pid)) is not None:
            servers[server] = None
    if servers:
        return [_required(proc, pid) for pid in servers]
    if owners:
        return [_required(proc, owners[0])]
    expected = "the same user as the server's, or root" if refused else "a server"
    raise ReadError(f"what listens on port {port} can't be seen", where=proc, expected=expected)


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _listening(proc: Path, port: int) -> Iterator[str]:
    for file in ("tcp", "tcp6"):
        try:
            text = (proc / "net" / file).read_text(errors="replace")
        except OSError:
            continue
        for line in text.splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENS:
                number = fields[1].rpartition(":")[2]
                if re.fullmatch(r"[0-9A-Fa-f]{4}", number) and int(number, 16) == port:
                    yield fields[9]


def _server_pid(proc: Path, pid: int) -> int | None:
    """The first process of a server: the one given, or the one that it was forked from."""
    best: int | None = None
    current: int | None = pid
    for _ in range(50):
        if current is None or current == 0:
            break
        try:
            words = _words(proc, current)
        except OSError:
            break
        if _size(words) is not None:
            best = current
        elif best is not None:
            break
        current = _parent(proc, current)
    return best


def _server_above(proc: Path, pid: int) -> list[str]:
    server = _server_pid(proc, pid)
    return _words(proc, server) if server is not None else []
