"""The one way in which git is called: nothing that a repository says can make it run a program.

A clone can't bring a ``.git/config`` along, but an archive, a CI cache or a folder shaped like a
bare repository can, and git does what such a file says. What it could run, and what keeps it from
that here:

- ``core.fsmonitor``: run by whatever looks at the work tree. Set to false.
- ``core.hooksPath``, ``hooks/*``: hooks run when the index is written. There is no folder of hooks,
  and ``GIT_OPTIONAL_LOCKS=0`` keeps the index from being written.
- ``hook.*.command``: hooks of newer releases, in the configuration itself. Each one that is named
  there is switched off.
- ``filter.*.clean``, ``.smudge``, ``.process``: run where a file's time isn't the index's. Each one
  that is named there is set to nothing, and isn't required.
- A folder shaped like a bare repository: its ``config`` counts as soon as git starts within it.
  :func:`repository` finds none there, git looks for none (``safe.bareRepository=explicit``), and
  looks no higher than the repository that was found (``GIT_CEILING_DIRECTORIES``).
- ``core.worktree``: makes git list the files of any other folder. ``GIT_WORK_TREE`` stands over it.
- ``diff.external``, ``diff.*.command``, ``diff.*.textconv``: ``--no-ext-diff``, ``--no-textconv``;
  only names of files and numbers of lines are taken from what it says.
- ``core.pager``, ``pager.*``: ``--no-pager``.
- ``log.showSignature``, ``gpg.*``: would run gpg. Set to false.
- ``core.sshCommand``, ``core.gitProxy``, ``core.askPass``, ``credential.*``,
  ``remote.*.uploadpack``, ``remote.*.vcs``, ``url.*.insteadOf``: run when git talks to a remote.
  ``GIT_ALLOW_PROTOCOL`` allows no protocol, so it talks to none.
- A promisor remote: a missing object would be fetched, through the above. No protocol, and
  ``GIT_NO_LAZY_FETCH=1``.
- ``core.alternateRefsCommand``: run for objects of other repositories. Set to nothing.
- A submodule's configuration: git would run itself there, without these settings for the names that
  only the submodule has. Submodules are left out, and asked in calls of their own.
- FIFOs and anything else that git waits for: a call ends after a minute.

``objects/info/alternates`` runs nothing: it names more folders of objects, which git reads as it
reads its own. The user's own configuration (``~/.gitconfig``) holds but for the above.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.guard.asked import is_written_down
from dsv4_env.model.errors import UsageError

if TYPE_CHECKING:
    import subprocess

SECONDS = 60  # for one call; the clone with the longest history that was tried took three
_SETTINGS = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    "core.alternateRefsCommand=",
    "core.untrackedCache=false",
    "diff.relative=false",
    "log.showSignature=false",
    "safe.bareRepository=explicit",
    "color.ui=false",
)
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}
# What git sets for a hook, in which this may run: it says where another repository is.
_ELSEWHERE = (
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_EXTERNAL_DIFF",
    "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
)  # fmt: skip
_RUN_BY_NAME = r"^(filter|hook)\..*\.(clean|smudge|process|required|command|enabled|event)$"


class NoGitError(UsageError):
    """There is no git here, or no repository for it: that needn't be an error."""


def repository(folder: Path) -> Path | None:
    """The top of the git repository that a folder is in, None where it's in none.

    A folder shaped like a bare repository is no repository, and hides what is above it: its
    configuration comes from the files of the checkout.
    """
    place = Path(os.path.abspath(folder))  # noqa: PTH100  # as text: links stay
    for each in (place, *place.parents):
        if os.path.lexists(each / ".git"):
            return None if _is_bare(each) and not _knows_safe() else each
        if _is_bare(each):
            return None
    return None


def run(
    folder: Path,
    *words: str,
    need: str = "a git repository",
    given: bytes | None = None,
    named: bool = True,
) -> subprocess.CompletedProcess[bytes]:
    """Ask git in a folder of a repository; its answer is the caller's to judge.

    The folder may be a bare repository where the user has *named* it. *given* is the standard
    input, *need* says what git is needed for. Raises NoGitError without a git and outside any
    repository, UsageError where git takes over a minute.
    """
    top = repository(folder)
    bare = named and top is None and _is_bare(folder)
    if top is None and not bare:
        raise NoGitError("not a git repository", where=folder, expected="a git repository")
    place = top or folder
    environ = _environment(place, bare=bare)
    # A process that answers again and again outlives a configuration.
    asked = _switched_off.__wrapped__ if is_written_down() else _switched_off
    settings = [*_SETTINGS, *asked(place, need, bare=bare)]
    if words[0] in ("diff", "log"):
        words = (words[0], "--no-ext-diff", "--no-textconv", *words[1:])
    return _called(folder, settings, words, environ, need, given)


