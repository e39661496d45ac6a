"""``diff``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from dsv4_env.catalogue.tree import steps_of
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import Comparing, reading_options
from dsv4_env.cli.names import named_profile
from dsv4_env.cli.operands import current_environment, operand, relevant
from dsv4_env.cli.options import Inputs, Shown, input_options, profiles_option, shown_options
from dsv4_env.cli.settings import profile_folder, settings
from dsv4_env.cli.target import further_options
from dsv4_env.compare.effects import platform_of
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import WHOLE, as_started
from dsv4_env.compare.served import as_held, release_of
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError
from dsv4_env.model.finding import Report, Severity
from dsv4_env.plan.planning import resolved

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.plan.evaluate import Resolution


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
    PATH::NAME for the one of that name, - for standard input), running servers
    (pid:N, port:N, process:TEXT, or url:http://HOST:PORT by what one says of itself) or env: for
    the current environment.

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
    names = {e.name for side in read if side and side[0].reader not in WHOLE for e in side[0].env}
    a, b = (relevant(side[0], names) if side else current_environment(names) for side in read)
    if a.router is not b.router:
        router, server = (left, right) if a.router else (right, left)
        raise UsageError(
            f"{router} is a router, {server} is none", expected="two routers, or none of them"
        )
    ranges = [side[1] for side in read if side and side[1]]
    release = comparing.sglang or release_of(a, b)
    catalogue = comparing.catalogue(release, ranges, inputs.root)
    if a.served or b.served:
        a, b = _held((a, _planned(left, own, catalogue)), (b, _planned(right, own, catalogue)))
    if a.router:  # no release of SGLang says what its arguments mean
        catalogue = None
    given = inputs.variables
    a, b = as_started(a, given, b), as_started(b, given, a)
    comparison = compare_launches(
        a,
        b,
        ignore=comparing.ignore,
        compare=comparing.compare,
        catalogue=catalogue,
        show_equivalent=comparing.show_equivalent,
        severities=settings().severity,
    )
    report = Report(
        (comparison,), root=str(Path.cwd()), color=shown.color, failing=frozenset(Severity)
    )
    shown.show(report)
    # A server that is asked what it runs with never tells a variable.
    same = {"DSV006", "DSV009", *(["DSV016"] if a.served or b.served else [])}
    differs = any(f.rule.id not in same for f in report.findings)
    return 1 if differs and not shown.exit_zero else 0


_Planned: TypeAlias = "tuple[Catalogue, Resolution | None]"


def _planned(text: str, own: Path | None, catalogue: Catalogue | None) -> _Planned:
    """What the release makes of a profile on its platform; None where that isn't known."""
    if catalogue is None:
        raise UsageError("a server tells values, not how they are spelled", expected="no --exact")
    profile = None if text in ("env:", "env") else named_profile(text, own)
    on = platform_of(profile.hardware) if profile is not None else None
    if profile is None or on is None or steps_of(catalogue) is None:
        return catalogue, None
    model = profile.default_model_path
    return catalogue, resolved(profile.config, catalogue, on, model=model)


def _held(
    a: tuple[LaunchConfig, _Planned], b: tuple[LaunchConfig, _Planned]
) -> tuple[LaunchConfig, LaunchConfig]:
    """Both sides, a running server as it's compared with the other one."""
    left, right = as_held(a[0], b[0], *b[1]), as_held(b[0], a[0], *a[1])
    # What isn't told on the left is nothing that the right side adds.
    return (replace(left, arguments_alone=True) if left.served else left), right


COMMANDS = (diff,)
