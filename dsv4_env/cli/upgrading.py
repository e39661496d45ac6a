"""``upgrade`` on files and trees of files."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import Catalogue, load
from dsv4_env.catalogue.releases import named_by
from dsv4_env.cli.comparing import catalogue_for
from dsv4_env.cli.output import line_width, table, tell, write
from dsv4_env.cli.progress import Progress
from dsv4_env.cli.settings import settings
from dsv4_env.drift.discover import Discovered, How, Problem, choose_files, job_for
from dsv4_env.drift.lines import location_of
from dsv4_env.drift.nearest import Nearest
from dsv4_env.guard.files import read_bytes
from dsv4_env.lint.advice import Action
from dsv4_env.lint.upgrade import runs_on
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import Dsv4Error, UsageError
from dsv4_env.model.secrets import masked, scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.plan.platforms import Platform
from dsv4_env.readers import HowRead, detect, read
from dsv4_env.reporters.json import json_text
from dsv4_env.writeback.editors import EDITORS
from dsv4_env.writeback.files import FileChange, write_changes
from dsv4_env.writeback.upgrading import UpgradeRow, refused_rows, upgrade_text

_VERSION = 1
_FEW = 3  # launches that are named


@dataclass(frozen=True, slots=True)
class UpgradeShown:
    """How it is shown, and whether it is written; *force*: over what isn't committed.

    *on* is the hardware that the launches are for, where that is said.
    """

    format_: str
    write_: bool
    force: bool
    follow_all: bool = False
    on: Platform | None = None


def files_of(paths: Sequence[Path], *, follow_all: bool) -> tuple[list[str], Discovered]:
    """The files of trees that may launch, and what was left out or couldn't be looked at.

    Of a tree's tests those alone that, by the names in them, may launch a model of the profiles:
    the others are counted.
    """
    found = settings()
    root = found.folder or Path.cwd()
    how = How(root, found.profiles, every=True, follow_all=follow_all)
    making = functools.partial(Nearest, {}, found, functools.partial(catalogue_for, tree=False))
    result = Discovered()
    with Progress() as progress:
        chosen = choose_files(paths, job_for(paths, making, how), how, result, progress)
    result.counted += chosen.glanced
    return sorted(chosen.read), result


def left_out(result: Discovered) -> list[str]:
    """What there is to say of launches in trees that weren't looked at."""
    files = [c for c in result.counted if c.launches]
    through = len(result.counted) - len(files)
    parts = []
    if files:
        launches = count(sum(c.launches for c in files), "other launch", "other launches")
        parts.append(f"{launches} in {count(len(files), 'file', 'files')}")
    if through:
        what = count(through, "file", "files")
        parts.append(f"{what} that may launch only through others")
    if not parts:
        return []
    said = "left out, of other models by the names in them (--follow-all takes them in)"
    return [f"{' and '.join(parts)} {said}"]


def upgrade_files(
    operands: Sequence[str], before: Catalogue | None, after: Catalogue, shown: UpgradeShown
) -> int:
    """Say what the launches of files and trees need, and edit what is safe; the exit code."""
    paths = list(map(Path, operands))
    for path in paths:
        if not path.exists():
            raise UsageError("there is no such file", where=path, expected="a file or a folder")
    names, result = files_of(paths, follow_all=shown.follow_all)
    root = settings().folder or Path.cwd()
    problems = list(result.problems)
    rows: list[UpgradeRow] = []
    changes: list[FileChange] = []
    launches = refused_on_some = 0

    def releases(config: LaunchConfig) -> tuple[Catalogue, Catalogue]:
        own = named_by(config.image_name) if before is None else None
        older = before or (load(own[0]) if own is not None else None)
        return older or runs_on(config, after), after

    for name in names:
        path = Path(name)
        try:
            data = read_bytes(path)
            reader = detect(name, data)
            if reader is None:
                continue
            editor = EDITORS.get(reader)
            text, encoding = (data.decode(errors="surrogateescape"), "utf-8")
            refused: UsageError | None = None
            if editor is not None:
                try:
                    text, encoding = editor.decode(data, path)
                except UsageError as exc:
                    refused, editor = exc, None
            whole = path.absolute()
            below = root if whole.is_relative_to(root) else _tree(path, paths)
            how = HowRead(reader, root=below, profiles=settings().profiles)
            seen: list[int] = []
            encode = editor.encode if editor is not None else None
            reading = _reading(path, how, encoding, encode, seen)
            propose = editor.propose if editor is not None else None
            done = upgrade_text(text, name, reading, propose, releases)
            launches += seen[0] if seen else 0
            if refused is not None:
                for row in done.rows:
                    row.left = refused.found
            stopped, some = refused_rows(reading(done.text), name, after, shown.on)
            rows += [*done.rows, *stopped]
            refused_on_some += some
            if editor is not None and done.text != text:
                changes.append(FileChange(path, data, editor.encode(done.text, encoding)))
        except Dsv4Error as exc:
            problems.append((location_of(exc.where, path), exc.message))
    rows = _once(rows)
    if shown.write_:
        write_changes(changes, lambda: None, force=shown.force)
    if shown.format_ == "json":
        write(_json(rows, problems, after, shown))
    else:
        summary = _summary(rows, changes, launches, result, after, shown)
        if refused_on_some:
            what = count(refused_on_some, "launch", "launches")
            summary.append(
                f"note: {after.name} refuses {what} on some hardware (--on PLATFORM tells which)"
            )
        make = _markdown if shown.format_ == "markdown" else _text
        write(make(rows, summary))
        for place, message in problems:
            tell(scrubbed(f"{place}: error: {message}"))
    if problems:
        return 2
    return 1 if any(not (r.done and shown.write_) for r in rows) else 0


