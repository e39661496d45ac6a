"""``discover``: the launches in a tree that matter, with the profile that each is nearest to."""

from __future__ import annotations

import functools
import os
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli import complete
from dsv4_env.cli.comparing import catalogue_for, known_release, sglang_option
from dsv4_env.cli.holding import foretelling, shortly
from dsv4_env.cli.options import collected, jobs_option, profiles_option
from dsv4_env.cli.output import end_cut, line_width, table, tell, write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import pyproject, settings
from dsv4_env.cli.wanted import wanted
from dsv4_env.drift.candidates import Candidates, candidates
from dsv4_env.drift.discover import Discovered, FoundLaunch, How, Problem, discover as find
from dsv4_env.drift.foretold import passing
from dsv4_env.drift.pairs import as_toml as pairs_as_toml, keys, new_pairs, with_pairs
from dsv4_env.guard.files import read_bytes
from dsv4_env.guard.writing import locked
from dsv4_env.lang.yaml import decode
from dsv4_env.model import Location, shown_path
from dsv4_env.model.errors import ProfileError, UsageError
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.profile import load_wanted
from dsv4_env.profile.settings import Pair, Settings
from dsv4_env.readers import READERS
from dsv4_env.reporters.json import json_text

_VERSION = 2
_FEW = 3  # profiles that are as near
_STEPS = re.compile(r"(?<![\d,])\d[\d,]*+(?= steps)")
_REST = 3  # the part of a table for what is near nothing


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes of what was found: printed as a table, JSON or TOML; *write_*: and written.

    *every*: with what is only counted otherwise.
    """

    every: bool
    as_json: bool
    as_toml: bool
    write_: bool


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--profile",
    "names",
    metavar="NAME",
    multiple=True,
    shell_complete=complete.offered_profiles,
    help="Only launches near this profile.",
)
@click.option(
    "--min-match",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="The share of a profile's settings that a launch must have to be near it; a setting "
    "counts by its severity, and an unknown one by half.",
)
@sglang_option
@profiles_option
@collected(
    "told",
    Told,
    click.option(
        "--all",
        "every",
        is_flag=True,
        help="List every launch, also of other models and far from any profile.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON."),
    click.option("--toml", "as_toml", is_flag=True, help="Print new pairs for pyproject.toml."),
    click.option(
        "--write",
        "write_",
        is_flag=True,
        help="Add new pairs to pyproject.toml that `check` passes.",
    ),
)
@click.option(
    "--follow-all",
    is_flag=True,
    help="Follow every test and script that may launch a server to its end. Without it those are "
    "only counted that, by the names in them, launch nothing near a profile and no such model.",
)
@jobs_option
def discover(
    paths: tuple[Path, ...],
    names: tuple[str, ...],
    min_match: float,
    sglang: str | None,
    folder: Path | None,
    told: Told,
    follow_all: bool,
    jobs: int | None,
) -> int:
    """Find the launches in a tree, and the profile nearest to each.

    Without PATH it is the current folder. Listed is what is near a profile, what launches a model
    that profiles are for and is near none, and what can't be followed; --all lists the rest, too.
    In a git repository what git ignores is left out; links aren't followed. --write holds to a
    profile what is near it: it adds those pairs to pyproject.toml that `dsv4-env check` passes, and
    with --profile all that are near that one; launches of pairs that are there already stay as
    they are.

    \b
    Exit codes: 0 all files were read, 2 wrong usage, or a file that may hold a launch can't be
    read; the others are read all the same.

    \b
    Examples:
      dsv4-env discover
      dsv4-env discover test/registered/amd --profile flash-fp4
      dsv4-env discover --write && dsv4-env check
    """
    found = settings()
    own = folder if folder is not None else found.profiles
    for name in names:
        load_wanted(name, own, wanted())
    # What is wrong with them is told once, before the work.
    known = candidates(own, wanted(), names)
    target = found.source or pyproject()
    release = sglang or found.sglang
    release = known_release(release)  # what is to be said of it is said once
    making = functools.partial(
        known.nearest,
        replace(found, sglang=release),
        functools.partial(catalogue_for, tree=False),
        least=min_match,
    )
    # As `check` reads it, once the pairs are written.
    how = How(found.folder or target.parent, own, jobs, told.every, follow_all)
    with Progress() as progress:
        result = find(paths or (Path(),), making, how, progress)
    named = [x for x in result.launches if _is_text(x.path)]
    pairs = _pairs(named, found.pairs, target, known, sglang)
    if told.write_:
        _known_to_check(pairs, own, found.profiles, target)
    if names:
        result.launches = [x for x in result.launches if x.match.profile]
        result.counted = []
    for note in dict.fromkeys(result.notes):
        tell(f"dsv4-env: note: what git ignores is looked at, too: {plain(note)}")
    if told.as_json:
        write(_json(result, pairs, known))
    else:
        for place, message in result.problems:
            tell(scrubbed(f"{place}: error: {message}"))
        if told.as_toml:
            write(pairs_as_toml(pairs) if pairs else "")
        else:
            write(_text(result, pairs, told, line_width()))
    if told.write_:
        with locked(target.parent):  # another one may have written pairs meanwhile
            now = settings(anew=True)
            pairs = _pairs(named, now.pairs, target, known, sglang)
            if not names:
                pairs = _passing(pairs, replace(now, folder=target.parent))
            _write(pairs, target, quiet=told.as_json or told.as_toml)
    near = [x.path for x in result.launches if x.match.profile]
    nameless = dict.fromkeys(p for p in near if (told.write_ or told.as_toml) and not _is_text(p))
    for path in nameless:
        tell(f"dsv4-env: error: {plain(path)}: its name isn't UTF-8, so that no pair can name it")
    return 2 if result.problems or nameless else 0


def _pairs(
    launches: Sequence[FoundLaunch],
    there: Sequence[Pair],
    target: Path,
    known: Candidates,
    sglang: str | None,
) -> list[Pair]:
    """The new pairs; each names the release that is asked for, for without it another counts."""
    pairs = new_pairs(launches, there, target.parent, known)
    asked = sglang if sglang != settings().sglang else None
    return [replace(p, sglang=asked) for p in pairs]


def _passing(pairs: Sequence[Pair], found: Settings) -> list[Pair]:
    """What of new pairs a check will pass; the rest is told."""
    kept, failing = passing(foretelling(found, None), pairs)
    if failing:
        files = count(len(failing), "file isn't", "files aren't")
        tell(
            f"dsv4-env: note: {files} added, as `check` would fail: --sglang says which release "
            "they are written for, --profile NAME adds what is near NAME all the same"
        )
    told = Counter(
        f"{plain(one.file)} with {one.pair.profile}: {plain(shortly(one.findings))}"
        for one in failing
    )
    for line, times in told.items():  # launches of a file often fail alike
        tell(f"dsv4-env: note: not added: {line}{f' ({times} pairs)' if times > 1 else ''}")
    return kept


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _known_to_check(
    pairs: Sequence[Pair], own: Path | None, usual: Path | None, target: Path
) -> None:
    """Raise UsageError where a pair has a profile that `check` would not find, or find another."""
    if own == usual:
        return
    for pair in pairs:
        asked = replace(wanted(), strategy=pair.strategy, nodes=pair.nodes, role=pair.role)
        mine = load_wanted(pair.profile, own, asked)
        try:
            there = load_wanted(pair.profile, usual, asked)
        except ProfileError:
            there = None
        if there is None or there.config != mine.config:
            raise UsageError(
                f"--write: `check` wouldn't find {pair.profile} in {own}",
                where=os.path.relpath(target),
                expected=f'profiles = "{os.path.relpath(own or ".", target.parent)}" under '
                "[tool.dsv4_env]",
            )


def _text(found: Discovered, pairs: Sequence[Pair], told: Told, width: int | None) -> str:
    """What was found, for people: lines of at most *width* columns, where one is given."""
    listed = [x for x in found.launches if x.counts or told.every]
    parts: dict[str, int] = {}
    for x in found.launches:
        if not x.router:
            parts[x.path] = min(_kind(x), parts.get(x.path, _REST))
    # which keeps the order of paths, and a router beside its servers
    listed.sort(key=lambda x: parts.get(x.path, _REST) if x.router else _kind(x))
    text = table([_row(x) for x in listed], width) if listed else ""
    text += "".join(f"{end_cut(line, width)}\n" for line in _trouble(listed))
    lines = [_summary(found)]
    if others := _others(found, told):
        lines.append(others)
    if pairs and not told.write_:
        new = "1 pair is" if len(pairs) == 1 else f"{len(pairs)} pairs are"
        them = "it if" if len(pairs) == 1 else "those that"
        lines.append(f"note: {new} new to pyproject.toml (--write adds {them} `check` passes)")
    for line in lines:
        text += "\n".join([line] if width is None else textwrap.wrap(line, width)) + "\n"
    return text


def _trouble(listed: Sequence[FoundLaunch]) -> list[str]:
    """What keeps launches from being followed, each thing once, and what to do.

    Where only the number of steps is another one, it's the same.
    """
    found: dict[tuple[Location, str], tuple[str, dict[str, None]]] = {}
    for x in listed:
        for place, message in x.trouble:
            said = message.removesuffix(f"; most of them at {place}")
            _, files = found.setdefault((place, _STEPS.sub("", said)), (said, {}))
            files.setdefault(x.path)
    lines: list[str] = []
    for (place, _), (said, files) in found.items():
        at = Location(shown_path(place.path, str(Path.cwd())), place.line, place.column)
        names = [*list(files)[:_FEW], *([f"{len(files) - _FEW} more"] if len(files) > _FEW else [])]
        of = "" if list(files) == [at.path] else f" (of {', '.join(names)})"
        lines.append(plain(f"{at}: {said}{of}: look at its launches yourself"))
    return lines


def _kind(launch: FoundLaunch) -> int:
    """Which of a table's parts a launch belongs to."""
    if launch.match.profile is not None:
        return 0
    return 1 if launch.family else 2 if launch.counts else _REST


