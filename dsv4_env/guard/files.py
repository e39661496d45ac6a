"""The one way in which files are opened: regular ones, of a bounded size, within their checkout.

A checkout may hold a link to ``/dev/zero`` or to a private key, a FIFO that nobody writes to, or
a file that fills the memory. Each is one error here, whatever it was opened for: a script, a
layer, the lock, pyproject.toml, a baseline, a sourced file or an imported module.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import BinaryIO

from dsv4_env.guard.asked import Place, question
from dsv4_env.model.errors import Dsv4Error, ReadError, did_you_mean

MAX_BYTES = 5_000_000
_STREAMS = ("/dev/fd/", "/proc/self/fd/")  # what a shell makes of <(…)


@question
def read_bytes(
    path: Path | str,
    *,
    expected: str | None = None,
    root: Path | str | None = None,
    error: type[Dsv4Error] = ReadError,
) -> bytes:
    """The bytes of a regular file of at most 5 MB.

    A path below *root* may not lead out of it by a symbolic link; of None it may lead anywhere,
    but for what lies in a checkout (see :func:`checkout`). Of a file that an editor holds they
    are those of its text (see :func:`unsaved`). Raises *error*, which says what the file was
    *expected* to be.
    """
    try:
        place = _target(path, root, error)
        held = _UNSAVED.get().get(place)
        if held is not None:
            if len(held) > MAX_BYTES:
                raise _large(path, f"{len(held):,}", error)
            return held
        # Opening a device can do something by itself, so it is looked at before.
        _regular(os.stat(place).st_mode, path, expected, error)  # noqa: PTH116
        handle = os.open(place, _FLAGS)
        try:
            return read_open(handle, path, expected=expected, error=error)
        finally:
            os.close(handle)
    except OSError as exc:
        raise _unreadable(path, exc, expected, error) from None
    except ValueError:  # a NUL byte in the name
        raise error(
            "can't be read: no file has such a name", where=repr(str(path)), expected=expected
        ) from None


_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | os.O_CLOEXEC | getattr(os, "O_NOCTTY", 0)


def read_open(
    handle: int,
    path: Path | str,
    *,
    expected: str | None = None,
    error: type[Dsv4Error] = ReadError,
) -> bytes:
    """The bytes of an open file, which *path* names, as :func:`read_bytes` gives them."""
    try:
        status = os.fstat(handle)
        _regular(status.st_mode, path, expected, error)
        if status.st_size > MAX_BYTES:
            raise _large(path, f"{status.st_size:,}", error)
        data = os.read(handle, status.st_size + 1)
        if len(data) != status.st_size:  # it changes right now, or has a size that isn't told
            with open(handle, "rb", closefd=False) as file:
                data += file.read(MAX_BYTES + 1 - len(data))
    except OSError as exc:
        raise _unreadable(path, exc, expected, error) from None
    if len(data) > MAX_BYTES:
        raise _large(path, f"more than {MAX_BYTES:,}", error)
    return data


def read_stream(file: BinaryIO, name: str) -> bytes:
    """The bytes of standard input, or of what a shell gives for ``<(…)``. Raises ReadError."""
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _large(name, f"more than {MAX_BYTES:,}", ReadError)
    return data


def read_named(path: Path | str, *, expected: str | None = None) -> bytes:
    """The bytes of what the user names: a file, or what a shell gives for ``<(…)``."""
    if not is_stream(path):
        need_file(path)
        return read_bytes(path, expected=expected)
    with Path(path).open("rb") as file:
        return read_stream(file, str(path))


@question
def need_file(path: Path | str) -> None:
    """Raise ReadError where the user names what isn't there, with the nearest name that is.

    Or where it's a folder, with what takes one.
    """
    if os.path.isdir(path):  # noqa: PTH112  # a NUL byte in the name is no error here
        raise ReadError(
            "can't be read: is a directory",
            where=path,
            expected=f"a file; `dsv4-env discover {path}` finds the launches in a folder",
        )
    if not os.path.lexists(path) and "\0" not in str(path):
        folder, name = os.path.split(path)
        try:
            near = did_you_mean(name, os.listdir(folder or "."))  # noqa: PTH208  # names alone
        except OSError:
            near = None
        pattern = any(c in str(path) for c in "*?[")
        raise ReadError(
            "can't be read: no such file or directory",
            where=path,
            expected="a file that is there"
            + (", or the pattern without quotes, for the shell to expand" if pattern else ""),
            hint=near and os.path.join(folder, near),  # noqa: PTH118  # as it was typed
        )


def check_size(
    data: str | bytes, path: Path | str, what: str, error: type[Dsv4Error] = ReadError
) -> None:
    """Raise *error* where there is more of a text than a file may have; *what* it should be."""
    if len(data) > MAX_BYTES:
        expected = f"{what} of at most {MAX_BYTES:,} bytes"
        raise error(f"{len(data):,} bytes", where=path, expected=expected)


_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip
_LETTER = rb"[\t\n\r -~]"
# Letters of UTF-16 without its mark.
_UNMARKED = re.compile(rb"(?:%b\0){4}|(?:\0%b){4}" % (_LETTER, _LETTER))


def check_narrow(
    data: str | bytes, path: Path | str, what: str, error: type[Dsv4Error] = ReadError
) -> None:
    """Raise *error* of a text in UTF-16 or UTF-32, which its NUL bytes make look like no text."""
    if isinstance(data, str):
        return
    mark = next((name for mark, name in _WIDE.items() if data.startswith(mark)), None)
    if mark is None and _UNMARKED.match(data):
        mark = "UTF-16"
    if mark is not None:
        expected = f"{what} in UTF-8, which `iconv -f {mark} -t UTF-8` makes of it"
        raise error(f"a text in {mark}", where=path, expected=expected)


def is_stream(path: Path | str) -> bool:
    """Whether a path is what a shell makes of ``<(…)``, which is no regular file."""
    return str(path).startswith(_STREAMS)


def _above(path: Path | str) -> Iterator[Place]:
    for folder in Path(os.path.abspath(path)).parents:  # noqa: PTH100  # as text: links stay
        yield Place(str(folder / ".git"))
        yield Place(str(folder / "pyproject.toml"))


@partial(question, about=_above)
def checkout(path: Path | str) -> Path | None:
    """The checkout or project that a path lies in, None where it lies in none.

    That is the nearest folder above it with a git repository of its own, or else with a
    pyproject.toml, or else the current folder, where the path lies below it. The links on the way
    to it are the user's own, and stay as they are.
    """
    place = Path(os.path.abspath(path))  # noqa: PTH100  # as text: links stay
    project: Path | None = None
    for folder in place.parents:
        git = folder / ".git"
        if git.is_dir() or (os.path.lexists(git) and not _of_submodule(git)):
            return folder
        if project is None and os.path.lexists(folder / "pyproject.toml"):
            project = folder
    here = Path.cwd()
    return project or (here if here in place.parents else None)


def _of_submodule(file: Path) -> bool:
    """Whether a ``.git`` file is that of a submodule, which belongs to the checkout around it."""
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return False
        with file.open("rb") as opened:
            return b"/modules/" in opened.read(4096)
    except OSError:
        return False


@question
def real(path: Path | str) -> Path:
    """The path with all links followed; of a circle of links as far as it goes.

    ``Path.resolve`` raises for such a circle.
    """
    return Path(os.path.realpath(path))


@question
def is_within(path: Path | str, root: Path | str) -> bool:
    """Whether a path lies in a folder once all symbolic links are followed."""
    try:
        whole, top = os.path.realpath(path), os.path.realpath(root)
    except (OSError, ValueError):
        return False
    return whole == top or whole.startswith(top.rstrip(os.sep) + os.sep)


@question
def is_file(path: Path | str) -> bool:
    """Whether a path leads to a regular file."""
    return os.path.isfile(path)  # noqa: PTH113  # a NUL byte in the name is no error here


@question
def is_dir(path: Path | str) -> bool:
    """Whether a path leads to a folder."""
    return os.path.isdir(path)  # noqa: PTH112  # as above


@question
def is_there(path: Path | str) -> bool:
    """Whether there is anything of a path, be it a link that leads nowhere."""
    return os.path.lexists(path)


@question
def leads_somewhere(path: Path | str) -> bool:
    """Whether there is anything where a path leads."""
    return os.path.exists(path)  # noqa: PTH110  # as above


@partial(question, about=lambda folder: (Place(str(folder), listed=True),))
def inside(folder: Path | str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of files and those of folders in a folder, in a fixed order.

    A link to a folder counts as a file; of what may not be listed there is nothing.
    """
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    except OSError:
        return (), ()
    return tuple(sorted(files)), tuple(sorted(folders))


