"""``show``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from dsv4_env.cli import complete
from dsv4_env.cli.names import named_profile, tell_range
from dsv4_env.cli.operands import launches_of
from dsv4_env.cli.options import (
    Inputs,
    color_option,
    given_overrides,
    input_options,
    profiles_option,
    unset_option,
)
from dsv4_env.cli.output import line_width, write
from dsv4_env.cli.rendering import ShownRow, aligned_groups, launch_data, wrapped, write_launches
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.target import target_options
from dsv4_env.model import FROM_ENVIRONMENT, Origin
from dsv4_env.model.errors import UsageError
from dsv4_env.model.secrets import hidden, masked
from dsv4_env.model.style import paint, plain
from dsv4_env.reporters.shown import (
    about,
    argument_text,
    shown_place,
    target_of,
    value_text,
    without_secrets,
)


@click.command()
@click.argument("name", metavar="PROFILE|FILE", shell_complete=complete.offered_operands)
@input_options
@unset_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--origin", is_flag=True, help="Say where each value is set, and what it overrode.")
@target_options
@profiles_option
@color_option
def show(
    name: str,
    inputs: Inputs,
    gone: tuple[str, ...],
    as_json: bool,
    origin: bool,
    folder: Path | None,
    color: bool,
) -> None:
    """Show what a profile holds, or what a file launches.

    A FILE is a script, a test, a workflow or any other that dsv4-env reads, or a running server
    (pid:N, port:N, process:TEXT, or url:http://HOST:PORT by what it says of itself). Of a file it
    shows each launch: what its server gets, under which condition, what can't be known and why, and
    which inputs it demands. Nothing is run. Secrets are masked. Lines that are too wide for a
    terminal go on below; a pipe gets them whole.

    \b
    Examples:
      dsv4-env show flash-fp4
      dsv4-env show pro-fp8 --origin --set SGLANG_USE_AITER=0 --arg=--tp=4
      dsv4-env show run_dsv4.sh --set TP=8 --arg --fp8
      dsv4-env show run_dsv4.sh#2 --closed
    """
    profile = named_profile(name, profile_folder(folder))
    if profile is None:
        if gone:
            raise UsageError(f"--unset {gone[0]}", expected="it with a profile, not with a file")
        launches = launches_of(name, inputs)
        write_launches(launches, as_json=as_json, origin=origin, color=color)
        return

    tell_range(profile)
    profile = given_overrides(profile, inputs.variables, inputs.args or (), gone)
    config = hidden(profile.config)
    if as_json:
        settings = launch_data(config, origin=origin)
        item = about(profile) | {"env": settings["env"], "args": settings["args"]}
        write(json.dumps(item, indent=2, ensure_ascii=False) + "\n")
        return

    def row(name: str, value: str, setter: Origin | None) -> ShownRow:
        return name, value, "", _chain(name, setter) if origin and setter else ""

    groups = [
        ("Environment", [row(e.name, value_text(e.name, e.value), e.origin) for e in config.env]),
        (
            "Server arguments",
            [row(a.flag or "", argument_text(a), a.origin) for a in config.args or ()],
        ),
        (
            "About",
            [row(f"target.{key}", str(value), None) for key, value in target_of(profile).items()]
            + [
                row(f"{section}.{key}", str(value), profile.origins.get((section, key)))
                for section, values in without_secrets(profile.data).items()
                for key, value in values.items()
            ],
        ),
    ]
    width = line_width()
    said = f": {plain(profile.description)}" if profile.description else ""
    first, *more = wrapped(profile.name + said, width)
    lines = [paint(profile.name, "bold", color) + first[len(profile.name) :], *more]
    lines += aligned_groups(groups, color=color, width=width)
    write("".join(f"{line}\n" for line in lines))


def _quoted(name: str, value: str) -> str:
    return value if value == FROM_ENVIRONMENT else f'"{masked(name, value)}"'


def _chain(name: str, origin: Origin) -> str:
    texts: list[str] = []
    for setter in origin.chain():
        said = [shown_place(setter.location)] if setter.location else []
        said += [f"when {setter.when}"] if setter.when else []
        said += [f"from {setter.source}"] if setter.source else []
        text = setter.name + (f" ({'; '.join(said)})" if said else "")
        if texts:
            value = "unset" if setter.value is None else _quoted(name, setter.value)
            text = f"overrode {value} of {text}"
        texts.append(text)
    return ", ".join(texts)


COMMANDS = (show,)
