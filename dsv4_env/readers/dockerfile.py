"""Dockerfiles: the environment and the command of each stage.

Source: docs.docker.com, "Dockerfile reference", as BuildKit 0.20 reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dsv4_env.errors import ReadError
from dsv4_env.model import LaunchConfig, Note, Unknown, Value
from dsv4_env.readers import embedded
from dsv4_env.readers.dockerfile_text import Line, assignments, expand, logical_lines
from dsv4_env.readers.shell_text import Setting, Text
from dsv4_env.readers.yaml_source import Lines, decode

_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?\s*", re.I)


def read_all(data: str | bytes, path: str = "<Dockerfile>") -> list[LaunchConfig]:
    """Every launch of a server that is the command of a stage of a Dockerfile, in order.

    What a base image sets isn't known, build arguments are Unknown with their defaults. Raises
    ReadError where the data isn't a Dockerfile.
    """
    lines = Lines(path, decode(data, path, "a Dockerfile"))
    stages: list[_Stage] = []
    outer: dict[str, Value] = {}
    for line in logical_lines(lines):
        if line.word == "FROM":
            stages.append(_begun(line, stages, outer, path))
        elif stages:
            stages[-1].take(line, outer)
        elif line.word == "ARG":
            for name, value, _ in assignments(line, outer, bare=True):
                outer[name.text] = _argument(name, value)
        else:
            raise ReadError(
                f"{line.word} before the first FROM", where=line.location, expected="FROM or ARG"
            )
    if not stages:
        raise ReadError("no FROM", where=path, expected="a Dockerfile")
    return [config for stage in stages for config in stage.launches()]


def _argument(name: Line, value: Value | None) -> Unknown:
    """A build argument: whatever the build is told, else its default."""
    default = value.default if isinstance(value, Unknown) else value
    why = "a build argument"
    return Unknown(f"${{{name.text}}}", why, (name.text,), default=default, location=name.location)


def _begun(line: Line, stages: list[_Stage], outer: dict[str, Value], path: str) -> _Stage:
    m = _FROM.fullmatch(line.text)
    if m is None:
        raise ReadError(
            f"FROM {line.text}"[:200], where=line.location, expected="FROM image [AS name]"
        )
    name, label = m[2] or "", f"{path} stage {m[2] or len(stages)}"
    image = expand(line.cut(m.start(1), m.end(1)), outer, line.escape).value
    for stage in reversed(stages):
        if stage.name and str(image).lower() == stage.name.lower():
            return replace(
                stage, name=name, settings=[*stage.settings], arguments={}, own_command=False,
                label=label,
            )  # fmt: skip
    return _Stage(name, label, line, image == "scratch")


@dataclass(slots=True)
class _Stage:
    """A stage of the build so far."""

    name: str
    label: str
    begin: Line
    empty: bool  # nothing comes from a base image
    settings: list[Setting] = field(default_factory=list)
    arguments: dict[str, Value] = field(default_factory=dict)
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    entry: list[Text] | None = None
    command: list[Text] | None = None
    own_command: bool = False
    shell_entry: bool = False

    def known(self) -> dict[str, Value]:
        return {**self.arguments, **{s.name: s.value for s in self.settings}}

    def take(self, line: Line, outer: dict[str, Value]) -> None:
        """One instruction."""
        if line.word == "ENV":
            for name, value, spelled in list(assignments(line, self.known(), empty=self.empty)):
                if value is not None:
                    self.settings.append(Setting(name.text, value, name.location, spelled))
        elif line.word == "ARG":
            for name, value, _ in assignments(line, self.known(), bare=True, empty=self.empty):
                if value is None and name.text in outer:
                    self.arguments[name.text] = outer[name.text]
                else:
                    self.arguments[name.text] = _argument(name, value)
        elif line.word == "SHELL":
            words = _words(line)
            self.shell = [str(w.value) for w in words] if words else self.shell
        elif line.word == "CMD":
            self.command, self.own_command = self.words(line), True
        elif line.word == "ENTRYPOINT":
            self.entry = self.words(line)
            self.shell_entry = _words(line) is None
            if not self.own_command:  # a command that was there before is dropped
                self.command = None

    def words(self, line: Line) -> list[Text]:
        """The words of a command; in the form for a shell, the shell's come first."""
        words = _words(line)
        if words is not None:
            return words
        start = [line.offsets[0]] if line.offsets else [0]
        shell = [Text(((w, start),), line.lines) for w in self.shell]
        return [*shell, Text(((line.text, line.offsets),), line.lines)]

    def launches(self) -> Iterator[LaunchConfig]:
        command = [] if self.shell_entry else self.command or []
        words = [*(self.entry or []), *command]
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
        found = embedded.read_words(words, self.settings, name=self.label, reader="dockerfile")
        for config in found:
            yield replace(config, notes=(*config.notes, *notes))


def _words(line: Line) -> list[Text] | None:
    """The words of a command given as a JSON list, None where it isn't one."""
    if not line.text.lstrip().startswith("["):
        return None
    try:
        items = json.loads(line.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        return None
    places = [m.start() for m in re.finditer(r'"(?:[^"\\]|\\.)*"', line.text)]
    return [
        Text(((item, [line.offsets[at] + 1]),), line.lines)
        for item, at in zip(items, places, strict=True)
    ]