def _once(rows: Sequence[UpgradeRow]) -> list[UpgradeRow]:
    """The rows without those whose every place is edited as part of a file of its own.

    A launch has settings of the file that it gives with ``--config``, which is read itself, too.
    """
    edited = {(p, r.section, r.advice.name, r.advice.new) for r in rows if r.done
              for p in r.locations}  # fmt: skip
    return [
        r for r in rows
        if r.done or not r.locations
        or any((p, r.section, r.advice.name, r.advice.new) not in edited for p in r.locations)
    ]  # fmt: skip


def _tree(path: Path, paths: Sequence[Path]) -> Path:
    return next((p for p in paths if p.is_dir() and path.is_relative_to(p)), path.parent)


def _reading(
    path: Path,
    how: HowRead,
    encoding: str,
    encode: Callable[[str, str], bytes] | None,
    seen: list[int],
) -> Callable[[str], list[LaunchConfig]]:
    """What reads a text as this file, and notes how many launches it has."""

    @functools.lru_cache(maxsize=4)
    def reading(text: str) -> list[LaunchConfig]:
        data = (
            encode(text, encoding)
            if encode is not None
            else text.encode("utf-8", "surrogateescape")
        )
        found = read(data, path, how)
        seen.append(len(found))
        return found

    return reading


def _what(row: UpgradeRow) -> str:
    a = row.advice
    new = f"→ {a.new}: " if a.new and a.new != a.name else ""
    values = [masked(a.name, " ".join(words)) for words in a.values or ()]
    if a.action is Action.CHANGE:
        new = f'→ "{" ".join(values)}": '
    return f"{new}{a.reason}"


def _roles(row: UpgradeRow) -> str:
    names = [n for n in row.launches if n != row.path]
    if len(names) > _FEW:
        return f"{names[0]} and {len(names) - 1} more"
    return ", ".join(names) or "-"


def _place(row: UpgradeRow) -> str:
    return str(row.locations[0]) if row.locations else row.path


def _cells(row: UpgradeRow) -> tuple[str, ...]:
    more = f" (and {len(row.locations) - 1} more)" if row.locations[1:] else ""
    decided = row.done or row.advice.action is Action.DECIDE
    left = "" if decided else f"; {row.left}"
    cells = (
        f"{_place(row)}{more}",
        _roles(row),
        row.advice.name,
        "edit" if row.done else "left",
        row.advice.action.value,
        f"{_what(row)}{left}",
    )
    return tuple(plain(scrubbed(c)) for c in cells)


def _text(rows: Sequence[UpgradeRow], summary: Sequence[str]) -> str:
    text = table([_cells(r) for r in rows], line_width()) if rows else ""
    return text + "".join(f"{line}\n" for line in summary)


def _markdown(rows: Sequence[UpgradeRow], summary: Sequence[str]) -> str:
    head = ("Place", "Launches", "Setting", "State", "Action", "What")
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"] if rows else []
    for row in rows:
        cells = (c.replace("\\", "\\\\").replace("|", "\\|") for c in _cells(row))
        lines.append(f"| {' | '.join(cells)} |")
    return "".join(f"{line}\n" for line in (*lines, *([""] if rows else ()), *summary))


def _summary(
    rows: Sequence[UpgradeRow],
    changes: Sequence[FileChange],
    launches: int,
    result: Discovered,
    after: Catalogue,
    shown: UpgradeShown,
) -> list[str]:
    done = Counter(r.done for r in rows)
    read_ = f"{count(result.files, 'file', 'files')}, {count(launches, 'launch', 'launches')}"
    told = f"{read_} to {after.name}: "
    if not rows:
        nothing = not launches and result.counted
        told += "no launch looked at" if nothing else "nothing to do"
    else:
        files = count(len(changes), "file", "files")
        verb = "edited" if shown.write_ else "to edit"
        told += f"{done[True]:,} {verb} in {files}, {done[False]:,} left to decide"
    lines = [told]
    if changes and not shown.write_:
        lines.append("note: --write makes the edits")
    return lines + [f"note: {said}" for said in left_out(result)]


def _json(
    rows: Sequence[UpgradeRow],
    problems: Sequence[Problem],
    after: Catalogue,
    shown: UpgradeShown,
) -> str:
    listed: list[dict[str, Any]] = [
        {
            "path": row.path,
            "places": [_at(p) for p in row.locations],
            "launches": row.launches,
            "setting": row.advice.name,
            "action": row.advice.action.value,
            "new": row.advice.new,
            "reason": scrubbed(row.advice.reason),
            "edit": row.done,
            "written": row.done and shown.write_,
            "left": row.left or None,
        }
        for row in rows
    ]
    said = [{**_at(place), "message": message} for place, message in problems]
    return json_text(
        {"version": _VERSION, "to": after.release, "settings": listed, "problems": said}
    )


def _at(place: Location) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}
