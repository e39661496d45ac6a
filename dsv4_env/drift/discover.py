"""Every launch in a tree of files, each with the profile that it is nearest to.

A look at a file's bytes comes before all else: what can't hold a launch is never parsed. Python
files and scripts without one of their own are read all the same where they import or source a
file of the tree that launches.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.drift import bound, workers
from dsv4_env.drift.bound import SimilarityBound
from dsv4_env.drift.files import listed
from dsv4_env.drift.lines import location_of
from dsv4_env.drift.look import Looked, Name, look, starts, through
from dsv4_env.drift.nearest import Nearest, ProfileMatch
from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import READERS, HowRead, detect, file_bytes, label, read

STEPS = 50_000  # of a Python file: enough for a test, not for a library that may launch anything
MANY = 400  # files from which on processes share the work: starting them takes as long
_CHUNK = 128
# What the readers of most files meet in some way.
_TRIVIAL = {"bash": "export A=1\npython3 -m sglang.launch_server --tp 8\n", "python": "f()\n"}

Problem = tuple[Location, str]


@dataclass(frozen=True, slots=True)
class FoundLaunch:
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
    match: ProfileMatch
    followed: bool = True


@dataclass(slots=True)
class Discovered:
    """What a tree holds: its launches by path, what couldn't be read, and how many files it has.

    *not_followed* are the Python files that may launch, but hold too few names of any profile's
    settings to be near it; *notes* say what the list of files may lack or have too much.
    """

    launches: list[FoundLaunch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    not_followed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NotFollowed:
    """A file that wasn't followed, and where a server is started in it."""

    path: str
    launches: tuple[FoundLaunch, ...]


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
    _bounds: dict[Path, SimilarityBound] = field(default_factory=dict)

    def prepare(self) -> None:
        """Bring in what reading takes, so that processes that are forked needn't each."""
        for name, text in _TRIVIAL.items():
            for config in READERS[name](text, ""):
                self._nearest()(config)
        self._bound(Path(self.roots[0]))

    def look(self, path: str) -> Looked | Problem | None:
        """A look at a file's bytes."""
        try:
            return look(path)
        except ReadError as exc:
            return _problem(path, exc)

    def read(self, path: str) -> list[FoundLaunch] | NotFollowed | Problem:
        """The launches of a file."""
        try:
            data = file_bytes(path)
            reader = detect(path, data)
            if reader is None:
                return []
            root = self._root(path)
            if reader == "python" and not self._may_be_near(path, root):
                return NotFollowed(path, tuple(_in_plain_sight(path, data)))
            launches = read(data, Path(path), HowRead(reader, root=root, steps=STEPS))
        except ReadError as exc:
            return _problem(path, exc)
        found: list[FoundLaunch] = []
        for number, config in enumerate(launches, 1):
            match = self._nearest()(config)
            if match.profile is None and not config.launched:
                continue  # nothing says that it is a server's
            at = config.location
            line = at.line if at is not None and at.path == path else None  # else: in a base class
            found.append(
                FoundLaunch(
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
        return self._bound(root or Path(path).parent).near(path)

    def _bound(self, folder: Path) -> SimilarityBound:
        if folder not in self._bounds:
            self._bounds[folder] = self._nearest().bound(folder)
        return self._bounds[folder]

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
) -> Discovered:
    """Every launch in files and trees of files.

    What can't be read costs one problem each. A Python file of a tree is followed where a profile
    may be near to what it launches, with *follow_all* in any case. *nearest* makes what matches
    launches to profiles, in each process anew; *root* is the folder that imports must lie below
    (the tree itself where it lies elsewhere); *jobs* are how many processes work, by default one
    for each processor in a tree of many files; *progress* hears of files looked at, of all, and
    of launches found.
    """
    found = Discovered()
    trees = [p for p in paths if p.is_dir()]
    # What the user names is read whatever it is called.
    named = list(dict.fromkeys(str(p) for p in paths if not p.is_dir()))
    names = _names(trees, frozenset(named), found.notes.append)
    found.files = len(names) + len(named)
    roots = [os.path.abspath(p) for p in (root, *trees)]  # noqa: PTH100
    job = Job(nearest, roots, None if follow_all else frozenset(named))
    gives: set[Name] = set()
    waiting: list[Looked] = []
    looked = 0
    jobs = _jobs(jobs, len(names))
    wanted = list(named)
    # What reading takes is brought in while the others look.
    prepare = job.prepare if workers.FORKS else lambda: None
    looks = workers.each(job, "look", names, jobs=jobs, size=_CHUNK, meanwhile=prepare)
    with contextlib.closing(looks):
        for result in looks:
            looked += 1
            if isinstance(result, Looked):
                if result.hit:
                    wanted.append(result.path)
                    gives.update(result.gives)
                elif result.takes:
                    waiting.append(result)
            elif result is not None:
                found.problems.append(_told(result))
            progress(looked, found.files, 0)
    wanted += through(waiting, gives)
    wanted.sort(key=lambda p: not p.endswith(".py"))  # what may take longest first
    reads = workers.each(job, "read", wanted, jobs=jobs)
    with contextlib.closing(reads):
        for result in reads:
            if isinstance(result, NotFollowed):
                found.not_followed.append(result.path)
                found.launches += result.launches
            elif isinstance(result, list):
                found.launches += result
            else:
                found.problems.append(_told(result))
            progress(looked, found.files, len(found.launches))
    found.launches.sort(key=lambda x: (x.path, x.number))
    found.not_followed.sort()
    found.problems.sort(key=lambda p: (p[0].path, p[0].line or 0))
    return found


def _told(result: Problem | workers.Died) -> Problem:
    """What keeps a file from being read, or the process that was at it."""
    if isinstance(result, workers.Died):
        return Location(result.path), result.message
    return result


def _jobs(asked: int | None, files: int) -> int:
    if asked is not None:
        return asked
    if files < MANY:
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _names(
    trees: Iterable[Path], named: Collection[str], refused: Callable[[str], None]
) -> list[str]:
    """The files of trees, each once, named as the tree is, without those that are *named*."""
    found: dict[str, None] = {}
    for top in trees:
        prefix = "" if str(top) == "." else f"{str(top).rstrip('/')}/"
        found.update(dict.fromkeys(prefix + name for name in listed(top, refused)))
    return [n for n in found if n not in named]


def _in_plain_sight(path: str, data: bytes) -> list[FoundLaunch]:
    """Where a Python file starts a server by itself. Raises ReadError where it is no Python."""
    if not starts(data):
        return []
    places = bound.servers_started(data, path)
    return [
        FoundLaunch(
            path, number, len(places), name, "python", line, False, ProfileMatch(None, 0.0), False
        )
        for number, (line, name) in enumerate(places, 1)
    ]


def _problem(path: str, exc: ReadError) -> Problem:
    return location_of(exc.where, Path(path)), exc.message
