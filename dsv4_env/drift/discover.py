"""Every launch in a tree of files, each with the profile that it is nearest to.

A look at a file's bytes comes before all else: what can't hold a launch is never parsed. Python
files and scripts without one of their own are read all the same where they import or source a
file of the tree that launches.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.drift import bound, workers
from dsv4_env.drift.bound import Bound
from dsv4_env.drift.files import listed
from dsv4_env.drift.nearest import Match, Nearest
from dsv4_env.drift.sources import Reading, load, loaded, place, read
from dsv4_env.errors import ReadError
from dsv4_env.model import Location
from dsv4_env.readers import label
from dsv4_env.readers.detect import by_name, detect
from dsv4_env.readers.python import ENTRY

STEPS = 50_000  # of a Python file: enough for a test, not for a library that may launch anything
MANY = 400  # files from which on processes share the work: starting them takes as long
_CHUNK = 64

Problem = tuple[Location, str]
Name = tuple[bytes, bytes]
"""What a file gives to others: its module or file name, and a name in it (or nothing)."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch that was found: the *number*-th (from 1) of the *of* ones in its file.

    *label* is its name within the file, empty where it has none; *variables* says that the file
    holds environment variables only. Of one that isn't *followed*, no more is known than where a
    server is started, and that no profile is near.
    """

    path: str
    number: int
    of: int
    label: str
    reader: str
    line: int | None
    variables: bool
    match: Match
    followed: bool = True


@dataclass(slots=True)
class Found:
    """What a tree holds: its launches by path, what couldn't be read, and how many files it has.

    *not_followed* are the Python files that may launch, but hold too few names of any profile's
    settings to be near it.
    """

    launches: list[Launch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    not_followed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """A file that wasn't followed, and where a server is started in it."""

    path: str
    launches: tuple[Launch, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the bytes of a file says.

    *hit*: it may hold a launch. *gives* are the names by which others may launch through it,
    *takes* those that it takes from others.
    """

    path: str
    hit: bool = False
    gives: tuple[Name, ...] = ()
    takes: tuple[Name, ...] = ()
    problem: Problem | None = None


@dataclass(slots=True)
class Job:
    """What each process needs.

    *nearest* makes what matches launches, on first need; *roots* are the folders that imports
    must lie below, the first that the file lies below. *follow* are files to be followed whatever
    they name; None: all are.
    """

    nearest: Callable[[], Nearest]
    roots: Sequence[str]
    follow: Collection[str] | None = None
    _made: Nearest | None = None
    _bounds: dict[Path, Bound] = field(default_factory=dict)

    def look(self, path: str) -> Looked:
        """A look at a file's bytes."""
        try:
            return _look(path)
        except ReadError as exc:
            return Looked(path, problem=_problem(path, exc))

    def read(self, path: str) -> list[Launch] | NotFollowed | Problem:
        """The launches of a file."""
        try:
            data = load(Path(path))
            reader = detect(path, data)
            if reader is None:
                return []
            root = self._root(path)
            if reader == "python" and not self._may_be_near(path, root):
                return NotFollowed(path, tuple(_in_plain_sight(path, data)))
            launches = read(data, Path(path), Reading(reader, root=root, steps=STEPS))
        except ReadError as exc:
            return _problem(path, exc)
        found: list[Launch] = []
        for number, config in enumerate(launches, 1):
            match = self._nearest()(config)
            if match.profile is None and any(n.message.startswith(ENTRY) for n in config.notes):
                continue  # nothing says that it is a server's
            at = config.location
            line = at.line if at is not None and at.path == path else None  # else: in a base class
            found.append(
                Launch(
                    path,
                    number,
                    len(launches),
                    label(config, path),
                    config.reader,
                    line,
                    config.args is None,
                    match,
                )
            )
        return found

    def _nearest(self) -> Nearest:
        if self._made is None:
            self._made = self.nearest()
        return self._made

    def _may_be_near(self, path: str, root: Path | None) -> bool:
        if self.follow is None or path in self.follow:
            return True
        folder = root or Path(path).parent
        if folder not in self._bounds:
            self._bounds[folder] = self._nearest().bound(folder)
        return self._bounds[folder].near(path)

    def _root(self, path: str) -> Path | None:
        whole = os.path.abspath(path)  # noqa: PTH100  # as text: links stay
        return next((Path(r) for r in self.roots if whole.startswith(r.rstrip("/") + "/")), None)


def discover(
    paths: Sequence[Path],
    nearest: Callable[[], Nearest],
    *,
    root: Path,
    jobs: int | None = None,
    follow_all: bool = False,
    progress: Callable[[int, int, int], None] = lambda looked, files, launches: None,
) -> Found:
    """Every launch in files and trees of files.

    What can't be read costs one problem each. A Python file of a tree is followed where a profile
    may be near to what it launches, with *follow_all* in any case. *nearest* makes what matches
    launches to profiles, in each process anew; *root* is the folder that imports must lie below
    (the tree itself where it lies elsewhere); *jobs* are how many processes work, by default one
    for each processor in a tree of many files; *progress* hears of files looked at, of all, and
    of launches found.
    """
    found = Found()
    trees = [p for p in paths if p.is_dir()]
    # What the user names is read whatever it is called.
    named = list(dict.fromkeys(str(p) for p in paths if not p.is_dir()))
    names = [n for n in _names(trees) if n not in named]
    found.files = len(names) + len(named)
    roots = [os.path.abspath(p) for p in (root, *trees)]  # noqa: PTH100
    job = Job(nearest, roots, None if follow_all else frozenset(named))
    gives: set[Name] = set()
    waiting: list[Looked] = []
    looked = 0
    pool = workers.Pool(job, _jobs(jobs, len(names)))
    with pool:
        for path in named:
            pool.put("read", [path])
        for start in range(0, len(names), _CHUNK):
            pool.put("look", names[start : start + _CHUNK])
        for result in pool.results():
            if isinstance(result, workers.Died):
                found.problems.append((Location(result.path), result.message))
            elif isinstance(result, Looked):
                looked += 1
                if result.problem is not None:
                    found.problems.append(result.problem)
                elif result.hit:
                    pool.put("read", [result.path], first=True)
                    gives.update(result.gives)
                elif result.takes:
                    waiting.append(result)
            elif isinstance(result, NotFollowed):
                found.not_followed.append(result.path)
                found.launches += result.launches
            elif isinstance(result, tuple):
                found.problems.append(result)
            else:
                found.launches += result
            progress(looked, found.files, len(found.launches))
            if not pool.busy and waiting:
                further, waiting = _through(waiting, gives), []
                for path in further:
                    pool.put("read", [path])
    found.launches.sort(key=lambda x: (x.path, x.number))
    found.problems.sort(key=lambda p: (p[0].path, p[0].line or 0))
    return found


def _jobs(asked: int | None, files: int) -> int:
    if asked is not None:
        return asked
    if files < MANY:
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(trees: Iterable[Path]) -> Iterator[str]:
    """The files of trees, each once, named as the tree is."""
    seen: set[str] = set()
    for top in trees:
        prefix = "" if str(top) == "." else f"{str(top).rstrip('/')}/"
        for name in listed(top):
            path = prefix + name
            if path not in seen:
                seen.add(path)
                yield path


def _in_plain_sight(path: str, data: bytes) -> list[Launch]:
    """Where a Python file starts a server by itself. Raises ReadError where it is no Python."""
    if not _starts(data):
        return []
    places = bound.starts(data, path)
    return [
        Launch(path, number, len(places), name, "python", line, False, Match(None, 0.0), False)
        for number, (line, name) in enumerate(places, 1)
    ]


def _problem(path: str, exc: ReadError) -> Problem:
    message = exc.found + (f"; expected {exc.expected}" if exc.expected else "")
    return place(exc.where, Path(path)), message


_SERVE = re.compile(rb"sglang[\"'\s,\\\]\[-]+serve\b")
_SERVE_WORD = re.compile(rb"\bserve\b")
_VARIABLE = re.compile(rb"\b(?:SGLANG|AITER)_\w")
_SHEBANG = b"#!"
_TOP_LEVEL = re.compile(rb"^(?:class|def|async +def) +(\w+)", re.MULTILINE)
_FROM = re.compile(rb"^[ \t]*from +([\w.]+) +import +(\([^)]*\)|[^\n#]+)", re.MULTILINE)
_IMPORT = re.compile(rb"^[ \t]*import +([\w., ]+)", re.MULTILINE)
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
)
_TESTS = (b"__main__", b"TestCase", b"def test_", b"class Test", b"fixture")


