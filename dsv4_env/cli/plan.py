"""``plan``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from dsv4_env.cli import complete
from dsv4_env.cli.comparing import catalogue_for, launch_catalogue, on_option, sglang_option
from dsv4_env.cli.names import named_profile, split_operand
from dsv4_env.cli.operands import open_launch, open_launches, running_launches
from dsv4_env.cli.options import (
    Inputs,
    collected,
    color_option,
    given_overrides,
    input_options,
    profiles_option,
    unset_option,
)
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.cli.target import axes_options
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError
from dsv4_env.model.style import plain
from dsv4_env.plan.against import HeldPlan, held
from dsv4_env.plan.asking import ask
from dsv4_env.plan.formats import HELD_FORMATS, PLAN_FORMATS, held_text, text
from dsv4_env.plan.models import given_model, is_of_deepseek_v4, unknown_model
from dsv4_env.plan.planning import Plan, plan as planned
from dsv4_env.plan.platforms import EACH, PLATFORMS, Platform, hinted, platform
from dsv4_env.profile import Profile


@dataclass(frozen=True, slots=True)
class Planning:
    """How a launch is planned, and which of what is found counts."""

    sglang: str | None
    on: Platform | None
    fail_on: str | None
    python: Path | None
    against: str | None
    every: bool


@click.command()
@click.argument("operand", metavar="PROFILE|FILE", shell_complete=complete.offered_operands)
@collected(
    "planning",
    Planning,
    sglang_option,
    on_option("Default: the profile's own, or what a file's path or variables say."),
    click.option(
        "--fail-on",
        type=click.Choice(["overwritten"]),
        help="Exit with 1 also where a setting that is given has no effect or another one.",
    ),
    click.option(
        "--with",
        "python",
        metavar="PYTHON",
        type=click.Path(path_type=Path),
        help="Ask SGLang itself, in this interpreter: it needs SGLang 0.5.12 or newer and torch "
        "for a CPU, no GPU, weights or network. Runs SGLang.",
    ),
    click.option(
        "--against",
        metavar="url:URL",
        help="A running server that the plan is held to, by what it says of itself: read as its "
        "own release, where --sglang names none.",
    ),
    click.option("--all", "every", is_flag=True, help="Show settings that are kept, too."),
)
@input_options
@unset_option
@axes_options
@profiles_option
@color_option
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(list(PLAN_FORMATS)),
    default="text",
    show_default=True,
    help="; ".join(f"{name}: {summary}" for name, (_, summary) in PLAN_FORMATS.items()) + ".",
)
def plan(
    operand: str,
    planning: Planning,
    inputs: Inputs,
    gone: tuple[str, ...],
    folder: Path | None,
    color: bool,
    format_: str,
) -> int:
    """Say what SGLang itself makes of a launch, before it's started.

    SGLang overwrites variables, sets arguments and refuses combinations, by model and platform.
    For each setting, plan tells what becomes of it, and the file and line of SGLang that decide:
    ~ overwritten or without effect, = as SGLang or the image would set it, + set by SGLang, ? not
    known before it starts, x refused. Nothing is run; a FILE is any that dsv4-env reads.

    With --against it says of each argument whether a running server has what the plan expects: ~
    it differs, = it agrees, ? only a run decides it, or the server doesn't tell.

    Exit codes: 0 it starts, 1 it's refused (or what --fail-on asks for; or the server differs), 2
    it can't be read.

    \b
    Examples:
      dsv4-env plan pro-fp4
      dsv4-env plan pro-fp4 --sglang 0.5.23 --on mi355x
      dsv4-env plan pro-fp4 --arg=--tp=4 --unset=--disable-radix-cache
      dsv4-env plan run_dsv4.sh --on b200 --format json
      dsv4-env plan pro-fp4 --with ~/sglang/bin/python
      dsv4-env plan pro-fp4 --against url:http://localhost:30000
    """
    if planning.python is not None and planning.sglang is not None:
        raise UsageError("--with and --sglang", expected="one of them: PYTHON has its own SGLang")
    asked = _Asked(operand, inputs, gone, folder, planning.sglang, planning.on)
    if planning.against is not None:
        if planning.python is not None or planning.fail_on is not None:
            option = "--with" if planning.python is not None else "--fail-on"
            raise UsageError(f"--against and {option}", expected="one of them")
        said = _held(asked, planning.against)
        told = held_text(said, color=color, every=planning.every)
        write(told if format_ == "text" else HELD_FORMATS[format_](said))
        return 1 if said.differs else 0
    found = _plans(asked, planning.python)
    write(
        text(found, color=color, every=planning.every)
        if format_ == "text"
        else PLAN_FORMATS[format_][0](found)
    )
    if any(p.refused for p in found):
        return 1
    lost = any(s.effect in ("overwritten", "no-effect") for p in found for s in p.settings)
    return 1 if planning.fail_on and lost else 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is planned: an operand as the command line changes it, for a release and hardware."""

    operand: str
    inputs: Inputs
    gone: tuple[str, ...]
    folder: Path | None
    sglang: str | None
    on: Platform | None

    def profile(self) -> Profile | None:
        """The profile that the operand names; None for a file."""
        profile = named_profile(self.operand, profile_folder(self.folder))
        if profile is not None:
            inputs = self.inputs
            return given_overrides(profile, inputs.variables, inputs.args or (), self.gone)
        if self.gone:
            wanted = "it with a profile, not with a file"
            raise UsageError(f"--unset {self.gone[0]}", expected=wanted)
        return None

    def of_profile(self, profile: Profile) -> list[Platform]:
        """The platform that is asked for, else the profile's own; none where it has none."""
        own = profile.hardware.get("accelerator")
        return [self.on] if self.on else [platform(str(own))] if own else []

    def of_file(self, config: LaunchConfig) -> list[Platform]:
        """The platform that is asked for, else what a file says; else one of each kind."""
        return [self.on] if self.on else _told_by(config, self.operand, self.sglang)


