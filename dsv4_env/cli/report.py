"""``report``: the matrix of a project as one page of HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dsv4_env import drift, matrix
from dsv4_env.cli import complete, operands
from dsv4_env.cli.comparing import (
    Comparing,
    catalogue_for,
    comparing_options,
    load_release,
    offered_platforms,
    offered_releases,
)
from dsv4_env.cli.history import GitFiles, git_options, history_commits, read_history
from dsv4_env.cli.holding import (
    need_profiles,
    new_run,
    pairs_of,
    profiles_against,
    profiles_argument,
    shortly,
)
from dsv4_env.cli.options import Inputs, input_options, profiles_option
from dsv4_env.cli.output import tell, write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import settings
from dsv4_env.history.render import history_data
from dsv4_env.matrix.effective import MAX_TARGETS, PageTarget
from dsv4_env.matrix.page import page
from dsv4_env.matrix.sources import commits_of
from dsv4_env.model.errors import UsageError
from dsv4_env.model.finding import Report
from dsv4_env.model.style import count, plain
from dsv4_env.plan.platforms import platform
from dsv4_env.profile import reference_script

_RELEASE = re.compile(r"v?[0-9]|tree$|.*[:/]")  # or an image; the rest is hardware


def _offered_targets(
    ctx: click.Context, option: click.Parameter, incomplete: str
) -> complete.CompletionItems:
    """Releases, and behind an ``@`` or alone the names of platforms."""
    release, at, hardware = incomplete.partition("@")
    if at:
        found = offered_platforms(ctx, option, hardware)
        return [CompletionItem(f"{release}@{item.value}") for item in found]
    return [
        *offered_releases(ctx, option, incomplete),
        *offered_platforms(ctx, option, incomplete),
    ]


@click.command()
@profiles_argument
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
    shell_complete=complete.offered_files,
    help="What is held to the profiles, with every launch in it: "
    f"{operands.HELP}; a pattern in quotes is all files that it names. Default: the pairs of "
    "[tool.dsv4_env], or else the script that comes with dsv4-env.",
)
@comparing_options
@input_options
@profiles_option
@click.option(
    "--target",
    "asked",
    metavar="[RELEASE][@HARDWARE]",
    multiple=True,
    shell_complete=_offered_targets,
    help="A release of SGLang and hardware whose effective values the page has, to switch to: "
    "0.5.23@b200, 0.5.23, @b200 or b200; what isn't said is each profile's own. The first is shown "
    "first. Default: the targets of the profiles.",
)
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
    comparing: Comparing,
    inputs: Inputs,
    folder: Path | None,
    asked: tuple[str, ...],
    repository: Path | None,
    followed: GitFiles,
) -> int:
    """Write a page with every setting of profiles and launches.

    The page is one file that needs no network: the summary first, then a matrix of settings by
    profiles, scripts, tests and live processes. A cell tells where its value is set, by which
    layer, and what SGLang makes of it on the target that is chosen on the page. Further views list
    the findings, the layers and all effective values, with --history also how the settings moved.
    The foot names the day and the commits. Drift doesn't change the exit code; `check` is for that.

    \b
    Exit codes: 0 the page is written, 2 wrong usage or a file that can't be read.

    \b
    Examples:
      dsv4-env report --html report.html
      dsv4-env report pro-fp4 --against run_dsv4.sh --against port:30000 --html report.html
      dsv4-env report --html report.html --target 0.5.23@b200 --target 0.5.22@b200
      dsv4-env report --html report.html --history . --script-ref amd/deepseek_v4
    """
    found = settings()
    targets = [_target(text) for text in dict.fromkeys(asked)]
    if len(targets) > MAX_TARGETS:
        raise UsageError(
            f"{len(targets)} times --target", expected=f"at most {MAX_TARGETS} on one page"
        )
    need_profiles("report", names, against, folder if folder is not None else found.profiles)
    pairs = pairs_of(names, found) if not against else ()
    whole = not against and len(pairs) == len(found.pairs)
    run = new_run(replace(comparing, show_equivalent=True), folder, inputs, whole=whole)
    if pairs:
        with Progress() as run.progress:
            said = drift.check(run, pairs)
    else:
        said = _against(run, against, names or found.profile, inputs)
    histories, commits = [], []
    if repository is not None:
        moved = read_history(repository, followed, comparing.ignore, comparing.sglang)
        histories.append(history_data(moved))
        commits = history_commits(repository, followed)
    elif followed.paths or followed.since:
        raise UsageError("--paths and --since", expected="--history REPO with them")
    profiles = list({h.profile.name: h.profile for h in run.held}.values())
    catalogue = catalogue_for(comparing.sglang, [p.sglang_range for p in profiles], inputs.root)
    also = [run.profile(p) for p in pairs]
    built = matrix.build_matrix(
        said, run.held, catalogue, run.layers, exact=comparing.exact, also=also
    )
    files = [one.config.location.path for one in run.held if one.config.location is not None]
    layers = [run.layers[n] for p in profiles for n in p.layers if n in run.layers]
    commits += commits_of((*files, *layers))
    text = page(built, histories, f"{run.options.today}", targets=targets, commits=commits)
    write(text, output)
    if str(output) != "-":
        tell(f"dsv4-env: wrote {output}: {_held(said, built)}")
    return 2 if drift.exit_code(said) == 2 else 0


def _held(said: Report, built: matrix.Matrix) -> str:
    """What a page holds, in a few words."""
    profiles, settings_ = count(len(built.profiles), "profile"), count(len(built.rows), "setting")
    launches = count(said.launches, "launch", "launches")
    counting = [f for f in said.findings if f.severity in said.failing and f.waiver is None]
    found = shortly(counting) if counting else "no drift"
    return plain(f"{profiles}, {launches}, {settings_}; {found}")


def _target(text: str) -> PageTarget:
    """What ``--target`` names. Raises UsageError."""
    release, at, hardware = text.partition("@")
    if not at and not _RELEASE.match(text):
        release, hardware = "", text
    if not release and not hardware:
        raise UsageError(
            f"--target {text!r}", expected="0.5.23@b200, a release alone, or hardware alone"
        )
    return PageTarget(
        load_release(release) if release else None, platform(hardware) if hardware else None
    )


def _against(
    run: drift.CheckRun, against: Sequence[str], names: Sequence[str], inputs: Inputs
) -> Report:
    """Hold every launch that ``--against`` names, or its default, to profiles."""
    held, profiles = profiles_against(run, against, names)
    variables = {variable for p in profiles for variable in p.config.effective_env}
    usual = drift.usual_script(run.settings, Path.cwd()) or reference_script()
    for text in operands.expanded(against) or [str(usual)]:
        pairs = [replace(pair, files=(text,)) for pair in held]
        for opened in operands.open_launches(text, inputs):
            config = operands.relevant(opened.config, variables)
            drift.check_launch(run, pairs, config, opened.path, opened.text)
    # What is wrong with the waivers of a file is said once, however many launches it has.
    run.problems[:] = dict.fromkeys(run.problems)
    return drift.report(run, waivers=False)


COMMANDS = (report,)
