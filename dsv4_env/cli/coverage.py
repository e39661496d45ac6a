"""``coverage``: which targets of the profiles the launches of a tree stand for."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli.comparing import catalogue_for, known_release, sglang_option
from dsv4_env.cli.options import jobs_option, profiles_option
from dsv4_env.cli.output import line_width, table, tell, write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import settings
from dsv4_env.cli.wanted import wanted
from dsv4_env.drift.coverage import (
    NEAR,
    NONE,
    SAME,
    Coverage,
    CoveredTarget,
    HeldLaunch,
    HeldToTargets,
    coverage as held,
    distinct,
)
from dsv4_env.drift.discover import FoundLaunch, How, discover
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.profile import Wanted, load_targets
from dsv4_env.profile.settings import Settings
from dsv4_env.reporters.json import json_text

_VERSION = 1
_FEW = 12  # rows of a list that isn't asked for in full: two of them fit a screen

Row = tuple[str, ...]


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--all", "every", is_flag=True, help="List every launch and target (text).")
@click.option(
    "--fail-on",
    type=click.Choice(["uncovered"]),
    help="Exit with 1 where no launch stands for a verified target.",
)
@sglang_option
@profiles_option
@jobs_option
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="text: counts, and the first of each list; json, markdown: everything.",
)
def coverage(
    files: tuple[Path, ...],
    every: bool,
    fail_on: str | None,
    sglang: str | None,
    folder: Path | None,
    jobs: int | None,
    format_: str,
) -> int:
    """Say which targets of the profiles a launch stands for.

    Without FILE it counts the targets (NAME+OVERLAY@HARDWARE, strategy, nodes). With files or
    folders it finds the launches of DeepSeek-V4 as `discover` does, and holds each to all targets:
    same, where SGLang reads both alike and they name one model; near, where some settings differ
    or are unknown; or none. Then it says which verified targets no launch stands for. A launch
    doesn't say its hardware, so it stands for all targets that are launched alike.

    Exit codes: 0 all files were read, 1 what --fail-on asks for, 2 wrong usage, or a file that may
    hold a launch can't be read.

    \b
    Examples:
      dsv4-env coverage
      dsv4-env coverage ~/sglang --sglang 0.5.23
      dsv4-env coverage test/registered --fail-on uncovered
      dsv4-env coverage test -f markdown >> "$GITHUB_STEP_SUMMARY"
    """
    found = settings()
    own = folder if folder is not None else found.profiles
    profiles = load_targets(own, wanted())
    if not files:
        result = held(profiles)
    else:
        release = known_release(sglang or found.sglang)
        making = functools.partial(_matching, found, own, wanted(), release)
        how = How(found.folder or Path.cwd(), own, jobs)
        with Progress() as progress:
            discovered = discover(files, making, how, progress)
        for note in dict.fromkeys(discovered.notes):
            tell(f"dsv4-env: note: what git ignores is looked at, too: {plain(note)}")
        result = held(profiles, discovered)
        for place, message in result.problems:
            tell(scrubbed(f"{place}: error: {message}"))
    searched = bool(files)
    if format_ == "json":
        write(json_text(_json(result)))
    elif format_ == "markdown":
        write(_markdown(result, searched=searched))
    else:
        write(_text(result, line_width(), searched=searched, every=every))
    if result.problems:
        return 2
    return 1 if fail_on and result.uncovered else 0


def _matching(
    found: Settings, own: Path | None, asked: Wanted, release: str | None
) -> HeldToTargets:
    """What matches launches; made in each process anew."""
    return HeldToTargets(
        {name: same[0] for name, same in distinct(load_targets(own, asked)).items()},
        replace(found, sglang=release),
        functools.partial(catalogue_for, tree=False),
    )


# Text and Markdown


def _counts(result: Coverage, *, searched: bool) -> list[str]:
    verified = [t for t in result.targets if t.known.target.verified]
    said = f"{count(len(result.targets), 'target', 'targets')}, {len(verified):,} verified"
    if not searched:
        return [said]
    statuses = Counter(x.status for x in result.launches)
    launches = f"{count(len(result.launches), 'launch', 'launches')} of DeepSeek-V4: "
    launches += f"{statuses[SAME]:,} the same as a target, {statuses[NEAR]:,} near one, "
    launches += f"{statuses[NONE]:,} near none"
    if result.lost:
        launches += f"; {len(result.lost):,} more can't be followed"
    without = len(result.uncovered)
    said += f": {len(verified) - without:,} of these have a launch, {without:,} have none"
    return [launches, said]


def _text(result: Coverage, width: int | None, *, searched: bool, every: bool) -> str:
    lines = _counts(result, searched=searched)
    text = "\n".join(lines) + "\n"
    if not searched:
        rows = list(map(_target_row, result.targets)) if every else _by_strategy(result.targets)
        return text + ("\n" + table(rows, width) if rows else "")
    launches = sorted(result.launches, key=lambda x: (SAME, NEAR, NONE).index(x.status))
    for title, rows in (
        ("Launches", list(map(_launch_row, launches))),
        ("Verified targets without a launch", list(map(_uncovered_row, result.uncovered))),
    ):
        if rows:
            shown = rows if every else rows[:_FEW]
            text += f"\n{title}\n" + table([(f"  {r[0]}", *r[1:]) for r in shown], width)
            if len(rows) > len(shown):
                text += f"  … and {len(rows) - len(shown):,} more (--all)\n"
    return text


def _by_strategy(targets: Iterable[CoveredTarget]) -> list[Row]:
    """A row for each profile and strategy: how many targets, and on what."""
    found: dict[tuple[str, str], list[CoveredTarget]] = {}
    for target in targets:
        name = target.known.profile.partition("@")[0].partition("+")[0]
        found.setdefault((name, target.known.target.strategy or "-"), []).append(target)
    rows: list[Row] = []
    for (name, strategy), those in found.items():
        verified = sum(t.known.target.verified for t in those)
        places = dict.fromkeys(t.known.target.hardware or "-" for t in those)
        rows.append((name, strategy, f"{verified} of {len(those)} verified", " ".join(places)))
    return rows


def _place(launch: FoundLaunch) -> str:
    place = launch.path if launch.line is None else f"{launch.path}:{launch.line}"
    name = launch.label or (f"#{launch.number}" if launch.of > 1 else "")
    return plain(f"{place} {name}".rstrip())


def _far(launch: FoundLaunch) -> str:
    match = launch.match
    parts = [f"{match.differ} differ{'s' * (match.differ == 1)}"] if match.differ else []
    parts += [f"{match.unknown} unknown"] if match.unknown else []
    return ", ".join(parts)


def _launch_row(launch: HeldLaunch) -> Row:
    known = list(map(str, launch.targets))
    targets = known[0] if known else "-"
    targets += f" and {len(known) - 1} more" if len(known) > 1 else ""
    far = _far(launch.found) if launch.status == NEAR else launch.status
    return _place(launch.found), far, targets


def _target_row(target: CoveredTarget) -> Row:
    known = target.known.target
    nodes = count(known.nodes, "node", "nodes")
    row = (target.known.profile, known.strategy or "-", nodes, known.role or "")
    said = "verified" if known.verified else "not verified"
    if target.nearest is not None and not target.launches:
        said = f"nearest: {_place(target.nearest)} ({_far(target.nearest)})"
    return (*row, said)


def _uncovered_row(target: CoveredTarget) -> Row:
    """Without what is told of none of the others: that it is verified."""
    *row, said = _target_row(target)
    return (*row, said if target.nearest is not None else "none is near")


def _markdown(result: Coverage, *, searched: bool) -> str:
    text = "".join(f"{line}.\n\n" for line in _counts(result, searched=searched))
    if searched:
        text += _grid(
            ("Launch", "Target", "Differs"),
            (
                (_place(x.found), "<br>".join(map(str, x.targets)) or "-", _launch_row(x)[1])
                for x in result.launches
            ),
        )
    head = ("Target", "Strategy", "Nodes", "Verified")
    return (
        text
        + _grid(
            (*head, "Launches") if searched else head,
            (
                (
                    t.known.profile,
                    " ".join(w for w in (t.known.target.strategy, t.known.target.role) if w) or "-",
                    str(t.known.target.nodes),
                    "yes" if t.known.target.verified else "no",
                    *([_launches(t)] if searched else []),
                )
                for t in result.targets
            ),
        ).rstrip("\n")
        + "\n"
    )


def _launches(target: CoveredTarget) -> str:
    if target.launches:
        return "<br>".join(map(_place, target.launches))
    if target.nearest is not None:
        return f"none; nearest {_place(target.nearest)} ({_far(target.nearest)})"
    return "none"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    escape: Callable[[str], str] = lambda cell: cell.replace("|", "\\|")  # noqa: E731
    lines = [head, ["---"] * len(head), *(list(map(escape, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


# JSON


def _json(result: Coverage) -> dict[str, Any]:
    """As coverage.schema.json of drift/ says."""
    statuses = Counter(x.status for x in result.launches)
    return {
        "version": _VERSION,
        "summary": {
            "targets": len(result.targets),
            "verified": sum(t.known.target.verified for t in result.targets),
            "uncovered": len(result.uncovered),
            "launches": len(result.launches),
            **{status: statuses[status] for status in (SAME, NEAR, NONE)},
            "not_followed": len(result.lost),
            "unreadable": len(result.problems),
        },
        "launches": [
            _launch_data(x.found) | {"status": x.status, "targets": [str(t) for t in x.targets]}
            for x in result.launches
        ],
        "targets": [
            {
                "name": str(t.known),
                "profile": t.known.profile,
                "strategy": t.known.target.strategy,
                "nodes": t.known.target.nodes,
                "role": t.known.target.role,
                "verified": t.known.target.verified,
                "status": t.status,
                "launches": list(map(_launch_data, t.launches)),
                "nearest": None if t.nearest is None else _launch_data(t.nearest),
            }
            for t in result.targets
        ],
        "problems": [
            {"path": p.path, "line": p.line, "column": p.column, "message": message}
            for p, message in result.problems
        ],
    }


def _launch_data(launch: FoundLaunch) -> dict[str, Any]:
    near = launch.match.profile is not None
    return {
        "path": launch.path,
        "line": launch.line,
        "number": launch.number,
        "name": launch.label or None,
        "differ": launch.match.differ if near else None,
        "unknown": launch.match.unknown,
    }


COMMANDS = (coverage,)
