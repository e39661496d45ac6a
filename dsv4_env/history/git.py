"""Versions of files in a git repository, through git's own plumbing: nothing is checked out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dsv4_env.guard import git
from dsv4_env.guard.files import MAX_BYTES as MAX_BYTES
from dsv4_env.model.errors import ReadError, UsageError

_ABSENT = "0" * 40
_RENAMES = 400  # files of one commit among which git looks for those that it moved


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its id, when it landed (the committer's time) and its subject."""

    id: str
    time: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class Version:
    """A file as a commit left it; *blob* is None where the commit deleted it.

    *before* is the path that the commit moved it from, None where it's no move.
    """

    path: str
    commit: Commit
    blob: str | None
    before: str | None = None


def resolve_revision(repository: Path, ref: str) -> str:
    """The commit that a branch, tag or id names. Raises UsageError."""
    if ref.startswith("-"):
        raise UsageError(f"{ref!r} is no revision", expected="a branch, tag or commit")
    found = _git(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", check=False)
    if not found:
        _git(repository, "rev-parse", "--git-dir")  # says that it is no repository, if so
        raise git.unknown_revision(repository, ref)
    return found.decode().strip()


def versions(repository: Path, ref: str, paths: Sequence[str]) -> tuple[list[Version], int]:
    """(every version of the files that globs name, number of commits), oldest first.

    A branch is followed along its first parents: a merge counts as the commit that brought its
    changes, at the time it did.
    """
    commit = resolve_revision(repository, ref)
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
        "-M50%",  # whatever diff.renames of the user's configuration says
        f"-l{_RENAMES}",
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
            _, mode, _, blob, what = part.split(" ", 4)
            path = next(parts)
            before, path = (path, next(parts)) if what.startswith("R") else (None, path)
            regular = mode.startswith("100")
            there = regular and blob != _ABSENT
            yield Version(path, current, blob if there else None, before)


def contents(
    repository: Path, blobs: Sequence[str], progress: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[str, bytes | None]]:
    """(blob, its bytes) in order, through ``cat-file``; None for what is too large.

    Raises ReadError for a blob that git can't give.
    """
    sizes = _sizes(repository, blobs)
    done = 0
    for batch in _batches(blobs, sizes):
        data = _asked(repository, "--batch", [b for b in batch if sizes[b] <= MAX_BYTES])
        at = 0
        for blob in batch:
            done += 1
            if sizes[blob] > MAX_BYTES:
                yield blob, None
                continue
            at = data.index(b"\n", at) + 1
            yield blob, data[at : at + sizes[blob]]
            at += sizes[blob] + 1  # the newline that ends each object
            progress(done)


def _sizes(repository: Path, blobs: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    lines = _asked(repository, "--batch-check", blobs).split(b"\n")
    for blob, line in zip(blobs, lines, strict=False):
        head = line.split()
        if len(head) != 3:
            expected = "a clone with all its objects"
            raise ReadError(f"git can't give {blob}", where=repository, expected=expected)
        found[blob] = int(head[2])
    return found


def _batches(blobs: Sequence[str], sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """The blobs in lots of a few megabytes, so that the memory holds but a part of a history."""
    batch: list[str] = []
    total = 0
    for blob in blobs:
        if batch and total + sizes[blob] > MAX_BYTES:
            yield batch
            batch, total = [], 0
        batch.append(blob)
        total += sizes[blob] if sizes[blob] <= MAX_BYTES else 0
    if batch:
        yield batch


def _asked(repository: Path, how: str, blobs: Sequence[str]) -> bytes:
    given = "".join(f"{blob}\n" for blob in blobs).encode()
    return git.run(repository, "cat-file", how, given=given).stdout


def _git(repository: Path, *words: str, check: bool = True) -> bytes:
    return git.ask(repository, *words) if check else git.run(repository, *words).stdout
