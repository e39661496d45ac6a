"""GitHub workflows: the launches of their ``run`` blocks, with the environment around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dsv4_env.lang import yaml as yaml_source
from dsv4_env.lang.yaml import Mapping, Node, Scalar
from dsv4_env.model import ENV_NAME, Image, LaunchConfig, Location, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.condition import Condition, Test, both
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import embedded, github
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.kind import YAML, FileKind

_ECHO = re.compile(
    r"[ \t]*+echo[ \t]++(?P<quote>[\"']?)(?P<name>[A-Za-z_]\w*+)=(?P<value>[^\"'\n]*+)(?P=quote)"
)
_INTO = re.compile(r">>[ \t]*+\"?\$(?:GITHUB_ENV|\{GITHUB_ENV\})\"?[ \t]*+(?:#.*)?")
_STEERED = re.compile(
    r"\b(?:if|for|while|until|case|exit|return|exec|function)\b|&&|\|\||\(\)|\$\(|<<"
    r"|\s-\w*c\s"
)
_KIND = "a GitHub workflow"
_PROBLEMS = 50  # blocks that aren't read and are told one by one
_EACH = 8  # steps that a step of a job, or one of its variables, takes


def read_all(
    data: str | bytes, path: str = "<workflow>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every launch of a server that the steps of a workflow make, in order.

    A job with a matrix is read once per combination, equal launches are told once. What only
    GitHub knows (secrets, inputs, outputs) is Unknown. Where the *budget* ends, launches that
    were found are kept as partial ones. Raises ReadError where the data isn't a workflow, or
    where none of its blocks can be read.
    """
    reading = _Reading(path, budget or Budget())
    ended: BudgetError | None = None
    try:
        for job in jobs_of(data, path, reading.budget):
            reading.take(job)
    except BudgetError as exc:
        ended = exc
    found = reading.found
    if not found and reading.problems and ended is None:
        raise reading.problems[0]
    notes = reading.notes + [
        Note(f"{p.where}: {p.found}: this block isn't read", Location(path))
        for p in reading.problems[:_PROBLEMS]
    ]
    unique = tuple(dict.fromkeys(notes))
    found = [replace(c, notes=(*c.notes, *unique)) for c in found]
    return found if ended is None else kept(found, ended, reading.budget.place(), path)


@dataclass(slots=True)
class _Reading:
    """A workflow while it's read: what it launches, and what there is to say of it."""

    path: str
    budget: Budget
    found: list[LaunchConfig] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    problems: list[ReadError] = field(default_factory=list)

    def take(self, job: Job) -> None:
        """Every launch of a job, those before the budget's end too."""
        seen: dict[LaunchConfig, list[str]] = {}
        try:
            for combination in job.combinations:
                shown = shortened(", ".join(github.described(combination or {})), 200)
                for config in _job_launches(job, combination, self):
                    seen.setdefault(config, []).append(shown)
        finally:
            ordered = sorted(seen.items(), key=lambda x: _line(x[0]))
            self.found += [_named(config, self.path, job, told) for config, told in ordered]


def _line(config: LaunchConfig) -> tuple[int, int]:
    place = config.location
    return (place.line or 0, place.column or 0) if place else (0, 0)


@dataclass(slots=True)
class Job:
    """A job with the combinations of its matrix; None for one that isn't known."""

    name: str
    node: Mapping
    workflow: Mapping
    steps: list[Mapping]
    combinations: list[dict[str, Node] | None] = field(default_factory=list)
    read: dict[Any, list[LaunchConfig]] = field(default_factory=dict)  # what was read already


def jobs_of(data: str | bytes, path: str, budget: Budget) -> Iterator[Job]:
    """The jobs of a workflow, in order. Raises ReadError where the data isn't one."""
    documents = yaml_source.parse(data, path, _KIND, budget)
    root = documents[0] if documents else None
    jobs = root.mapping("jobs") if isinstance(root, Mapping) else None
    if jobs is None or not isinstance(root, Mapping):
        raise ReadError("no jobs", where=path, expected=_KIND)
    for name, node in jobs.items.items():
        if not isinstance(node, Mapping):
            continue
        steps = [s for s in node.sequence("steps") if isinstance(s, Mapping)]
        budget.step(node.location, _EACH)
        known = github.combinations(node.get("strategy", "matrix"), budget)
        rows: list[dict[str, Node] | None] = [None] if known is None else [*known]
        yield Job(name, node, root, steps, rows)


