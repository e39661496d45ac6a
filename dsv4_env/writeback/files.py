"""Files written in one step, checked before and after, and put back where the check fails."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.errors import Dsv4Error, ReadError, UsageError


@dataclass(frozen=True, slots=True)
class Change:
    """A file that gets other bytes; *old* is what was read, None where it is a new file."""

    path: Path
    old: bytes | None
    new: bytes


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step: it is there whole or as it was, with the mode it had.

    A link is followed. Raises UsageError where the folder can't be written.
    """
    path = path.resolve()
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise UsageError(f"can't be written: {reason}", where=path) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def dirty(path: Path) -> bool:
    """Whether git knows a file and it has changes that aren't committed."""
    path = path.resolve()
    words = ["status", "--porcelain", "-z", "--ignored=no", "--untracked-files=no", "--", path.name]
    try:
        done = subprocess.run(  # noqa: S603  # options of ours and a file's name behind --
            ["git", "--literal-pathspecs", "-C", str(path.parent), *words],  # noqa: S607  # the user's
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except OSError:
        return False
    return done.returncode == 0 and bool(done.stdout)


def check(changes: Sequence[Change], *, force: bool) -> None:
    """Raise UsageError where a file may not be written: changed since, or dirty, unless forced."""
    for change in changes:
        if force:
            continue
        if change.old is not None and dirty(change.path):
            raise UsageError(
                "it has changes that aren't committed",
                where=change.path,
                expected="them committed or stashed, or --force",
            )
        now = change.path.read_bytes() if change.path.exists() else None
        if now != change.old:
            raise UsageError(
                "it has changed since it was read",
                where=change.path,
                expected="it as it was, or --force",
            )


def write(changes: Sequence[Change], verify: Callable[[], str | None], *, force: bool) -> None:
    """Write all files, or none: where *verify* then says what is wrong, the old bytes come back.

    Raises UsageError where a file may not be written, ReadError where the result isn't the intent.
    """
    changes = [c for c in changes if c.old != c.new]
    check(changes, force=force)
    kept = [(c.path, c.path.read_bytes() if c.path.exists() else None) for c in changes]
    done = 0
    try:
        for change in changes:
            replace(change.path, change.new)
            done += 1
        try:
            wrong = verify()
        except Dsv4Error as exc:
            wrong = str(exc)
        if wrong is not None:
            raise ReadError(
                f"what was written isn't read as it should be ({wrong}): the old bytes are back",
                where=changes[0].path if changes else None,
            )
    except BaseException:
        for path, old in kept[:done]:
            if old is None:
                path.unlink(missing_ok=True)
            else:
                replace(path, old)
        raise
