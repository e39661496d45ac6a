"""Which commits a page is of: the foot says so, so that what it shows can be looked up again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from dsv4_env.guard import git
from dsv4_env.model.errors import UsageError
from dsv4_env.model.launch import shipped_dir
from dsv4_env.model.style import count


def commits_of(paths: Iterable[str | Path]) -> list[str]:
    """Of each git repository that files lie in: its commit, and how many of them it isn't of.

    What is no file (a server, standard input) and what comes with a package have none.
    """
    found: dict[Path, list[str]] = {}
    for path in dict.fromkeys(os.path.abspath(p) for p in paths):  # noqa: PTH100  # links stay
        own = path.startswith(f"{shipped_dir()}{os.sep}")
        if os.path.isfile(path) and not own:  # noqa: PTH113
            top = git.repository(Path(path).parent)
            if top is not None:
                found.setdefault(top, []).append(os.path.relpath(path, top))
    return [said for top, files in found.items() if (said := _commit(top, files))]


def commit_of(repository: Path, ref: str) -> str:
    """The commit that a branch of a repository names, with its day."""
    return f"{_called(repository)} {ref} at {_told(repository, ref)}"


def _commit(top: Path, files: list[str]) -> str:
    words = ["status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=all", "--"]
    try:
        at = _told(top, "HEAD")
        said = git.ask(top, *words, *(f":(top,literal){f}" for f in files), named=False)
    except git.NoGitError:
        return ""
    except UsageError as exc:
        return f"{_called(top)} at a commit that isn't known: {exc.found}"
    changed = sum(bool(entry) for entry in said.split(b"\0"))
    files_ = count(changed, "file")
    return f"{_called(top)} at {at}" + (f" with changes in {files_}" if changed else "")


def _told(repository: Path, ref: str) -> str:
    found = git.ask(repository, "log", "-1", "--format=%h (%cs)", "--abbrev=10", ref, "--")
    return found.decode("ascii", "replace").strip()


def _called(repository: Path) -> str:
    return os.path.basename(os.path.realpath(repository)) or "/"  # noqa: PTH119