def _summary(found: Discovered) -> str:
    kinds = [_kind(x) for x in found.launches if not x.router]
    routers = sum(x.router and x.counts for x in found.launches)
    unknown = sum(x.match.unknown for x in found.launches if x.counts)
    text = f"{count(found.files, 'file', 'files')} looked at: "
    text += f"{count(kinds.count(0), 'launch', 'launches')} near a profile"
    if kinds.count(1):
        text += f", {kinds.count(1):,} of the same model and near none"
    if kinds.count(2):
        text += f", {kinds.count(2):,} that can't be followed"
    if routers:
        text += f", {count(routers, 'router', 'routers')} beside them"
    text += f", {unknown:,} unknown {'value' if unknown == 1 else 'values'}"
    if found.problems:
        text += f"; {count(len(found.problems), 'file', 'files')} can't be read"
    return text


def _others(found: Discovered, told: Told) -> str:
    """One line on what isn't looked for."""
    rest = [x.path for x in found.launches if not x.counts]
    many = len(rest) + sum(c.launches for c in found.counted)
    files = {*rest, *(c.path for c in found.counted if c.launches)}
    through = sum(not c.launches for c in found.counted)
    parts = []
    if many and not told.every:
        parts.append(
            f"{count(many, 'other launch', 'other launches')} in "
            f"{count(len(files), 'file', 'files')} (--all lists {'it' if many == 1 else 'them'})"
        )
    if through:
        parts.append(
            f"{count(through, 'file', 'files')} that may launch only through others "
            "(--follow-all follows them)"
        )
    return f"note: besides, {' and '.join(parts)}" if parts else ""