def _look(path: str) -> Looked:
    kind = by_name(path)
    data = _bytes(path, kind)
    if data is None:
        return Looked(path)
    reader = kind or detect(path, data)
    if reader == "python":
        return _look_at_python(path, data)
    if reader == "dotenv":
        return Looked(path, hit=_VARIABLE.search(data) is not None)
    hit = b"launch_server" in data or (b"sglang" in data and _SERVE_WORD.search(data) is not None)
    if reader != "bash":
        return Looked(path, hit=hit and reader is not None)
    gives = ((os.fsencode(path).rpartition(b"/")[2], b""),)
    if hit:
        return Looked(path, hit=True, gives=gives)
    sourced = {n for rest in _SOURCED.findall(data) for n in _FILE_NAME.findall(rest)}
    return Looked(path, gives=gives, takes=tuple((s, b"") for s in sorted(sourced)))


def _bytes(path: str, kind: str | None) -> bytes | None:
    """The bytes of a file; None for one that no reader is meant for, and for a link.

    Raises ReadError where a reader is meant for it, by its name, and it can't be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as exc:
        gone = isinstance(exc, FileNotFoundError)  # git lists what it tracks, deleted or not
        # A link's target is looked at where it is; one that leads nowhere is told.
        linked = Path(path).is_symlink() and Path(path).exists()
        if kind is None or gone or linked:
            return None
        return load(Path(path))
    try:
        if kind is None:
            with contextlib.suppress(OSError):  # a folder, say
                if os.pread(handle, len(_SHEBANG), 0) == _SHEBANG:
                    return loaded(handle, Path(path))
            return None
        return loaded(handle, Path(path))
    finally:
        os.close(handle)


def _look_at_python(path: str, data: bytes) -> Looked:
    words = _words(data)
    stem = os.fsencode(path).removesuffix(b".py").removesuffix(b"/__init__").rpartition(b"/")[2]
    if _starts(data):
        names = [n for n, block in _blocks(data) if any(s in block for s in _STARTERS)]
        return Looked(path, hit=True, gives=tuple((stem, n) for n in (b"", *names)))
    if not words and not path.endswith("__init__.py") and not any(t in data for t in _TESTS):
        return Looked(path)
    return Looked(path, takes=tuple(sorted(_imports(data))))


def _words(data: bytes) -> bool:
    return b"launch_server" in data or _SERVE.search(data) is not None


def _starts(data: bytes) -> bool:
    """Whether a Python file may start a server by itself."""
    return b"ModelLaunchSettings" in data or (_words(data) and any(s in data for s in _STARTERS))


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
        found |= {(m.rpartition(b".")[2], b"") for m in modules}
    return found


def _through(waiting: Iterable[Looked], gives: set[Name]) -> list[str]:
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
        data = load(Path(looked.path))
    except ReadError:  # told where it is read
        return set()
    whole = os.fsencode(looked.path)
    stem = whole.removesuffix(b".py").removesuffix(b"/__init__").rpartition(b"/")[2]
    words = {name or module for module, name in taken}
    names = {n for n, block in _blocks(data) if any(w in block for w in words)}
    if whole.endswith(b"/__init__.py"):
        names |= words
    return {(stem, n) for n in (b"", *names)} if names else set()
