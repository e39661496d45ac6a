"""Dockerfiles: the environment and the command of each stage.

Source: docs.docker.com, "Dockerfile reference", as BuildKit 0.20 reads it.
"""

from __future__ import annotations

import json
import re
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.lang.yaml import Lines, decode
from dsv4_env.model import LaunchConfig, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded
from dsv4_env.readers.dockerfile_text import Line, assignments, expand, logical_lines
from dsv4_env.readers.shell_text import Setting, Text

_STAGE = 20  # steps that beginning a stage takes
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?\s*", re.I)


def read_all(
    data: str | bytes, path: str = "<Dockerfile>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every launch of a server that is the command of a stage of a Dockerfile, in order.

    What a base image sets isn't known, build arguments are Unknown with their defaults. Where
    the *budget* ends, launches that were found are kept as partial ones. Raises ReadError where
    the data isn't a Dockerfile.
    """
    lines = Lines(path, decode(data, path, "a Dockerfile"))
    budget = budget or Budget()
    build = _Build(path, budget)
    try:
        for line in logical_lines(lines, budget):
            build.take(line)
        build.end_stage()
    except BudgetError as exc:
        return kept(build.found, exc, budget.place(), path)
    if build.stage is None:
        raise ReadError("no FROM", where=path, expected="a Dockerfile")
    return build.found


@dataclass(slots=True)
class _Build:
    """The stages so far, what they launch, and the arguments that stand before all."""

    path: str
    budget: Budget
    stage: _Stage | None = None
    stages: int = 0
    by_name: dict[str, _Stage] = field(default_factory=dict)
    outer: dict[str, Value] = field(default_factory=dict)
    found: list[LaunchConfig] = field(default_factory=list)

    def take(self, line: Line) -> None:
        """One instruction."""
        if line.word == "FROM":
            self.budget.step(line.location, _STAGE)
            self.end_stage()
            self.stage = self.begun(line)
            self.stages += 1
            if self.stage.name:
                self.by_name[self.stage.name.lower()] = self.stage
        elif self.stage is not None:
            self.stage.take(line, self.outer, self.budget)
        elif line.word == "ARG":
            for name, value, _ in assignments(line, self.outer, self.budget, bare=True):
                self.outer[name.text] = _argument(name, value)
        else:
            raise ReadError(
                f"{line.word} before the first FROM", where=line.location, expected="FROM or ARG"
            )

    def end_stage(self) -> None:
        """What the stage launches, now that no instruction can change it any more."""
        if self.stage is not None:
            self.found += self.stage.launches(self.budget)

    def begun(self, line: Line) -> _Stage:
        """A stage, which may go on with an earlier one."""
        m = _FROM.fullmatch(line.text)
        if m is None:
            raise ReadError(
                f"FROM {line.text}"[:200], where=line.location, expected="FROM image [AS name]"
            )
        name, label = m[2] or "", f"{self.path} stage {m[2] or self.stages}"
        image = expand(line.cut(m.start(1), m.end(1)), self.outer, line.escape, self.budget).value
        stage = self.by_name.get(str(image).lower())
        if stage is None:
            return _Stage(name, label, line, image == "scratch")
        self.budget.step(line.location, len(stage.settings))
        return replace(
            stage, name=name, settings=[*stage.settings], set={**stage.set}, arguments={},
            own_command=False, label=label,
        )  # fmt: skip


def _argument(name: Line, value: Value | None) -> Unknown:
    """A build argument: whatever the build is told, else its default."""
    default = value.default if isinstance(value, Unknown) else value
    why = "a build argument"
    return Unknown(f"${{{name.text}}}", why, (name.text,), default=default, location=name.location)


@dataclass(slots=True)
class _Stage:
    """A stage of the build so far."""

    name: str
    label: str
    begin: Line
    empty: bool  # nothing comes from a base image
    settings: list[Setting] = field(default_factory=list)
    set: dict[str, Value] = field(default_factory=dict)  # by name, what counts of them
    arguments: dict[str, Value] = field(default_factory=dict)
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    entry: list[Text] | None = None
    command: list[Text] | None = None
    own_command: bool = False
    shell_entry: bool = False

    def take(self, line: Line, outer: dict[str, Value], budget: Budget) -> None:
        """One instruction."""
        known = ChainMap(self.set, self.arguments)
        if line.word == "ENV":  # all its values are made before the first is set
            for name, value, spelled in list(assignments(line, known, budget, empty=self.empty)):
                if value is not None:
                    self.settings.append(Setting(name.text, value, name.location, spelled))
                    self.set[name.text] = value
        elif line.word == "ARG":
            for name, value, _ in assignments(line, known, budget, bare=True, empty=self.empty):
                if value is None and name.text in outer:
                    self.arguments[name.text] = outer[name.text]
                else:
                    self.arguments[name.text] = _argument(name, value)
        elif line.word == "SHELL":
            words = _words(line, budget)
            self.shell = [str(w.value) for w in words] if words else self.shell
        elif line.word == "CMD":
            self.command, self.own_command = self.words(line, budget), True
        elif line.word == "ENTRYPOINT":
            self.entry = self.words(line, budget)
            self.shell_entry = _words(line, budget) is None
            if not self.own_command:  # a command that was there before is dropped
                self.command = None

    def words(self, line: Line, budget: Budget) -> list[Text]:
        """The words of a command; in the form for a shell, the shell's come first."""
        words = _words(line, budget)
        if words is not None:
            return words
        start = [line.offsets[0]] if line.offsets else [0]
        shell = [Text(((w, start),), line.lines) for w in self.shell]
        return [*shell, Text(((line.text, line.offsets),), line.lines)]

    def launches(self, budget: Budget) -> Iterator[LaunchConfig]:
        command = [] if self.shell_entry else self.command or []
        words = [*(self.entry or []), *command]
        budget.step(self.begin.location, len(words) + len(self.settings))
        texts = [*(str(w.value) for w in words), *(str(s.value) for s in self.settings)]
        if not words or not embedded.mentions(texts):
            return
        notes: list[Note] = []
        if not self.empty:
            message = "of the environment that the base image sets nothing is known"
            notes.append(Note(message, self.begin.location))
        if self.entry is None and not self.empty:
            message = "run through the entry point of the base image, if it has one"
            notes.append(Note(message, words[0].location))
        found = embedded.read_words(
            words, self.settings, name=self.label, reader="dockerfile", budget=budget
        )
        for config in found:
            yield replace(config, notes=(*config.notes, *notes))


def _words(line: Line, budget: Budget) -> list[Text] | None:
    """The words of a command given as a JSON list, None where it isn't one."""
    if not line.text.lstrip().startswith("["):
        return None
    try:
        items = json.loads(line.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        return None
    budget.step(line.location, 4 * len(items))
    places = [m.start() for m in re.finditer(r'"(?:[^"\\]++|\\.)*+"', line.text)]
    return [
        Text(((item, [line.offsets[at] + 1]),), line.lines)
        for item, at in zip(items, places, strict=True)
    ]
