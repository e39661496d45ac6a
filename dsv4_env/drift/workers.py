"""Processes that share work on many files; one that dies costs the file that killed it."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self

FORKS = sys.platform == "linux"
"""Whether a process has all that is imported already; elsewhere a fork isn't safe."""

_GARBAGE = 50_000  # new objects until garbage is looked for: a file's tree has as many, all in use
_AHEAD = 64  # shares that a process has at once: they are small, so its pipe takes them all
_GRACE = 2.0  # seconds that a process gets to end before it is killed


@dataclass(frozen=True, slots=True)
class Died:
    """A file at which a process died, or at which something went wrong that nobody foresaw."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done: *paths* are some, or the places of those that all processes know."""

    method: str
    paths: Sequence[str] | range


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    tasks: deque[_Task] = field(default_factory=deque)


@dataclass(slots=True)
class Pool:
    """Calls methods of *job* with paths, in *jobs* processes, or in this one where that is 0.

    Work may be put in while results come. Leaving the context ends the processes, whatever they
    are at. *known* are paths of which each process may do its share without waiting for others.
    """

    job: Any
    jobs: int
    known: Sequence[str] = ()
    _todo: deque[_Task] = field(default_factory=deque)
    _workers: list[_Worker] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.pipe.close()
            if worker.tasks:
                worker.process.terminate()
        for worker in self._workers:
            _end(worker)
        self._workers.clear()

    def put(self, method: str, paths: Sequence[str]) -> None:
        """Have *method* called with each of the paths."""
        self._todo.append(_Task(method, tuple(paths)))

    def share(self, method: str, size: int) -> None:
        """Have *method* called with each of the known paths; processes start with it at once."""
        for start in range(0, len(self.known), size):
            self._todo.append(_Task(method, range(start, min(start + size, len(self.known)))))
        if self.jobs:
            self._start()
            for _ in range(_AHEAD - 1):
                for worker in self._workers:
                    self._give(worker)

    @property
    def busy(self) -> bool:
        """Whether there is work left, waiting or under way."""
        return bool(self._todo) or any(w.tasks for w in self._workers)

    def results(self) -> Iterator[Any]:
        """The result of each call, in no order, until there is no work left."""
        while self.busy:
            if self.jobs == 0:
                yield from _called(self.job, self._todo.popleft(), self.known)
                continue
            # All are sent something before any result is looked at: what is made of it takes time.
            self._start()
            ready = wait([w.pipe for w in self._workers if w.tasks])
            for worker in [w for w in self._workers if w.pipe in ready]:
                yield from self._taken(worker)

    def _start(self) -> None:
        while len(self._workers) < min(self.jobs, len(self._todo)):
            self._workers.append(self._started())
        for worker in self._workers:
            if not worker.tasks:
                self._give(worker)

    def _taken(self, worker: _Worker) -> Iterator[Any]:
        task = worker.tasks[0]
        try:
            results = worker.pipe.recv()
        except (EOFError, OSError):
            self._workers.remove(worker)
            worker.pipe.close()
            _end(worker)
            paths = _paths(task, self.known)
            self._todo.extend([*worker.tasks][1:])
            worker.tasks.clear()
            if len(paths) > 1:  # one of them it was: each on its own, to tell which
                self._todo.extend(_Task(task.method, (p,)) for p in paths)
            else:
                yield Died(paths[0], f"the process that read it died ({_how(worker)})")
            return
        worker.tasks.popleft()
        if not worker.tasks or isinstance(task.paths, range):
            self._give(worker)
        yield from results

    def _give(self, worker: _Worker) -> None:
        if not self._todo:
            return
        worker.tasks.append(self._todo.popleft())
        with contextlib.suppress(OSError):  # a dead one is found when its answer is waited for
            worker.pipe.send(worker.tasks[-1])

    def _started(self) -> _Worker:
        context: Any = multiprocessing.get_context("fork" if FORKS else "spawn")
        here, there = context.Pipe()
        inherited = [here, *(w.pipe for w in self._workers)] if FORKS else []
        process = context.Process(
            target=_work, args=(self.job, there, inherited, self.known), daemon=True
        )
        process.start()
        there.close()
        return _Worker(process, here)


def _paths(task: _Task, known: Sequence[str]) -> Sequence[str]:
    places = task.paths
    return known[places.start : places.stop] if isinstance(places, range) else places


def _called(job: Any, task: _Task, known: Sequence[str]) -> list[Any]:
    found = []
    for path in _paths(task, known):
        try:
            found.append(getattr(job, task.method)(path))
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # whatever it is, it must not cost the other files
            found.append(Died(path, f"reading it failed: {type(exc).__name__}: {exc}"))
    return found


def _work(
    job: Any, pipe: Connection, inherited: Sequence[Connection], known: Sequence[str]
) -> None:
    """What a process does until its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what came with the fork stays as long as the process
    gc.set_threshold(_GARBAGE)
    for other in inherited:  # else it would never see that its own is closed
        other.close()
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(_called(job, task, known))
        except OSError:
            return


def _end(worker: _Worker) -> None:
    worker.process.join(_GRACE)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _how(worker: _Worker) -> str:
    code = worker.process.exitcode or 0
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"{signal.Signals(-code).name}"
    return f"exit code {code}"
