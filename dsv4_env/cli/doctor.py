"""``doctor``: running servers, held to the profiles that they were launched from."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from dsv4_env import drift
from dsv4_env.catalogue import load, nearest
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.cli import complete
from dsv4_env.cli.comparing import Comparing, catalogue_for, reading_options
from dsv4_env.cli.holding import new_run
from dsv4_env.cli.operands import relevant, running
from dsv4_env.cli.options import (
    Shown,
    collected,
    headers_option,
    profiles_option,
    shown_options,
)
from dsv4_env.cli.target import further_options
from dsv4_env.cli.wanted import wanted
from dsv4_env.compare.equivalence import dest
from dsv4_env.compare.normalise import with_model
from dsv4_env.drift.candidates import Candidate, Candidates, candidates
from dsv4_env.drift.nearest import LEAST
from dsv4_env.lint import lint
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ReadError, UsageError
from dsv4_env.model.finding import Finding
from dsv4_env.plan.models import is_deepseek_v4
from dsv4_env.profile import Profile, load_wanted
from dsv4_env.profile.settings import Pair
from dsv4_env.readers import process
from dsv4_env.server.preflight import of_process

# What lint says of how a profile is written rather than of what a server does.
_QUIET = frozenset({"DSV106", "DSV110"})


@dataclass(frozen=True, slots=True)
class Running:
    """Which of the running servers is meant; all of them where nothing is given."""

    pid: int | None
    port: int | None
    text: str | None
    url: str | None
    headers: Mapping[str, str]


@click.command()
@click.argument(
    "name", metavar="[PROFILE]", required=False, shell_complete=complete.offered_profiles
)
@collected(
    "server",
    Running,
    click.option(
        "--pid", type=click.IntRange(1), metavar="N", help="The server with this process id."
    ),
    click.option(
        "--port", type=click.IntRange(1, 65535), metavar="N", help="The server on this port."
    ),
    click.option("--name", "text", metavar="TEXT", help="Servers with this in their command line."),
    click.option(
        "--url",
        metavar="URL",
        help="The server at http://HOST:PORT, on any machine, by what it says of itself.",
    ),
    headers_option,
)
@reading_options
@further_options
@profiles_option
@shown_options("text")
def doctor(
    name: str | None, server: Running, comparing: Comparing, folder: Path | None, shown: Shown
) -> int:
    """Hold running servers to their profiles; exit with 1 on drift.

    Every server that runs on this machine is looked at, or the one that --pid, --port or --name
    means; without PROFILE each is held to the one that it is nearest to. With it comes what the
    server's release of SGLang makes of its settings (the one that its Python has installed, or
    --sglang): variables that it doesn't read, values that it can't.

    A server that --url names tells its release and what its arguments are in the end, and nothing
    of its environment.

    \b
    Exit codes: 0 as the profile says, 1 not so, 2 wrong usage or no server that can be read.

    \b
    Examples:
      dsv4-env doctor
      dsv4-env doctor pro-fp4 --port 30000
      dsv4-env doctor pro-fp4 --url http://gpu-7:30000 --header-from-environment API_KEY
      dsv4-env doctor --pid 4711 --compare model-path --format json
    """
    run = new_run(comparing, folder, whole=False, tree=False)
    given = load_wanted(name, run.profiles, wanted()) if name is not None else None
    notes: list[str] = []
    known: Candidates | None = None
    compared = {variable for p in run.known.values() for variable in p.config.effective_env}
    for config in _servers(server):
        release, why = (comparing.sglang or run.settings.sglang, None)
        if release is None:
            release, why = _release(config)
        notes += [f"{config.name}: {n}" for n in (why, *_about(config)) if n]
        if given is None:
            known = known or candidates(run.profiles, wanted())
            shown_as = _comparable(run, relevant(config, compared))
            found, near = _nearest(run, known, shown_as, release)
            notes.append(f"{config.name}: {near}")
            profile, pair = found.profile, found.pair((config.name,))
        else:
            profile, pair = given, Pair(given.name, (config.name,))
        run.options = replace(run.options, sglang=release)
        held = relevant(config, profile.config.effective_env)
        drift.check_launch(run, [pair], held, None, "")
        # What SGLang itself made of arguments is nothing to lint.
        said = _lint(held, profile, release) if config.served is None else []
        last = run.comparisons[-1]
        run.comparisons[-1] = replace(last, findings=(*last.findings, *said))
    report = drift.report(run, waivers=False)
    report = replace(report, notes=(*report.notes, *notes), color=shown.color)
    shown.show(report)
    return 0 if shown.exit_zero else drift.exit_code(report)


def _servers(asked: Running) -> list[LaunchConfig]:
    given = (asked.pid, asked.port, asked.text, asked.url)
    if sum(option is not None for option in given) > 1:
        raise UsageError("--pid, --port, --name and --url exclude each other", expected="one")
    if asked.url is not None:
        return running("url", asked.url.removeprefix("url:"), asked.headers)
    if asked.headers:
        raise UsageError("--header-from-environment", expected="--url URL with it")
    found = process.read(pid=asked.pid, port=asked.port, name=asked.text)
    if not found:
        raise ReadError("no SGLang server is running", expected="python3 -m sglang.launch_server …")
    return found


def _release(config: LaunchConfig) -> tuple[str | None, str | None]:
    """The release that a server runs on where it can be told, and what is to be said of it."""
    if config.served is not None:
        return config.served.release, f"it runs SGLang {config.served.version or '(not told)'}"
    there = of_process(config)
    if there.release is None:
        why = there.problem or "its Python doesn't say"
        return None, f"which SGLang it runs can't be told ({why}); --sglang does"
    try:
        nearest(there.release)
    except ReadError as exc:
        return None, f"it runs SGLang {there.release}: {exc.found}"
    return there.release, None


def _about(server: LaunchConfig) -> Iterator[str]:
    """What a server that tells its arguments serves, and whether that is a DeepSeek-V4."""
    if server.served is None:
        return
    names = [server.served.fields.get(n) for n in ("model_path", "served_model_name")]
    told = list(dict.fromkeys(str(n) for n in names if n))
    family = any(map(is_deepseek_v4, told))
    said = "" if family else ", whose name doesn't say that it is a DeepSeek-V4"
    yield f"it serves {' as '.join(told)}{said}"


def _comparable(run: drift.CheckRun, server: LaunchConfig) -> LaunchConfig:
    """Keep the arguments of a server that a profile gives, too: the rest may be SGLang's own."""
    if server.served is None:
        return server
    catalogue = load(server.served.release or RELEASES[-1])
    every = (with_model(p).args or () for p in run.known.values())
    given = {dest(catalogue, a.flag) for args in every for a in args if a.flag}
    args = tuple(a for a in server.args or () if a.flag and dest(catalogue, a.flag) in given)
    return replace(server, args=args, arguments_alone=True)


def _nearest(
    run: drift.CheckRun, known: Candidates, server: LaunchConfig, release: str | None
) -> tuple[Candidate, str]:
    """The profile that a server is nearest to, and how near."""
    found = replace(
        run.settings,
        sglang=release,
        ignore=(*run.settings.ignore, *run.options.ignore),
        compare=(*run.settings.compare, *run.options.compare),
    )
    reading = functools.partial(catalogue_for, tree=False)  # it runs what is installed
    match = known.nearest(found, reading, least=0, any_model=True)(server)
    assert match.profile is not None  # at least the shipped ones are there
    said = f"the nearest profile is {match.profile}"
    if match.also:
        said += f"; {' and '.join(match.also)} are as near, so a PROFILE had better be given"
    if match.share < LEAST:
        said += ", and it isn't near"
    return known[match.profile], said


def _lint(server: LaunchConfig, profile: Profile, release: str | None) -> list[Finding]:
    """What the release makes of the server's settings."""
    named = replace(server, name=profile.name)  # of which a rule says what it is meant for
    catalogue = catalogue_for(release, [profile.sglang_range], tree=False)
    return lint(named, catalogue, range_=profile.sglang_range, ignore=_QUIET)


COMMANDS = (doctor,)
