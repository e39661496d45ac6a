"""Which files a pattern names, which changed in git, and which a tree holds."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from dsv4_env.guard import git
from dsv4_env.guard.asked import is_mark
from dsv4_env.guard.files import inside, is_there
from dsv4_env.model.errors import Dsv4Error, UsageError

SKIPPED = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox",
        ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".eggs",
    }
)  # fmt: skip
_MAGIC = re.compile(r"[*?\[]")


def expand_globs(folder: Path, patterns: Sequence[str], exclude: Sequence[str] = ()) -> list[Path]:
    """The files that globs name, sorted; ``**`` is any number of folders.

    A name without ``*``, ``?`` and ``[`` is that file, whether it's there or not where the
    pattern says so: a missing file isn't found.
    """
    found: set[Path] = set()
    for pattern in patterns:
        path = folder / pattern
        if not _MAGIC.search(pattern):
            if is_there(path):
                found.add(_normal(path))
            continue
        start = folder
        parts = Path(pattern).parts
        while parts and not _MAGIC.search(parts[0]):
            start, parts = start / parts[0], parts[1:]
        wanted = _regex("/".join(parts))
        found |= {
            _normal(Path(start, name))
            for name in walk_folder(start)
            if wanted.fullmatch(name) and not is_mark(posixpath.basename(name))
        }
    left_out = [_regex(e) for e in exclude]
    return sorted(p for p in found if not any(e.fullmatch(_below(p, folder)) for e in left_out))


def absent(folder: Path, patterns: Sequence[str]) -> list[tuple[str, Path]]:
    """The names among globs that are no patterns, of which there is no file; and their paths."""
    named = [(p, _normal(folder / p)) for p in patterns if not _MAGIC.search(p)]
    return [(name, path) for name, path in named if not is_there(path)]


def fits(name: str, patterns: Sequence[str]) -> bool:
    """Whether a path, relative and with slashes, is one that globs name."""
    return any(_regex(posixpath.normpath(p)).fullmatch(name) for p in patterns)


def literal(name: str) -> str:
    """The glob that names this file alone."""
    return re.sub(r"[*?\[]", r"[\g<0>]", name)


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _below(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder).replace(os.sep, "/")


def walk_folder(folder: Path) -> Iterator[str]:
    """The paths of all files below a folder, relative and with slashes, in a fixed order.

    Symbolic links to folders aren't followed, folders of tools are left out, and what may not be
    listed is passed over.
    """
    pending = [""]
    while pending:
        prefix = pending.pop()
        files, folders = inside(folder / prefix if prefix else folder)
        yield from (prefix + name for name in files)
        pending += [f"{prefix}{name}/" for name in reversed(folders) if name not in SKIPPED]


def listed(folder: Path, refused: Callable[[str], None] = lambda _: None) -> Iterator[str]:
    """The files that a person would say are in a tree: relative, with slashes, in a fixed order.

    In a git repository those that it tracks or would track, elsewhere what :func:`walk` gives. A
    tree that is ignored as a whole was asked for by name, so it is walked. *refused* hears why git
    can't tell of a repository: what it ignores is among the files then.
    """
    found = ""
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        found = os.fsdecode(git.ask(folder, *words, named=False))
    except git.NoGitError:
        pass
    except UsageError as exc:
        refused(str(exc))
    names = sorted({name for name in found.split("\0") if name})
    if not names:
        yield from walk_folder(folder)
        return
    for name in names:
        if not SKIPPED.isdisjoint(name.split("/")):
            continue
        # A submodule, or a repository within this one, is listed as one name.
        if name.endswith("/") or (not posixpath.splitext(name)[1] and _is_folder(folder / name)):
            inner = folder / name
            below = listed(inner, refused) if (inner / ".git").exists() else walk_folder(inner)
            yield from (f"{name.rstrip('/')}/{each}" for each in below)
        else:
            yield name


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression for a path with slashes."""
    out: list[str] = []
    i = 0
    while i < len(pattern):
        if pattern.startswith("**/", i):
            out.append("(?:[^/]+/)*")
            i += 3
        elif pattern.startswith("**", i):
            out.append(".*")
            i += 2
        elif pattern[i] == "*":
            out.append("[^/]*")
            i += 1
        elif pattern[i] == "?":
            out.append("[^/]")
            i += 1
        elif pattern[i] == "[" and (end := pattern.find("]", i + 2)) > 0:
            inside = pattern[i + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out.append("[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]")
            i = end + 1
        else:
            out.append(re.escape(pattern[i]))
            i += 1
    return re.compile("".join(out), re.DOTALL)


def repository_top(folder: Path) -> str:
    """The top of the git repository that a folder is in, an empty string where it's in none."""
    return str(git.repository(folder) or "")


def changed_since(folder: Path, revision: str) -> set[Path]:
    """The files that differ from where *revision* and HEAD parted, new ones included.

    Deleted files count: what drew on them has changed. So do the files of submodules. Raises
    UsageError where *folder* isn't in a git repository or git doesn't know the revision.
    """
    top, base = _parted(folder, revision)
    return set(_differing(top, base))


def _parted(folder: Path, revision: str) -> tuple[Path, str]:
    """The top of a work tree, and the commit from which *revision* and HEAD parted."""
    if revision.startswith("-"):
        raise UsageError(f"{revision!r} is no revision", expected="a branch, tag or commit")
    top = Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    commit = _git(
        folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", what=revision
    )
    base = commit.strip()
    with contextlib.suppress(Dsv4Error):  # no common history: compared with the revision itself
        base = _git(folder, "merge-base", base, "HEAD").split("\n")[0]
    return top, base


def lines_of_change(
    folder: Path, revision: str, paths: Iterable[str]
) -> dict[str, tuple[tuple[int, int], ...]]:
    """The lines (first and last) of the hunks of what changed in files, three around each change.

    These are the lines that a forge takes comments on. A file that is new, or in no repository,
    has none: what is new to git isn't part of a pull request.
    """
    top, base = _parted(folder, revision)
    said = _git(top, "diff", "--name-status", "-z", "-M", "--ignore-submodules=all", base, "--")
    words = said.split("\0")
    before: dict[str, str] = {}
    at = 0
    while at + 1 < len(words):
        moved = words[at][:1] in ("R", "C")
        before[str(top / words[at + 1 + moved])] = words[at + 1]
        at += 2 + moved
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for path in dict.fromkeys(paths):
        whole = os.path.abspath(folder / path)  # noqa: PTH100  # as text: links stay
        if whole in before:
            names = dict.fromkeys((before[whole], os.path.relpath(whole, top)))
            given = (f":(top,literal){name}" for name in names)
            text = _git(top, "diff", *_HUNKS, base, "--", *given)
            found[path] = tuple(_hunks(text))
    return found


_HUNKS = ("--unified=3", "--inter-hunk-context=0", "-M", "--diff-algorithm=myers")
_HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def _hunks(text: str) -> Iterator[tuple[int, int]]:
    """First and last line of each hunk of a file as it is now."""
    for match in _HUNK.finditer(text):
        start, length = int(match[1]), int(match[2] or 1)
        if length:
            yield start, start + length - 1


def _differing(top: Path, base: str) -> Iterator[Path]:
    """The files of a work tree that aren't as a commit has them, those of its submodules too."""
    named = _git(
        top, "diff", "--name-only", "-z", "--no-renames", "--ignore-submodules=all", base, "--"
    )
    named += _git(top, "ls-files", "--others", "--exclude-standard", "-z")
    yield from (top / name for name in named.split("\0") if name)
    before = dict(_submodules(_git(top, "ls-tree", "-r", "-z", "--full-tree", base)))
    now = dict(_submodules(_git(top, "ls-files", "--stage", "-z")))
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield top / name
        inner = top / name
        if name not in now or not os.path.lexists(inner / ".git") or inner.is_symlink():
            continue  # gone, or not checked out: there is no file to be checked
        try:
            if name not in before:
                raise UsageError("a new submodule: all of it is new")
            yield from _differing(inner, before[name])
        except UsageError:  # a shallow submodule doesn't have the commit
            yield from (inner / each for each in listed(inner))


def _submodules(listing: str) -> Iterator[tuple[str, str]]:
    """(path, commit) of the submodules in what ``ls-tree`` or ``ls-files --stage`` prints."""
    for line in listing.split("\0"):
        if line.startswith("160000 "):
            facts, _, name = line.partition("\t")
            yield name, next(word for word in facts.split(" ")[1:] if len(word) >= 40)


def _git(folder: Path, *words: str, what: str | None = None) -> str:
    try:
        return os.fsdecode(git.ask(folder, *words, need="git, for --changed-since"))
    except UsageError as exc:
        if what is None or "git refuses" in exc.found:
            raise
        raise git.unknown_revision(folder, what) from None
