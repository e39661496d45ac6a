"""The one way in which files are written: whole or not at all, as what they were, one at a time.

A file keeps its owner, mode, extended attributes and the link that leads to it; where that can't
be, it is left alone and the reason is told. Whoever reads, decides and writes holds a lock.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from dsv4_env.guard.files import checkout, is_within, real
from dsv4_env.model.errors import UsageError

PATIENCE = 30.0  # seconds to wait for another process that writes into the same folder


def replace(path: Path, data: bytes) -> None:
    """Write a file in one step: it is there whole or as it was.

    A link is followed, but not out of the checkout that it lies in. Raises UsageError where the
    file is read-only, has several names (hard links) or an owner that it couldn't keep, and where
    the folder can't be written.
    """
    place = target(path)
    try:
        before = place.stat()
    except FileNotFoundError:
        before = None
    except OSError as exc:
        raise _refused(path, exc) from None
    if before is not None:
        _keepable(path, place, before)
    if place.parent.is_dir() and not place.parent.stat().st_mode & 0o222:
        expected = "a folder that may be written (chmod u+w)"
        raise UsageError("its folder is read-only", where=path, expected=expected)
    try:
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name[:60]}.")
    except OSError as exc:
        raise _refused(path, exc) from None
    made = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if before is None:
            made.chmod(0o666 & ~_umask())
        else:
            _as_before(path, place, made, before)
        made.replace(place)
    except OSError as exc:
        made.unlink(missing_ok=True)
        raise _refused(path, exc) from None
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def pour(path: Path, data: bytes) -> None:
    """Write into a device or a pipe, which stays what it is. Raises UsageError.

    A pipe that nobody reads from is an error, as it would be waited for without end.
    """
    try:
        handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "wb") as file:
            os.set_blocking(file.fileno(), True)
            file.write(data)
    except OSError as exc:
        raise _refused(path, exc) from None


def target(path: Path) -> Path:
    """Where a file is that is written by this name. Raises UsageError as :func:`replace` does."""
    place = real(path)
    around = checkout(path)
    if around is not None and not is_within(place, around):
        raise UsageError(
            f"it is a symbolic link out of {around}",
            where=path,
            expected="a file within it, or the file itself by its own path",
        )
    return place


def _keepable(path: Path, place: Path, before: os.stat_result) -> None:
    if not stat.S_ISREG(before.st_mode):
        raise UsageError("it is no regular file", where=path, expected="a file")
    # Root may write into everything, but who took the permission away meant something by it.
    if not before.st_mode & 0o222 or not os.access(place, os.W_OK):
        raise UsageError(
            "it is read-only", where=path, expected="a file that may be written (chmod u+w)"
        )
    if before.st_nlink > 1:
        raise UsageError(
            f"it has {before.st_nlink} names (hard links), and only this one would change",
            where=path,
            expected="a file with one name: copy it first",
        )


def _as_before(path: Path, place: Path, made: Path, before: os.stat_result) -> None:
    """Give the new file the owner, attributes and mode of the old one."""
    status = made.stat()
    if (status.st_uid, status.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.chown(made, before.st_uid, before.st_gid)
        except PermissionError:
            raise UsageError(
                f"it belongs to user {before.st_uid} and group {before.st_gid}, "
                "which it couldn't keep",
                where=path,
                expected="a file of your own",
            ) from None
    import shutil  # it brings in all that archives take

    shutil.copystat(place, made)  # extended attributes and access lists with the mode
    os.utime(made)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _refused(path: Path, exc: OSError) -> UsageError:
    reason = (exc.strerror or str(exc)).lower()
    return UsageError(f"can't be written: {reason}", where=path)


@contextlib.contextmanager
def locked(*folders: Path) -> Iterator[None]:
    """Within it, no other dsv4-env writes into these folders.

    The folders themselves are locked, so that no file of a lock is left behind. Raises UsageError
    where another one doesn't end for half a minute.
    """
    with contextlib.ExitStack() as stack:
        for folder in sorted({real(f) for f in folders}):
            stack.enter_context(_locked(folder))
        yield


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows, where a folder can't be locked
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it isn't there: the write says so
        yield
        return
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise UsageError(
                        "another dsv4-env writes here", where=folder, expected="it to end first"
                    ) from None
                time.sleep(0.02)
            except OSError:  # a file system that has no locks for folders
                break
        yield
    finally:
        os.close(handle)
