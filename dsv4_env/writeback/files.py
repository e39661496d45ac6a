"""Files written in one step, checked before and after, and put back where the check fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.guard import git
from dsv4_env.guard.files import read_bytes, real
from dsv4_env.guard.writing import locked, replace
from dsv4_env.model.errors import Dsv4Error, ReadError, UsageError


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that gets other bytes; *old* is what was read, None where it is a new file."""

    path: Path
    old: bytes | None
    new: bytes


def dirty(path: Path) -> bool:
    """Whether git knows a file and it has changes that aren't committed."""
    path = real(path)
    words = ["status", "--porcelain", "-z", "--ignored=no", "--untracked-files=no"]
    words += ["--ignore-submodules=all", "--", f":(literal){path.name}"]
    try:
        return bool(git.ask(path.parent, *words, named=False))
    except git.NoGitError:
        return False
    except UsageError as exc:
        raise UsageError(
            f"whether it has changes that aren't committed can't be told: {exc.found}",
            where=path,
            expected=f"{exc.expected}; or --force",
        ) from None


def _check(changes: Sequence[FileChange], *, force: bool) -> None:
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
        now = _bytes(change.path)
        if now != change.old:
            raise UsageError(
                "it has changed since it was read",
                where=change.path,
                expected="it as it was, or --force",
            )


def write_changes(
    changes: Sequence[FileChange], verify: Callable[[], str | None], *, force: bool
) -> None:
    """Write all files, or none: where *verify* then says what is wrong, the old bytes come back.

    Raises UsageError where a file may not be written, ReadError where the result isn't the intent.
    """
    changes = [c for c in changes if c.old != c.new]
    with locked(*(real(c.path).parent for c in changes)):
        _write(changes, verify, force=force)


def _bytes(path: Path) -> bytes | None:
    return read_bytes(path) if path.exists() else None


def _write(changes: Sequence[FileChange], verify: Callable[[], str | None], *, force: bool) -> None:
    _check(changes, force=force)
    kept = [(c.path, _bytes(c.path)) for c in changes]
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
