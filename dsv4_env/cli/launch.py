"""``launch``: a profile's server, after a look at what it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from dsv4_env.catalogue.releases import nearest
from dsv4_env.cli import complete
from dsv4_env.cli.before import told
from dsv4_env.cli.comparing import catalogue_for
from dsv4_env.cli.execute import execute, start_environment
from dsv4_env.cli.names import tell_nodes
from dsv4_env.cli.options import collected, profiles_option
from dsv4_env.cli.output import write
from dsv4_env.cli.starting import (
    Overrides,
    model_path_of,
    override_options,
    profile_of,
    shown_command,
)
from dsv4_env.cli.target import target_options
from dsv4_env.cli.wanted import remember, wanted
from dsv4_env.exporters import MODEL_FLAGS
from dsv4_env.model import LaunchConfig, ServerArg, group_args
from dsv4_env.model.errors import ReadError
from dsv4_env.profile import Profile, with_settings
from dsv4_env.server import preflight

_SKIPS = (*preflight.CHECKS, "all")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The server that is launched: its model, where it listens, and what isn't looked at before."""

    model: str | None
    host: str | None
    port: int | None
    python: str
    skip: tuple[str, ...]


class _ServerCommand(click.Command):
    """A command whose user may well give an argument of the server as an option of it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            text = f"no such option {exc.option_name}; arguments of the server go behind --"
            raise click.NoSuchOption(exc.option_name, text, exc.possibilities, exc.ctx) from None


@click.command(cls=_ServerCommand)
@click.argument("name", metavar="PROFILE", shell_complete=complete.offered_profiles)
@click.argument("more", metavar="[-- ARG...]", nargs=-1, type=click.UNPROCESSED)
@collected(
    "server",
    ServerOptions,
    click.option(
        "--model",
        metavar="PATH|ORG/NAME",
        help="The model. Default: what the profile's variable for it says, else its own.",
    ),
    click.option("--host", metavar="HOST", help="Where to listen."),
    click.option("--port", metavar="PORT", type=click.IntRange(1, 65535), help="On which port."),
    click.option(
        "--python",
        metavar="PYTHON",
        default="python3",
        show_default=True,
        help="The interpreter that SGLang is installed for.",
    ),
    click.option(
        "--skip", multiple=True, type=click.Choice(_SKIPS), help="Launch whatever this check says."
    ),
)
@override_options
@target_options
@profiles_option
def launch(
    name: str,
    more: tuple[str, ...],
    server: ServerOptions,
    overrides: Overrides,
    folder: Path | None,
) -> int:
    """Launch a profile's server, after a look at what it needs.

    Is SGLang installed, and of a release that the profile is for? Is the port free, the model
    there? Does that release take every argument, and, as `plan` tells it, the launch on the
    profile's platform? What isn't so is told, with the way past it, and nothing is launched (exit
    code 2); --print asks the last of these alone. The server takes the place of dsv4-env, as with
    `run`.

    \b
    Examples:
      dsv4-env launch flash-fp4
      dsv4-env launch pro-fp4 --model /data/DeepSeek-V4-Pro --host 0.0.0.0 --port 30001
      dsv4-env launch pro-fp4 --skip release -- --tp 4
      dsv4-env launch pro-fp4 --port 30001 --print
    """
    if with_settings(wanted()).sglang is None:
        _as_installed(server.python)
    profile = profile_of(name, folder)
    tell_nodes(profile)
    overrides = replace(overrides, args=(*overrides.args, *more))
    profile, model = _own_model(overrides.changed(profile))
    environ = overrides.environment(profile, start_environment(), shown=overrides.only_print)
    path = model_path_of(profile, server.model or model, environ)
    words = profile.command(model=path, host=server.host, port=server.port, python=server.python)
    start = preflight.PlannedLaunch(profile, _config(profile, words), words, environ, path)
    checks = preflight.obstacles
    if overrides.only_print:
        write(shown_command(profile, overrides, words))
        checks = preflight.unstarted
    if "all" not in server.skip:
        fallback = catalogue_for(wanted().sglang, [profile.sglang_range], tree=False)
        if told(checks(start, server.skip, fallback), "launches"):
            return 2
    if overrides.only_print:
        return 0
    return execute(words, environ)


def _as_installed(python: str) -> None:
    """Ask for the release that the server's interpreter has, where it's one that is known."""
    there = preflight.installed(python, start_environment()).release
    if there is not None:
        with contextlib.suppress(ReadError):  # which the look at it tells
            remember(sglang=nearest(there)[0])


def _own_model(profile: Profile) -> tuple[Profile, str | None]:
    """The profile without an argument that names the model, and what that says."""
    args = profile.config.args or ()
    named = [a for a in args if a.flag in MODEL_FLAGS and a.values]
    if not named:
        return profile, None
    left = tuple(a for a in args if a not in named)
    return replace(profile, config=replace(profile.config, args=left)), str(named[-1].values[0])


def _config(profile: Profile, words: Sequence[str]) -> LaunchConfig:
    """What the server gets, each part with its place in the profile where it has one."""
    own: list[ServerArg] = list(profile.config.args or ())
    given = group_args([(w, None) for w in words[3:]], "command line")
    # words[3:] begins with the model, then come the profile's own arguments.
    args = (given[0], *own, *given[1 + len(own) :])
    if [w for a in args for w in a.words] != list(words[3:]):
        args = given  # an argument of the profile looks like two
    return replace(profile.config, args=args)


COMMANDS = (launch,)