def _row(launch: FoundLaunch) -> tuple[str, ...]:
    match = launch.match
    place = launch.path if launch.line is None else f"{launch.path}:{launch.line}"
    name = launch.label or ("variables" if launch.variables else "")
    if not name and launch.of > 1:
        name = f"#{launch.number}"
    if launch.router:
        nearest, far = "-", "a router"
    elif match.profile is None:
        far = "no profile is near" + ("" if launch.followed else ", not followed")
        if launch.family:
            far = "the same model, near none"
        far = "can't be followed" if _kind(launch) == 2 else far
        nearest = "-"
    else:
        far = f"{match.differ} differ" + ("s" if match.differ == 1 else "")
        far = far if match.differ else "same"
        also = list(match.also[:_FEW])
        also += [f"{len(match.also) - _FEW} more"] if len(match.also) > _FEW else []
        nearest = match.profile + (f" (or {', '.join(also)})" if also else "")
    if match.unknown:
        far += f", {match.unknown} unknown"
    return plain(place), _what(launch), plain(name) or "-", nearest, far


def _what(launch: FoundLaunch) -> str:
    """What kind of file a launch is in, with its role where it is one of several servers."""
    kind = READERS.get(launch.reader)
    word = (kind.word or kind.name) if kind is not None else launch.reader
    role = launch.role_of_several
    return plain(f"{word}, {role}" if role else word)


