"""``run``: a command with a profile's environment, and how a start changes a profile."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import click

from dsv4_env.cli import complete
from dsv4_env.cli.comparing import offered_variables
from dsv4_env.cli.execute import execute, start_environment
from dsv4_env.cli.names import named_profile, no_profile
from dsv4_env.cli.options import collected, given_overrides, given_variables, profiles_option
from dsv4_env.cli.output import write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.target import target_options
from dsv4_env.model import group_args
from dsv4_env.model.errors import UsageError
from dsv4_env.model.quoting import word
from dsv4_env.model.secrets import masked
from dsv4_env.profile import Profile

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


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line changes of a profile."""

    set: Mapping[str, str]
    unset: tuple[str, ...]
    args: tuple[str, ...]
    clean: bool
    keep: tuple[str, ...]
    only_print: bool = False

    def changed(self, profile: Profile) -> Profile:
        """The profile with the changes. Raises UsageError."""
        return given_overrides(profile, self.set, self.args, self.unset)

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
        taken = (*profile.required, *profile.overridable)
        base |= {n: environ[n] for n in taken if n in environ}  # also with --clean
        if shown:
            kept = {n: base[n] for n in profile.overridable if base.get(n)}
            found = {**base, **profile.env, **kept, **self.set}
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
        help="Take away a variable (the profile's, the environment's) or a flag (--unset=--FLAG).",
    ),
    click.option(
        "--arg",
        "args",
        multiple=True,
        metavar="WORD",
        help="A server argument, in place of the profile's own (--arg=--tp=4).",
    ),
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
@click.option(
    "--skip",
    multiple=True,
    type=click.Choice(["plan"]),
    help="Run a server whatever SGLang makes of it.",
)
@override_options
@target_options
@profiles_option
def run(
    name: str,
    command: tuple[str, ...],
    with_args: bool,
    skip: tuple[str, ...],
    overrides: Overrides,
    folder: Path | None,
) -> int:
    """Run a command with a profile's variables.

    On POSIX the command takes the place of dsv4-env: the same process id, and its signals and
    exit code are its own. A word of CMD that is {args} stands for the profile's server arguments
    (as --arg and --unset change them), and one that is {model} for its model path; --with-args
    appends the arguments. Secrets are masked where --print shows the command. Where CMD is a
    server, SGLang's own part in it is told first, as by `launch`: one that SGLang would refuse on
    the profile's platform isn't started.

    \b
    Exit codes: those of CMD; 126 it can't be run, 127 it isn't there, 2 wrong usage or refused.

    \b
    Examples:
      dsv4-env run flash-fp4 -- python3 -m pytest test_deepseek_v4_flash_fp4.py
      dsv4-env run pro-fp4 -- python3 -m sglang.bench_one_batch --model-path {model} {args}
      dsv4-env run pro-fp4 --set SGLANG_USE_AITER=0 --clean -- ./run_dsv4.sh
      dsv4-env run pro-fp4 --with-args --arg --log-requests -- sglang serve --model-path M
      dsv4-env run flash-fp4 -- bash -c 'exec numactl -N 0 sglang serve "$@"' _ {args}
    """
    profile = profile_of(name, folder)
    placed = "{args}" in command
    if not command:
        raise UsageError("no command is given", expected=f"dsv4-env run {name} -- CMD …")
    if with_args and placed:
        raise UsageError("--with-args and {args}", expected="one of the two")
    given = [f"--arg {w}" for w in overrides.args]
    given += [f"--unset={flag}" for flag in overrides.unset if flag.startswith("-")]
    if given and not with_args and not placed:
        raise UsageError(f"{given[0]} goes nowhere", expected="{args} in CMD, or --with-args")
    profile = overrides.changed(profile)
    environ = overrides.environment(profile, start_environment(), shown=overrides.only_print)
    words: list[str] = []
    for item in (*command, "{args}") if with_args else command:
        if item == "{args}":
            words += profile.server_args
        elif item == "{model}":
            words.append(model_path_of(profile, None, environ))
        else:
            words.append(item)
    if overrides.only_print:
        write(shown_command(profile, overrides, words))
    if "plan" not in skip and any("sglang" in w for w in words):
        # tree-sitter and what is planned with, which other commands do without: 0.1 s
        from dsv4_env.cli.before import command_obstacles, told

        if told(command_obstacles(profile, words, environ), "runs"):
            return 2
    return 0 if overrides.only_print else execute(words, environ)


def profile_of(name: str, folder: Path | None) -> Profile:
    """The profile that the command line names. Raises UsageError."""
    profile = named_profile(name, profile_folder(folder))
    if profile is None:
        raise no_profile(name)
    return profile


def model_path_of(profile: Profile, model: str | None, environ: Mapping[str, str]) -> str:
    """The model that is given, else the profile's. Raises UsageError."""
    found = model or profile.model_path(environ) or profile.default_model_path
    if not found:
        raise UsageError(f"profile {profile.name} names no model", expected="--model PATH")
    return found


def shown_command(profile: Profile, overrides: Overrides, words: Sequence[str]) -> str:
    """A command with its variables as a shell would take it, one variable a line."""
    env = {**profile.env, **overrides.set}
    unset = [name for name in overrides.unset if not name.startswith("-")]
    lines = [f"-u {name}" for name in unset if not overrides.clean]
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


COMMANDS = (run,)
