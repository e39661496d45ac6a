"""``diff`` and ``check``."""

from __future__ import annotations

from pathlib import Path

import click

from dsv4_env.cli.common import (
    Inputs,
    catalogue_for,
    color_option,
    exit_zero_option,
    input_options,
    operand,
    profile_folder,
    profiles_option,
    read_script,
    reading_options,
    selection_options,
    settings,
    use_color,
    write,
)
from dsv4_env.model import LaunchConfig
from dsv4_env.profile import load_all, load_profile, reference_script
from dsv4_env.reporters import REPORTERS


def _format_option(default: str) -> click.Option:
    return click.Option(
        ["--format", "-f", "format_"],
        type=click.Choice(list(REPORTERS)),
        default=default,
        show_default=True,
        help="; ".join(f"{r.name}: {r.summary}" for r in REPORTERS.values()) + ".",
    )


@click.command()
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@selection_options
@reading_options
@input_options
@profiles_option
@exit_zero_option
@color_option
def diff(
    left: str,
    right: str,
    ignore: tuple[str, ...],
    compare: tuple[str, ...],
    sglang: str | None,
    show_equivalent: bool,
    exact: bool,
    folder: Path | None,
    inputs: Inputs,
    exit_zero: bool,
    color: str,
    format_: str,
) -> int:
    """Show how B differs from A, as SGLang reads both.

    With --exact they are compared to the letter. A and B are profiles (NAME or NAME.toml), launch
    scripts (PATH, PATH#2 for the second launch in it, PATH:34 for the one at line 34, - for
    standard input) or env: for the current environment.

    \b
    Examples:
      dsv4-env diff flash-fp4 flash-fp8
      dsv4-env diff pro-fp4 run_dsv4.sh
      dsv4-env diff old.sh new.sh#2
      dsv4-env diff flash-fp4 env:
    """
    from dsv4_env.finding import Report, Severity
    from dsv4_env.rules import compare_launches

    own = profile_folder(folder)
    sides: list[LaunchConfig | None] = [
        None if text in ("env:", "env") else operand(text, own, (), inputs)
        for text in (left, right)
    ]
    names = {e.name for side in sides if side for e in side.env}
    a, b = (
        side or operand(text, own, names) for side, text in zip(sides, (left, right), strict=True)
    )
    profiles = load_all(own)
    ranges = [
        p.sglang_range for c in (a, b) if c.reader == "profile" and (p := profiles.get(c.name))
    ]
    comparison = compare_launches(
        a,
        b,
        ignore=ignore,
        compare=compare,
        catalogue=None if exact else catalogue_for(sglang, ranges),
        show_equivalent=show_equivalent,
    )
    report = Report(
        (comparison,), root=str(Path.cwd()), color=use_color(color), failing=frozenset(Severity)
    )
    write(REPORTERS[format_](report))
    differs = any(f.rule.id not in ("DSV006", "DSV009") for f in report.findings)
    return 1 if differs and not exit_zero else 0


@click.command()
@click.argument("names", metavar="[PROFILE]...", nargs=-1)
@click.option(
    "--against",
    metavar="SCRIPT",
    help="The launch script: PATH, PATH#2 for the second launch in it, PATH:34 for the one at "
    "line 34, - for standard input. Default: the reference script that comes with dsv4-env.",
)
@selection_options
@reading_options
@input_options
@profiles_option
@exit_zero_option
@color_option
def check(
    names: tuple[str, ...],
    against: str | None,
    ignore: tuple[str, ...],
    compare: tuple[str, ...],
    sglang: str | None,
    show_equivalent: bool,
    exact: bool,
    folder: Path | None,
    inputs: Inputs,
    exit_zero: bool,
    color: str,
    format_: str,
) -> int:
    """Hold a launch script to profiles; exit with 1 on drift.

    Without PROFILE it is pro-fp4, or what [tool.dsv4_env] of pyproject.toml names. Host, port
    and model path are left out unless --compare names them.

    \b
    Examples:
      dsv4-env check
      dsv4-env check flash-fp4 flash-fp8 --against run_dsv4.sh
      dsv4-env check pro-fp4 --against run_dsv4.sh --compare model-path --ignore 'HIP_*'
    """
    from dsv4_env.finding import Report
    from dsv4_env.rules import compare_launches, with_model

    found = settings()
    own = folder if folder is not None else found.profiles
    script = against or str(found.against or reference_script())
    launch = read_script(script, inputs)
    ignore += found.ignore
    compare += found.compare
    comparisons = []
    for name in names or found.profile:
        profile = load_profile(name, own)
        comparisons.append(
            compare_launches(
                with_model(profile),
                launch,
                ignore=ignore,
                compare=compare,
                catalogue=None if exact else catalogue_for(sglang, [profile.sglang_range]),
                show_equivalent=show_equivalent,
            )
        )
    report = Report(tuple(comparisons), root=str(Path.cwd()), color=use_color(color))
    write(REPORTERS[format_](report))
    return 1 if report.failed and not exit_zero else 0


diff.params.append(_format_option("changes"))
check.params.append(_format_option("text"))
COMMANDS = (diff, check)
