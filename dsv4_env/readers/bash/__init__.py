"""bash launch scripts: followed as bash would, over every path they may take, running nothing.

What only a run could tell is Unknown. Where *closed* is false, the environment holds *inputs* and
maybe more: a variable that nobody set is Unknown with its name, and one that the script sets
without exporting it counts as not exported, unless *inputs* has it; one of SGLang's own counts
where it is exported outside. A command whose success only a run could tell counts as having
succeeded where a launch needs that: under ``set -e``, behind ``&&``. Expansions of what isn't
known are taken to be ones that bash can do.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsv4_env.guard.files import check_narrow, check_size, is_file, real
from dsv4_env.lang.bash.expand.machine import Machine, Watch
from dsv4_env.lang.bash.expand.state import State, Var
from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.interp.interpreter import Interpreter
from dsv4_env.lang.bash.syntax.nodes import CRLF, Source, ends_in_crlf
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import LaunchConfig, Location, Note
from dsv4_env.model.budget import Budget, BudgetError, partial_note
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers.bash import results
from dsv4_env.readers.bash.profiles import Answers
from dsv4_env.readers.choosing import choose
from dsv4_env.readers.kind import INTERPRETER, FileKind
from dsv4_env.readers.launcher import TOLD, launcher_length, names_a_server
from dsv4_env.readers.taken import KnownProfiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LARGE = 50_000  # bytes
_MAX_LOST = 20  # launches that can't be followed, told each by itself
_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")
_OURS = ("SGLANG_", "SGL_")
# Words that a command may be put together of: ``"$SGLANG.launch_$KIND"``.
_HINT = re.compile(
    r"launch_(?:server|router|lb)|mini_lb|dynamo\.sglang|launch_[\"']?\$|\bserve\b"
    r"|\bsglang[\"']?\.[\"']?\$|\bsglang_router\b|\b[sa]mg\b|\bsgl(?:ang)?-router\b"
    r"|\bsgl-model-gateway\b"
)
_LAUNCHES = Watch(
    launcher_length,
    "sglang",
    lambda text: TOLD.search(text) is not None,
    lambda name: name.startswith(_OURS),
    lambda text: _HINT.search(text) is not None,
)


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
    profiles: Path | None = None,
    sglang: str | None = None,
    known: KnownProfiles | None = None,
) -> list[LaunchConfig]:
    """Every launch of a server that a bash script makes, in source order.

    *inputs* are variables known from outside; with *closed* they are all there are, and *args*
    all the arguments. *root* is the folder that sourced files must lie below, *facts* are answers
    of commands (``{"nproc": "64"}``). *profiles* is the folder of the project's own profiles, which
    ``dsv4-env export`` prints, *sglang* the release that they are for where the script doesn't say
    so; *known* stands for both. Where the *budget* ends, the launches found until then are marked
    ``partial``. Raises ReadError where the data isn't a script, or where a limit is passed
    and no launch was found.
    """
    with uncollected(len(data) > _LARGE):
        known = known or KnownProfiles(None, profiles, sglang)
        return _read_all(data, path, inputs, args, root, closed, facts, budget or Budget(), known)


def _read_all(
    data: str | bytes,
    path: str,
    inputs: Mapping[str, str] | None,
    args: Sequence[str] | None,
    root: Path | None,
    closed: bool,
    facts: Mapping[str, str] | None,
    budget: Budget,
    known_profiles: KnownProfiles,
) -> list[LaunchConfig]:
    text, notes = _text(data, path)
    source = Source(text, path)
    root_given = root is not None
    if root is None and path and is_file(path):
        root = real(path).parent
    if known_profiles.root is None:
        known_profiles.root = root
    answers = Answers(known_profiles)
    watch = replace(_LAUNCHES, answer=answers.answer, whence=answers.whence)
    variables = {n: Var("s", v, exported=True) for n, v in (inputs or {}).items()}
    for name, value in (("IFS", " \t\n"), ("OPTIND", "1")):
        if name in variables:
            variables[name] = Var("s", value)
    given = args if args is not None else () if closed else None
    # Without any of these set the locale is C; where the script sets one, UTF-8 is assumed.
    known = {*(inputs or {}), *(facts or {})}
    narrow = closed and not known & {*_LOCALE} and not any(name in text for name in _LOCALE)
    block, problem = parse(text, budget, narrow=narrow)
    partial = problem is not None
    if problem is not None:
        where = source.place(problem.pos)
        wrong = problem.message if problem.limit else f"syntax error: {problem.message}"
        ended = "" if problem.limit else problem.message
        notes.append(Note(f"{where} {wrong}", where, opens=problem.limit, ended=ended))

    def follow(budget: Budget, *, rough: bool) -> tuple[Machine, BudgetError | None]:
        vm = Interpreter(watch, inputs or {}, facts or {}, root, budget, rough=rough)
        vm.narrow, vm.root_given = narrow, root_given
        state = State(
            Layers(variables),
            None if given is None else list(given),
            source,
            open=not closed,
            notes=tuple(notes),
            partial=partial,
        )
        try:
            vm.follow(block, state)
        except BudgetError as error:
            return vm, error
        except RecursionError:
            return vm, BudgetError("the script is nested too deeply")
        return vm, None

    vm, error = follow(budget, rough=False)
    if error is None and vm.tired():
        error = BudgetError(f"following it exactly takes more than {budget.steps:,} steps")
        found = results.collect(vm, path)
    elif error is None:
        found = results.collect(vm, path)
    else:
        # What stands behind the place where it ended is found by a second, rough reading.
        more = Budget(budget.steps // 8, budget.made // 8)
        again, ended_too = follow(more, rough=True)
        budget.spent_steps += more.spent_steps
        keys = {f.key for f in vm.invocations}
        again.invocations = [f for f in again.invocations if f.key not in keys]
        found = [
            *results.collect(vm, path, whole=False),
            *results.collect(again, path, whole=ended_too is None),
        ]
    if error is not None:
        place = vm.place(budget.most(tuple))
        if not found and problem is None:
            raise ReadError(error.found, where=place or path, expected="a launch script")
        # Within another file, the place has to be told in terms of that file: by its location.
        note = replace(partial_note(error, place if path else None), location=place)
        found = [replace(c, partial=True, notes=(*c.notes, note)) for c in found]
    if vm.lost:
        # Within another file, the place has to be told in terms of that file: by its location.
        lost = [replace(n, message=f"{n.location} {n.message}") if path else n for n in vm.lost]
        if (beyond := len(lost) - _MAX_LOST) > 0:  # each launch is told them all
            last = replace(lost[_MAX_LOST], message=f"{beyond:,} more launches can't be followed")
            lost = [*lost[:_MAX_LOST], last]
        found = [replace(c, partial=True, notes=(*c.notes, *lost)) for c in found]
        vm.skipped.extend(vm.lost)
    found = list(map(answers.told, found))
    if problem is not None and not found:
        where = source.place(problem.pos)
        if problem.limit:
            raise ReadError(problem.message, where=where, expected="a launch script")
        expected = "a script that bash can parse"
        raise ReadError(
            shortened(f"syntax error: {problem.message}"), where=where, expected=expected
        )
    if vm.skipped and not found:
        note = vm.skipped[0]
        raise ReadError(
            shortened(note.message), where=note.location, expected="commands that can be followed"
        )
    return found


@contextlib.contextmanager
def uncollected(wanted: bool) -> Iterator[None]:
    """Within it, no cycles are looked for: there are hardly any, and a large script has a million
    objects to be looked at each time. What they take is bounded by the budget."""
    wanted = wanted and gc.isenabled()
    if wanted:
        gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


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
    budget: Budget | None = None,
) -> LaunchConfig:
    """The one launch of a script, or the one chosen: *launch* counts from 1, *line* is within it.

    Raises ReadError as read_all does, and where there is no such launch or more than one.
    """
    found = read_all(
        data, path, inputs=inputs, args=args, root=root, closed=closed, facts=facts, budget=budget
    )
    return choose(found, path, launch=launch, line=line)


def _text(data: str | bytes, path: str) -> tuple[str, list[Note]]:
    """The script as text in which every byte can be told again, and what is odd about it."""
    check_size(data, path, "a launch script")
    check_narrow(data, path, "a launch script")
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
                "byte order mark: bash takes it for a part of the first word; save it without",
                Location(path, 1, 1),
            )
        )
    if "\r\n" in text:
        line = text.count("\n", 0, text.index("\r\n")) + 1
        notes.append(Note(f"{CRLF}; take it out", Location(path, line)))
    return text, notes


@functools.wraps(read_all)  # whose options it takes
def read_file(data: str | bytes, path: str = "<script>", **how: Any) -> list[LaunchConfig]:
    """As :func:`read_all`, of a file whose lines end as bash wants them.

    What bash makes of others is known, but no one means it: each value ends in a carriage return,
    and no command goes on behind a backslash. Raises ReadError of such a file.
    """
    check_endings(data, path)
    return read_all(data, path, **how)


def check_endings(data: str | bytes, path: str) -> None:
    """Raise ReadError where the lines of what bash is to read end as in another system."""
    text = data if isinstance(data, str) else data.decode("utf-8", "surrogateescape")
    wanted = "lines that end in LF"
    if ends_in_crlf(text):
        line = text.count("\n", 0, text.index("\r\n")) + 1
        kept = "`*.sh text eol=lf` in .gitattributes keeps them"
        expected = f"{wanted}: `dos2unix` makes them, and {kept}"
        raise ReadError(CRLF, where=Location(path, line), expected=expected)
    if "\r" in text and "\n" not in text:
        found = "CR line endings: bash takes the whole file for one line"
        raise ReadError(found, where=path, expected=f"{wanted}: `mac2unix` makes them")


_REMARKS = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)


def _may_launch(data: bytes) -> bool:
    """Whether a server's words are in a script, apart from lines that only remark on something.

    What a library says of servers in passing would have all scripts followed that source it.
    """
    return names_a_server(data) and names_a_server(_REMARKS.sub(b"", data))


KIND = FileKind(
    "bash",
    "a launch script",
    read_file,
    takes=("inputs", "args", "closed", "root", "profiles", "sglang"),
    named=r"[^/]+\.(?:sh|bash|slurm|sbatch)",
    shebang=INTERPRETER + rb"(?:ba|da)?sh\b",
    hit=_may_launch,
    editable=True,
    word="script",
)
