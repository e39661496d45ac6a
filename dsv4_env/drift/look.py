"""A look at a file's bytes: whether it may hold a launch, or take one from another file.

Most files of a tree have nothing of a launch, so this is what ``discover`` does most of.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.drift.bound import in_plain_sight
from dsv4_env.guard.files import read_open
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import EXPECTED, READERS, detect, file_bytes, is_meant

Name = tuple[bytes, bytes]
"""What a file gives to others: its module, and a name in it (or nothing), or a script's name."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the bytes of a file says.

    *hit*: it may hold a launch. *gives* are the names by which others may launch through it,
    *takes* those that it takes from others. *servers* are how many a test or a *script* starts in
    plain sight.
    """

    path: str
    hit: bool = False
    gives: tuple[Name, ...] = ()
    takes: tuple[Name, ...] = ()
    servers: int = 0
    script: bool = False


_SERVE = re.compile(rb"sglang[\"'\s,\\\]\[-]+serve\b")
_SHEBANG = b"#!"
_SCRIPT = b"."  # beside a script's name, for which no module's is taken: scripts source scripts
_TOP_LEVEL = re.compile(rb"^(?:class|def|async +def) +(\w+)", re.MULTILINE)
# Wherever they stand: what begins with plain text is found much sooner than what begins a line.
_FROM = re.compile(rb"from +([\w.]+) +import +(\([^)]{0,4000}+\)|[^\n#]+)")
_IMPORT = re.compile(rb"import +([\w., ]+)")
_SOURCED = re.compile(rb"(?:^|[;&|({]|\b(?:then|do|else))[ \t]*(?:source|\.)[ \t]([^\n]+)", re.M)
_FILE_NAME = re.compile(rb"[\w.+-]+")

# What starts a process, or stands in a line that brings what does.
_STARTERS = (
    b"popen_launch_server",
    b"subprocess",
    b"Popen",
    b"os.system",
    b"launch_server_cmd",
    b"execute_shell_command",
    b"popen_with_error_check",
)
# What launches by itself, whatever else a file says.
_LAUNCHERS = (b"ModelLaunchSettings", b"popen_launch_pd_server")
# SGLang's engine, and its own launchers within the process.
_ENGINE = re.compile(rb"\b(?:Engine|Runtime)\(|\bimport[ \t(]+(?:launch|run)_server\b")


def look(path: str) -> Looked | None:
    """What a look at a file says; None where it has nothing to do with launches.

    Raises ReadError where a reader is meant for it, by its name, and it can't be read.
    """
    data = _bytes(path, meant=is_meant(path))
    reader = None if data is None else detect(path, data)
    if data is None or reader is None:
        return None
    if reader == "python":
        return _look_at_python(path, data)
    hit = READERS[reader].hit(data)
    if reader != "bash":
        return Looked(path, hit=True) if hit else None
    if not hit and b"source" not in data and b". " not in data and b".\t" not in data:
        return None
    gives = ((os.fsencode(path).rpartition(b"/")[2], _SCRIPT),)
    if hit:
        return Looked(path, hit=True, gives=gives, servers=in_plain_sight(data), script=True)
    sourced = {n for rest in _SOURCED.findall(data) for n in _FILE_NAME.findall(rest)}
    return Looked(path, gives=gives, takes=tuple((s, _SCRIPT) for s in sorted(sourced)))


def _bytes(path: str, *, meant: bool) -> bytes | None:
    """The bytes of a file; None for one that no reader is meant for, and for a link.

    Raises ReadError where a reader is meant for it, by its name, and it can't be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as exc:
        gone = isinstance(exc, FileNotFoundError)  # git lists what it tracks, deleted or not
        # A link's target is looked at where it is, if it is anywhere.
        if not meant or gone or Path(path).is_symlink():
            return None
        return file_bytes(path)
    try:
        if not meant:
            with contextlib.suppress(OSError):  # a folder, say
                if os.pread(handle, len(_SHEBANG), 0) == _SHEBANG:
                    return read_open(handle, path, expected=EXPECTED)
            return None
        return read_open(handle, path, expected=EXPECTED)
    finally:
        os.close(handle)


