"""``history``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dsv4_env.cli.common import catalogue_for, settings, sglang_option, write
from dsv4_env.model.errors import UsageError

if TYPE_CHECKING:
    from dsv4_env.history import History, Side

F = TypeVar("F", bound=Callable[..., Any])
_SCRIPTS = ("**/run_dsv4*.sh",)
_TESTS = ("**/test_deepseek_v4*.py",)


def git_options(command: F) -> F:
    """The options that say which files of a repository are followed, and on which branches."""
    for option in (
        click.option("--since", metavar="DATE", help="Only what moved from this day (2026-05-01)."),
        click.option("--tests-ref", default="HEAD", metavar="REF", help="The branch of the tests."),
        click.option(
            "--script-ref", default="HEAD", metavar="REF", help="The branch of the scripts."
        ),
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
    ):
        command = option(command)
    return command


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
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file (in one step) instead of standard output.",
)
def history(
    repository: Path,
    paths: tuple[str, ...],
    script_ref: str,
    tests_ref: str,
    since: str | None,
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
    from dsv4_env.history import render

    found = read_history(repository, paths, script_ref, tests_ref, since, ignore, sglang)
    if format_ == "text":
        text = render.as_text(found, timelines=patterns or None)
    elif format_ == "html":
        from dsv4_env.matrix.page import page

        chosen = replace(found, settings=tuple(render.selected(found, patterns)))
        text = page(None, [render.describe(chosen)], f"{date.today()}")
    else:
        text = render.FORMATS[format_](found)
    write(text, output)


def read_history(
    repository: Path,
    paths: tuple[str, ...],
    script_ref: str,
    tests_ref: str,
    since: str | None,
    ignore: tuple[str, ...],
    sglang: str | None,
) -> History:
    """The history that the options ask for, with a bar on a terminal. Raises Dsv4Error."""
    from dsv4_env import history as engine

    sides = _sides(paths, script_ref, tests_ref)
    start = _day(since) if since else None
    catalogue = catalogue_for(sglang, [])
    ignored = (*ignore, *settings().ignore)
    shown = sys.stderr is not None and sys.stderr.isatty()
    with click.progressbar(
        length=0, label="reading versions", file=sys.stderr, hidden=not shown
    ) as bar:

        def progress(done: int, all_: int) -> None:
            bar.length = all_
            bar.update(done - bar.pos)

        found = engine.history(
            repository, sides, catalogue, since=start, ignore=ignored, progress=progress
        )
    if not found.versions:
        globs = ", ".join(p for s in sides for p in s.paths)
        raise UsageError(
            f"no file is called {globs}", where=repository, expected="--paths [REF:]GLOB"
        )
    return found


def _sides(paths: tuple[str, ...], script_ref: str, tests_ref: str) -> list[Side]:
    """The two sides of a history; of a path the part before a colon is its branch."""
    from dsv4_env import history as engine

    if not paths:
        return [
            engine.Side(engine.SCRIPT, _SCRIPTS, script_ref),
            engine.Side(engine.TEST, _TESTS, tests_ref),
        ]
    found: dict[tuple[str, str], list[str]] = {}
    for text in paths:
        ref, colon, glob = text.rpartition(":")
        side = engine.SCRIPT if glob.endswith((".sh", ".bash", ".sbatch")) else engine.TEST
        default = script_ref if side == engine.SCRIPT else tests_ref
        found.setdefault((side, ref if colon else default), []).append(glob)
    return [engine.Side(side, tuple(globs), ref) for (side, ref), globs in found.items()]


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise UsageError(f"--since {text}", expected="a day, such as 2026-05-01") from None


COMMANDS = (history,)
