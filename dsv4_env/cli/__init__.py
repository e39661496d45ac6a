"""The command line. Exit codes: 0 clean, 1 findings or drift, 2 usage or read error."""

from __future__ import annotations

import contextlib
import itertools
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dsv4_env import __version__
from dsv4_env.catalogue.releases import common_words
from dsv4_env.cli import shells
from dsv4_env.cli.caller import Caller, Hears
from dsv4_env.cli.lazy import LazyGroup
from dsv4_env.cli.output import nobody_reads
from dsv4_env.exporters import EXPORTERS
from dsv4_env.model.errors import Dsv4Error, did_you_mean
from dsv4_env.model.secrets import meet, scrubbed, session
from dsv4_env.model.style import plain

_EPILOG = """\b
Examples:
  dsv4-env check flash-fp4 --against run.sh    a script, held to a profile
  dsv4-env discover --write                    your launches, for checks without a word
  dsv4-env launch flash-fp4 --port 30000       the server itself
  dsv4-env run flash-fp4 -- ./run_dsv4.sh      a command with the profile's variables
  eval "$(dsv4-env export flash-fp4)"          the variables, in this shell
"""
HELP_SECTIONS = {  # of the help; a command that isn't here comes under "More"
    "Profiles": ("list", "show", "get", "export", "lock", "schema"),
    "Tests and scripts": ("adopt", "unadopt", "import", "sync"),
    "Start something": ("run", "launch"),
    "Find drift": (
        "check", "diff", "report", "history", "doctor", "discover", "coverage", "lint", "rule",
    ),
    "Know SGLang": ("plan", "explain", "catalogue", "upgrade", "uses"),
    "Try out and set up": ("capture", "completion", "lsp"),
}  # fmt: skip


COMMANDS = {  # the module of each command, and the summary that the help has of it
    "list": (
        "profiles",
        "List the profiles, what they run on, and their overlays.",
    ),
    "show": ("show", "Show what a profile holds, or what a file launches."),
    "get": ("get", "Print one value of a profile, and nothing else."),
    "lock": ("profiles", "Write profiles.lock.json, which makes every start faster."),
    "schema": ("profiles", "Print the JSON Schema of a layer's TOML."),
    "export": ("export", "Write a profile for a shell, a test, a container, a job."),
    "check": ("check", "Hold launches to their profiles; exit with 1 on drift."),
    "discover": ("discover", "Find the launches in a tree, and the profile nearest to each."),
    "coverage": ("coverage", "Say which targets of the profiles a launch stands for."),
    "report": ("report", "Write a page with every setting of profiles and launches."),
    "diff": ("compare", "Show how B differs from A, as SGLang reads both."),
    "lint": ("lint", "Say what a release of SGLang makes of profiles and files."),
    "rule": ("lint", "Explain a rule, by id or name; without one, list them all."),
    "plan": ("plan", "Say what SGLang itself makes of a launch, before it's started."),
    "catalogue": ("catalogue", "What SGLang itself understands, release by release."),
    "upgrade": ("upgrade", "Say what a profile or a file needs for another release."),
    "uses": ("uses", "List every launch that uses a variable or a flag."),
    "history": ("history", "Tell how settings moved in git, and who followed whom."),
    "sync": ("sync", "Bring a file to a profile, or a profile to it."),
    "import": ("sync", "Make a profile of a launch, over the nearest one there is."),
    "adopt": ("adopt", "Take the launches of tests and scripts over into profiles."),
    "unadopt": ("unadopt", "Write what tests and scripts take from profiles back into them."),
    "capture": ("capture", "Run SCRIPT with recorders for launchers; say what they got."),
    "run": ("starting", "Run a command with a profile's variables."),
    "launch": ("launch", "Launch a profile's server, after a look at what it needs."),
    "explain": ("explain", "Explain a variable, a flag, a profile, a layer or a rule."),
    "doctor": ("doctor", "Hold running servers to their profiles; exit with 1 on drift."),
    "completion": ("shells", "Print what makes a shell complete dsv4-env."),
    "lsp": ("lsp", "Talk to an editor, as its language server."),
}