def _look_at_python(path: str, data: bytes) -> Looked | None:
    words = _words(data)
    stem = os.fsencode(path).removesuffix(b".py").removesuffix(b"/__init__").rpartition(b"/")[2]
    if _starts(data, words=words):
        names = [n for n, block in _blocks(data) if _launches(block)]
        gives = tuple((stem, n) for n in (b"", *names))
        return Looked(path, hit=True, gives=gives, servers=in_plain_sight(data))
    if not words and not path.endswith("__init__.py") and not _is_test(data):
        return None
    takes = _imports(data)
    return Looked(path, takes=tuple(sorted(takes))) if takes else None


def _words(data: bytes) -> bool:
    """Whether the words of a server's or a router's command are in a Python file."""
    if b"launch_server" in data or b"launch_router" in data:
        return True
    return b"serve" in data and b"sglang" in data and _SERVE.search(data) is not None


def starts(data: bytes) -> bool:
    """Whether a Python file may start a server by itself."""
    return _starts(data, words=_words(data))


def _starts(data: bytes, *, words: bool) -> bool:
    if words and any(s in data for s in _STARTERS):
        return True
    return any(s in data for s in _LAUNCHERS) or (b"sglang" in data and _makes_engine(data))


def _makes_engine(data: bytes) -> bool:
    """Whether Python may make SGLang's engine, which launches a server within the process."""
    may = b"Engine(" in data or b"Runtime(" in data or b"_server" in data
    return may and _ENGINE.search(data) is not None


def _launches(block: bytes) -> bool:
    """Whether a class or a function of a file that may start a server may be what does."""
    return any(s in block for s in (*_STARTERS, *_LAUNCHERS)) or _makes_engine(block)


def _is_test(data: bytes) -> bool:
    """Whether a Python file is run as it is, or has what a test runner runs."""
    if b"Test" in data and (b"TestCase" in data or b"class Test" in data):
        return True
    return b"def test_" in data or b"__main__" in data or b"fixture" in data


def _blocks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The classes and functions of a module, by name."""
    starts = [*_TOP_LEVEL.finditer(data)]
    ends = [m.start() for m in starts[1:]] + [len(data)]
    for start, end in zip(starts, ends, strict=False):  # a module may have none
        yield start[1], data[start.start() : end]


def _imports(data: bytes) -> set[Name]:
    """What a module takes from others; each name of a package may be a module, too."""
    found: set[Name] = set()
    for module, listing in _FROM.findall(data):
        last = module.rpartition(b".")[2]
        for part in re.sub(rb"#[^\n]*", b"", listing).strip(b"()").split(b","):
            words = part.split()
            if words == [b"*"]:
                found.add((last, b""))
            elif words:
                found |= {(last, words[0]), (words[0], b"")}
    for listing in _IMPORT.findall(data):
        modules = (part.split()[0] for part in listing.split(b",") if part.strip())
        found.update((m.rpartition(b".")[2], b"") for m in modules)
    return found


def through(waiting: Iterable[Looked], gives: set[Name]) -> list[str]:
    """The files that may launch through others; what they give is added to *gives*."""
    left = list(waiting)
    found: list[str] = []
    while True:
        more = [w for w in left if not gives.isdisjoint(w.takes)]
        if not more:
            return sorted(found)
        left = [w for w in left if gives.isdisjoint(w.takes)]
        for each in more:
            found.append(each.path)
            gives |= _passed_on(each, gives.intersection(each.takes))


def _passed_on(looked: Looked, taken: set[Name]) -> set[Name]:
    """What a file gives that takes these: a script itself, a module what names one of them."""
    if looked.gives:
        return set(looked.gives)
    try:
        data = file_bytes(looked.path)
    except ReadError:  # told where it is read
        return set()
    whole = os.fsencode(looked.path)
    stem = whole.removesuffix(b".py").removesuffix(b"/__init__").rpartition(b"/")[2]
    words = {name or module for module, name in taken}
    names = {n for n, block in _blocks(data) if any(w in block for w in words)}
    if whole.endswith(b"/__init__.py"):
        names |= words
    return {(stem, n) for n in (b"", *names)} if names else set()