def _target(path: Path | str, root: Path | str | None, error: type[Dsv4Error]) -> str:
    """Where a path leads to. Raises *error* where a link leads out of the folder around it."""
    whole = os.path.abspath(path)  # noqa: PTH100  # as text: links stay
    place = os.path.realpath(path)
    if place == whole or is_stream(path):
        return place if place == whole else str(path)
    around = root if root is not None else checkout(whole)
    if around is None:
        return place
    top = os.path.abspath(around)  # noqa: PTH100
    if whole.startswith(top.rstrip(os.sep) + os.sep) and not is_within(place, top):
        raise error(
            f"it is reached by a symbolic link out of {top}",
            where=path,
            expected="a file within it, or the file itself by its own path",
        )
    return place


def _regular(mode: int, path: Path | str, expected: str | None, error: type[Dsv4Error]) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise error("can't be read: is a directory", where=path, expected=expected)
    raise error("it is no regular file", where=path, expected=expected)


def _large(path: Path | str, size: str, error: type[Dsv4Error]) -> Dsv4Error:
    return error(f"{size} bytes", where=path, expected=f"at most {MAX_BYTES:,} bytes")


def _unreadable(
    path: Path | str, exc: OSError, expected: str | None, error: type[Dsv4Error]
) -> Dsv4Error:
    reason = (exc.strerror or str(exc)).lower()
    return error(f"can't be read: {reason}", where=path, expected=expected)