class _Commands(LazyGroup):
    """A group that says which command was meant, and lists its commands by what they are for."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named. Raises UsageError with the one that was meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = _meant(args[0])
            raise click.UsageError(
                f"no such command {args[0]!r}" + (f". Did you mean {hint}?" if hint else ""), ctx
            )
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, or options where a dash stands; no command is imported for it."""
        if incomplete and not incomplete[0].isalnum():
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=summary)
            for name, (_, summary) in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under the headings of SECTIONS, their texts aligned over all of them."""
        named = {name for names in HELP_SECTIONS.values() for name in names}
        more = tuple(name for name in COMMANDS if name not in named)
        width = max(map(len, COMMANDS))
        for title, names in {**HELP_SECTIONS, "More": more}.items():
            rows = [(f"{name:{width}}", COMMANDS[name][1]) for name in names if name in COMMANDS]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


@click.group(
    cls=_Commands,
    modules={name: f"dsv4_env.cli.{module}" for name, (module, _) in COMMANDS.items()},
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, prog_name="dsv4-env")
def cli() -> None:
    """How DeepSeek-V4 is launched on SGLang, written down once.

    Profiles hold the environment variables and server arguments of a launch; they are compared
    with launch scripts, and exported to shells and tests.
    """


def _plain(text: str) -> str:
    """An error as it may be shown: no control characters, no secrets."""
    return plain(scrubbed(text))


def _meant(command: str) -> str | None:
    return did_you_mean(command, COMMANDS)


_NO_CHOICE = re.compile(r"'(.*)' is not one of ")
_EXTRA = re.compile(r"[Gg]ot unexpected extra arguments? \((\S+)\)")
_TAKE_FILES = ("--against", "--to", "--from")


def _meant_option(exc: click.UsageError) -> str | None:
    """What was meant by a word that isn't among the choices, or by a file that no argument takes.

    Options that don't exist are click's own.
    """
    parameter = getattr(exc, "param", None)
    if parameter is not None and isinstance(parameter.type, click.Choice):
        given = _NO_CHOICE.search(exc.message)
        return did_you_mean(given[1], map(str, parameter.type.choices)) if given else None
    extra = _EXTRA.match(exc.message)
    if extra is None or exc.ctx is None or not Path(extra[1]).is_file():
        return None
    options = {n: p for p in exc.ctx.command.params for n in p.opts if n in _TAKE_FILES}
    if any(exc.ctx.params.get(p.name or "") for p in options.values()):
        return None  # it has its file, and takes no other one
    near = next((name for name in _TAKE_FILES if name in options), None)
    return f"{near} {extra[1]}" if near else None


def _failure(argv: Sequence[str]) -> str:
    """What a failed command prints to fail the ``eval`` that it may stand in.

    ``eval "$(…)"`` takes an empty answer for success, even under ``set -e``; and without its
    arguments a server would start all the same. What was meant is guessed where a word is wrong.
    """
    start = next((i for i, word in enumerate(argv) if not word.startswith("-")), len(argv))
    command, *rest = [*argv[start:], ""]
    if command != "export" and (command in COMMANDS or _meant(command) != "export"):
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


def run(argv: Sequence[str], hears: Hears | None = None) -> int:
    """Run one command line; the exit code. Messages go to standard error.

    *hears* gets the report of a command that can be watched, and errors before they are told.
    """
    shells.register()
    with session(common_words):  # what it meets of secrets is hidden wherever else it shows
        for word, following in itertools.pairwise([*argv, ""]):
            if "=" in word or word.startswith("-"):
                name, equals, value = word.partition("=")
                if name.replace("-", "_").isidentifier():
                    meet((name, value if equals else following))
        return _run(argv, hears)


def _run(argv: Sequence[str], hears: Hears | None) -> int:
    code = 2
    try:
        result = cli.main(
            args=list(argv), prog_name="dsv4-env", standalone_mode=False, obj=Caller(run, hears)
        )
        if sys.stdout is not None:
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except Dsv4Error as exc:
        if hears is not None:
            hears.error(exc)
        click.echo(_plain(f"dsv4-env: error: {exc}"), err=True)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message(), err=True)
    except click.ClickException as exc:
        message = exc.format_message()
        if isinstance(exc, click.MissingParameter):  # click lists choices a line each
            message = " ".join(message.split())
        message = message[:1].lower() + message[1:]
        if isinstance(exc, click.UsageError) and (meant := _meant_option(exc)):
            message = f"{message.rstrip('.')}. Did you mean {meant}?"
        click.echo(_plain(f"dsv4-env: error: {message}"), err=True)
        context = getattr(exc, "ctx", None)
        if context is not None:
            click.echo(f"Try '{context.command_path} --help'.", err=True)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("dsv4-env: interrupted", err=True)
        code = 130
    except BrokenPipeError:
        nobody_reads()
        return 0
    except OSError as exc:
        place = f"{exc.filename}: " if exc.filename else ""
        reason = (exc.strerror or str(exc)).lower()
        click.echo(_plain(f"dsv4-env: error: {place}{reason}"), err=True)
    except Exception as exc:
        # A defect of ours: whoever called still gets one message and no half-written output.
        frame = traceback.extract_tb(exc.__traceback__)[-1]
        place = f"{frame.filename}:{frame.lineno}"
        message = f"{type(exc).__name__}: {exc} (at {place})"
        click.echo(_plain(f"dsv4-env: internal error: {message}"), err=True)
    failure = _failure(argv)
    if failure and sys.stdout is not None and not sys.stdout.isatty():
        with contextlib.suppress(OSError):  # a full disk has been told already
            click.echo(failure)
    return code


def main() -> None:
    """The entry point of ``dsv4-env``."""
    sys.exit(run(sys.argv[1:]))
