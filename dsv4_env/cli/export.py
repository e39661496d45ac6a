"""``export``: a profile for a shell, a test, a container or another program."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli import complete
from dsv4_env.cli.names import named_profile, no_profile, tell_nodes, tell_range
from dsv4_env.cli.options import F, collected, given_overrides, given_variables, profiles_option
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.target import launch_options
from dsv4_env.cli.wanted import wanted
from dsv4_env.exporters import EXPORTERS, MODEL_FLAGS, ROLES, Exporter, ExportOptions
from dsv4_env.exporters.files import github_masks
from dsv4_env.model import EnvVar, LaunchConfig, Location, Origin, ServerArg
from dsv4_env.model.errors import ProfileError, UsageError
from dsv4_env.profile import Profile, startable


def _takers(field: str) -> list[str]:
    return [e.name for e in EXPORTERS.values() if field in e.options]


def _option(name: str, help_: str, **more: Any) -> Callable[[F], F]:
    """An option that some formats take; its help says which where they are few."""
    takers = _takers(name.removeprefix("--").replace("-", "_"))
    listed = f" ({', '.join(takers)})" if len(takers) <= len(EXPORTERS) // 3 else ""
    return click.option(name, help=help_ + listed, **more)


_FORMATS = "\b\nFormats:\n" + "\n".join(
    f"  {e.name + ':':<15}{e.summary}" for e in EXPORTERS.values()
)


class _Export(click.Command):
    """A command whose ``--unset`` undoes all, and ``--unset=NAME`` leaves one setting out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        before = [_LEFT_OUT + w[7:] if w.startswith("--unset=") else w for w in args[:end]]
        return super().parse_args(ctx, before + args[end:])


_LEFT_OUT = "--leave-out"


@dataclass(frozen=True, slots=True)
class _Changes:
    """What the command line changes of the profile."""

    set_: tuple[str, ...]
    args: tuple[str, ...]
    gone: tuple[str, ...]

    def of(self, profile: Profile, exporter: Exporter) -> Profile:
        """The profile with the changes. Raises UsageError for one that the format doesn't hold."""
        flags = [f"--arg {w.partition('=')[0]}" for w in self.args]
        flags += [f"--unset={name}" for name in self.gone if name.startswith("-")]
        variables = [f"--set {item.partition('=')[0]}" for item in self.set_]
        variables += [f"--unset={name}" for name in self.gone if not name.startswith("-")]
        for kind, what, given in (("args", "arguments", flags), ("env", "variables", variables)):
            if given and kind not in exporter.holds.split():
                able = ", ".join(e.name for e in EXPORTERS.values() if kind in e.holds.split())
                raise UsageError(
                    f"{given[0]}: the format {exporter.name} holds no {what}",
                    expected=f"one of {able}",
                )
        return given_overrides(profile, given_variables(self.set_, ()), self.args, self.gone)


_changes = collected(
    "changes",
    _Changes,
    click.option(
        "--set",
        "set_",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set a variable, over the profile's.",
    ),
    click.option(
        "--arg",
        "args",
        multiple=True,
        metavar="WORD",
        help="A server argument, in place of the profile's own (--arg=--tp=4).",
    ),
    click.option(_LEFT_OUT, "gone", multiple=True, metavar="NAME", hidden=True),
)


@click.command(cls=_Export, epilog=_FORMATS)
@click.argument(
    "profile_name", metavar="PROFILE|FILE.toml", shell_complete=complete.offered_operands
)
@click.option(
    "--format",
    "-f",
    "format_",
    metavar="FORMAT",
    type=click.Choice(list(EXPORTERS)),
    default="shell",
    show_default=True,
    help="One of the formats below.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file (in one step) instead of standard output, which is also `-`.",
)
@_option(
    "--unset",
    "Undo: unset the variables instead of setting them. --unset=NAME leaves one out, or a flag.",
    is_flag=True,
)
@_changes
@_option("--prefix-comment", "Say above each setting which layer sets it, and where.", is_flag=True)
@_option(
    "--diff-only", "Only variables that the environment here lacks or has otherwise.", is_flag=True
)
@_option(
    "--model", "The model to serve; by default the profile's where the format starts a server."
)
@_option("--host", "The address to listen on. In a container the default is 0.0.0.0.")
@_option("--port", "The port to listen on.", type=click.IntRange(1, 65535))
@_option("--image", "The image of the container. Default: the profile's, where it names one.")
@_option("--name", "What the object is called. Default: as the profile.", metavar="NAME")
@_option(
    "--nodes",
    "On how many nodes the server runs, or each role. Default: as the profile.",
    type=click.IntRange(1),
)
@_option(
    "--pd-disaggregation",
    "All roles of disaggregated serving: prefill, decode, and the router, which --host and --port "
    "are then of.",
    is_flag=True,
)
@launch_options
@profiles_option
def export(
    profile_name: str,
    format_: str,
    output: Path | None,
    changes: _Changes,
    folder: Path | None,
    **given: Any,
) -> None:
    """Write a profile for a shell, a test, a container, a job.

    When it fails, the formats for shells print what fails an eval, so that
    eval "$(dsv4-env export …)" fails too. What a format can't hold is an error, and nothing is
    written. In a job on GitHub, github-env has the values of secrets masked in the log.

    \b
    Examples:
      eval "$(dsv4-env export flash-fp4)"
      eval "$(dsv4-env export flash-fp4 --unset)"
      eval "$(dsv4-env export flash-fp4 --set SGLANG_USE_AITER=0)"
      dsv4-env export flash-fp4 -f fish | source
      eval "python3 -m sglang.launch_server --model-path M $(dsv4-env export flash-fp4 -f args)"
      dsv4-env export pro-fp8 --format python
      dsv4-env export pro-fp4 -f k8s-pod --image IMAGE --port 30000 | kubectl apply -f -
      dsv4-env export pro-fp4@gb300 -f slurm --pd-disaggregation --nodes 2 | sbatch
    """
    exporter = EXPORTERS[format_]
    _refuse_others(exporter, given)
    diff_only, all_roles = given.pop("diff_only"), given.pop("pd_disaggregation")
    if all_roles and wanted().role:
        raise UsageError("--pd-disaggregation and --role", expected="one of them")
    roles = ROLES if all_roles else (None,)
    found = [_profile(profile_name, folder, r, exporter, given) for r in roles]
    profiles = [changes.of(p, exporter) for p in found]
    tell_range(found[0])
    if "nodes" not in exporter.options:
        tell_nodes(found[0])
    configs = [_modelled(exporter, p) for p in profiles]
    if diff_only:
        configs = [_differing(c, unset=given["unset"]) for c in configs]
    options = _options(profiles[0], given)
    if options.prefix_comment:
        configs = list(map(_shown, configs))
    config, other = configs[0], configs[-1]
    text = exporter.together(config, other, options) if all_roles else exporter(config, options)
    if format_ == "github-env" and os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(github_masks(config), err=True, nl=False)
    write(text, output, hands_on=True)


