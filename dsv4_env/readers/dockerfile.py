"""Dockerfiles: the environment and the command of each stage.

Source: docs.docker.com, "Dockerfile reference", as BuildKit 0.20 reads it.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from dsv4_env.catalogue.images import family_of
from dsv4_env.lang.yaml import Lines, decode
from dsv4_env.model import Image, LaunchConfig, Location, Note, Unknown, Value, text_of
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText, join
from dsv4_env.readers.kind import NO_YAML, FileKind

_STAGE = 20  # steps that beginning a stage takes
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?\s*", re.I)
_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z]\w*)[ \t]*+=[ \t]*+(.*)")
_INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t\r]+|$)")
_HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+?])([^{}$\\'\"]*))?\})")


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
        for line in _logical_lines(lines, budget):
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

    def take(self, line: _Line) -> None:
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
            for name, value, _ in _assignments(line, self.outer, self.budget, bare=True):
                self.outer[name.text] = _argument(name, value)
        else:
            raise ReadError(
                f"{line.word} before the first FROM", where=line.location, expected="FROM or ARG"
            )

    def end_stage(self) -> None:
        """What the stage launches, now that no instruction can change it any more."""
        if self.stage is not None:
            self.found += self.stage.launches(self.budget)

    def begun(self, line: _Line) -> _Stage:
        """A stage, which may go on with an earlier one."""
        m = _FROM.fullmatch(line.text)
        if m is None:
            raise ReadError(
                f"FROM {line.text}"[:200], where=line.location, expected="FROM image [AS name]"
            )
        name, label = m[2] or "", f"{self.path} stage {m[2] or self.stages}"
        image = _expand(line.cut(m.start(1), m.end(1)), self.outer, line.escape, self.budget).value
        stage = self.by_name.get(str(image).lower())
        if stage is None:
            base = None if image == "scratch" else Image(text_of(image))
            return _Stage(name, label, line, base)
        self.budget.step(line.location, len(stage.settings))
        return replace(
            stage, name=name, settings=[*stage.settings], set={**stage.set}, arguments={},
            own_command=False, label=label,
        )  # fmt: skip


def _argument(name: _Line, value: Value | None) -> Unknown:
    """A build argument: whatever the build is told, else its default."""
    default = value.default if isinstance(value, Unknown) else value
    why = "a build argument"
    return Unknown(f"${{{name.text}}}", why, (name.text,), default=default, location=name.location)


@dataclass(slots=True)
class _Stage:
    """A stage of the build so far."""

    name: str
    label: str
    begin: _Line
    base: Image | None  # None: nothing comes from one
    settings: list[FileSetting] = field(default_factory=list)
    set: dict[str, Value] = field(default_factory=dict)  # by name, what counts of them
    arguments: dict[str, Value] = field(default_factory=dict)
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])
    entry: list[PlacedText] | None = None
    command: list[PlacedText] | None = None
    own_command: bool = False
    shell_entry: bool = False

    @property
    def empty(self) -> bool:
        return self.base is None

    def take(self, line: _Line, outer: dict[str, Value], budget: Budget) -> None:
        """One instruction."""
        known = ChainMap(self.set, self.arguments)
        if line.word == "ENV":  # all its values are made before the first is set
            for name, value, spelled in list(_assignments(line, known, budget, empty=self.empty)):
                if value is not None:
                    self.settings.append(FileSetting(name.text, value, name.location, spelled))
                    self.set[name.text] = value
        elif line.word == "ARG":
            for name, value, _ in _assignments(line, known, budget, bare=True, empty=self.empty):
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

    def words(self, line: _Line, budget: Budget) -> list[PlacedText]:
        """The words of a command; in the form for a shell, the shell's come first."""
        words = _words(line, budget)
        if words is not None:
            return words
        start = [line.offsets[0]] if line.offsets else [0]
        shell = [PlacedText(((w, start),), line.lines) for w in self.shell]
        return [*shell, PlacedText(((line.text, line.offsets),), line.lines)]

    def launches(self, budget: Budget) -> Iterator[LaunchConfig]:
        command = [] if self.shell_entry else self.command or []
        words = [*(self.entry or []), *command]
        budget.step(self.begin.location, len(words) + len(self.settings))
        texts = [*(str(w.value) for w in words), *(str(s.value) for s in self.settings)]
        if not words or not embedded.mentions(texts):
            return
        notes: list[Note] = []
        if self.base is not None:
            family = family_of(self.base.name or "")
            known = "nothing" if family is None else f"only what SGLang's {family.name} images set"
            message = f"of the environment that the base image sets {known} is known"
            notes.append(Note(message, self.begin.location))
        if self.entry is None and not self.empty:
            message = "run through the entry point of the base image, if it has one"
            notes.append(Note(message, words[0].location))
        found = embedded.read_words(
            words, self.settings, name=self.label, reader="dockerfile", budget=budget
        )
        for config in found:
            yield replace(config, notes=(*config.notes, *notes), image=config.image or self.base)


