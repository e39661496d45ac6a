"""What the commands share: options, output, and finding what an operand names."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from dsv4_env.cli import complete
from dsv4_env.guard.files import read_named
from dsv4_env.model import ENV_NAME, Location
from dsv4_env.model.errors import ReadError, UsageError, did_you_mean
from dsv4_env.model.secrets.met import meet
from dsv4_env.profile.project import profiles_folder

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.profile.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

profiles_option = click.option(
    "--profiles",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    shell_complete=complete.folders,
    help="A folder of your own layers and profiles, which may extend the shipped ones.",
)
color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colour the output; auto does so on a terminal unless NO_COLOR is set.",
)
exit_zero_option = click.option(
    "--exit-zero", is_flag=True, help="Exit with 0 even when there are findings."
)


sglang_option = click.option(
    "--sglang",
    metavar="RELEASE",
    shell_complete=complete.releases,
    help="The SGLang release whose reading counts. Default: the newest known one that the "
    "profile is meant for.",
)


def reading_options(command: F) -> F:
    """The options that say how two launches are compared."""
    command = click.option(
        "--exact", is_flag=True, help="Compare the spelling alone, whatever SGLang makes of it."
    )(command)
    command = click.option(
        "--show-equivalent",
        is_flag=True,
        help="Show settings that are spelled differently and mean the same, with the reason.",
    )(command)
    return sglang_option(command)


def catalogue_for(release: str | None, ranges: Collection[str | None]) -> Catalogue:
    """The catalogue of the release that is asked for, else the newest one within *ranges*.

    Without ranges, or where no known release lies in one of them, it is the newest of all. A
    newer release than any that is known is told on standard error.
    """
    from dsv4_env.catalogue import fitting

    found, note = fitting(release or settings().sglang, ranges)
    if note:
        tell(f"dsv4-env: note: {note}")
    return found


def _left_out(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    """The names, where each is one that is left out by default. Raises UsageError."""
    del context, parameter
    if names:
        from dsv4_env.compare.normalise import LOCAL

        known = {n.lstrip("-") for pair in LOCAL.items() for n in pair}
        for name in names:
            if name.lstrip("-") not in known:
                raise UsageError(
                    f"--compare {name}: it isn't left out, or nothing has this name",
                    expected="host, port or model-path",
                    hint=did_you_mean(name.lstrip("-").replace("_", "-"), known),
                )
    return names


def selection_options(command: F) -> F:
    """The options that say what is compared."""
    command = click.option(
        "--compare",
        multiple=True,
        metavar="NAME",
        callback=_left_out,
        help="Compare a setting that is left out by default: host, port or model-path.",
    )(command)
    return click.option(
        "--ignore",
        multiple=True,
        metavar="PATTERN",
        help="Leave out variables and flags of this name (shell pattern).",
    )(command)


def format_option(default: str) -> click.Option:
    """The option that chooses a reporter."""
    from dsv4_env.reporters import REPORTERS

    return click.Option(
        ["--format", "-f", "format_"],
        type=click.Choice(list(REPORTERS)),
        default=default,
        show_default=True,
        help="; ".join(f"{r.name}: {r.summary}" for r in REPORTERS.values()) + ".",
    )


def settings() -> Settings:
    """The settings of the current folder and environment."""
    from dsv4_env.profile.settings import load

    return load(Path.cwd(), os.environ)


def profile_folder(folder: Path | None) -> Path | None:
    """The folder of the user's own profiles: the option's, else the setting's."""
    if folder is not None:
        return folder
    try:
        return profiles_folder(Path.cwd(), os.environ)
    except ValueError:
        return settings().profiles


def use_color(choice: str) -> bool:
    """Whether standard output gets colours."""
    if choice != "auto":
        return choice == "always"
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as aligned columns, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )


def tell(text: str, *, nl: bool = True) -> None:
    """Say something on standard error, without what is a secret by its form."""
    from dsv4_env.model.style import inert

    click.echo(inert(_without_secrets(text)), err=True, nl=nl)


def write(text: str, output: Path | None = None, *, hands_on: bool = False) -> None:
    """Print the text, or write the file in one step: it is there whole or as it was.

    A link is followed, and a device or pipe written as it is: neither may be replaced. What is a
    secret by its form is masked here once more, unless the command is there to hand values on.
    """
    data = (text if hands_on else _without_secrets(text)).encode(errors="surrogateescape")
    if output is None or str(output) == "-":
        if sys.stdout is None:
            raise UsageError("standard output is closed", expected="somewhere to write")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    from dsv4_env.guard import writing

    if output.exists() and not output.is_file():
        writing.pour(output, data)
    else:
        writing.replace(output, data)


def _without_secrets(text: str) -> str:
    from dsv4_env.model.secrets.forms import form_spans, without
    from dsv4_env.model.secrets.known import known_spans

    return without(text, sorted(form_spans(text) + known_spans(text)))


@dataclass(slots=True, eq=False, repr=False)
class Inputs:
    """What a script is given from outside, as far as the user has said it."""

    variables: dict[str, str] = field(default_factory=dict)
    args: tuple[str, ...] | None = None
    root: Path | None = None
    closed: bool = False


def input_options(command: F) -> F:
    """The options that say what a script gets from outside; they arrive as one ``inputs``."""

    @click.option(
        "--set",
        "set_",
        multiple=True,
        metavar="NAME=VALUE",
        help="A variable that the script gets from outside.",
    )
    @click.option(
        "--env-file",
        "env_files",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Variables that the script gets from outside, as `set -a; . FILE` would set them.",
    )
    @click.option("--arg", "args", multiple=True, metavar="WORD", help="A positional argument.")
    @click.option(
        "--root",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="The folder that files a script sources must lie in. Default: the script's own.",
    )
    @click.option(
        "--closed",
        is_flag=True,
        help="Nothing but these inputs is set outside: what else the script asks for is unset.",
    )
    @functools.wraps(command)
    def wrapped(
        *positional: Any,
        set_: tuple[str, ...],
        env_files: tuple[Path, ...],
        args: tuple[str, ...],
        root: Path | None,
        closed: bool,
        **options: Any,
    ) -> Any:
        variables: dict[str, str] = {}
        for path in env_files:
            variables |= env_file(path)
        for item in set_:
            name, equals, value = item.partition("=")
            if not equals or not ENV_NAME.fullmatch(name):
                raise UsageError(f"--set {item}", expected="NAME=VALUE")
            variables[name] = value
        for given in variables.items():
            meet(given)
        inputs = Inputs(variables, args or None, root, closed)
        return command(*positional, inputs=inputs, **options)

    return cast("F", wrapped)


def env_file(path: Path) -> dict[str, str]:
    """The variables that a file of assignments sets, read as bash would read it."""
    from dsv4_env.readers import bash

    data = (
        b"set -a\n" + read_named(path, expected="a file of NAME=VALUE lines") + b"\nsglang serve\n"
    )
    launch = bash.read(data, str(path), closed=True)
    found: dict[str, str] = {}
    for name, setting in launch.effective_env.items():
        if not isinstance(setting.value, str) or setting.condition:
            where = setting.location
            if where is not None and where.line is not None:
                where = Location(where.path, where.line - 1, where.column)
            raise ReadError(f"{name} can't be known: {setting.value}", where=where)
        found[name] = setting.value
    return found
