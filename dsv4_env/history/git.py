"""Versions of files in a git repository, through git's own plumbing: nothing is checked out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dsv4_env.drift.files import run_git
from dsv4_env.errors import ReadError, UsageError

MAX_BYTES = 5_000_000
_ABSENT = "0" * 40


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its id, when it landed (the committer's time) and its subject."""

    id: str
    time: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Version:
    """A file as a commit left it; *blob* is None where the commit deleted it."""

    path: str
    commit: Commit
    blob: str | None


def resolve(repository: Path, ref: str) -> str:
    """The commit that a branch, tag or id names. Raises UsageError."""
    if ref.startswith("-"):
        raise UsageError(f"{ref!r} is no revision", expected="a branch, tag or commit")
    found = _git(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", check=False)
    if not found:
        _git(repository, "rev-parse", "--git-dir")  # says that it is no repository, if so
        raise UsageError(f"git knows no {ref!r}", where=repository, expected="a branch or tag")
    return found.decode().strip()


def versions(repository: Path, ref: str, paths: Sequence[str]) -> tuple[list[Version], int]:
    """(every version of the files that globs name, number of commits), oldest first.

    A branch is followed along its first parents: a merge counts as the commit that brought its
    changes, at the time it did.
    """
    commit = resolve(repository, ref)
    count = int(_git(repository, "rev-list", "--first-parent", "--count", commit))
    data = _git(
        repository,
        "log",
        "--first-parent",
        "-m",
        "--reverse",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--no-show-signature",
        "--format=%x01%H %ct %s",
        commit,
        "--",
        *(f":(top,glob){p}" for p in paths),
    )
    return list(_parsed(os.fsdecode(data))), count


def _parsed(text: str) -> Iterator[Version]:
    current: Commit | None = None
    parts = iter(text.split("\0"))
    for part in parts:
        part = part.lstrip("\n")
        if part.startswith("\1"):
            commit, seconds, subject = part[1:].partition("\n")[0].split(" ", 2)
            current = Commit(commit, datetime.fromtimestamp(int(seconds), UTC), subject)
            part = part.partition("\n")[2].lstrip("\n")
        if part.startswith(":") and current is not None:
            _, mode, _, blob, _ = part.split(" ", 4)
            path = next(parts)
            regular = mode.startswith("100")
            yield Version(path, current, blob if regular and blob != _ABSENT else None)


def contents(
    repository: Path, blobs: Sequence[str], progress: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[str, bytes | None]]:
    """(blob, its bytes) in order, through one ``cat-file --batch``; None for what is too large."""
    process = subprocess.Popen(  # noqa: S603
        ["git", "-C", str(repository), "cat-file", "--batch"],  # noqa: S607
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for number, blob in enumerate(blobs, 1):
            process.stdin.write(f"{blob}\n".encode())
            process.stdin.flush()
            head = process.stdout.readline().split()
            if len(head) != 3:
                raise ReadError(f"git can't give {blob}", where=repository)
            size = int(head[2])
            yield blob, _exactly(process.stdout.read, size)
            process.stdout.read(1)  # the newline that ends each object
            progress(number)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def _exactly(read: Callable[[int], bytes], size: int) -> bytes | None:
    if size <= MAX_BYTES:
        return read(size)
    while size > 0:
        size -= len(read(min(size, 1 << 20)))
    return None


def _git(repository: Path, *words: str, check: bool = True) -> bytes:
    done = run_git(repository, *words)
    if done.returncode and check:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise ReadError(
            said.removeprefix("fatal: ") or f"git {words[0]} failed",
            where=repository,
            expected="a git repository",
        )
    return done.stdout
