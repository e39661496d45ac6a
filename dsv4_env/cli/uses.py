"""``uses``: every launch that a variable or flag reaches."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli.comparing import FLAGS, Named, catalogue_for, launch_catalogue, sglang_option
from dsv4_env.cli.options import jobs_option
from dsv4_env.cli.output import line_width, table, tell, write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import settings
from dsv4_env.drift.discover import Discovered, How, discover
from dsv4_env.drift.uses import (
    LegUse,
    Searched,
    Sought,
    Use,
    every_name,
    leg_uses,
    sought,
    verdict,
)
from dsv4_env.model import EnvVar, Location, ServerArg, Unknown
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.model.secrets import masked, scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.profile.settings import Settings
from dsv4_env.readers import label
from dsv4_env.reporters.json import json_text

_VERSION = 1


@click.command(cls=Named, context_settings=FLAGS)
@click.argument("name", metavar="NAME")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@sglang_option
@jobs_option
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def uses(
    name: str, paths: tuple[Path, ...], sglang: str | None, jobs: int | None, as_json: bool
) -> int:
    """List every launch that uses a variable or a flag.

    With each what its SGLang makes of that. A flag is found under each name that some release
    knows it by, and under each beginning that argparse takes for it. The release is that of the
    launch's image, where it has one, else --sglang, else the newest. Of a variable it also lists
    the runs of tests that the workflows in .github/workflows set it for. Without PATH it is the
    current folder.

    \b
    Exit codes: 0 all files were read, 2 wrong usage, or a file can't be read; the others are read
    all the same.

    \b
    Examples:
      dsv4-env uses --cuda-graph-max-bs
      dsv4-env uses SGLANG_USE_AITER test scripts --sglang 0.5.23
    """
    wanted = sought(name)
    if wanted is None:
        raise UsageError(
            f"no known release of SGLang has {name}",
            expected="the name of a variable, or a flag such as --page-size",
            hint=did_you_mean(name, every_name()),
        )
    found = settings()
    how = How(found.folder or Path.cwd(), found.profiles, jobs)
    with Progress() as progress:
        result = discover(
            paths or (Path(),), functools.partial(_searched, wanted, found), how, progress
        )
    listed = _uses(result, wanted, sglang)
    set_by, unread = leg_uses(paths or (Path(),), wanted)
    result.problems += [p for p in unread if p not in result.problems]
    if as_json:
        write(_json(listed, set_by, result))
    else:
        write(_text(listed, set_by, wanted))
        for place, message in result.problems:
            tell(scrubbed(f"{place}: error: {message}"))
    return 2 if result.problems else 0


def _searched(wanted: Sought, found: Settings) -> Searched:
    made = Searched({}, found, functools.partial(catalogue_for, tree=False))
    made.sought = wanted
    return made


def _uses(result: Discovered, wanted: Sought, sglang: str | None) -> list[Use]:
    """What the release of each launch makes of what was found in it."""
    usual = catalogue_for(sglang, [])
    listed: list[Use] = []
    for found in result.launches:
        config, path = found.kept, found.path
        if config is None:
            continue
        catalogue = launch_catalogue(config, sglang, usual)
        for setting in wanted.given(config, catalogue):
            says, stops = verdict(setting, config, catalogue, wanted)
            at = setting.location or config.location or Location(path)
            name = label(config, path) or path
            words = _words(setting)
            listed.append(Use(path, at, name, words, catalogue.release, says, stops))
    return listed


def _words(setting: EnvVar | ServerArg) -> str:
    """A setting as it is spelled."""
    if isinstance(setting, EnvVar):
        return f"{setting.name}={_shown(setting.name, setting.value)}"
    flag = setting.flag or ""
    values = [_shown(flag, v) for v in setting.values]
    return f"{flag}={values[0]}" if setting.joined and values else " ".join((flag, *values))


def _shown(name: str, value: str | Unknown) -> str:
    return f"<{value.text}>" if isinstance(value, Unknown) else masked(name, value)


def _text(listed: Sequence[Use], set_by: Sequence[LegUse], wanted: Sought) -> str:
    rows = [
        (plain(str(u.location)), plain(u.launch), plain(u.words), f"{u.release}: {u.says}")
        for u in listed
    ]
    rows += [
        (plain(str(u.variable.location)), plain(u.job), plain(_given(u)), f"for {plain(u.tests)}")
        for u in set_by
    ]
    text = table(rows, line_width()) if rows else ""
    files = count(len({u.path for u in listed}), "file", "files")
    launches = {(u.path, u.launch) for u in listed}
    stopped = {(u.path, u.launch) for u in listed if u.stops}
    told = f"{count(len(launches), 'launch uses', 'launches use')} {wanted.name} in {files}"
    if stopped:
        told += (
            f"; {len(stopped):,} of them {'does' if len(stopped) == 1 else 'do'} not start with it"
        )
    if set_by:
        workflows = count(len({u.variable.location.path for u in set_by}), "workflow", "workflows")
        told += f"; {count(len(set_by), 'run of tests', 'runs of tests')} in {workflows} "
        told += "gets it" if len(set_by) == 1 else "get it"
    return f"{text}{told}\n"


def _given(use: LegUse) -> str:
    """A variable of a workflow as it is spelled."""
    return f"{use.variable.name}={_shown(use.variable.name, use.variable.value)}"


def _json(listed: Sequence[Use], set_by: Sequence[LegUse], result: Discovered) -> str:
    uses: list[dict[str, Any]] = [
        {
            "path": u.path,
            "at": {"path": u.location.path, "line": u.location.line, "column": u.location.column},
            "launch": u.launch,
            "words": u.words,
            "release": u.release,
            "says": u.says,
            "stops": u.stops,
        }
        for u in listed
    ]
    runs = [
        {
            "path": at.path,
            "at": {"path": at.path, "line": at.line, "column": at.column},
            "job": u.job,
            "tests": u.tests,
            "words": _given(u),
        }
        for u in set_by
        for at in (u.variable.location,)
    ]
    problems = [{"path": at.path, "line": at.line, "message": m} for at, m in result.problems]
    return json_text({"version": _VERSION, "uses": uses, "runs": runs, "problems": problems})


COMMANDS = (uses,)
