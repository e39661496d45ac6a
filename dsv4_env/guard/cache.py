"""The one folder of the user's own where results are kept: read if they are ours, else made anew.

Nothing depends on it but time. A file of somebody else, a link, or one that lies in the checkout
that is being read is none of ours: a stranger may have put it there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from dsv4_env.guard import writing
from dsv4_env.guard.asked import told_elsewhere
from dsv4_env.guard.files import is_within, read_bytes
from dsv4_env.model.errors import Dsv4Error


def folder() -> Path | None:
    """``$XDG_CACHE_HOME/dsv4-env``, else ``~/.cache/dsv4-env``; None without a home.

    A path that isn't absolute doesn't count, as the XDG Base Directory Specification says.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given) / "dsv4-env"
    try:
        return Path.home() / ".cache" / "dsv4-env"
    except RuntimeError:
        return None


def read(name: str, *, apart_from: Path) -> bytes | None:
    """What is kept under a name; None where there is nothing, or something that isn't ours.

    *apart_from* is the checkout that the result is of.
    """
    kept = _place(name, apart_from)
    if kept is None:
        return None
    try:
        status = kept.lstat()
        if not stat.S_ISREG(status.st_mode) or not (_ours(status) and _ours(kept.parent.stat())):
            return None
        with told_elsewhere():  # nothing depends on what is kept here
            return read_bytes(kept)
    except (OSError, Dsv4Error):
        return None


def write(name: str, data: bytes, *, apart_from: Path) -> None:
    """Keep a result under a name, in one step; where that can't be, nothing happens."""
    kept = _place(name, apart_from)
    if kept is None:
        return
    with contextlib.suppress(OSError, Dsv4Error):
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _ours(kept.parent.stat()) and not kept.is_symlink():
            writing.replace(kept, data)
            kept.chmod(0o600)  # a umask may let the group write, and then it isn't ours


def _place(name: str, apart_from: Path) -> Path | None:
    found = folder()
    if found is None or is_within(found, apart_from):
        return None
    return found / name


def _ours(status: os.stat_result) -> bool:
    """Whether nobody else could have written there; Windows keeps a profile to its user."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o022
