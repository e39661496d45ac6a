"""What real bash makes of a script: the launches it starts, with their words and environment.

Every launcher on PATH is a stand-in that writes down its words and its environment as the
kernel hands them over, so nothing between bash and the record can change them. Tools that only
start other tools (srun, numactl, docker, ...) are replaced by ones that drop their own options
and start the rest; slow or outward-bound ones (curl, sleep, pip, ...) succeed at once.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from . import standins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASH = shutil.which("bash", path="/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin")
SCRIPT = "run.sh"  # what $0 is; the working folder is the script's
TIMEOUT = 20.0
# bash sets these by itself in any program it starts; PATH and the locale are the oracle's own.
OWN_NAMES = frozenset({"PWD", "OLDPWD", "SHLVL", "_", "PATH", "LC_ALL", "HOME"})
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_MODULE = "sglang.launch_server"
_MODULES = (_MODULE, "sglang_router.launch_server", "sglang_router.launch_router")
_MODULE_FLAG = re.compile(r"-[bBdEiIOPqsSuvx]*m(.*)")


class OracleError(Exception):
    """The script can't be judged: it ran too long or a record is broken."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One program that bash started: its words (the first is its bare name) and environment."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]

    @property
    def split(self) -> int | None:
        """How many words stand before the arguments; None if it's neither server nor router."""
        if self.argv[0] in ("smg", "amg"):
            return 2 if self.argv[1:2] in (("launch",), ("server",)) else None
        if self.argv[0] == "sgl-router":
            return 1
        if self.argv[:2] == ("sglang", "serve"):
            return 2
        if self.argv[0] == "torchrun":
            return self.argv.index("-m") + 2 if _MODULE in self.argv else None
        if self.argv[0] in {"python", "python3"}:
            return _python_module(self.argv)
        return None

    @property
    def server_args(self) -> list[str]:
        """The words after ``sglang serve``, ``-m sglang.launch_server`` or what starts a router."""
        return list(self.argv[self.split or 0 :])


@dataclass(frozen=True, slots=True)
class Real:
    """One run of a script: its launches in order and what it was started with.

    *any_order*: several run at once, so their order says nothing.
    """

    launches: tuple[Launch, ...]
    inputs: Mapping[str, str]
    args: tuple[str, ...] = ()
    returncode: int = 0
    any_order: bool = False
    by_time: tuple[Launch, ...] = ()  # the same, by when they were recorded
    refused: bool = False  # bash reported an expansion that it can't do with these values


def _python_module(argv: Sequence[str]) -> int | None:
    """How many words of a Python command line come before the server's arguments."""
    words = iter(enumerate(argv[1:], 1))
    for i, word in words:
        if module := _MODULE_FLAG.fullmatch(word):
            joined = bool(module[1])
            named = module[1] if joined else next((w for _, w in words), None)
            return i + 2 - joined if named in _MODULES else None
        if word in {"-X", "-W"}:
            next(words, None)
        elif not word.startswith("-") or word == "-" or word.startswith("-c"):
            return None
    return None


class Oracle:
    """Runs scripts under real bash, each in a fresh folder with a clean environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        standins.write(self.bin)
        self._pid_max = int(Path("/proc/sys/kernel/pid_max").read_text())

    def run(
        self,
        script: str | bytes,
        inputs: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        *,
        files: Mapping[str, str] | None = None,
        any_order: bool = False,
    ) -> Real:
        """Run one script; *files* (name to text) stand beside it."""
        if BASH is None:
            raise OracleError("no bash here")
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            calls, work = folder / "calls", folder / "work"
            calls.mkdir()
            work.mkdir()
            (folder / "bin").symlink_to(self.bin)
            data = script.encode("utf-8", "surrogateescape") if isinstance(script, str) else script
            (work / SCRIPT).write_bytes(data)
            for name, text in (files or {}).items():
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_text(text, encoding="utf-8")
            environ = self.environ(folder) | dict(inputs or {})
            with (folder / "stderr").open("wb") as errors:
                words = [BASH, "--norc", "--noprofile", SCRIPT, *args]
                pid, code = _run(words, work, environ, errors)
            refused = _REFUSED.search((folder / "stderr").read_bytes()) is not None
            found = sorted(calls.iterdir(), key=lambda p: self._age(int(p.name.split(".")[0]), pid))
            launches = tuple(_launch(p) for p in found)
            # The last command of `bash -c` takes over the shell's process, which is an old one.
            late = sorted(found, key=lambda p: p.stat().st_mtime_ns)
            by_time = tuple(launches[found.index(p)] for p in late)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Real(launches, dict(inputs or {}), tuple(args), code, any_order, by_time, refused)

    def environ(self, folder: Path | None = None) -> dict[str, str]:
        """What every run has in its environment beside the inputs."""
        path = (folder or self.folder) / "bin"
        return {"PATH": f"{path}:/usr/bin:/bin", "HOME": "/home/ci", "LC_ALL": "C.UTF-8"}

    def _age(self, pid: int, script_pid: int) -> int:
        """Where a process stands in the order in which they were forked.

        Process numbers only grow until they wrap round, and the script's own is the last
        launch of all: it can only launch by exec.
        """
        return (pid - script_pid) % self._pid_max or self._pid_max


_REFUSED = re.compile(
    rb"line \d+: .*(substring expression < 0|error token|division by 0|bad substitution|"
    rb"invalid (arithmetic|variable|indirect)|unbound variable|not a valid identifier|"
    rb"bad array subscript|invalid number|value too great)",
    re.DOTALL,  # what couldn't be expanded may hold newlines
)


def _run(
    command: Sequence[str], work: Path, environ: Mapping[str, str], errors: IO[bytes]
) -> tuple[int, int]:
    """Run to the end of the script and of all it left behind; its process number and exit code."""
    read, write = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            cwd=work,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=errors,  # where `2>&1 | cat` takes them
            stderr=errors,
            pass_fds=(write,),
            start_new_session=True,
        )
    finally:
        os.close(write)
    try:
        # Everything the script starts holds the pipe open, whatever else it redirects.
        if not select.select([read], [], [], TIMEOUT)[0]:
            os.killpg(process.pid, 9)
            process.wait()
            raise OracleError(f"still running after {TIMEOUT} s")
        return process.pid, process.wait(TIMEOUT)
    finally:
        os.close(read)


def _launch(record: Path) -> Launch:
    """One record: the kernel's words of /bin/sh and of the stand-in, then its environment."""
    parts = record.read_bytes().split(b"\0")[:-1]
    count = int(record.name.split(".")[1]) + 2
    if len(parts) < count:
        raise OracleError(f"record {record.name} is cut short")
    words = [os.fsdecode(p) for p in parts[1:count]]
    environ = {}
    for part in parts[count:]:
        name, _, value = part.partition(b"=")
        if _NAME.fullmatch(name):  # leaves out exported functions
            environ[os.fsdecode(name)] = os.fsdecode(value)
    return Launch((Path(words[0]).name, *words[1:]), environ)
