"""Docker Compose files: the launches of their services, and what Compose makes of their texts.

Sources: docs.docker.com, "Interpolation"; compose-go 2 and the go-shellwords 1 it splits with.
"""

from __future__ import annotations

import re
from array import array
from collections import abc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from dsv4_env.guard.files import is_file, is_within, looked_at, read_bytes, real
from dsv4_env.lang import yaml as yaml_source
from dsv4_env.lang.yaml import Mapping as YamlMapping, Node, Scalar, Sequence
from dsv4_env.model import (
    ENV_NAME,
    Image,
    LaunchConfig,
    Location,
    Note,
    Unknown,
    Value,
    text_of,
)
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import dotenv, embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText, join
from dsv4_env.readers.kind import YAML, FileKind

_KIND = "a Docker Compose file"
_EACH = 8  # steps that a service, or one of its variables, takes
MAX_EXTENDS = 100  # services that extend each other
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_STOPS = ";&|<>"
MAX_DEPTH = 50


def read_all(
    data: str | bytes,
    path: str = "<compose>",
    *,
    inputs: Mapping[str, str] | None = None,
    root: Path | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """Every launch of a server that the services of a Compose file make, in order.

    *inputs* are variables known from outside (``.env`` among them), *root* is the folder that
    ``env_file`` must lie below: the file's own, where there is such a file. Where the *budget*
    ends, launches that were found are kept as partial ones. Raises ReadError where the data isn't
    a Compose file.
    """
    budget = budget or Budget()
    if root is None and is_file(path):
        root = real(path).parent
    documents = yaml_source.parse(data, path, _KIND, budget)
    top = documents[0] if documents else None
    services = top.mapping("services") if isinstance(top, YamlMapping) else None
    if services is None:
        raise ReadError("no services", where=path, expected=_KIND)
    beside = _beside(path, root, budget)
    found: list[LaunchConfig] = []
    try:
        for name, node in services.items.items():
            if isinstance(node, YamlMapping):
                budget.step(node.location, _EACH)
                outside = _Outside(inputs or {}, beside)
                service = _Service(outside, root, path, budget)
                service.take(services, name, ())
                launches = service.launches(f"{path} service {name}")
                found += [replace(c, notes=(*c.notes, *outside.notes())) for c in launches]
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


@dataclass(frozen=True, slots=True)
class _Outside:
    """What a Compose file gets from outside: variables that are *given*, and the *file* .env.

    What the shell sets wins over the file, which only a run could tell: the file counts, as in
    ``docker compose config``, and a note says so. What neither has may be set there.
    """

    given: Mapping[str, str]
    file: Mapping[str, str]
    used: dict[str, None] = field(default_factory=dict)

    def settled(self, name: str, value: Callable[[Mapping[str, str]], Value]) -> Value:
        """What depends on a variable, by what is known of that."""
        if name in self.given or name not in self.file:
            return value(self.given)
        self.used[name] = None
        return value({**self.given, name: self.file[name]})

    def notes(self) -> Iterator[Note]:
        """What is to be said of the variables that the file gave."""
        if self.used:
            names = shortened(", ".join(self.used), 200)
            yield Note(f".env gives {names}, unless the shell sets it")


def _beside(path: str, root: Path | None, budget: Budget) -> dict[str, str]:
    """The variables of the ``.env`` that lies beside a Compose file, which Compose reads."""
    file = Path(path).parent / ".env"
    if root is None or not is_within(file, root):
        return {}
    looked_at(file)
    try:
        data = read_bytes(file, root=root)
        config = dotenv.read_all(data, str(file), dialect="dotenv", budget=budget)[0]
    except (ReadError, OSError, ValueError):
        return {}
    return {e.name: e.value for e in config.env if isinstance(e.value, str) and not e.superseded}


@dataclass(slots=True)
class _Service:
    """A service while what it extends and what it says itself is put together."""

    inputs: _Outside
    root: Path | None
    path: str
    budget: Budget
    files: list[FileSetting] = field(default_factory=list)
    settings: list[FileSetting] = field(default_factory=list)
    entrypoint: Node | None = None
    command: Node | None = None
    image: Image | None = None
    notes: list[Note] = field(default_factory=list)

    def take(self, services: YamlMapping, name: str, chain: tuple[str, ...]) -> None:
        node = services.items[name]
        if not isinstance(node, YamlMapping):
            return
        if name in chain:
            raise ReadError(
                f"{' extends '.join((*chain, name))}", where=node.location, expected="no circle"
            )
        if len(chain) >= MAX_EXTENDS:
            raise ReadError(
                f"a chain of more than {MAX_EXTENDS} services that extend each other",
                where=node.location,
                expected="a shorter one",
            )
        if (extends := node.get("extends")) is not None:
            self.extend(services, extends, (*chain, name))
        self.files += self.env_files(node.get("env_file"))
        self.settings += self.environment(node.get("environment"))
        if isinstance(image := node.get("image"), Scalar) and not image.null:
            self.image = Image(text_of(_interpolate(image, self.inputs, self.budget).value))
        if (entrypoint := node.get("entrypoint")) is not None and not _null(entrypoint):
            self.entrypoint = entrypoint
        if (command := node.get("command")) is not None and not _null(command):
            self.command = command

    def extend(self, services: YamlMapping, node: Node, chain: tuple[str, ...]) -> None:
        file = node.text("file") if isinstance(node, YamlMapping) else None
        name = node.text if isinstance(node, Scalar) else None
        if isinstance(node, YamlMapping):
            name = node.text("service")
        if file is not None and Path(file).name != Path(self.path).name:
            self.notes.append(Note(f"what {file} gives it isn't known", node.location, opens=True))
        elif name in services.items:
            self.take(services, str(name), chain)
        else:
            self.notes.append(Note(f"it extends {name}, which isn't here", node.location))

    def environment(self, node: Node | None) -> list[FileSetting]:
        found: list[FileSetting] = []
        if isinstance(node, YamlMapping):
            for name, value in node.items.items():
                place = node.keys[name].location
                self.budget.step(place, _EACH)
                if not isinstance(value, Scalar):
                    self.notes.append(Note(f"{name} isn't given as text", place))
                elif value.null:
                    found.append(FileSetting(name, self.outside(name, value), place, value.text))
                else:
                    known = _environment_value(value, self.inputs, self.budget)
                    found.append(FileSetting(name, known, place, value.spelled))
        for item in node.items if isinstance(node, Sequence) else []:
            if not isinstance(item, Scalar):
                given = next(iter(item.items), "…") if isinstance(item, YamlMapping) else "…"
                raise ReadError(
                    f"an item of environment that is no text, which Compose refuses: {given}",
                    where=item.location,
                    expected=f"- {given}=value, or {given}: value without the dash",
                )
            found += self.item(item)
        return found

    def item(self, item: Scalar) -> list[FileSetting]:
        """``NAME=value``, or ``NAME`` that is passed on."""
        self.budget.step(item.location, _EACH)
        text = _interpolate(item, self.inputs, self.budget)
        first = text.parts[0][0]
        name, equals, rest = first.partition("=") if isinstance(first, str) else ("", "", "")
        if not name or (not equals and len(text.parts) > 1):
            self.notes.append(
                Note(f"what `{shortened(item.text)}` sets isn't known", item.location, opens=True)
            )
            return []
        if not equals:
            return [FileSetting(name, self.outside(name, item), item.location, item.text)]
        value = join([rest, *(v for v, _ in text.parts[1:])])
        return [FileSetting(name, value, item.location, item.text.partition("=")[2])]

    def outside(self, name: str, node: Scalar) -> Value:
        reason = "passed on from outside, where it's set there"
        unknown = Unknown(f"${{{name}}}", reason, (name,), location=node.location)
        return self.inputs.settled(name, lambda known: known.get(name, unknown))

    def env_files(self, node: Node | None) -> list[FileSetting]:
        found: list[FileSetting] = []
        nodes = node.items if isinstance(node, Sequence) else [] if node is None else [node]
        for item in nodes:
            file = item.get("path") if isinstance(item, YamlMapping) else item
            raw = isinstance(item, YamlMapping) and item.text("format") == "raw"
            if not isinstance(file, Scalar):
                continue
            name = _interpolate(file, self.inputs, self.budget).value
            settings = self.env_file(name, raw=raw) if isinstance(name, str) else None
            if settings is None:
                message = f"the variables of {file.text} aren't known"
                self.notes.append(Note(message, file.location, opens=True))
            found += settings or []
        return found

    def env_file(self, name: str, *, raw: bool) -> list[FileSetting] | None:
        if self.root is None:
            return None
        try:
            file = real(self.root / name)
            if not is_within(file, self.root):
                return None
            looked_at(file)
            data = read_bytes(file, root=self.root)
        except (ReadError, OSError, ValueError):
            return None
        shown = str(Path(self.path).parent / name)
        dialect: dotenv.Dialect = "docker" if raw else "dotenv"
        config = dotenv.read_all(data, shown, dialect=dialect, budget=self.budget)[0]
        found: list[FileSetting] = []
        lines = data.decode("utf-8", "replace").splitlines()
        for note in config.notes:
            line = note.location.line if note.location is not None else None
            said = shortened(lines[line - 1].strip(), 60) if line and line <= len(lines) else "…"
            message = f"what Compose makes of `{said}` in {name} isn't known"
            self.notes.append(Note(message, note.location, opens=True))
        for e in config.env:
            spelled = e.origin.value or ""
            value = e.value
            if not raw and set(spelled) & set("$\\#\n"):
                reason = "Compose reads such a line of an env file in its own way"
                value = Unknown(spelled, reason, location=e.location)
            if e.location is not None and ENV_NAME.fullmatch(e.name):
                found.append(FileSetting(e.name, value, e.location, spelled))
        return found

    def launches(self, name: str) -> list[LaunchConfig]:
        entry, given = self.words(self.entrypoint), self.words(self.command)
        if entry is None or given is None:
            return []
        command = [*entry, *given]
        settings = [*self.files, *self.settings]
        if not embedded.mentions([str(v) for v in self.values(command)]):
            return []
        notes = list(self.notes)
        if not entry and command:
            message = "run through the entry point of the image, if it has one"
            notes.append(Note(message, command[0].location))
        found = embedded.read_words(
            command, settings, name=name, reader="compose", budget=self.budget
        )
        return [replace(c, notes=(*c.notes, *notes), image=c.image or self.image) for c in found]

    def values(self, command: list[PlacedText]) -> list[Value]:
        return [*(w.value for w in command), *(s.value for s in self.files + self.settings)]

    def words(self, node: Node | None) -> list[PlacedText] | None:
        """A command as words, None where it can't be known."""
        if isinstance(node, Scalar):
            text = _interpolate(node, self.inputs, self.budget)
            return _split(text, self.notes, self.budget)
        if isinstance(node, Sequence):
            items = [n for n in node.items if isinstance(n, Scalar)]
            if len(items) < len(node.items):
                return None
            return [_interpolate(n, self.inputs, self.budget) for n in items]
        return []


def _null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.null


# What Compose makes of a text


@dataclass(slots=True)
class _Interpolation:
    """One scalar while its ``${…}`` are filled in."""

    text: str
    inputs: _Outside
    budget: Budget
    closing: dict[int, int | None]  # where what begins at a ``${`` ends

    def dollar(self, at: int, end: int, place: Location, depth: int) -> tuple[Value, int]:
        """What a ``$`` stands for, and where the text goes on behind it."""
        text = self.text
        self.budget.step(place, 2)
        if text.startswith("$$", at):
            return "$", at + 2
        if m := _NAME.match(text, at + 1, end):
            return self.variable(text[at : m.end()], m[0], place), m.end()
        if not text.startswith("{", at + 1) or not (m := _NAME.match(text, at + 2, end)):
            return _refused(text[at : at + 1], place), at + 1
        name, i = m[0], m.end()
        if text.startswith("}", i):
            return self.variable(text[at : i + 1], name, place), i + 1
        operator = _OPERATOR.match(text, i, end)
        close = self.closing.get(at)
        close = None if close is None or close >= end else close
        if operator is None or close is None or depth > MAX_DEPTH:
            stop = end if close is None else close + 1
            return _refused(text[at:stop], place), stop
        self.budget.make(close - at, place)
        spelled = text[at : close + 1]
        argument = self.within(operator.end(), close, place, depth + 1)
        sign = operator[0]
        value = self.inputs.settled(
            name, lambda i: _operated(spelled, name, sign, argument, i, place)
        )
        return value, close + 1

    def variable(self, text: str, name: str, place: Location) -> Value:
        """``$NAME`` or ``${NAME}``."""
        return self.inputs.settled(name, lambda i: _variable(text, name, i, place))

    def within(self, at: int, end: int, place: Location, depth: int) -> Value:
        """The text between two places."""
        pieces: list[Value] = []
        while at < end:
            if self.text[at] == "$":
                value, at = self.dollar(at, end, place, depth)
                pieces.append(value)
            else:
                stop = self.text.find("$", at, end)
                stop = end if stop < 0 else stop
                pieces.append(self.text[at:stop])
                at = stop
        return join(pieces, self.budget, place)


def _interpolate(node: Scalar, inputs: _Outside, budget: Budget) -> PlacedText:
    """A scalar with its ``${…}`` filled in; what depends on the outside is Unknown."""
    text, offsets = node.text, node.offsets()
    if "$" not in text:
        return PlacedText(((text, offsets or [node.start]),), node.lines)
    work = _Interpolation(text, inputs, budget, _closings(text))
    parts: list[tuple[Value, abc.Sequence[int]]] = []
    known, places = list[str](), array("l")
    i = 0
    while i < len(text):
        if text[i] != "$":
            stop = text.find("$", i)
            stop = len(text) if stop < 0 else stop
            known.append(text[i:stop])
            places.extend(offsets[i:stop])
            i = stop
            continue
        value, end = work.dollar(i, len(text), node.lines.place(offsets[i]), 0)
        if isinstance(value, str):
            budget.make(len(value), node.location)
            known.append(value)
            places.extend([offsets[i]] * len(value))
        else:
            if places:
                parts.append(("".join(known), places))
                known, places = [], array("l")
            parts.append((value, [offsets[i]]))
        i = end
    if places or not parts:
        parts.append(("".join(known), places or [node.start]))
    return PlacedText(tuple(parts), node.lines)


_BRACE = re.compile(r"\$\{|\}")


def _closings(text: str) -> dict[int, int | None]:
    """For each ``${`` the brace that closes it, None where none does."""
    found: dict[int, int | None] = {}
    opened: list[int] = []
    for m in _BRACE.finditer(text):
        if m[0] != "}":
            found[m.start()] = None
            opened.append(m.start())
        elif opened:
            found[opened.pop()] = m.start()
    return found


def _refused(text: str, place: Location) -> Unknown:
    return Unknown(text, "Compose refuses it: `$` itself is written `$$`", location=place)


def _variable(text: str, name: str, inputs: Mapping[str, str], place: Location) -> Value:
    if name in inputs:
        return inputs[name]
    reason = "set outside the Compose file, or empty"
    return Unknown(text, reason, (name,), default="", location=place)


def _operated(
    text: str, name: str, operator: str, argument: Value, inputs: Mapping[str, str], place: Location
) -> Value:
    counts = name in inputs and (bool(inputs[name]) or ":" not in operator)
    unset, other = None, argument
    names: tuple[str, ...] = (name,)
    if isinstance(argument, Unknown):
        names = tuple(dict.fromkeys((name, *argument.names)))
        unset = argument.default
    else:
        unset = argument
    if operator.endswith("-"):
        if name in inputs:
            return inputs[name] if counts else other
        reason = "set outside the Compose file, or its default"
        return Unknown(text, reason, names, default=unset, location=place)
    if operator.endswith("+"):
        if name in inputs:
            return other if counts else ""
        reason = "depends on what is set outside the Compose file"
        return Unknown(text, reason, names, default="", location=place)
    if counts:
        return inputs[name]
    return Unknown(text, "Compose demands it from outside", (name,), location=place)


def _environment_value(node: Scalar, inputs: _Outside, budget: Budget) -> Value:
    """The value of a variable given as ``NAME: value``; unquoted numbers are written anew."""
    text = node.text
    if not node.plain or "$" in text:
        return _interpolate(node, inputs, budget).value
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower()
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", text):
        return "0" if text == "-0" else text
    if re.fullmatch(r"-?(?:0|[1-9]\d*)\.\d+", text):
        number = repr(float(text)).removesuffix(".0")
        if "e" not in number and "n" not in number and number != "-0":
            return number
    if re.match(r"[-+]?\.?\d|[-+]?\.(?:inf|nan)", text, re.I) and _odd_number(text):
        why = "an unquoted number or date, which Compose writes in its own way"
        return Unknown(text, why, location=node.location)
    return text


def _odd_number(text: str) -> bool:
    return bool(
        re.fullmatch(
            r"[-+]?[\d_]*+(?:\.[\d_]*+)?(?:[eE][-+]?\d+)?|[-+]?0[xXoObB][0-9a-fA-F_]+"
            r"|[-+]?\.(?:inf|nan)|\d{4}-\d\d?-\d\d?.*",
            text,
            re.I,
        )
    )


_Part: TypeAlias = tuple[Value, abc.Sequence[int]]


@dataclass(slots=True)
class _Splitter:
    """Splits a command line as Compose does: quotes and backslashes, but no shell."""

    words: list[list[_Part]] = field(default_factory=list)
    word: list[_Part] | None = None
    known: list[str] | None = None  # the text that the word ends with
    places: array[int] = field(default_factory=lambda: array("l"))
    quote: str = ""
    escaped: bool = False
    stopped: int | None = None

    def add(self, value: Value, place: int) -> None:
        if self.word is None:
            self.word = []
        if isinstance(value, str):
            if self.known is None:
                self.known, self.places = [], array("l", [] if value else [place])
            self.known.append(value)
            if value:
                self.places.append(place)
        else:
            self.close_text()
            self.word.append((value, [place]))

    def close_text(self) -> None:
        """The text that the word ends with is whole."""
        if self.known is not None and self.word is not None:
            self.word.append(("".join(self.known), self.places))
        self.known = None

    def feed(self, ch: str, place: int) -> bool:
        """Take a character; False where the command line ends."""
        if self.escaped:
            self.escaped = False
            self.add({"t": "\t", "n": "\n"}.get(ch, ch), place)
        elif ch == "\\" and self.quote != "'":
            self.escaped = True
        elif self.quote:
            if ch == self.quote:
                self.quote = ""
                self.add("", place)
            else:
                self.add(ch, place)
        elif ch in " \t\r\n":
            self.end()
        elif ch in "'\"":
            self.quote = ch
        elif ch in _STOPS:
            self.stopped = place
            return False
        else:
            self.add(ch, place)
        return True

    def end(self) -> None:
        self.close_text()
        if self.word is not None:
            self.words.append(self.word)
            self.word = None


def _split(text: PlacedText, notes: list[Note], budget: Budget) -> list[PlacedText] | None:
    """A command line as words, None where Compose refuses it or how it's split isn't known."""
    budget.step(text.location, sum(len(v) for v, _ in text.parts if isinstance(v, str)) >> 1)
    splitter = _Splitter()
    for value, offsets in text.parts:
        if isinstance(value, Unknown):
            if splitter.escaped:
                return None
            known = value if splitter.quote else replace(value, splits=True)
            splitter.add(known, offsets[0])
            continue
        for i, ch in enumerate(value):
            if not splitter.quote and not splitter.escaped and ch in "`()":
                notes.append(Note("Compose runs no shell, and refuses this", text.location))
                return None
            if not splitter.feed(ch, offsets[min(i, len(offsets) - 1)]):
                break
        if splitter.stopped is not None:
            splitter.close_text()
            word = splitter.word
            if word and isinstance(word[0][0], str) and word[0][0].isdigit():
                splitter.word = None
            notes.append(
                Note("Compose runs no shell, and drops this", text.lines.place(splitter.stopped))
            )
            break
    splitter.end()
    if splitter.quote or splitter.escaped:
        notes.append(Note("Compose refuses this: a quote isn't closed", text.location))
        return None
    return [PlacedText(tuple(w), text.lines) for w in splitter.words]


KIND = FileKind(
    "compose",
    "a Compose file",
    read_all,
    takes=("inputs", "root"),
    named=r"(?:docker-)?compose[^/]*\.ya?ml",
    among=YAML,
    content=(rb"^[\"']?services[\"']?\s*:",),
    related=True,
    layered=True,
    editable=True,
)
