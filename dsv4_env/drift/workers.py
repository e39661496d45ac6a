"""Processes that share work on many files; one that dies costs the file that killed it."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

FORKS = sys.platform == "linux"
"""Whether a process has all that is imported already; elsewhere a fork isn't safe."""

_GARBAGE = 50_000  # new objects until garbage is looked for: a file's tree has as many, all in use
_AHEAD = 2  # shares that a process is given at once, so that it needn't wait for the next
_job: Any = None  # of this process, where it is one that works for another


@dataclass(frozen=True, slots=True)
class Died:
    """A file at which a process died, or at which something went wrong that nobody foresaw."""

    path: str
    message: str


def each(
    job: Any,
    method: str,
    paths: Sequence[str],
    *,
    jobs: int,
    size: int = 1,
    meanwhile: Callable[[], None] = lambda: None,
) -> Generator[Any, None, None]:
    """Call a method of *job* with each path, in *jobs* processes, or in this one where that is 0.

    Gives the result of each call, in no order. A process gets *size* paths at once; *meanwhile* is
    called as soon as all have something to do. Closing it ends them, whatever they are at.
    """
    shares = deque(paths[at : at + size] for at in range(0, len(paths), size))
    alone: deque[Sequence[str]] = deque()
    while jobs and (shares or alone):
        # One of those that were under way when a process died killed it: each on its own tells.
        one = bool(alone)
        lost, how = yield from _pooled(job, method, alone or shares, 1 if one else jobs, meanwhile)
        if one and lost:
            yield Died(lost[0], f"the process that read it died ({how})")
        else:
            alone.extend([path] for path in lost)
    for share in shares:
        yield from _called(job, method, share)


def _pooled(
    job: Any,
    method: str,
    shares: deque[Sequence[str]],
    jobs: int,
    meanwhile: Callable[[], None],
) -> Generator[Any, None, tuple[list[str], str]]:
    """Work on shares until a process dies: the paths that were under way, and how it ended."""
    ahead = _AHEAD * jobs if jobs > 1 else 1
    running: dict[Future[list[Any]], Sequence[str]] = {}
    lost: list[str] = []
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("fork" if FORKS else "spawn")
    pool = ProcessPoolExecutor(min(jobs, len(shares)), context, _begun, (job,))
    processes: set[Any] = set()
    try:
        pool.submit(_nothing).result()  # so that they are known before one can die
        while not lost and (shares or running):
            with contextlib.suppress(BrokenProcessPool):  # what is under way tells it
                while shares and len(running) < ahead:
                    future = pool.submit(_work, method, shares[0])
                    running[future] = shares.popleft()
            processes |= set(multiprocessing.active_children()) - before
            meanwhile()
            meanwhile = _nothing
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                share = running.pop(future)
                try:
                    yield from future.result()
                except BrokenProcessPool:
                    lost += share
    except BaseException:
        # Those as well that were started when it was ended, before they were known.
        for process in processes | (set(multiprocessing.active_children()) - before):
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    lost += [path for share in running.values() for path in share]
    return lost, ", ".join(sorted(_how(p.exitcode or 0) for p in processes))


def _nothing() -> None:
    pass


def _begun(job: Any) -> None:
    """What a process does first."""
    global _job
    _job = job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.freeze()  # what came with the fork stays as long as the process
    gc.set_threshold(_GARBAGE)


def _work(method: str, paths: Sequence[str]) -> list[Any]:
    return list(_called(_job, method, paths))


def _called(job: Any, method: str, paths: Sequence[str]) -> Iterator[Any]:
    for path in paths:
        try:
            yield getattr(job, method)(path)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as exc:  # whatever it is, it must not cost the other files
            yield Died(path, f"reading it failed: {type(exc).__name__}: {exc}")


def _how(code: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"
