"""Options that several commands have; what belongs together reaches a command as one object."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from dsv4_env.cli import complete
from dsv4_env.cli.output import tell, use_color, write
from dsv4_env.guard.files import read_named
from dsv4_env.model import ENV_NAME, Location
from dsv4_env.model.errors import ReadError, UsageError
from dsv4_env.model.secrets import meet
from dsv4_env.model.style import plain
from dsv4_env.profile import Profile, profile_folders
from dsv4_env.reporters import REPORTERS, beside

if TYPE_CHECKING:
    from dsv4_env.model.finding import Report

F = TypeVar("F", bound=Callable[..., Any])


def collected(
    name: str, make: Callable[..., object], *options: Callable[[Any], Any]
) -> Callable[[F], F]:
    """Options that a command gets as one object: ``make(**values)``, called *name*.

    The values are those of *make*'s parameters, so an option is named as its parameter is.
    """
    wanted = inspect.signature(make).parameters

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapped(*positional: Any, **given: Any) -> Any:
            values = {n: given.pop(n) for n in wanted if n in given}
            return command(*positional, **{name: make(**values)}, **given)

        for option in reversed(options):
            wrapped = option(wrapped)
        return cast("F", wrapped)

    return decorate


def given_overrides(
    profile: Profile,
    variables: Mapping[str, str],
    words: Sequence[str] = (),
    gone: Sequence[str] = (),
) -> Profile:
    """A profile as --set, --arg and --unset change it. Raises UsageError."""
    if not (variables or words or gone):
        return profile
    # The catalogue's entries, which a start without these options does without.
    from dsv4_env.profile.overriding import overridden

    for name in gone:
        if name in variables:
            raise UsageError(f"--set and --unset {name}", expected="one of the two")
        if not name.startswith("-") and not ENV_NAME.fullmatch(name):
            raise UsageError(
                f"--unset {name}", expected="the name of a variable, or a flag: --unset=--FLAG"
            )
    changed = overridden(profile, variables, words, gone)
    meet(changed.config)
    return changed


unset_option = click.option(
    "--unset",
    "gone",
    multiple=True,
    metavar="NAME",
    help="Of a profile: leave a variable out, or a flag (--unset=--FLAG).",
)


def _there(
    _context: click.Context, _parameter: click.Parameter, folder: Path | None
) -> Path | None:
    """The folder, which has to be there whatever becomes of it. Raises ProfileError."""
    if folder is not None:
        profile_folders(folder)
    return folder


jobs_option = click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(0),
    help="How many processes share the work; 0: this one alone. Default: one for each processor, "
    "in a tree of many files.",
)
"""How the commands that look through trees share the work."""

profiles_option = click.option(
    "--profiles",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    callback=_there,
    shell_complete=complete.offered_folders,
    help="A folder of your own layers and profiles, which may extend the shipped ones.",
)
color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    callback=lambda _context, _parameter, choice: use_color(choice),
    help="Colour the output; auto does so on a terminal unless NO_COLOR is set.",
)
output_option = click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file (in one step) instead of standard output.",
)


FORMATS = tuple(name for name, reporter in REPORTERS.items() if not reporter.suggests)
"""The formats of reports that need no change of files in git."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a report is shown: in which format, coloured or not; *exit_zero*: without a say."""

    format_: str
    color: bool
    exit_zero: bool

    def show(self, report: Report) -> None:
        """Print a report, and on standard error what its format has no place for."""
        write(REPORTERS[self.format_](report))
        self.tell_rest(report)

    def tell_rest(self, report: Report) -> None:
        """Tell what the format has no place for."""
        for said in beside(self.format_, report):
            tell(f"dsv4-env: note: {plain(said)}")