def _words(line: _Line, budget: Budget) -> list[PlacedText] | None:
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
        PlacedText(((item, [line.offsets[at] + 1]),), line.lines)
        for item, at in zip(items, places, strict=True)
    ]


# Lines and words: continuations, heredocs, quotes and variables


@dataclass(frozen=True, slots=True)
class _Line:
    """An instruction, or a part of one, and where each of its characters stands."""

    word: str
    text: str
    offsets: array[int]
    lines: Lines
    escape: str

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.lines.place(self.offsets[0] if self.offsets else 0)

    def cut(self, start: int, end: int) -> _Line:
        """A part of it."""
        text, offsets = self.text[start:end], self.offsets[start:end]
        return _Line(self.word, text, offsets, self.lines, self.escape)


_EACH = 8  # steps that reading one instruction takes
_PLAIN = re.compile(r"[^$'\"\\`]+")


def _logical_lines(lines: Lines, budget: Budget) -> Iterator[_Line]:
    """The instructions, with continued lines joined and comments left out."""
    physical = list(zip(lines.starts, lines.text.split("\n"), strict=True))
    escape = _escape([t for _, t in physical])
    ending = re.compile(rf"{re.escape(escape)}[ \t]*\r?$")
    i = 0
    while i < len(physical):
        pieces: list[str] = []
        offsets = array("l")
        continued = True
        while continued and i < len(physical):
            start, line = physical[i]
            i += 1
            if line.lstrip().startswith("#") or not line.strip():
                if not offsets:
                    break
                continue  # within a continued line, comments and empty lines don't count
            end = ending.search(line)
            continued = end is not None
            kept = line[: end.start()] if end else line.rstrip("\r")
            pieces.append(kept)
            offsets.extend(range(start, start + len(kept)))
        text = "".join(pieces)
        if not text.strip():
            continue
        budget.step(lines.place(offsets[0]), _EACH + len(pieces) + (len(text) >> 8))
        m = _INSTRUCTION.match(text)
        if m is None:
            where = lines.place(offsets[0])
            raise ReadError(f"`{text[:40]}`", where=where, expected="an instruction of Docker's")
        word, rest = m[1].upper(), text[m.end() :].rstrip()
        places = offsets[m.end() : m.end() + len(rest)] or offsets[:1]
        found = _Line(word, rest, places, lines, escape)
        if word in ("RUN", "COPY", "ADD"):
            for heredoc in _HEREDOC.finditer(rest):
                while i < len(physical):
                    body = physical[i][1].rstrip("\r")
                    i += 1
                    if (body.lstrip("\t") if heredoc[1] else body) == heredoc[3]:
                        break
        yield found


def _escape(lines: list[str]) -> str:
    """The character that continues a line, which a directive at the top may change."""
    for line in lines:
        m = _DIRECTIVE.match(line)
        if m is None:
            break
        if m[1].lower() == "escape" and (escape := m[2].rstrip(" \t\r")) in ("`", "\\"):
            return escape
    return "\\"


