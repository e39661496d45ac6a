"""The command line. Exit codes: 0 clean, 1 findings or drift, 2 usage or read error."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

import click

from dsv4_env import __version__
from dsv4_env.cli import (
    catalogue,
    check,
    compare,
    complete,
    discover,
    doctor,
    explain,
    export,
    history,
    launch,
    lint,
    profiles,
    scripts,
    sync,
    upgrade,
)
from dsv4_env.errors import Dsv4Error, did_you_mean
from dsv4_env.exporters import EXPORTERS
from dsv4_env.reporters.style import plain

_EPILOG = """\b
Examples:
  dsv4-env check                               the shipped script against pro-fp4
  dsv4-env check flash-fp4 --against run.sh    your own script
  dsv4-env launch flash-fp4 --port 30000       the server itself
  dsv4-env run flash-fp4 -- ./run_dsv4.sh      a command with the profile's variables
  eval "$(dsv4-env export flash-fp4)"          the variables, in this shell
"""
SECTIONS = {  # of the help; a command that isn't here comes under "More"
    "Profiles": ("list", "show", "export", "import", "sync", "lock", "schema"),
    "Start something": ("run", "launch"),
    "Find drift": ("check", "diff", "doctor", "discover", "history", "lint", "rule"),
    "Know SGLang": ("explain", "catalogue", "upgrade"),
    "Try out and set up": ("capture", "completion"),
}


class _Group(click.Group):
    """A group that says which command was meant, and lists its commands by what they are for."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named. Raises UsageError with the one that was meant."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            hint = _meant(args[0])
            raise click.UsageError(
                f"no such command {args[0]!r}" + (f". Did you mean {hint}?" if hint else ""), ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under the headings of SECTIONS, their texts aligned over all of them."""
        named = {name for names in SECTIONS.values() for name in names}
        more = tuple(name for name in self.list_commands(ctx) if name not in named)
        width = max(map(len, self.commands))
        limit = formatter.width - width - 6
        for title, names in {**SECTIONS, "More": more}.items():
            rows = [
                (f"{name:{width}}", self.commands[name].get_short_help_str(limit))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.group(
    cls=_Group,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dsv4-env")
def cli() -> None:
    """One typed source of truth for launching DeepSeek-V4 on SGLang.

    Profiles hold the environment variables and server arguments of a launch; they are compared
    with launch scripts, and exported to shells and tests.
    """


for command in (
    *profiles.COMMANDS,
    *export.COMMANDS,
    *check.COMMANDS,
    *discover.COMMANDS,
    *compare.COMMANDS,
    *lint.COMMANDS,
    *catalogue.COMMANDS,
    *upgrade.COMMANDS,
    *history.COMMANDS,
    *sync.COMMANDS,
    *scripts.COMMANDS,
    *launch.COMMANDS,
    *explain.COMMANDS,
    *doctor.COMMANDS,
    *complete.COMMANDS,
):
    cli.add_command(command)


def _meant(command: str) -> str | None:
    return did_you_mean(command, cli.commands)


def _failure(argv: Sequence[str]) -> str:
    """What a failed command prints to fail the ``eval`` that it may stand in.

    ``eval "$(…)"`` takes an empty answer for success, even under ``set -e``; and without its
    arguments a server would start all the same. What was meant is guessed where a word is wrong.
    """
    start = next((i for i, word in enumerate(argv) if not word.startswith("-")), len(argv))
    command, *rest = [*argv[start:], ""]
    if command != "export" and (command in cli.commands or _meant(command) != "export"):
        return ""
    format_ = "shell"
    for word, following in zip(rest, [*rest[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if not word.startswith("--") and word[:2] in ("-f", "-o"):
            name, equals, value = word[:2], word[2:], word[2:]
        if name in ("--output", "-o"):
            return ""  # the text goes to a file
        if name in ("--format", "-f"):
            format_ = value if equals else following
    return EXPORTERS[format_ if format_ in EXPORTERS else "shell"].failure


def run(argv: Sequence[str]) -> int:
    """Run one command line; the exit code. Messages go to standard error."""
    code = 2
    complete.answer()
    try:
        result = cli.main(args=list(argv), prog_name="dsv4-env", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except Dsv4Error as exc:
        click.echo(plain(f"dsv4-env: error: {exc}"), err=True)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
    except click.ClickException as exc:
        message = exc.format_message()
        message = message[:1].lower() + message[1:]
        click.echo(plain(f"dsv4-env: error: {message}"), err=True)
        context = getattr(exc, "ctx", None)
        if context is not None:
            click.echo(f"Try '{context.command_path} --help'.", err=True)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("dsv4-env: interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # The reader (head, less) has gone: that is no error, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as exc:
        place = f"{exc.filename}: " if exc.filename else ""
        reason = (exc.strerror or str(exc)).lower()
        click.echo(plain(f"dsv4-env: error: {place}{reason}"), err=True)
    except Exception as exc:
        # A defect of ours: whoever called still gets one message and no half-written output.
        import traceback

        frame = traceback.extract_tb(exc.__traceback__)[-1]
        place = f"{frame.filename}:{frame.lineno}"
        message = f"{type(exc).__name__}: {exc} (at {place})"
        click.echo(plain(f"dsv4-env: internal error: {message}"), err=True)
    failure = _failure(argv)
    if failure and sys.stdout is not None and not sys.stdout.isatty():
        with contextlib.suppress(OSError):  # a full disk has been told already
            click.echo(failure)
    return code


def main() -> None:
    """The entry point of ``dsv4-env``."""
    sys.exit(run(sys.argv[1:]))