def _named(config: LaunchConfig, path: str, job: Job, told: list[str]) -> LaunchConfig:
    known = [t for t in told if t]
    if not known or len(known) == len(job.combinations) > 1:
        return replace(config, name=f"{path} job {job.name}")
    notes = config.notes
    if len(known) > 1:
        notes = (*notes, Note(f"the same for the matrix {'; '.join(known)}", config.location))
    return replace(config, name=f"{path} job {job.name} ({known[0]})", notes=notes)


def _job_launches(
    job: Job, combination: dict[str, Node] | None, reading: _Reading
) -> Iterator[LaunchConfig]:
    budget, notes = reading.budget, reading.notes
    matrix = None if combination is None else github.Properties(combination)
    outer = github.Contexts({}, matrix, budget)
    settings = given_settings(job.node.get("container", "env"), outer, notes)
    settings += given_settings(
        job.workflow.get("env"), github.Contexts({}, github.Properties({}), budget), notes
    )
    settings += given_settings(job.node.get("env"), outer, notes)
    wanted, job_condition = condition_of(job.node.get("if"), outer)
    if not wanted:
        return
    for step in job.steps:
        budget.step(step.location, _EACH + len(settings))
        contexts = github.Contexts({s.name: s.value for s in settings}, matrix, budget)
        if extra := given_settings(step.get("env"), contexts, notes):
            own = settings + extra
            known = {s.name: s.value for s in own}
            contexts = github.Contexts(known, matrix, budget)
        else:
            own = settings
        wanted, condition = condition_of(step.get("if"), contexts)
        run = step.get("run")
        if not wanted or not isinstance(run, Scalar):
            continue
        script = github.expand_expressions(run, contexts, run=True)
        texts = [str(v) for v, _ in script.parts] + [str(s.value) for s in own]
        if embedded.mentions(texts):
            options = _shell(job, step, contexts)
            if options is None:
                message = "a step that mentions SGLang is run by another shell, and isn't read"
                notes.append(Note(message, run.location))
            else:
                key = (tuple(v for v, _ in script.parts), run.start, tuple(own))
                if key not in job.read:
                    conditions = (job_condition, condition)
                    found = _read(script, own, options, conditions, reading)
                    image = _image(job)
                    job.read[key] = [replace(c, image=c.image or image) for c in found]
                yield from job.read[key]
        if "GITHUB_ENV" in run.text:
            sure = condition is None
            settings = settings + list(_written(script, settings, run, budget, sure=sure))


def _image(job: Job) -> Image | None:
    """The container that the job runs in; one that isn't known where an expression names it."""
    name = job.node.text("container") or job.node.text("container", "image")
    return Image(None if "${{" in name else name) if name else None


def _read(
    script: PlacedText,
    settings: list[FileSetting],
    options: list[str],
    conditions: tuple[Condition | None, Condition | None],
    reading: _Reading,
) -> Iterator[LaunchConfig]:
    try:
        found = embedded.read_script(
            script, settings, name=script.lines.path, reader="workflow", options=options,
            budget=reading.budget,
        )  # fmt: skip
    except BudgetError:
        raise
    except ReadError as exc:
        if str(exc) not in map(str, reading.problems[:_PROBLEMS]):
            reading.problems.append(exc)
        return
    for config in found:
        yield replace(config, condition=both(both(*conditions), config.condition))


def condition_of(node: Node | None, contexts: github.Contexts) -> tuple[bool, Condition | None]:
    """Whether a job or step may run, and what must hold for it; None where nothing must."""
    if not isinstance(node, Scalar) or node.null:
        return True, None
    text = node.text.strip()
    m = re.fullmatch(r"\$\{\{((?:(?!\}\}).)*)\}\}", text, re.S)
    if m is None and "${{" in text:
        return True, Test(" ".join(text.split()))
    expression = m[1] if m else text
    known = github.evaluate_expression(expression, contexts)
    if known is None:
        return True, Test(" ".join(expression.split()))
    return known.true, None


