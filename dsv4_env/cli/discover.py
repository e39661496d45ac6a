"""``discover``: every launch in a tree of files, with the profile that it is nearest to."""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli import complete
from dsv4_env.cli.comparing import catalogue_for, known_release, sglang_option
from dsv4_env.cli.options import collected, profiles_option
from dsv4_env.cli.output import table, tell, write
from dsv4_env.cli.settings import settings
from dsv4_env.drift.discover import Discovered, FoundLaunch, discover as find
from dsv4_env.drift.nearest import Nearest
from dsv4_env.drift.pairs import as_toml as pairs_as_toml, keys, new_pairs, with_pairs
from dsv4_env.guard.files import read_bytes
from dsv4_env.guard.writing import locked
from dsv4_env.lang.yaml import decode
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import plain
from dsv4_env.profile import load_all, load_profile
from dsv4_env.profile.settings import Pair, Settings
from dsv4_env.reporters.json import json_text

_VERSION = 1
_EVERY = 0.1  # seconds between two states of the progress


@dataclass(frozen=True, slots=True)
class Told:
    """What becomes of what was found: printed as a table, JSON or TOML; *write_*: and written."""

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
    click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON."),
    click.option("--toml", "as_toml", is_flag=True, help="Print new pairs for pyproject.toml."),
    click.option("--write", "write_", is_flag=True, help="Add new pairs to pyproject.toml."),
)
@click.option(
    "--follow-all",
    is_flag=True,
    help="Follow every Python file that may launch a server to its end. Without it those aren't "
    "that name too few of any profile's settings to be near it.",
)
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(0),
    help="How many processes share the work; 0: this one alone. Default: one for each processor, "
    "in a tree of many files.",
)
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
    """Find every launch in a tree, and the profile nearest to it.

    Without PATH it is the current folder. In a git repository what git ignores is left out;
    links aren't followed. --write holds what is near a profile to it: it adds pairs to
    pyproject.toml for `dsv4-env check`; launches of pairs that are there already stay as they are.

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
        load_profile(name, own)  # a wrong name is told before the work
    base = found.folder or Path.cwd()
    release = sglang or found.sglang
    known = known_release(release) if release else None  # what is to be said of it is said once
    making = functools.partial(_nearest, found, own, names, known, min_match)
    progress = _Progress()
    try:
        result = find(
            paths or (Path(),),
            making,
            root=base,
            jobs=jobs,
            follow_all=follow_all,
            progress=progress,
        )
    finally:
        progress.clear()
    if names:
        result.launches = [x for x in result.launches if x.match.profile]
    target = found.source or _pyproject()
    named = [x for x in result.launches if _is_text(x.path)]
    pairs = new_pairs(named, found.pairs, target.parent)
    for note in dict.fromkeys(result.notes):
        tell(f"dsv4-env: note: what git ignores is looked at, too: {plain(note)}")
    if told.as_json:
        write(_json(result, pairs))
    else:
        for place, message in result.problems:
            tell(scrubbed(f"{place}: error: {message}"))
        if told.as_toml:
            write(pairs_as_toml(pairs) if pairs else "")
        else:
            write(_text(result, pairs, written=told.write_))
    if told.write_:
        with locked(target.parent):  # another one may have written pairs meanwhile
            pairs = new_pairs(named, settings().pairs, target.parent)
            _write(pairs, target, quiet=told.as_json or told.as_toml)
    near = [x.path for x in result.launches if x.match.profile]
    nameless = dict.fromkeys(p for p in near if (told.write_ or told.as_toml) and not _is_text(p))
    for path in nameless:
        tell(f"dsv4-env: error: {plain(path)}: its name isn't UTF-8, so that no pair can name it")
    return 2 if result.problems or nameless else 0


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nearest(
    found: Settings, own: Path | None, names: Sequence[str], release: str | None, least: float
) -> Nearest:
    """What matches launches; made in each process anew."""
    known = load_all(own)
    chosen = {n: p for n, p in known.items() if not names or n in names}
    return Nearest(chosen, replace(found, sglang=release), catalogue_for, least)


class _Progress:
    """How far the work is, on standard error where that is a terminal."""

    def __init__(self) -> None:
        self.on = (
            sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        )
        self.shown = 0.0
        self.width = 0

    def __call__(self, looked: int, files: int, launches: int) -> None:
        if not self.on or (now := time.monotonic()) - self.shown < _EVERY:
            return
        self.shown = now
        text = f"{looked:,} of {files:,} files, {_count(launches, 'launch', 'launches')}"
        self.width = max(self.width, len(text))
        tell(f"\r{text:{self.width}}", nl=False)

    def clear(self) -> None:
        if self.width:
            tell(f"\r{'':{self.width}}\r", nl=False)


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _text(found: Discovered, pairs: Sequence[Pair], *, written: bool) -> str:
    text = table([_row(x) for x in found.launches]) if found.launches else ""
    files = len({x.path for x in found.launches})
    near = [x for x in found.launches if x.match.profile]
    unknown = sum(x.match.unknown for x in found.launches)
    text += f"{_count(found.files, 'file', 'files')} looked at: "
    text += f"{_count(len(found.launches), 'launch', 'launches')} in "
    text += f"{_count(files, 'file', 'files')}, {len(near):,} near a profile, "
    text += f"{unknown:,} unknown {'value' if unknown == 1 else 'values'}"
    if found.problems:
        text += f"; {_count(len(found.problems), 'file', 'files')} can't be read"
    text += "\n"
    if found.not_followed:
        many = len(found.not_followed)
        text += f"note: {_count(many, 'Python file', 'Python files')} that may launch "
        text += "wasn't followed: it names" if many == 1 else "weren't followed: they name"
        text += " too few settings for any profile to be near (--follow-all does)\n"
    if pairs and not written:
        new = "1 pair is" if len(pairs) == 1 else f"{len(pairs)} pairs are"
        text += f"note: {new} new to pyproject.toml (--write adds "
        text += "it)\n" if len(pairs) == 1 else "them)\n"
    return text


def _row(launch: FoundLaunch) -> tuple[str, ...]:
    match = launch.match
    place = launch.path if launch.line is None else f"{launch.path}:{launch.line}"
    name = launch.label or ("variables" if launch.variables else "")
    if not name and launch.of > 1:
        name = f"#{launch.number}"
    if match.profile is None:
        far = "no profile is near" + ("" if launch.followed else ", not followed")
        nearest = "-"
    else:
        far = f"{match.differ} differ" + ("s" if match.differ == 1 else "")
        far = far if match.differ else "same"
        nearest = match.profile + (f" (or {', '.join(match.also)})" if match.also else "")
    if match.unknown:
        far += f", {match.unknown} unknown"
    return plain(place), plain(name) or "-", nearest, far


def _json(found: Discovered, pairs: Sequence[Pair]) -> str:
    return json_text(
        {
            "version": _VERSION,
            "summary": {
                "files": found.files,
                "files_with_launches": len({x.path for x in found.launches}),
                "launches": len(found.launches),
                "near": sum(x.match.profile is not None for x in found.launches),
                "unknown": sum(x.match.unknown for x in found.launches),
                "unreadable": len(found.problems),
                "not_followed": len(found.not_followed),
            },
            "launches": [_launch(x) for x in found.launches],
            "problems": [
                {"path": p.path, "line": p.line, "column": p.column, "message": message}
                for p, message in found.problems
            ],
            "not_followed": found.not_followed,
            "pairs": [keys(p) for p in pairs],
        }
    )


def _launch(launch: FoundLaunch) -> dict[str, Any]:
    match = launch.match
    return {
        "path": launch.path,
        "line": launch.line,
        "number": launch.number,
        "name": launch.label or None,
        "reader": launch.reader,
        "variables_only": launch.variables,
        "profile": match.profile,
        "also": list(match.also),
        "followed": launch.followed,
        "match": round(match.share, 4) if launch.followed else None,
        "differ": match.differ if match.profile else None,
        "compared": match.compared if match.profile else None,
        "unknown": match.unknown if launch.followed else None,
    }


def _pyproject() -> Path:
    """Where the pairs go where no file mentions the tool yet: the project's, or one made here."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
        if (folder / ".git").exists():
            break
    return here / "pyproject.toml"


def _write(pairs: Sequence[Pair], target: Path, *, quiet: bool) -> None:
    shown = os.path.relpath(target)
    if pairs:
        text = decode(read_bytes(target), shown, "a TOML file") if target.exists() else ""
        write(with_pairs(text, pairs, shown), target, hands_on=True)  # the rest stays as it was
    if not quiet:
        files = len({f for p in pairs for f in p.files})
        said = f"added {_count(len(pairs), 'pair', 'pairs')} ({_count(files, 'file', 'files')}) to"
        write(f"{said if pairs else 'nothing to add to'} {shown}\n")


COMMANDS = (discover,)
