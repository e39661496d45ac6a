"""``run`` and ``launch``: a command, or the server itself, with a profile's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import click

from dsv4_env.cli import complete
from dsv4_env.cli.comparing import catalogue_for, offered_variables
from dsv4_env.cli.execute import execute, start_environment
from dsv4_env.cli.names import named_profile
from dsv4_env.cli.options import collected, given_variables, profiles_option
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg, group_args
from dsv4_env.model.errors import UsageError
from dsv4_env.model.quoting import word
from dsv4_env.model.secrets import masked, scrubbed
from dsv4_env.profile import Profile
from dsv4_env.server import preflight

# What --clean leaves: who and where one is, and how the outside is reached.
_KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_*", "TZ", "TMPDIR", "XDG_*",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY",
)  # fmt: skip
_KEPT_ON_WINDOWS = (
    "APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "PROGRAMFILES*", "SYSTEMDRIVE",
    "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR",
)  # fmt: skip
_SKIPS = (*preflight.CHECKS, "all")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes of a profile."""

    set: Mapping[str, str]
    unset: tuple[str, ...]
    args: tuple[str, ...]
    clean: bool
    keep: tuple[str, ...]
    only_print: bool = False

    def base(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What is left of the environment before the profile comes over it."""
        if not self.clean:
            return dict(environ)
        patterns = [*_KEPT, *self.keep, *(_KEPT_ON_WINDOWS if os.name == "nt" else ())]
        return {n: v for n, v in environ.items() if any(fnmatchcase(n, p) for p in patterns)}

    def environment(
        self, profile: Profile, environ: Mapping[str, str], *, shown: bool = False
    ) -> dict[str, str]:
        """The environment of what is started: *environ*, the profile's variables, then --set.

        Raises ProfileError where a variable that the profile takes from there is missing, unless
        the start is only *shown*.
        """
        base = self.base(environ)
        base |= {n: environ[n] for n in profile.required if n in environ}  # also with --clean
        if shown:
            found = {**base, **profile.env, **self.set}
        else:
            away = dict.fromkeys(self.unset, "taken away, so it isn't asked for")
            found = {**profile.launch_env({**base, **self.set, **away}), **self.set}
        return {name: value for name, value in found.items() if name not in self.unset}


def _overrides(
    set_: tuple[str, ...],
    env_files: tuple[Path, ...],
    unset: tuple[str, ...],
    args: tuple[str, ...],
    clean: bool,
    keep: tuple[str, ...],
    only_print: bool,
) -> Overrides:
    given = given_variables(set_, env_files)
    for name in (item.partition("=")[0] for item in set_):
        if name in unset:
            raise UsageError(f"--set and --unset {name}", expected="one of the two")
    if keep and not clean:
        raise UsageError("--keep without --clean", expected="both, or neither")
    return Overrides(given, unset, args, clean, keep, only_print)


override_options = collected(
    "overrides",
    _overrides,
    click.option(
        "--set",
        "set_",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a variable, over the profile's.",
    ),
    click.option(
        "--env-file",
        "env_files",
        multiple=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Set variables as `set -a; . FILE` would; --set wins.",
    ),
    click.option(
        "--unset",
        multiple=True,
        metavar="NAME",
        shell_complete=offered_variables,
        help="Take a variable away, the profile's or the environment's.",
    ),
    click.option("--arg", "args", multiple=True, metavar="WORD", help="One more server argument."),
    click.option(
        "--clean",
        is_flag=True,
        help="Start from an empty environment but for PATH, HOME, the locale, TMPDIR, XDG_*, "
        "certificates and proxies.",
    ),
    click.option(
        "--keep",
        multiple=True,
        metavar="PATTERN",
        help="With --clean: keep variables of this name (shell pattern) too.",
    ),
    click.option(
        "--print", "only_print", is_flag=True, help="Show what would be run, and run nothing."
    ),
)
"""The options that change a profile for one start; they arrive as one ``overrides``."""


class _Wrapper(click.Command):
    """A command whose second word that is no option of it begins another command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = False
        before, rest = self._split(ctx, args)
        if rest:
            after, words = self._split(ctx, rest[1:])
            args = [*before, *after, "--", rest[0], *words]
        return super().parse_args(ctx, args)

    def _split(self, ctx: click.Context, args: list[str]) -> tuple[list[str], list[str]]:
        """Options of the command, and what begins with the first other word (without ``--``)."""
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        only = click.Command(None, params=list(options), add_help_option=False)
        _, rest, _ = only.make_parser(ctx).parse_args(list(args))
        taken = args[: len(args) - len(rest)]
        if taken and taken[-1] == "--":
            _, left, _ = only.make_parser(ctx).parse_args([*taken[:-1], "x"])
            taken = taken[:-1] if left else taken  # else it is the value of an option
        return taken, rest


@click.command(cls=_Wrapper, options_metavar="[OPTIONS]")
@click.argument("name", metavar="PROFILE", shell_complete=complete.offered_profiles)
@click.argument(
    "command",
    metavar="[--] CMD [WORD]...",
    nargs=-1,
    type=click.UNPROCESSED,
    shell_complete=complete.offered_files,
)
@click.option("--with-args", is_flag=True, help="Append the profile's server arguments to CMD.")
@override_options
@profiles_option
def run(
    name: str, command: tuple[str, ...], with_args: bool, overrides: Overrides, folder: Path | None
) -> int:
    """Run a command with a profile's variables.

    On POSIX the command takes the place of dsv4-env: the same process id, and its signals and
    exit code are its own. A word of CMD that is {args} stands for the profile's server arguments
    (with those of --arg behind them), and one that is {model} for its model path; --with-args
    appends the arguments. Secrets are masked where --print shows the command.

    \b
    Exit codes: those of CMD; 126 it can't be run, 127 it isn't there, 2 wrong usage.

    \b
    Examples:
      dsv4-env run flash-fp4 -- python3 -m pytest test_deepseek_v4_flash_fp4.py
      dsv4-env run pro-fp4 -- python3 -m sglang.bench_one_batch --model-path {model} {args}
      dsv4-env run pro-fp4 --set SGLANG_USE_AITER=0 --clean -- ./run_dsv4.sh
      dsv4-env run pro-fp4 --with-args --arg --log-requests -- sglang serve --model-path M
      dsv4-env run flash-fp4 -- bash -c 'exec numactl -N 0 sglang serve "$@"' _ {args}
    """
    profile = _profile(name, folder)
    placed = "{args}" in command
    if not command:
        raise UsageError("no command is given", expected=f"dsv4-env run {name} -- CMD …")
    if with_args and placed:
        raise UsageError("--with-args and {args}", expected="one of the two")
    if overrides.args and not with_args and not placed:
        raise UsageError(
            f"--arg {overrides.args[0]} goes nowhere", expected="{args} in CMD, or --with-args"
        )
    environ = overrides.environment(profile, start_environment(), shown=overrides.only_print)
    words: list[str] = []
    for item in (*command, "{args}") if with_args else command:
        if item == "{args}":
            words += [*profile.server_args, *overrides.args]
        elif item == "{model}":
            words.append(_model(profile, None, environ))
        else:
            words.append(item)
    if overrides.only_print:
        write(shown_command(profile, overrides, words))
        return 0
    return execute(words, environ)


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
    there? Does that release take every argument? What isn't so is told, with the way past it, and
    nothing is launched (exit code 2). The server takes the place of dsv4-env, as with `run`.

    \b
    Examples:
      dsv4-env launch flash-fp4
      dsv4-env launch pro-fp4 --model /data/DeepSeek-V4-Pro --host 0.0.0.0 --port 30001
      dsv4-env launch pro-fp4 --skip release -- --tp 4
      dsv4-env launch pro-fp4 --port 30001 --print
    """
    profile = _profile(name, folder)
    overrides = replace(overrides, args=(*overrides.args, *more))
    environ = overrides.environment(profile, start_environment(), shown=overrides.only_print)
    path = _model(profile, server.model, environ)
    words = profile.command(model=path, host=server.host, port=server.port, python=server.python)
    words += overrides.args
    if overrides.only_print:
        write(shown_command(profile, overrides, words))
        return 0
    if "all" not in server.skip:
        start = preflight.PlannedLaunch(
            profile, _config(profile, overrides, words), words, environ, path
        )
        found = preflight.obstacles(start, server.skip, catalogue_for(None, [profile.sglang_range]))
        for obstacle in found:
            kind = "error" if obstacle.serious else "note"
            way = f" (--skip {obstacle.check} launches all the same)" if obstacle.serious else ""
            tell(f"dsv4-env: {kind}: {obstacle.check}: {scrubbed(obstacle.message)}{way}")
        if any(o.serious for o in found):
            return 2
    return execute(words, environ)


def _profile(name: str, folder: Path | None) -> Profile:
    profile = named_profile(name, profile_folder(folder))
    if profile is None:
        raise UsageError(f"{name} is no profile", expected="the name of one, or NAME.toml")
    return profile


def _model(profile: Profile, model: str | None, environ: Mapping[str, str]) -> str:
    found = model or profile.model_path(environ) or profile.default_model_path
    if not found:
        raise UsageError(f"profile {profile.name} names no model", expected="--model PATH")
    return found


def _config(profile: Profile, overrides: Overrides, words: Sequence[str]) -> LaunchConfig:
    """What the server gets, each part with its place in the profile where it has one."""
    gone = {*overrides.set, *overrides.unset}
    env = [e for e in profile.config.env if e.name not in gone]
    env += [EnvVar(n, v, Origin("--set", None, v)) for n, v in overrides.set.items()]
    own: list[ServerArg] = list(profile.config.args or ())
    given = group_args([(w, None) for w in words[3:]], "command line")
    # words[3:] begins with the model, then come the profile's own arguments.
    args = (given[0], *own, *given[1 + len(own) :])
    if [w for a in args for w in a.words] != list(words[3:]):
        args = given  # an argument of the profile looks like two
    return replace(profile.config, env=tuple(env), args=args)


def shown_command(profile: Profile, overrides: Overrides, words: Sequence[str]) -> str:
    """A command with its variables as a shell would take it, one variable a line."""
    env = {**profile.env, **overrides.set}
    lines = [f"-u {name}" for name in overrides.unset if not overrides.clean]
    if overrides.clean:
        lines = ["-i"]
        env = {**overrides.base(start_environment()), **env}
    env = {name: value for name, value in env.items() if name not in overrides.unset}
    required = [n for n in profile.required if n not in overrides.set and n not in overrides.unset]
    lines += [f'{name}="${{{name}:?}}"' for name in required]
    lines += [f"{name}={word(masked(name, value))}" for name, value in env.items()]
    command: list[str] = []
    for arg in group_args([(w, None) for w in words], "command line"):
        flag, texts = arg.flag or "", [str(v) for v in arg.values]
        values = [masked(flag, v) for v in texts]
        parts = [f"{flag}={values[0]}"] if arg.joined else [flag, *values] if flag else values
        command += [word(part) for part in parts]
    lines.append(" ".join(command))
    return " \\\n  ".join(["env " + lines[0], *lines[1:]]) + "\n"


COMMANDS = (run, launch)