def _profile(
    name: str, folder: Path | None, role: str | None, exporter: Exporter, given: dict[str, Any]
) -> Profile:
    """The profile to export, in a role, for as many nodes as it is known for or they are.

    Raises UsageError for what is none.
    """
    nodes: int | None = given.get("nodes")
    try:
        profile = named_profile(name, profile_folder(folder), role, nodes)
    except ProfileError:
        if nodes is None or "nodes" not in exporter.options:
            raise
        profile = named_profile(name, profile_folder(folder), role)
        if profile is not None and role in (None, ROLES[0]):
            told = f"{profile.name} isn't known for {nodes} nodes; these are its settings for"
            tell(f"dsv4-env: note: {told} {profile.target.nodes}")
    if profile is None:
        raise no_profile(name)
    return startable(profile)


def _refuse_others(exporter: Exporter, given: dict[str, Any]) -> None:
    for field, value in given.items():
        if field == "nodes":  # which say, too, what target is meant
            continue
        if value not in (None, False) and field not in exporter.options:
            raise UsageError(
                f"the format {exporter.name} takes no --{field.replace('_', '-')}",
                expected="one of " + ", ".join(_takers(field)),
            )


def _modelled(exporter: Exporter, profile: Profile) -> LaunchConfig:
    """The launch, with the profile's own model where the format needs one."""
    args, path = profile.config.args or (), profile.default_model_path
    if not exporter.complete or not path or any(a.flag in MODEL_FLAGS for a in args):
        return profile.config
    origin = profile.origins.get(("model", "path")) or Origin(profile.name)
    return replace(profile.config, args=(ServerArg("--model-path", (path,), origin), *args))


def _options(profile: Profile, given: dict[str, Any]) -> ExportOptions:
    known = {field: value for field, value in given.items() if value is not None}
    accelerator, count = (profile.hardware.get(key) for key in ("accelerator", "count"))
    gpu = None
    if accelerator:
        gpu = "amd" if str(accelerator).upper().startswith("MI") else "nvidia"
    if profile.target.nodes > 1:
        known.setdefault("nodes", profile.target.nodes)
    if profile.image is not None and profile.image.name:
        known.setdefault("image", profile.image.name)
    return ExportOptions(gpu=gpu, gpus=count, **known)


def _differing(config: LaunchConfig, *, unset: bool) -> LaunchConfig:
    """Only the variables that the export would change where this command runs."""
    here = os.environ

    def differs(setting: EnvVar) -> bool:
        if unset:
            return setting.name in here
        if not isinstance(setting.value, str):  # what is set counts, whatever it is
            return not here.get(setting.name)
        return here.get(setting.name) != setting.value

    return replace(config, env=tuple(filter(differs, config.env)))


def _shown(config: LaunchConfig) -> LaunchConfig:
    """With paths as they're seen from the current folder."""
    here = f"{Path.cwd()}/"

    def near(origin: Origin) -> Origin:
        place = origin.location
        if place is None:
            return origin
        path = place.path.removeprefix(here)
        return replace(origin, location=Location(path, place.line))

    def moved(setting: Any) -> Any:
        return replace(setting, origin=near(setting.origin))

    env: tuple[EnvVar, ...] = tuple(map(moved, config.env))
    args: tuple[ServerArg, ...] = tuple(map(moved, config.args or ()))
    return replace(config, env=env, args=args)


COMMANDS = (export,)
