"""``diff``."""

from __future__ import annotations

from pathlib import Path

import click

from dsv4_env.cli import complete
from dsv4_env.cli.comparing import Comparing, reading_options
from dsv4_env.cli.operands import current_environment, operand, relevant
from dsv4_env.cli.options import Inputs, Shown, input_options, profiles_option, shown_options
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.cli.target import further_options
from dsv4_env.compare.findings import compare_launches
from dsv4_env.model.errors import UsageError
from dsv4_env.model.finding import Report, Severity


@click.command()
@click.argument("left", metavar="A", shell_complete=complete.offered_operands)
@click.argument("right", metavar="B", shell_complete=complete.offered_operands)
@reading_options
@input_options
@further_options
@profiles_option
@shown_options("changes")
def diff(
    left: str, right: str, comparing: Comparing, inputs: Inputs, folder: Path | None, shown: Shown
) -> int:
    """Show how B differs from A, as SGLang reads both.

    With --exact they are compared to the letter. A and B are profiles (NAME or NAME.toml), files
    of any kind with a launch (PATH, PATH#2 for the second in it, PATH:34 for the one at line 34,
    PATH::NAME for the one of that name, - for a script on standard input), running servers
    (pid:N, port:N, process:TEXT) or env: for the current environment.

    \b
    Examples:
      dsv4-env diff flash-fp4 flash-fp8
      dsv4-env diff pro-fp4 run_dsv4.sh
      dsv4-env diff old.sh new.sh#2
      dsv4-env diff flash-fp4 env:
      dsv4-env diff flash-fp4 port:30000
      dsv4-env diff run_dsv4.sh test_v4.py::TestV4.setUpClass
    """
    own = profile_folder(folder)
    if left == right == "-":
        raise UsageError("standard input can be read only once", expected="a file for one of them")
    read = [
        None if text in ("env:", "env") else operand(text, own, inputs) for text in (left, right)
    ]
    names = {e.name for side in read if side and side[0].reader != "process" for e in side[0].env}
    a, b = (relevant(side[0], names) if side else current_environment(names) for side in read)
    ranges = [side[1] for side in read if side and side[1]]
    comparison = compare_launches(
        a,
        b,
        ignore=comparing.ignore,
        compare=comparing.compare,
        catalogue=comparing.catalogue(comparing.sglang, ranges, inputs.root),
        show_equivalent=comparing.show_equivalent,
        severities=settings().severity,
    )
    report = Report(
        (comparison,), root=str(Path.cwd()), color=shown.color, failing=frozenset(Severity)
    )
    shown.show(report)
    differs = any(f.rule.id not in ("DSV006", "DSV009") for f in report.findings)
    return 1 if differs and not shown.exit_zero else 0


COMMANDS = (diff,)
