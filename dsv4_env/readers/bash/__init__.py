"""bash launch scripts: followed as bash would, over every way they may go, running nothing.

What only a run could tell is Unknown. Where *closed* is false, the environment holds *inputs* and
maybe more: a variable that nobody set is Unknown with its name, and one that the script sets
without exporting it counts as not exported, unless *inputs* has it. A command whose success only
a run could tell counts as having succeeded where a launch needs that: under ``set -e``, behind
``&&``. Expansions of what isn't known are taken to be ones that bash can do.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from dsv4_env.errors import ReadError
from dsv4_env.guard.files import real
from dsv4_env.model import LaunchConfig, Location, Note
from dsv4_env.readers import choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsv4_env.guard.budget import Budget

MAX_BYTES = 5_000_000


def read_all(
    data: str | bytes,
    path: str = "<script>",
    *,
    inputs: Mapping[str, str] | None = None,
    args: Sequence[str] | None = None,
    root: Path | None = None,
    closed: bool = False,
    facts: Mapping[str, str] | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """Every launch of a server that a bash script makes, in source order.

    *inputs* are variables known from outside; with *closed* they are all there are, and *args*
    all the arguments. *root* is the folder that sourced files must lie below, *facts* are answers
    of commands (``{"nproc": "64"}``). Raises ReadError where the data isn't a script or where a
    limit is passed.
    """
    from dsv4_env.readers.bash import results
    from dsv4_env.readers.bash.builtins import ended
    from dsv4_env.readers.bash.interp import execute, program
    from dsv4_env.readers.bash.state import MAX_SECONDS, Run, State, Var
    from dsv4_env.readers.bash.syntax import Source
    from dsv4_env.readers.bash.tree import parse

    text, notes = _text(data, path)
    source = Source(text, path)
    if root is None and path and Path(path).is_file():
        root = real(path).parent
    variables = {n: Var("s", v, exported=True) for n, v in (inputs or {}).items()}
    for name, value in (("IFS", " \t\n"), ("OPTIND", "1")):
        if name in variables:
            variables[name] = Var("s", value)
    given = args if args is not None else () if closed else None
    state = State(
        variables,
        None if given is None else list(given),
        source,
        open=not closed,
        notes=tuple(notes),
    )
    run = Run(
        inputs or {},
        facts or {},
        closed,
        root,
        execute,
        deadline=time.monotonic() + MAX_SECONDS,
        path=path,
    )
    try:
        block, problem = parse(text)
        if problem is not None and problem.limit:
            raise ReadError(
                problem.message, where=source.place(problem.pos), expected="a launch script"
            )
        if problem is not None:
            where = source.place(problem.pos)
            note = Note(f"{where} syntax error: {problem.message}", where)
            state.notes = (*state.notes, note)
            state.partial = True
        ended(run, program(run, block, [state]))
    except RecursionError:
        raise ReadError(
            "the script is nested too deeply", where=path, expected="a launch script"
        ) from None
    found = results.collect(run, path)
    if problem is not None and not found:
        where = source.place(problem.pos)
        expected = "a script that bash can parse"
        raise ReadError(f"syntax error: {problem.message}", where=where, expected=expected)
    if run.skipped and not found:
        note = run.skipped[0]
        raise ReadError(note.message, where=note.location, expected="commands that can be followed")
    return found


def read(
    data: str | bytes,
    path: str = "<script>",
    *,
    launch: int | None = None,
    line: int | None = None,
    inputs: Mapping[str, str] | None = None,
    args: Sequence[str] | None = None,
    root: Path | None = None,
    closed: bool = False,
    facts: Mapping[str, str] | None = None,
) -> LaunchConfig:
    """The one launch of a script, or the one chosen: *launch* counts from 1, *line* is within it.

    Raises ReadError as read_all does, and where there is no such launch or more than one.
    """
    found = read_all(data, path, inputs=inputs, args=args, root=root, closed=closed, facts=facts)
    return choose(found, path, launch=launch, line=line)


def _text(data: str | bytes, path: str) -> tuple[str, list[Note]]:
    """The script as text in which every byte can be told again, and what is odd about it."""
    if len(data) > MAX_BYTES:
        raise ReadError(
            f"{len(data):,} bytes",
            where=path,
            expected=f"a launch script of at most {MAX_BYTES:,} bytes",
        )
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    notes: list[Note] = []
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        column = text.index("\0") - (text.rfind("\n", 0, text.index("\0")) + 1) + 1
        raise ReadError(
            "a NUL byte",
            where=Location(path, line, column),
            expected="a launch script, not a binary file",
        )
    if text.startswith("\ufeff"):
        notes.append(
            Note(
                "byte order mark: bash takes it for a part of the first word", Location(path, 1, 1)
            )
        )
    if "\r\n" in text:
        line = text.count("\n", 0, text.index("\r\n")) + 1
        notes.append(Note("CRLF line endings: bash keeps the \\r", Location(path, line)))
    return text, notes