def _json(found: Discovered, pairs: Sequence[Pair], known: Candidates) -> str:
    return json_text(
        {
            "version": _VERSION,
            "summary": {
                "files": found.files,
                "files_with_launches": len({x.path for x in found.launches}),
                "launches": len(found.launches),
                "near": sum(x.match.profile is not None for x in found.launches),
                "same_model": sum(x.family and not x.router for x in found.launches),
                "routers": sum(x.router for x in found.launches),
                "in_part": sum(bool(x.trouble) for x in found.launches),
                "unknown": sum(x.match.unknown for x in found.launches),
                "unreadable": len(found.problems),
                "other_files": len(found.counted),
                "other_launches": sum(c.launches for c in found.counted),
            },
            "files": _files(found),
            "launches": [_launch(x, known) for x in found.launches],
            "problems": list(map(_problem, found.problems)),
            "others": [{"path": c.path, "launches": c.launches} for c in found.counted],
            "pairs": [keys(p) for p in pairs],
        }
    )


def _files(found: Discovered) -> list[dict[str, Any]]:
    """Each file with launches: what it is, and the roles of its launches."""
    files: dict[str, dict[str, Any]] = {}
    for x in found.launches:
        kind = READERS.get(x.reader)
        one = files.setdefault(
            x.path,
            {"path": x.path, "reader": x.reader, "kind": kind and kind.one, "launches": 0},
        )
        one["launches"] += 1
        one["roles"] = sorted({*one.get("roles", ()), *([x.role] if x.role else ())})
    return list(files.values())


def _problem(problem: Problem) -> dict[str, Any]:
    place, message = problem
    return {"path": place.path, "line": place.line, "column": place.column, "message": message}


def _launch(launch: FoundLaunch, known: Candidates) -> dict[str, Any]:
    match = launch.match
    near = known[match.profile] if match.profile is not None else None
    return {
        "path": launch.path,
        "line": launch.line,
        "number": launch.number,
        "name": launch.label or None,
        "reader": launch.reader,
        "launch_role": launch.role,
        "variables_only": launch.variables,
        "profile": near and near.name,
        "strategy": near and near.beside.strategy,
        "nodes": near and near.beside.nodes,
        "role": launch.role_of_several or (near and near.beside.role),
        "also": list(match.also),
        "same_model": launch.family and not launch.router,
        "followed": launch.followed,
        "in_part": list(map(_problem, launch.trouble)),
        "match": round(match.share, 4) if launch.followed else None,
        "differ": match.differ if match.profile else None,
        "compared": match.compared if match.profile else None,
        "unknown": match.unknown if launch.followed else None,
    }


def _write(pairs: Sequence[Pair], target: Path, *, quiet: bool) -> None:
    shown = os.path.relpath(target)
    if pairs:
        text = decode(read_bytes(target), shown, "a TOML file") if target.exists() else ""
        write(with_pairs(text, pairs, shown), target, hands_on=True)  # the rest stays as it was
    if not quiet:
        files = len({f for p in pairs for f in p.files})
        said = f"added {count(len(pairs), 'pair', 'pairs')} ({count(files, 'file', 'files')}) to"
        write(f"{said if pairs else 'nothing to add to'} {shown}\n")


COMMANDS = (discover,)
