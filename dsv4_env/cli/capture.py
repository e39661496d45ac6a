"""``capture``: a script run for real, with recorders for launchers."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from dsv4_env.cli.names import Operand
from dsv4_env.cli.operands import file_launches
from dsv4_env.cli.options import Inputs, color_option, input_options
from dsv4_env.cli.output import tell
from dsv4_env.cli.rendering import write_launches
from dsv4_env.compare.differences import Kind, diff
from dsv4_env.compare.findings import show
from dsv4_env.guard.files import read_bytes
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError
from dsv4_env.model.secrets import meet, scrubbed
from dsv4_env.server import capture as shadow


@click.command()
@click.argument("script", type=click.Path(path_type=Path))
@input_options
@click.option(
    "--timeout", default=30.0, show_default=True, metavar="SECONDS", help="End the run after this."
)
@click.option("--yes-run-it", is_flag=True, help="Run the script without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of the launches.")
@color_option
def capture(
    script: Path, inputs: Inputs, timeout: float, yes_run_it: bool, as_json: bool, color: bool
) -> int:
    """Run SCRIPT with recorders for launchers; say what they got.

    The script runs for real, in a temporary folder with a clean environment, without network
    where the system can take it away, and its docker, curl, ssh, sleep and the like do nothing.
    Where what was read without running differs from what happened, that is said; exit code 1 then.

    \b
    Examples:
      dsv4-env capture run_dsv4.sh
      dsv4-env capture run_dsv4.sh --set TP=8 --arg --fp8 --yes-run-it
    """
    if not script.is_file():
        shadow.capture(script)  # says what is wrong with it
    if not yes_run_it:
        if not sys.stdin.isatty():
            raise UsageError(f"{script} would be run for real", expected="--yes-run-it")
        click.confirm(f"Run {script} for real, its launchers replaced?", abort=True, err=True)
    if shadow.isolation() == "none":
        tell(
            "dsv4-env: warning: neither bubblewrap nor unshare works here: the script runs with "
            "your network and your files"
        )
    meet(read_bytes(script))
    found = shadow.capture(script, inputs=inputs.variables, args=inputs.args or (), timeout=timeout)
    launches = list(found.launches)
    for config in launches:
        meet(config)
    write_launches(launches, as_json=as_json, origin=False, color=color)
    for note in found.notes:
        tell(f"note: {scrubbed(note)}")
    if found.exit_code is None:
        tell(f"note: ended after {timeout:g} s")
    elif found.exit_code:
        tell(f"note: the script ended with {found.exit_code}: {scrubbed(found.errors.strip())}")
    return _against_static(script, inputs, launches)


def _against_static(script: Path, inputs: Inputs, launches: list[LaunchConfig]) -> int:
    """Say where the reading without a run differs; 1 when a value that it knew is another."""
    closed = Inputs(inputs.variables, inputs.args or (), inputs.root, closed=True)
    static = file_launches(Operand(str(script)), closed)[2]
    wrong = 0
    if len(static) != len(launches):
        tell(f"static: {len(static)} launches were read, {len(launches)} happened")
    for number, (read, happened) in enumerate(zip(static, launches, strict=False), 1):
        for d in diff(_without_inputs(read, happened, inputs), happened):
            if d.kind is Kind.REORDERED:
                continue
            known = d.kind is not Kind.UNKNOWN and d.condition is None
            wrong += known
            sides = [
                "nothing" if words is None else show(d.name, words) for words in (d.left, d.right)
            ]
            if d.condition:
                sides[0] += f" ({scrubbed(str(d.condition))})"
            verdict = "differs" if known else "unknown"
            tell(
                f"static: {verdict}: {d.name} of launch {number} was read as {sides[0]}, "
                f"and was {sides[1]}"
            )
    if not wrong and len(static) == len(launches):
        tell("static: all that was known without a run is what happened")
    return 1 if wrong or len(static) > len(launches) else 0


def _without_inputs(read: LaunchConfig, happened: LaunchConfig, inputs: Inputs) -> LaunchConfig:
    """The launch without variables that arrived as they were given, which the run doesn't show."""
    seen = {e.name for e in happened.env}
    gone = {
        name
        for name, setting in read.effective_env.items()
        if name not in seen and inputs.variables.get(name) == setting.value
    }
    return replace(read, env=tuple(e for e in read.env if e.name not in gone))


COMMANDS = (capture,)