def ask(folder: Path, *words: str, need: str = "a git repository", named: bool = True) -> bytes:
    """What git answers in a folder of a repository.

    Raises UsageError as :func:`run` does, and with git's own words where it refuses.
    """
    done = run(folder, *words, need=need, named=named)
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
    said = said.removeprefix("fatal: ") or f"git {words[0]} failed"
    if "dubious ownership" in said:
        raise UsageError(
            "git refuses the repository: it belongs to somebody else",
            where=folder,
            expected=f"`git config --global --add safe.directory {repository(folder)}`, "
            "where you trust it",
        )
    raise UsageError(said, where=folder, expected=need)


def unknown_revision(folder: Path, name: str) -> UsageError:
    """The error for a revision that a repository doesn't have; a shallow clone lacks most."""
    shallow = run(folder, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
    more = (
        " that this clone has: it holds only a part of the history (`git fetch --unshallow`; in CI "
        "`fetch-depth: 0` or `GIT_DEPTH: 0`)"
    )
    expected = f"a branch, tag or commit{more if shallow else ''}"
    return UsageError(f"git knows no {name!r}", where=folder, expected=expected)


def _called(
    folder: Path,
    settings: Sequence[str],
    words: Sequence[str],
    environ: Mapping[str, str],
    need: str,
    given: bytes | None = None,
) -> subprocess.CompletedProcess[bytes]:
    import subprocess  # 10 ms, for those who ask git

    told = [part for setting in settings for part in ("-c", setting)]
    try:
        return subprocess.run(  # noqa: S603  # words are options of ours and checked revisions
            ["git", "--no-pager", "-C", str(folder), *told, *words],  # noqa: S607  # the user's
            input=given or b"",
            capture_output=True,
            check=False,
            env=environ,
            timeout=SECONDS,
        )
    except FileNotFoundError:
        raise NoGitError("git isn't installed", expected=need) from None
    except OSError as exc:
        reason = (exc.strerror or str(exc)).lower()
        raise UsageError(f"git can't be run: {reason}", expected=need) from None
    except subprocess.TimeoutExpired:
        raise UsageError(
            f"git {words[0]} takes more than {SECONDS} seconds", where=folder, expected=need
        ) from None


def _environment(top: Path, *, bare: bool) -> dict[str, str]:
    environ = {n: v for n, v in os.environ.items() if n not in _ELSEWHERE} | _ENVIRONMENT
    whole = os.path.realpath(top)
    if bare:
        return environ | {"GIT_DIR": whole}
    ceiling = str(Path(whole).parent)
    return environ | {"GIT_WORK_TREE": whole, "GIT_CEILING_DIRECTORIES": ceiling}


@cache
def _switched_off(top: Path, need: str, *, bare: bool) -> tuple[str, ...]:
    """Settings that take the commands from the filters and hooks which the configuration names."""
    words = ("config", "--null", "--name-only", "--get-regexp", _RUN_BY_NAME)
    # Reading the configuration runs nothing.
    done = _called(top, _SETTINGS, words, _environment(top, bare=bare), need)
    named = {key.rpartition(".")[0] for key in os.fsdecode(done.stdout).split("\0") if key}
    found: list[str] = []
    for name in sorted(named):
        if "=" in name or "\n" in name:  # can't be told apart from its value on a command line
            raise UsageError(
                f"the git configuration names a {name.partition('.')[0]} {name!r}",
                where=top,
                expected="a name without = and line breaks, so that it can be switched off",
            )
        if name.startswith("hook."):
            found += [f"{name}.enabled=false", f"{name}.command="]
        else:
            found += [f"{name}.{key}=" for key in ("clean", "smudge", "process")]
            found.append(f"{name}.required=false")
    return tuple(found)


def _is_bare(folder: Path) -> bool:
    """Whether git could take a folder itself for a repository's insides."""
    return (
        os.path.lexists(folder / "HEAD")
        and (folder / "objects").is_dir()
        and ((folder / "refs").is_dir() or os.path.lexists(folder / "commondir"))
    )


@cache
def _knows_safe() -> bool:
    """Whether git knows ``safe.bareRepository``, which is of release 2.38."""
    import subprocess  # as above

    try:
        done = subprocess.run(["git", "version"], capture_output=True, check=False)  # noqa: S607
    except OSError:
        return False
    match = re.search(rb"(\d+)\.(\d+)", done.stdout)
    return match is not None and (int(match[1]), int(match[2])) >= (2, 38)
