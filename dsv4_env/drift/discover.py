"""The launches in a tree that are near a profile, or of the models that the profiles are for.

A look at a file's bytes comes before all else: what can't hold a launch is never parsed. Python
files and scripts without one of their own are read all the same where they import or source a
file of the tree that launches. A test or script whose launches can't be near a profile, nor of the
family, is only counted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from dsv4_env.drift import bound, workers
from dsv4_env.drift.bound import SimilarityBound
from dsv4_env.drift.family import is_of_family
from dsv4_env.drift.files import listed
from dsv4_env.drift.lines import location_of
from dsv4_env.drift.look import Looked, Name, look, starts, through
from dsv4_env.drift.nearest import Nearest, ProfileMatch
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import READERS, HowRead, detect, file_bytes, label, read

STEPS = 50_000  # of a Python file: enough for a test, not for a library that may launch anything
MANY = 400  # files from which on processes share the work: starting them takes as long
_CHUNK = 128
_FEW = 8  # files to be read that aren't worth starting processes for
# What the readers of most files meet in some way.
_TRIVIAL = {"bash": "export A=1\npython3 -m sglang.launch_server --tp 8\n", "python": "f()\n"}

Problem = tuple[Location, str]


@dataclass(frozen=True, slots=True)
class FoundLaunch:
    """A launch that was found: the *number*-th (from 1) of the *of* ones in its file.

    *label* is its name within the file, empty where it has none; *variables* says that the file
    holds environment variables only. Of one that isn't *followed*, no more is known than where a
    server is started, and that no profile is near. *family*: it launches a model that profiles are
    for. *trouble* is what keeps it from being followed to its end, each with its place. *kept* is
    what :meth:`Nearest.kept` keeps of the launch. *role* is its part in a disaggregated set; a
    router counts where a server of its file does.
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
    family: bool = False
    trouble: tuple[Problem, ...] = ()
    kept: LaunchConfig | None = None
    role: str | None = None

    @property
    def router(self) -> bool:
        """Whether it is a router, which no profile says anything of."""
        return self.role == "router"

    @property
    def role_of_several(self) -> str | None:
        """Its role where it's one of a disaggregated set."""
        return self.role if self.role != "aggregated" else None

    @property
    def counts(self) -> bool:
        """Whether it is one that somebody looks for: near, of the family, or not known."""
        return self.match.profile is not None or self.family or bool(self.trouble)


@dataclass(frozen=True, slots=True)
class CountedFile:
    """A test or script that wasn't followed, and how many servers it seems to start."""

    path: str
    launches: int