_UNSAVED: ContextVar[Mapping[str, bytes]] = ContextVar("unsaved", default={})  # noqa: B039


@contextlib.contextmanager
def unsaved(texts: Mapping[Path, bytes]) -> Iterator[None]:
    """Within it, these files have the bytes that an editor holds of them, saved or not.

    Which files there are stays as the disk says, and so does where a path may lead.
    """
    token = _UNSAVED.set({str(real(path)): data for path, data in texts.items()})
    try:
        yield
    finally:
        _UNSAVED.reset(token)


_LOOKED_AT: ContextVar[set[str] | None] = ContextVar("looked_at", default=None)


@contextlib.contextmanager
def looking(wanted: bool = True) -> Iterator[set[str]]:
    """Within it, the files that readers look for beside the one they read, there or not.

    Where they aren't *wanted*, none are told: following links takes its time.

    What a script sources and a test imports decides what they launch, even where no setting
    stands there any more.
    """
    found: set[str] = set()
    token = _LOOKED_AT.set(found if wanted else None)
    try:
        yield found
    finally:
        _LOOKED_AT.reset(token)


def collects() -> bool:
    """Whether somebody wants to know what is looked for."""
    return _LOOKED_AT.get() is not None


def looked_at(path: Path | str) -> None:
    """Told by a reader of each further file that it looks for."""
    found = _LOOKED_AT.get()
    if found is not None:
        found.add(str(real(path)))