def shown_options(
    default: str, formats: Sequence[str] = FORMATS, about: str | None = None
) -> Callable[[F], F]:
    """The options of a report; they arrive as one ``shown``."""
    every = "; ".join(f"{REPORTERS[name].name}: {REPORTERS[name].summary}" for name in formats)
    return collected(
        "shown",
        Shown,
        click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there are findings."),
        color_option,
        click.option(
            "--format",
            "-f",
            "format_",
            type=click.Choice(formats),
            default=default,
            show_default=True,
            help=about or f"{every}.",
        ),
    )


@dataclass(slots=True, eq=False, repr=False)
class Inputs:
    """What a script is given from outside, as far as the user has said it."""

    variables: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] | None = None
    root: Path | None = None
    closed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def _inputs(
    set_: tuple[str, ...],
    env_files: tuple[Path, ...],
    args: tuple[str, ...],
    root: Path | None,
    closed: bool,
    headers: Mapping[str, str],
) -> Inputs:
    variables = given_variables(set_, env_files)
    for given in variables.items():
        meet(given)
    return Inputs(variables, args or None, root, closed, headers)


def _headers(
    _context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]
) -> Mapping[str, str]:
    """The headers, with the values of the variables. Raises UsageError without any of them."""
    if not names:
        return {}
    from dsv4_env.guard.web import header  # http.client and ssl: 40 ms, for those who ask

    found = dict(header(name, os.environ) for name in names)
    for value in found.values():
        meet(("AUTHORIZATION_TOKEN", value.removeprefix("Bearer ")))
    return found


headers_option = click.option(
    "--header-from-environment",
    "headers",
    multiple=True,
    metavar="[HEADER=]NAME",
    callback=_headers,
    help="Send what the variable NAME holds to a server that url: names: as `Authorization: Bearer "
    "…`, or as another HEADER.",
)
input_options = collected(
    "inputs",
    _inputs,
    click.option(
        "--set",
        "set_",
        multiple=True,
        metavar="NAME=VALUE",
        help="A variable that the script gets from outside, and a profile where the outside may "
        "override it; `show`, `plan` and `lint` set it in any profile.",
    ),
    click.option(
        "--env-file",
        "env_files",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Variables that the script gets from outside, as `set -a; . FILE` would set them.",
    ),
    click.option(
        "--arg",
        "args",
        multiple=True,
        metavar="WORD",
        help="A positional argument of the script; of a profile, to `show` and `plan`, a server "
        "argument, in place of its own (--arg=--tp=4).",
    ),
    click.option(
        "--root",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The folder a script is run in: its relative paths start there, and what it sources "
        "or runs must lie in it. Default: the script's own.",
    ),
    click.option(
        "--closed",
        is_flag=True,
        help="Nothing but these inputs is set outside: what else the script asks for is unset.",
    ),
    headers_option,
)


def given_variables(items: Sequence[str], files: Sequence[Path]) -> dict[str, str]:
    """The variables of ``--env-file`` and, over them, those of ``--set NAME=VALUE``."""
    variables: dict[str, str] = {}
    for path in files:
        variables |= _env_file(path)
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not ENV_NAME.fullmatch(name):
            raise UsageError(f"--set {item}", expected="NAME=VALUE")
        variables[name] = value
    return variables


def _env_file(path: Path) -> dict[str, str]:
    """The variables that a file of assignments sets, read as bash would read it."""
    # tree-sitter, and the languages: they take longer to import than all else of a start.
    from dsv4_env.readers import READERS, choose
    from dsv4_env.readers.bash import check_endings

    text = read_named(path, expected="a file of NAME=VALUE lines")
    check_endings(text, str(path))
    data = b"set -a\n" + text + b"\nsglang serve\n"
    launch = choose(READERS["bash"](data, str(path), closed=True), str(path))
    found: dict[str, str] = {}
    for name, setting in launch.effective_env.items():
        if not isinstance(setting.value, str) or setting.condition:
            where = setting.location
            if where is not None and where.line is not None:
                where = Location(where.path, where.line - 1, where.column)
            raise ReadError(f"{name} can't be known: {setting.value}", where=where)
        found[name] = setting.value
    return found
