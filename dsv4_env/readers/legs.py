"""The tests that a workflow runs, and the variables that each run of them gets: its legs.

A job of SGLang's CI runs a suite several times, each in a container with another ``-e NAME=VALUE``:
what a test takes from the outside, it takes from there.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dsv4_env.lang.yaml import Mapping, Scalar
from dsv4_env.model import Location, Note, Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.model.condition import Condition, both
from dsv4_env.model.errors import shortened
from dsv4_env.readers import github
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.workflow import Job, condition_of, given_settings, jobs_of

_COMMAND = re.compile(r"(?:\\\n|\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\n;&|])+")
_WORD = re.compile(r"(?:\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s\"'\\])+", re.DOTALL)
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_TEST = re.compile(r"(?:.*/)?test_[\w.-]*\.py(?:::.*)?")
_CONTAINER = re.compile(r"(?:.*/)?(?:docker|podman|nerdctl|(?=[^/]*exec)[\w.-]*\.sh)")
_OPTIONS = ("-e", "--env")
_RUNS = re.compile(r"\brun_suite\.py|\btest_")
_LEVELS = 3  # of shells within shells
_HOLE = "\uffff"  # stands for a part of a script that only GitHub knows
_FILLED = re.compile(rf"[$`]|{_HOLE}")


@dataclass(frozen=True, slots=True)
class LegVariable:
    """A variable that a leg's tests are started with, and where that is said."""

    name: str
    value: Value
    location: Location


@dataclass(frozen=True, slots=True)
class Leg:
    """One run of tests by a workflow.

    *suite* is what ``run_suite.py --suite`` names, *files* are test files that are run by
    themselves. *variables* are those that reach the tests: of a command in a container the ones
    that it is given. *condition* is what must hold for the run.
    """

    job: str
    step: str
    matrix: str
    location: Location
    suite: str | None = None
    files: tuple[str, ...] = ()
    variables: tuple[LegVariable, ...] = ()
    condition: Condition | None = None

    def variable(self, name: str) -> LegVariable | None:
        """What it sets a variable to; None where it doesn't. The last one counts."""
        return next((v for v in reversed(self.variables) if v.name == name), None)


def legs(data: str | bytes, path: str = "<workflow>", *, budget: Budget | None = None) -> list[Leg]:
    """Every run of a suite or of test files that the steps of a workflow make, in order.

    Equal ones of several combinations of a matrix are told once. What a called workflow or action
    runs isn't seen. Raises ReadError where the data isn't a workflow, or too large a one, and
    BudgetError where the *budget* ends.
    """
    budget = budget or Budget()
    found: dict[tuple[object, ...], Leg] = {}
    for job in jobs_of(data, path, budget):
        for combination in job.combinations:
            matrix = None if combination is None else github.Properties(combination)
            shown = shortened(", ".join(github.described(combination or {})), 200)
            for leg in _of_job(job, github.Contexts({}, matrix, budget), shown):
                key = (leg.location, leg.suite, leg.files, leg.variables, leg.condition)
                found.setdefault(key, leg)
    return list(found.values())


def suites(data: str | bytes, path: str = "<workflow>") -> list[tuple[str, Location]]:
    """The suites that ``run_suite.py --suite NAME`` is called with, and where; unknown ones aside.

    Raises ReadError where the data isn't a workflow, or too large a one.
    """
    every = ((leg.suite, leg.location) for leg in legs(data, path))
    return list(dict.fromkeys((s, at) for s, at in every if s is not None))


def _of_job(job: Job, contexts: github.Contexts, matrix: str) -> Iterator[Leg]:
    budget, notes = contexts.budget, list[Note]()
    plain = github.Contexts({}, github.Properties({}), budget)
    outer = given_settings(job.workflow.get("env"), plain, notes)
    outer += given_settings(job.node.get("container", "env"), contexts, notes)
    outer += given_settings(job.node.get("env"), contexts, notes)
    wanted, of_job = condition_of(job.node.get("if"), contexts)
    for step in job.steps if wanted else ():
        run = step.get("run")
        budget.step(step.location, 8 + len(outer))
        if not isinstance(run, Scalar) or not ("run_suite" in run.text or "test_" in run.text):
            continue
        known = github.Contexts({s.name: s.value for s in outer}, contexts.matrix, budget)
        env = outer + given_settings(step.get("env"), known, notes)
        known = github.Contexts({s.name: s.value for s in env}, contexts.matrix, budget)
        wanted, of_step = condition_of(step.get("if"), known)
        if not wanted:
            continue
        name = _name(step)
        script = github.expand_expressions(run, known, run=True)
        for at, suite, files, variables in _runs(script, env, budget):
            condition = both(of_job, of_step)
            yield Leg(job.name, name, matrix, at, suite, files, variables, condition)


def _name(step: Mapping) -> str:
    return step.text("name") or step.text("id") or ""


