"""``history``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path

import click

from dsv4_env import history as engine
from dsv4_env.cli.comparing import catalogue_for, sglang_option
from dsv4_env.cli.options import collected, output_option
from dsv4_env.cli.output import write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.history import render
from dsv4_env.matrix.page import page
from dsv4_env.matrix.sources import commit_of
from dsv4_env.model import ENV_NAME
from dsv4_env.model.errors import UsageError
from dsv4_env.model.quoting import word
from dsv4_env.profile import layer_files

_SCRIPTS = ("**/run_dsv4*.sh",)
_TESTS = ("**/test_deepseek_v4*.py",)


@dataclass(frozen=True, slots=True)
class GitFiles:
    """Which files of a repository are followed, on which branches, from which day."""

    paths: tuple[str, ...]
    script_ref: str
    tests_ref: str
    since: str | None


git_options = collected(
    "followed",
    GitFiles,
    click.option(
        "--paths",
        "-p",
        multiple=True,
        metavar="[REF:]GLOB",
        help="Files to follow, from the top of the repository; ** is any number of folders. "
        "What is bash counts as a script, all else as a test. Default: "
        + " and ".join((*_SCRIPTS, *_TESTS))
        + ".",
    ),
    click.option("--script-ref", default="HEAD", metavar="REF", help="The branch of the scripts."),
    click.option("--tests-ref", default="HEAD", metavar="REF", help="The branch of the tests."),
    click.option("--since", metavar="DATE", help="Only what moved from this day (2026-05-01)."),
)


@click.command()
@click.argument("repository", metavar="REPO", type=click.Path(path_type=Path), default=".")
@git_options
@click.option(
    "--setting",
    "-s",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Tell every value of these variables and flags (shell pattern).",
)
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave out these settings.")
@sglang_option
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(["text", "json", "markdown", "html"]),
    default="text",
    show_default=True,
    help="How the history is written; html is a page with the timelines.",
)
@output_option
def history(
    repository: Path,
    followed: GitFiles,
    patterns: tuple[str, ...],
    ignore: tuple[str, ...],
    sglang: str | None,
    format_: str,
    output: Path | None,
) -> None:
    """Tell how settings moved in git, and who followed whom.

    Every version of the launch scripts and tests is read from git (nothing is checked out or
    run): what moved when, how many days a test took to follow its script, what went back and
    forth, and what SGLang no longer knows. Values that SGLang reads the same count as the same.

    \b
    Examples:
      dsv4-env history ../sglang
      dsv4-env history ../sglang --script-ref amd/deepseek_v4 --tests-ref main
      dsv4-env history . -p 'amd/deepseek_v4:python/run_dsv4.sh' -p 'main:test/**/test_*_v4_*.py'
      dsv4-env history . --since 2026-05-01 --setting 'SGLANG_HACK_*'
      dsv4-env history . --format html --output history.html
    """
    found = read_history(repository, followed, ignore, sglang)
    if format_ == "text":
        text = render.as_text(found, timelines=patterns or None)
    elif format_ == "html":
        chosen = replace(found, settings=tuple(render.selected(found, patterns)))
        data = render.history_data(chosen)
        text = page(None, [data], f"{date.today()}", commits=history_commits(repository, followed))
    else:
        text = render.FORMATS[format_](found)
    write(text, output)


def read_history(
    repository: Path, followed: GitFiles, ignore: tuple[str, ...], sglang: str | None
) -> engine.History:
    """The history that the options ask for, with a bar on a terminal. Raises Dsv4Error."""
    _need_repository(repository)
    sides = _sides(followed)
    start = _day(followed.since) if followed.since else None
    catalogue = catalogue_for(sglang, [], tree=False)
    ignored = (*ignore, *settings().ignore)
    with Progress(found=None, unit=("version", "versions")) as progress:
        found = engine.history(
            repository, sides, catalogue, since=start, ignore=ignored, progress=progress
        )
    if not found.versions:
        globs = ", ".join(p for s in sides for p in s.paths)
        raise UsageError(
            f"no file is called {globs}", where=repository, expected="--paths [REF:]GLOB"
        )
    return found


def _need_repository(path: Path) -> None:
    """Raise UsageError for a word that is no folder, with what takes such a word."""
    if path.is_dir():
        return
    name, expected = str(path), "the folder of a git repository"
    if path.is_file():
        raise UsageError(f"{name} is a file", expected=expected, hint=f"--paths {word(name)}")
    profile = re.split("[@+]", name, maxsplit=1)[0]
    if profile in layer_files(profile_folder(None)):
        raise UsageError(
            f"{name} is a profile",
            expected=f"{expected}, whose scripts and tests are followed; `dsv4-env explain "
            f"{profile}` tells of a profile",
        )
    if ENV_NAME.fullmatch(name) and name.isupper():
        raise UsageError(f"{name} is no folder", expected=expected, hint=f"--setting {name}")
    raise UsageError(f"{name}: there is no such folder", expected=expected)


def history_commits(repository: Path, followed: GitFiles) -> list[str]:
    """The commit of each branch that a history is of."""
    return [commit_of(repository, r) for r in dict.fromkeys(s.ref for s in _sides(followed))]


def _sides(followed: GitFiles) -> list[engine.HistorySide]:
    """The two sides of a history; of a path the part before a colon is its branch."""
    if not followed.paths:
        return [
            engine.HistorySide(engine.SCRIPT, _SCRIPTS, followed.script_ref),
            engine.HistorySide(engine.TEST, _TESTS, followed.tests_ref),
        ]
    found: dict[tuple[str, str], list[str]] = {}
    for text in followed.paths:
        ref, colon, glob = text.rpartition(":")
        side = engine.SCRIPT if glob.endswith((".sh", ".bash", ".sbatch")) else engine.TEST
        default = followed.script_ref if side == engine.SCRIPT else followed.tests_ref
        found.setdefault((side, ref if colon else default), []).append(glob)
    return [engine.HistorySide(side, tuple(globs), ref) for (side, ref), globs in found.items()]


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise UsageError(f"--since {text}", expected="a day, such as 2026-05-01") from None


COMMANDS = (history,)