def _held(asked: _Asked, against: str) -> HeldPlan:
    """The plan of the one launch that an operand names, held to a running server."""
    found = running_launches(against, asked.inputs)
    server = found[0] if found else None
    if server is None or server.served is None:
        raise UsageError(
            f"--against {against}: that doesn't say what became of its arguments",
            expected="url:http://HOST:PORT (check --against compares with any other)",
        )
    release = asked.sglang or server.served.release
    profile = asked.profile()
    if profile is not None:
        places = asked.of_profile(profile)
        catalogue = catalogue_for(release, [profile.sglang_range])
        config, title, model = profile.config, profile.name, profile.default_model_path
    else:
        config = open_launch(asked.operand, asked.inputs).config
        _tell_model(config)
        places = asked.of_file(config)
        catalogue, title, model = launch_catalogue(config, release), config.name, None
    if len(places) != 1:
        raise UsageError(
            f"{_shown(asked.operand)} says no platform",
            expected="--on PLATFORM: what the server runs on",
        )
    for note in server.notes:
        if not note.opens:
            tell(f"dsv4-env: note: {note.message}")
    return held(config, server, catalogue, places[0], title=title, model=model)


def _plans(asked: _Asked, python: Path | None) -> list[Plan]:
    profile = asked.profile()
    if profile is not None:
        catalogue = catalogue_for(asked.sglang, [profile.sglang_range])
        places = asked.of_profile(profile) or _every_platform(asked.operand)
        model = profile.default_model_path
        if python is not None:
            return [ask(python, profile.config, p, title=profile.name) for p in places]
        return [
            planned(profile.config, catalogue, p, title=profile.name, model=model) for p in places
        ]
    result: list[Plan] = []
    launches = open_launches(asked.operand, asked.inputs)
    for note in dict.fromkeys(n for opened in launches for n in opened.config.notes):
        more = f"; {note.settled}" if note.settled else ""
        tell(plain(f"dsv4-env: note: {note.message}{more}"))
    for opened in launches:
        if opened.config.served is not None:
            raise UsageError(
                f"{asked.operand} says what became of its arguments, not which were given",
                expected=f"plan PROFILE --against {asked.operand}",
            )
        _tell_model(opened.config)
        places = asked.of_file(opened.config)
        if python is not None:
            result += [ask(python, opened.config, p) for p in places]
            continue
        catalogue = launch_catalogue(opened.config, asked.sglang)
        result += [planned(opened.config, catalogue, p, title=opened.config.name) for p in places]
    return result


def _tell_model(config: LaunchConfig) -> None:
    """Say so where it isn't known that a launch is of a DeepSeek-V4, as which it's planned."""
    if is_of_deepseek_v4(config):
        return
    name, text = given_model(config), unknown_model(config)
    if name is not None:
        said = f"{name} is planned as a DeepSeek-V4, which its name doesn't say"
    else:
        what = f"which model {text} is" if text else "which model it is"
        said = f"{what} isn't known: it's planned as a DeepSeek-V4"
    tell(plain(f"dsv4-env: note: {said}"))


def _shown(operand: str) -> str:
    """An operand as messages call it."""
    where = split_operand(operand)
    return operand.replace("-", where.name, 1) if where.path == "-" else operand


def _every_platform(operand: str) -> list[Platform]:
    names = ", ".join(p.name for p in EACH)
    tell(f"dsv4-env: note: {_shown(operand)} says no platform: {names} are planned (--on)")
    return [*EACH]


def _told_by(config: LaunchConfig, operand: str, sglang: str | None) -> list[Platform]:
    """The platform that --sglang, a file's image, path or variables name; else one of each."""
    release = sglang or settings().sglang
    if found := hinted({"--sglang": release, "image": config.image_name, "path": operand}):
        place, what = found
        by = what if what.startswith("-") else f"its {what}"
        tell(f"dsv4-env: note: {_shown(operand)} is taken for {place.name} by {by} (--on)")
        return [place]
    rocm = next((n for n in config.effective_env if "AITER" in n or "ROCM" in n), None)
    if rocm is not None:
        tell(f"dsv4-env: note: {_shown(operand)} is taken for mi355x, as it sets {rocm} (--on)")
        return [PLATFORMS["mi355x"]]
    return _every_platform(operand)


COMMANDS = (plan,)