def _assignments(
    line: _Line,
    known: Mapping[str, Value],
    budget: Budget,
    *,
    bare: bool = False,
    empty: bool = False,
) -> Iterator[tuple[_Line, Value | None, str]]:
    """What ENV or ARG sets: name, value and spelling; *bare*: names may come without a value."""
    budget.step(line.location, len(line.text) >> 2)  # each character is looked at
    words = list(_split(line))
    if not words:
        raise ReadError(f"{line.word} sets nothing", where=line.location, expected="NAME=value")
    if not bare and "=" not in words[0].text:  # the old form: ENV NAME the rest
        name = words[0]
        start = len(name.text)
        while start < len(line.text) and line.text[start] in " \t":
            start += 1
        rest = line.cut(start, len(line.text))
        if not rest.text:
            raise ReadError(f"ENV {name.text}", where=line.location, expected="NAME=value")
        yield name, _expand(rest, known, line.escape, budget, empty=empty).value, rest.text
        return
    for word in words:
        budget.step(line.location, _EACH)
        at = word.text.find("=")
        name = word if at < 0 else word.cut(0, at)
        if at < 0 and bare:
            yield name, None, ""
        elif at <= 0:
            raise ReadError(f"`{word.text}`"[:80], where=word.location, expected="NAME=value")
        else:
            rest = word.cut(at + 1, len(word.text))
            yield name, _expand(rest, known, line.escape, budget, empty=empty).value, rest.text


def _split(line: _Line) -> Iterator[_Line]:
    """The words of a line, with their quotes."""
    text, start, quote, i = line.text, -1, "", 0
    while i < len(text):
        ch = text[i]
        if not quote and ch in " \t\r":
            if start >= 0:
                yield line.cut(start, i)
            start = -1
        else:
            start = i if start < 0 else start
            if ch == line.escape and quote != "'":
                i += 1
            elif quote:
                quote = "" if ch == quote else quote
            elif ch in "'\"":
                quote = ch
        i += 1
    if start >= 0:
        yield line.cut(start, len(text))


def _expand(
    line: _Line, known: Mapping[str, Value], escape: str, budget: Budget, *, empty: bool = False
) -> PlacedText:
    """A word without its quotes, and with its variables filled in.

    *empty*: a variable that isn't known here isn't set, as no base image can have set it.
    """
    text = line.text
    pieces: list[Value] = []
    at = line.location
    quote, i = "", 0
    while i < len(text):
        if plain := _PLAIN.match(text, i):
            pieces.append(plain[0])
            i = plain.end()
            continue
        ch = text[i]
        step = 1
        if ch == escape and quote != "'":
            following = text[i + 1 : i + 2]
            step = 2
            if quote and following not in ('"', "$", escape):
                pieces.append(ch)
            pieces.append(following)
        elif ch == quote:
            quote = ""
        elif not quote and ch in "'\"":
            quote = ch
        elif ch == "$" and quote != "'":
            place = line.lines.place(line.offsets[i])
            budget.step(at, 2)
            m = _VARIABLE.match(text, i)
            if m is None:
                rest = text[i : i + 2]
                if len(rest) > 1 and (rest[1] in "{?#*@!-$" or rest[1].isdigit()):
                    why = "a variable that is written in an unusual way"
                    unknown = Unknown(text, why, location=place)
                    return PlacedText(((unknown, line.offsets[:1] or [0]),), line.lines)
                pieces.append(ch)
            else:
                pieces.append(_variable(m, known, place, empty=empty))
                step = m.end() - i
        else:
            pieces.append(ch)
        i += step
    return PlacedText(((join(pieces, budget, at), line.offsets or [0]),), line.lines)


def _variable(m: re.Match[str], known: Mapping[str, Value], at: Location, *, empty: bool) -> Value:
    name, operator, word = m[1] or m[2], m[3] or "", m[4] or ""
    if name in known or empty:
        value = known.get(name)
        if not operator:
            return "" if value is None else value
        if isinstance(value, Unknown):
            return Unknown(m[0], value.reason, value.names, location=at)
        counts = value is not None and (bool(value) or ":" not in operator)
        if operator.endswith("+"):
            return word if counts else ""
        if counts:
            return value or ""
        return word if operator.endswith("-") else Unknown(m[0], "it isn't set", location=at)
    default: str | None = {"-": word, "+": "", "?": None, "": ""}[operator[-1:]]
    if name == "PATH":  # Docker has one of its own where the image has none
        default = None
    why = "set in the base image, or not at all"
    return Unknown(m[0], why, (name,), default=default, location=at)


KIND = FileKind(
    "dockerfile",
    "a Dockerfile",
    read_all,
    named=NO_YAML
    + r"(?:(?:docker|container)file(?:[.\-_\d][^/]*)?|[^/]+\.(?:docker|container)file)",
    editable=True,
)
