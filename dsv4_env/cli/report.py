"""``report``: the matrix of a project as one page of HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsv4_env.cli import complete, operands
from dsv4_env.cli.check import pairs_of
from dsv4_env.cli.common import (
    Inputs,
    catalogue_for,
    input_options,
    profiles_option,
    selection_options,
    settings,
    sglang_option,
    write,
)
from dsv4_env.cli.history import git_options, read_history
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import load_profile, reference_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsv4_env.drift import CheckRun
    from dsv4_env.model.finding import Report


@click.command()
@click.argument("names", metavar="[PROFILE]...", nargs=-1, shell_complete=complete.profiles)
@click.option(
    "--html",
    "output",
    metavar="OUT",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The page to write (in one step); - is standard output.",
)
@click.option(
    "--against",
    metavar="FILE",
    multiple=True,
    shell_complete=complete.files,
    help="What is held to the profiles, with every launch in it: "
    f"{operands.HELP}. Default: as for `check`.",
)
@selection_options
@sglang_option
@click.option(
    "--exact", is_flag=True, help="Compare the spelling alone, whatever SGLang makes of it."
)
@input_options
@profiles_option
@click.option(
    "--history",
    "repository",
    metavar="REPO",
    type=click.Path(path_type=Path),
    help="With timelines of this git repository; the four options below are those of `history`.",
)
@git_options
def report(
    names: tuple[str, ...],
    output: Path,
    against: tuple[str, ...],
    ignore: tuple[str, ...],
    compare: tuple[str, ...],
    sglang: str | None,
    exact: bool,
    inputs: Inputs,
    folder: Path | None,
    repository: Path | None,
    paths: tuple[str, ...],
    script_ref: str,
    tests_ref: str,
    since: str | None,
) -> int:
    """Write a page with every setting of profiles and launches.

    The page is one file that needs no network: the summary first, then a matrix of settings by
    profiles, scripts, tests and live processes. A cell tells where its value is set, by which
    layer, and what SGLang makes of it. Further views list the findings and the layers, with
    --history also how the settings moved. Drift doesn't change the exit code; `check` is for that.

    \b
    Exit codes: 0 the page is written, 2 wrong usage or a file that can't be read.

    \b
    Examples:
      dsv4-env report --html report.html
      dsv4-env report pro-fp4 --against run_dsv4.sh --against port:30000 --html report.html
      dsv4-env report --html report.html --history . --script-ref amd/deepseek_v4
    """
    from dsv4_env import drift, matrix
    from dsv4_env.matrix.page import page

    found = settings()
    pairs = pairs_of(names, found) if not against else ()
    run = drift.CheckRun(
        found,
        folder if folder is not None else found.profiles,
        lambda release, ranges: None if exact else catalogue_for(release, ranges),
        drift.CheckOptions(
            ignore,
            compare,
            sglang,
            show_equivalent=True,
            args=inputs.args,
            inputs=inputs.variables,
            closed=inputs.closed,
            root=inputs.root,
        ),
        whole=not against and len(pairs) == len(found.pairs),
    )
    if pairs:
        said = drift.check(run, pairs)
    else:
        said = _against(run, against, names or found.profile, inputs)
    histories = []
    if repository is not None:
        from dsv4_env.history.render import describe

        whole = read_history(repository, paths, script_ref, tests_ref, since, ignore, sglang)
        histories.append(describe(whole))
    elif paths or since:
        raise UsageError("--paths and --since", expected="--history REPO with them")
    profiles = list({h.profile.name: h.profile for h in run.held}.values())
    catalogue = catalogue_for(sglang, [p.sglang_range for p in profiles])
    also = [run.known[p.profile] for p in pairs]
    built = matrix.build(said, run.held, catalogue, run.layers, exact=exact, also=also)
    write(page(built, histories, f"{run.options.today}"), output)
    return 2 if drift.exit_code(said) == 2 else 0


def _against(run: CheckRun, against: Sequence[str], names: Sequence[str], inputs: Inputs) -> Report:
    """Hold every launch that ``--against`` names, or its default, to profiles."""
    from dsv4_env import drift
    from dsv4_env.profile.settings import Pair

    profiles = [load_profile(name, run.profiles) for name in names]
    wanted = {variable for p in profiles for variable in p.config.effective_env}
    for text in against or [str(run.settings.against or reference_script())]:
        pairs = [Pair(name, (text,)) for name in names]
        for opened in operands.open_launches(text, inputs):
            config = operands.relevant(opened.config, wanted)
            drift.check_launch(run, pairs, config, opened.path, opened.text)
    # What is wrong with the waivers of a file is said once, however many launches it has.
    run.problems[:] = dict.fromkeys(run.problems)
    return drift.report(run, waivers=False)


COMMANDS = (report,)