def _runs(
    script: PlacedText, env: Sequence[FileSetting], budget: Budget
) -> Iterator[tuple[Location, str | None, tuple[str, ...], tuple[LegVariable, ...]]]:
    """The commands of a script that run tests: where, what, and with which variables."""
    pieces, offsets = list[str](), array("l")
    for value, places in script.parts:
        piece = value if isinstance(value, str) else _HOLE
        pieces.append(piece)
        offsets.extend(places[min(i, len(places) - 1)] for i in range(len(piece)))
    text = "".join(pieces)
    budget.step(script.location, 2 + (len(text) >> 4))
    exported = [LegVariable(s.name, s.value, s.location) for s in env]

    def place(at: int) -> Location:
        return script.lines.place(offsets[at])

    yield from _in_text(_without_comments(text), 0, exported, place)


def _in_text(
    text: str,
    base: int,
    exported: Sequence[LegVariable],
    place: Callable[[int], Location],
    level: int = 0,
) -> Iterator[tuple[Location, str | None, tuple[str, ...], tuple[LegVariable, ...]]]:
    """The same of a text that begins at *base*, and of those that it gives to a shell."""
    exported = list(exported)
    for command in _COMMAND.finditer(text):
        start = base + command.start()
        found = [m for m in _WORD.finditer(command[0]) if m[0] != "\\\n"]
        words, places = [_plain(m[0]) for m in found], [place(start + m.start()) for m in found]
        if words[:1] == ["export"]:
            exported += _assignments(words[1:], places[1:])
            continue
        if (what := _what(words)) is not None:
            first, named, suite, files = what
            yield places[named], suite, files, tuple(_given(words[:first], places, exported))
            continue
        for at, m in enumerate(found):
            if level < _LEVELS and m[0][0] in "\"'" and _RUNS.search(m[0]):
                given = tuple(_given(words[:at], places, exported))
                yield from _in_text(m[0][1:-1], start + m.start() + 1, given, place, level + 1)


def _without_comments(text: str) -> str:
    """The text with its comments blanked, each character where it was."""
    return re.sub(r"(?m)(?:^|(?<=[ \t]))#[^\n]*", lambda m: " " * len(m[0]), text)


def _plain(word: str) -> str:
    """A word without its quotes; as it stands where they don't end."""
    try:
        return "".join(shlex.split(word.replace("\\\n", "")))
    except ValueError:
        return word


def _what(words: Sequence[str]) -> tuple[int, int, str | None, tuple[str, ...]] | None:
    """Which word of a command runs tests, which names them, the suite and the files; None: none."""
    for at, word in enumerate(words):
        if posixpath.basename(word) == "run_suite.py":
            rest = list(words[at:])
            for i, each in enumerate(rest):
                name, equals, value = each.partition("=")
                if name == "--suite":
                    value = value if equals else "".join(rest[i + 1 : i + 2])
                    named = min(at + i + (not equals), len(words) - 1)
                    return at, named, None if not value or _FILLED.search(value) else value, ()
            return at, at, None, ()
    files = [i for i, w in enumerate(words) if _TEST.fullmatch(w) and not _FILLED.search(w)]
    starts = [i for i, w in enumerate(words) if re.fullmatch(r"(?:.*/)?(?:python[\d.]*|pytest)", w)]
    if not files or not starts or starts[0] > files[0]:
        return None
    return starts[0], files[0], None, tuple(words[i].partition("::")[0] for i in files)


def _given(
    words: Sequence[str], places: Sequence[Location], exported: Sequence[LegVariable]
) -> Iterator[LegVariable]:
    """The variables that what stands behind some words is started with."""
    contained = [i for i, w in enumerate(words) if _CONTAINER.fullmatch(w)]
    options = contained and any(w == "--env" or w.startswith(("-e", "--env=")) for w in words)
    if not contained:
        yield from exported
        yield from _assignments(words, places)
        return
    known = {v.name: v for v in exported}
    known |= {v.name: v for v in _assignments(words[: contained[0]], places)}
    first = contained[0]
    for at, word in enumerate(words) if options else ():
        if at <= first:
            continue
        text, place = "", places[at]
        if word in _OPTIONS and at + 1 < len(words):
            text, place = words[at + 1], places[at + 1]
        elif word.startswith("--env="):
            text = word.removeprefix("--env=")
        elif re.match(r"-e[A-Za-z_]", word):
            text = word[2:]
        if _ASSIGNED.fullmatch(text):
            yield from _assignments([text], [place])
        elif _NAME.fullmatch(text):
            unset = Unknown(f"${{{text}}}", "it is passed on as it is there", (text,))
            yield LegVariable(text, known[text].value if text in known else unset, place)


def _assignments(words: Sequence[str], places: Sequence[Location]) -> Iterator[LegVariable]:
    """``NAME=VALUE`` among words; a value that a shell or GitHub fills in isn't known."""
    for word, place in zip(words, places, strict=False):
        m = _ASSIGNED.fullmatch(word)
        if m is None:
            continue
        value: Value = m[2]
        if _FILLED.search(m[2]):
            shown = m[2].replace(_HOLE, "${{ … }}")
            value = Unknown(shown, "only the run tells it", location=place)
        yield LegVariable(m[1], value, place)