def given_settings(
    node: Node | None, contexts: github.Contexts, notes: list[Note]
) -> list[FileSetting]:
    """The variables of an ``env``; *notes* gets what can't be read."""
    found: list[FileSetting] = []
    if isinstance(node, Scalar) and not node.null:
        notes.append(Note(f"the variables of {node.text} aren't known", node.location, opens=True))
    if not isinstance(node, Mapping):
        return found
    for name, value in node.items.items():
        if isinstance(value, Scalar):
            contexts.budget.step(value.location, _EACH)
            text = github.expand_expressions(value, contexts)
            found.append(FileSetting(name, text.value, node.keys[name].location, value.spelled))
        else:
            notes.append(Note(f"{name} isn't given as text", node.keys[name].location))
    return found


def _shell(job: Job, step: Mapping, contexts: github.Contexts) -> list[str] | None:
    """The options of the shell that runs a step, None where it's no shell that is read."""
    nodes = (
        step.get("shell"),
        job.node.get("defaults", "run", "shell"),
        job.workflow.get("defaults", "run", "shell"),
    )
    node = next((n for n in nodes if isinstance(n, Scalar) and not n.null), None)
    if node is None:
        windows = "windows" in (job.node.text("runs-on") or "")
        return None if windows else ["-e"]
    value = github.expand_expressions(node, contexts).value
    if value == "bash":
        return ["-e", "-o pipefail"]
    if value == "sh":
        return ["-e"]
    if not isinstance(value, str) or not re.fullmatch(r"[\w./ +-]+\{0\}\s*", value):
        return None
    words = value.split()[:-1]
    return embedded.shell_options(words)


def _written(
    script: PlacedText, settings: list[FileSetting], run: Scalar, budget: Budget, *, sure: bool
) -> Iterator[FileSetting]:
    """What a step's script writes for the steps after it, as far as it's simple."""
    text = "".join(v if isinstance(v, str) else f"${{{{{v.text}}}}}" for v, _ in script.parts)
    text = re.sub(r"^[ \t]*#.*", "", text, flags=re.M)
    steered = _STEERED.search(text) is not None
    unsure = False
    for line in text.splitlines():
        if "GITHUB_ENV" not in line:
            continue
        budget.step(run.location, _EACH + (len(line) >> 8))
        into = _INTO.search(line)
        whole = into is not None and into.end() == len(line)
        m = _ECHO.fullmatch(line[: into.start()].rstrip(" \t")) if into and whole else None
        if m is None or (not m["quote"] and re.search(r"[\s*?\[{~;&|<>()#]", m["value"])):
            if unsure:  # nothing was written since, so all are unknown already
                continue
            unsure = True
            reason = "a step before it may have written it to $GITHUB_ENV"
            last = {s.name: s for s in settings}
            for name, setting in last.items():
                old = setting.value
                unknown = Unknown(old if isinstance(old, str) else old.text, reason)
                budget.step(run.location, _EACH)
                yield FileSetting(name, unknown, run.location, unknown.text)
            continue
        unsure = False
        value: Value = m["value"]
        expanded = m["quote"] != "'" and re.search(r"[$`\\]", m["value"]) is not None
        if expanded or steered or not sure or "${{" in m["value"]:
            reason = "written to $GITHUB_ENV by a step before it"
            value = Unknown(m["value"], reason, location=run.location)
        elif not ENV_NAME.fullmatch(m["name"]):
            continue
        yield FileSetting(m["name"], value, run.location, m["value"])


KIND = FileKind(
    "workflow",
    "a workflow",
    read_all,
    summary="a GitHub workflow",
    named=YAML,
    folder=".github/workflows",
    among=YAML,  # one that isn't in its place, as in a template
    content=(rb"^[\"']?jobs[\"']?\s*:", rb"^[ \t]++[\"']?runs-on[\"']?\s*:"),
    related=True,
    layered=True,
    editable=True,
)
