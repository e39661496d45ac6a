"""``diff``."""

from __future__ import annotations

from pathlib import Path

import click

from dsv4_env.cli.common import (
    Inputs,
    catalogue_for,
    color_option,
    exit_zero_option,
    format_option,
    input_options,
    operand,
    profile_folder,
    profiles_option,
    reading_options,
    selection_options,
    use_color,
    write,
)
from dsv4_env.model import LaunchConfig
from dsv4_env.profile import load_all
from dsv4_env.reporters import REPORTERS


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


diff.params.append(format_option("changes"))
COMMANDS = (diff,)