@dataclass(slots=True)
class Discovered:
    """What a tree holds: its launches by path, what couldn't be read, and how many files it has.

    *counted* are the tests and scripts that may launch, but by their bytes nothing that is near a
    profile or of the family; *notes* say what the list of files may lack or have too much.
    """

    launches: list[FoundLaunch] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    counted: list[CountedFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Job:
    """What each process needs.

    *nearest* makes what matches launches, on first need; *roots* are the folders that imports
    must lie below, the first that the file lies below. *profiles* is the user's own folder.
    """

    nearest: Callable[[], Nearest]
    roots: Sequence[str]
    profiles: Path | None = None
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

    def read(self, path: str) -> list[FoundLaunch] | Problem:
        """The launches of a file."""
        try:
            data = file_bytes(path)
            reader = detect(path, data)
            if reader is None:
                return []
            how = HowRead(
                reader, root=self._root(path), steps=STEPS, profiles=self.profiles, routers=True
            )
            launches = read(data, Path(path), how)
            if any(n.cut for c in launches for n in c.notes) and any(
                self._nearest()(c).profile or self._nearest().kept(c)
                for c in launches
                if not c.router
            ):  # as `check` would read it, so that a pair holds what is told here
                launches = read(data, Path(path), replace(how, steps=None))
        except ReadError as exc:
            return _problem(path, exc)
        found: list[FoundLaunch] = []
        for number, config in enumerate(launches, 1):
            if config.router:
                found.append(_router(path, number, config, found, len(launches)))
                continue
            name = label(config, path)
            match = self._nearest()(config, (name, self._told(path)))
            kept = self._nearest().kept(config)
            if match.profile is None and kept is None and not config.launched:
                continue  # nothing says that it is a server's
            at = config.location
            line = at.line if at is not None and at.path == path else None  # else: in a base class
            found.append(
                FoundLaunch(
                    path,
                    number,
                    len(launches),
                    name,
                    config.reader,
                    line,
                    config.args is None,
                    match,
                    family=is_of_family(config, self._nearest().family),
                    trouble=tuple(_trouble(config, path)),
                    kept=kept,
                    role=config.role,
                )
            )
        return found

    def glance(self, path: str) -> list[FoundLaunch] | Problem:
        """Where a Python file starts servers in plain sight."""
        try:
            return _in_plain_sight(path, file_bytes(path))
        except ReadError as exc:
            return _problem(path, exc)

    def follows(self, path: str, *, script: bool) -> bool:
        """Whether a file may launch what somebody looks for, so that it has to be followed."""
        bound = self._bound(self._root(path) or Path(path).parent)
        if path.endswith(".py"):
            return bound.follow(path)
        return bound.follow_script(path) if script else bound.follow_other(path)

    def _nearest(self) -> Nearest:
        if self._made is None:
            self._made = self.nearest()
        return self._made

    def _bound(self, folder: Path) -> SimilarityBound:
        if folder not in self._bounds:
            self._bounds[folder] = self._nearest().bound(folder)
        return self._bounds[folder]

    def _told(self, path: str) -> str:
        """A path as far as it may say something: below the folder that is looked through."""
        root = self._root(path)
        return path if root is None else os.path.relpath(path, root)

    def _root(self, path: str) -> Path | None:
        whole = os.path.abspath(path)  # noqa: PTH100  # as text: links stay
        return next((Path(r) for r in self.roots if whole.startswith(r.rstrip("/") + "/")), None)


@dataclass(frozen=True, slots=True)
class How:
    """How a tree is looked through.

    *root* is the folder that imports must lie below (the tree itself where it lies elsewhere),
    *profiles* the user's own folder of profiles; *jobs* are how many processes work, by default
    one for each processor in a tree of many files. *every*: a Python file that launches nothing
    that is looked for isn't only counted, but its launches in plain sight are told; *follow_all*:
    it is followed as well.
    """

    root: Path
    profiles: Path | None = None
    jobs: int | None = None
    every: bool = False
    follow_all: bool = False


def discover(
    paths: Sequence[Path],
    nearest: Callable[[], Nearest],
    how: How,
    progress: Callable[[int, int, int], None] = lambda looked, files, launches: None,
) -> Discovered:
    """Every launch in files and trees of files.

    What can't be read costs one problem each. A Python file of a tree is followed where it may
    launch what is near a profile or of the family. *nearest* makes what matches launches to
    profiles, in each process anew; *progress* hears of files that are done, of all, and of
    launches found.
    """
    job = job_for(paths, nearest, how)
    found = Discovered()
    chosen = choose_files(paths, job, how, found, progress)
    wanted, glanced = chosen.read, [c.path for c in chosen.glanced]
    jobs = _jobs(how.jobs, found.files)
    wanted.sort(key=lambda p: not p.endswith(".py"))  # what may take longest first
    done = found.files - len(wanted) - len(glanced)
    share = jobs if len(wanted) + len(glanced) >= _FEW else min(jobs, how.jobs or 0)
    for method, those in (("read", wanted), ("glance", glanced)):
        results = workers.each(job, method, those, jobs=share)
        with contextlib.closing(results):
            for result in results:
                done += 1
                if isinstance(result, list):
                    found.launches += result
                else:
                    found.problems.append(_told(result))
                progress(done, found.files, len(found.launches))
    found.launches.sort(key=lambda x: (x.path, x.number))
    found.counted.sort(key=lambda c: c.path)
    found.problems.sort(key=lambda p: (p[0].path, p[0].line or 0))
    return found


def job_for(paths: Iterable[Path], nearest: Callable[[], Nearest], how: How) -> Job:
    """What each process needs for these files and trees."""
    roots = (how.root, *(p for p in paths if p.is_dir()))
    return Job(nearest, [os.path.abspath(p) for p in roots], how.profiles)  # noqa: PTH100


@dataclass(frozen=True, slots=True)
class ChosenFiles:
    """The files of trees that are to be read, and those of which a glance is enough."""

    read: list[str]
    glanced: list[CountedFile]


def choose_files(
    paths: Sequence[Path],
    job: Job,
    how: How,
    found: Discovered,
    progress: Callable[[int, int, int], None] = lambda looked, files, launches: None,
) -> ChosenFiles:
    """Look at every file, and tell those that have to be read.

    What isn't read is told to *found*: how many files there are, problems, and those that are
    only counted.
    """
    trees = [p for p in paths if p.is_dir()]
    # What the user names is read whatever it is called.
    named = list(dict.fromkeys(str(p) for p in paths if not p.is_dir()))
    names = _names(trees, frozenset(named), found.notes.append)
    found.files = len(names) + len(named)
    gives: set[Name] = set()
    hits: dict[str, int] = {}
    scripts: set[str] = set()
    waiting: list[Looked] = []
    jobs = _jobs(how.jobs, len(names))
    # What reading takes is brought in while the others look.
    prepare = job.prepare if workers.FORKS else lambda: None
    looks = workers.each(job, "look", names, jobs=jobs, size=_CHUNK, meanwhile=prepare)
    # A file counts as done once it is looked at, and what is to be read once it is read.
    done = 0
    with contextlib.closing(looks):
        for result in looks:
            done += 1
            if isinstance(result, Looked):
                if result.hit:
                    hits[result.path] = result.servers
                    if result.script:
                        scripts.add(result.path)
                    gives.update(result.gives)
                    done -= 1
                elif result.takes:
                    waiting.append(result)
            elif result is not None:
                found.problems.append(_told(result))
            progress(done, found.files, 0)
    passed_on = dict.fromkeys(through(waiting, gives), 0)
    wanted = list(named)
    glanced: list[CountedFile] = []
    for path, servers in (hits | passed_on).items():
        script = path in scripts
        judged = path.endswith(".py") or (path in hits and not (script and how.every))
        if how.follow_all or not judged or job.follows(path, script=script):
            wanted.append(path)
        elif how.every and path in hits:
            glanced.append(CountedFile(path, servers))
        else:
            found.counted.append(CountedFile(path, servers))
    return ChosenFiles(wanted, glanced)


def _router(
    path: str, number: int, config: LaunchConfig, servers: Sequence[FoundLaunch], of: int
) -> FoundLaunch:
    """A router, of which no profile says anything; *servers* are those of its file."""
    at = config.location
    line = at.line if at is not None and at.path == path else None
    family = any(s.family or s.match.profile is not None for s in servers)
    match = ProfileMatch(None, 0.0)
    return FoundLaunch(
        path, number, of, label(config, path), config.reader, line, False, match,
        family=family, role=config.role,
    )  # fmt: skip


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


def _trouble(config: LaunchConfig, path: str) -> Iterator[Problem]:
    """What keeps a launch from being followed, with its place."""
    for note in config.notes:
        if note.lost or note.ended or note.cut:
            yield note.location or config.location or Location(path), note.bare


def _problem(path: str, exc: ReadError) -> Problem:
    return location_of(exc.where, Path(path)), exc.message
