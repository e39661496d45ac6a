"""YAML with positions: nodes with their text as spelled, and nothing constructed from them."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import abc
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any, TypeAlias

from dsv4_env.guard.files import check_narrow, check_size
from dsv4_env.lang import libyaml
from dsv4_env.model import Location
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError

MAX_NODES = 100_000
_OPEN = 150  # brackets of one line, within each other
_BRACKETS = re.compile(r"[\[{\]}]")
MAX_DEPTH = 100
# What the parser would take, told before it is asked: characters, and so many more for each mark
# that may stand for a key, an item or a document. A CI file of 200 KB comes to half of it.
MAX_WORK = 1_200_000
_MARKS = {",": 35, "[": 20, "]": 5, "{": 20, "}": 5, "- ": 30, ": ": 60, ":\n": 60, "? ": 30}
_MARKS["\n---"] = 60
_TOO_LARGE = f"at most {MAX_WORK // 60:,} keys, or {MAX_WORK // 1000:,} kB of text without any"

_NULL = re.compile(r"~|null|Null|NULL|")
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)*")
_HEADER = re.compile(r"[|>][-+0-9]*[^\n]*\n?")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_BLANK = " \t\r\n"
Offsets: TypeAlias = abc.Sequence[int]


@dataclass(frozen=True)
class Lines:
    """A text and the places of its characters."""

    path: str
    text: str

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins."""
        return [0, *(m.end() for m in re.finditer(r"\n", self.text))]

    def place(self, offset: int) -> Location:
        """Line and column of a character, both from 1."""
        line = bisect_right(self.starts, offset)
        return Location(self.path, line, offset - self.starts[line - 1] + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One value: *text* as YAML reads it, *plain* where it stands without quotes or a bar."""

    text: str
    start: int
    end: int
    style: str
    lines: Lines
    _found: list[Offsets] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """Whether it is spelled without quotes, as numbers and switches are."""
        return not self.style

    @property
    def null(self) -> bool:
        """Whether it is no value at all."""
        return self.plain and _NULL.fullmatch(self.text) is not None

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.lines.place(self.start)

    @property
    def spelled(self) -> str:
        """Its text as it stands in the file; a block's without the indentation."""
        if self.style in ("|", ">"):
            return self.text
        return self.lines.text[self.start : self.end]

    def offsets(self) -> Offsets:
        """For each character of the text, where it stands in the file; found once."""
        if not self._found:
            self._found.append(_offsets(self))
        return self._found[0]


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list of nodes."""

    items: list[Node]
    start: int
    lines: Lines

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.lines.place(self.start)


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """Names to nodes, merge keys resolved; *keys* are the names with their places."""

    items: dict[str, Node]
    keys: dict[str, Scalar]
    start: int
    lines: Lines

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.lines.place(self.start)

    def get(self, *path: str) -> Node | None:
        """The node below these names, None where there is none."""
        node: Node = self
        for name in path:
            if not isinstance(node, Mapping) or name not in node.items:
                return None
            node = node.items[name]
        return node

    def mapping(self, *path: str) -> Mapping | None:
        """The mapping below these names, None where there is none."""
        node = self.get(*path)
        return node if isinstance(node, Mapping) else None

    def sequence(self, *path: str) -> list[Node]:
        """The items of the list below these names, none where there is none."""
        node = self.get(*path)
        return node.items if isinstance(node, Sequence) else []

    def text(self, *path: str) -> str | None:
        """The text below these names, None where there is none."""
        node = self.get(*path)
        return node.text if isinstance(node, Scalar) and not node.null else None


Node: TypeAlias = Scalar | Sequence | Mapping


def decode(data: str | bytes, path: str, what: str) -> str:
    """Text of a file, without a byte order mark. Raises ReadError at what no text file holds."""
    check_size(data, path, what)
    check_narrow(data, path, what)
    if isinstance(data, bytes):
        try:
            text = data.decode()
        except UnicodeDecodeError as exc:
            line = data.count(b"\n", 0, exc.start) + 1
            begin = data.rfind(b"\n", 0, exc.start) + 1
            column = len(data[begin : exc.start].decode(errors="replace")) + 1
            raise ReadError(
                f"byte 0x{data[exc.start]:02x} is not UTF-8",
                where=Location(path, line, column),
                expected=f"{what} in UTF-8",
            ) from None
    else:
        text = data
    text = text.removeprefix("\ufeff")
    if (nul := text.find("\0")) >= 0:
        where = Lines(path, text).place(nul)
        raise ReadError("a NUL byte", where=where, expected=f"{what}, not a binary file")
    return text


def parse(
    data: str | bytes,
    path: str,
    what: str = "a YAML file",
    budget: Budget | None = None,
    twice: list[Scalar] | None = None,
) -> list[Node]:
    """The documents of a YAML file, empty ones left out.

    With *twice* a key that is given again counts as PyYAML takes it, the last one; the keys before
    it go there.

    Raises ReadError with a place for what YAML forbids, for a key given twice, and where a
    limit is passed: 5 MB, MAX_WORK, 100,000 nodes with aliases and merges written out, 100 levels.
    """
    from ruamel.yaml import YAML  # heavy, and no script needs it
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    budget = budget or Budget()
    text = decode(data, path, what)
    lines = Lines(path, text)
    if (work := len(text) + sum(text.count(m) * cost for m, cost in _MARKS.items())) > MAX_WORK:
        marks = sum(text.count(m) for m in (",", "- ", ": ", ":\n"))
        raise ReadError(
            f"{len(text):,} characters with up to {marks:,} keys and items", where=path,
            expected=f"{what} with {_TOO_LARGE}",
        )  # fmt: skip
    budget.step(Location(path, 1, 1), work // 4)
    if _bracketed(text):
        raise _too_deep(lines.place(_deepest(text)), what)
    try:
        composed = libyaml.compose(text, MAX_DEPTH)
        if composed is None:
            yaml = YAML(typ="safe", pure=True)
            yaml.composer.warn_double_anchors = False  # allowed: the nearest one before counts
            composed = list(yaml.compose_all(text))
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        problem = " ".join(f"{exc.problem or exc.context or 'malformed'}".split())
        if "\\t" in problem:
            problem = "a tab where only spaces may stand"
        raise ReadError(f"YAML syntax: {problem}", where=where, expected=what) from None
    except ReaderError as exc:
        offset = exc.position if isinstance(exc.position, int) else 0
        where = lines.place(min(offset, len(text)))
        raise ReadError(
            "YAML syntax: a character that isn't allowed", where=where, expected=what
        ) from None
    except RecursionError:
        raise _too_deep(lines.place(_deepest(text)), what) from None
    except (YAMLError, ValueError, TypeError, LookupError, AttributeError, AssertionError):
        raise ReadError("YAML syntax: malformed", where=path, expected=what) from None
    converter = _Converter(lines, what, twice)
    return [converter.node(n, 0) for n in composed if n is not None]


def _bracketed(text: str) -> bool:
    """Whether one line leaves more brackets open than any can: the parser takes their square."""
    for line in text.split("\n"):
        if line.count("{") + line.count("[") <= _OPEN:
            continue
        depth = 0
        for mark in _BRACKETS.finditer(line):
            if line[mark.start() - 1] == "$":
                continue  # a variable's
            depth = depth + 1 if mark[0] in "[{" else max(0, depth - 1)
            if depth > _OPEN:
                return True
    return False


def _deepest(text: str) -> int:
    """Where a text that is nested too deeply passes the limit: by its brackets, or its blanks."""
    depth = 0
    for mark in _BRACKETS.finditer(text):
        depth += 1 if mark[0] in "[{" else -1
        if depth > MAX_DEPTH:
            return mark.start()
    inner = max(re.finditer(r"^[ ?:-]+", text, re.M), key=lambda m: len(m[0]), default=None)
    return inner.end() - 1 if inner else 0


def _too_deep(where: Location, what: str) -> ReadError:
    return ReadError(
        "nested too deeply", where=where, expected=f"{what} of at most {MAX_DEPTH} levels"
    )


@dataclass(slots=True)
class _Converter:
    """Turns composed nodes into ours; an aliased node is converted once and counted each time."""

    lines: Lines
    what: str
    twice: list[Scalar] | None = None
    done: dict[Any, tuple[Node, int, int]] = field(default_factory=dict)  # node, size, height
    merges: int = 0
    open: set[Any] = field(default_factory=set)

    def node(self, raw: Any, depth: int) -> Node:
        self._convert(raw, depth)
        return self.done[raw][0]

    def _convert(self, raw: Any, depth: int) -> tuple[int, int]:
        known = self.done.get(raw)
        start = raw.start_mark.index
        if known is not None:
            size, height = known[1:]
            if depth + height > MAX_DEPTH:
                raise _too_deep(self.lines.place(start), self.what)
            return size, height
        if depth > MAX_DEPTH:
            raise _too_deep(self.lines.place(start), self.what)
        if raw in self.open:
            raise ReadError(
                "an alias within what it stands for",
                where=self.lines.place(start),
                expected=self.what,
            )
        self.open.add(raw)
        node: Node
        sizes: list[tuple[int, int]]
        if raw.id == "scalar":
            node, sizes = self.scalar(raw), []
        elif raw.id == "sequence":
            sizes = [self._convert(v, depth + 1) for v in raw.value]
            self.count(sizes, start)
            node = Sequence([self.done[v][0] for v in raw.value], start, self.lines)
        else:
            sizes = [self._convert(n, depth + 1) for pair in raw.value for n in pair]
            self.count(sizes, start)
            node = self.mapping(raw)
        self.open.discard(raw)
        size = 1 + sum(s for s, _ in sizes)
        height = 1 + max((h for _, h in sizes), default=-1)
        self.done[raw] = (node, size, height)
        return size, height

    def count(self, sizes: list[tuple[int, int]], start: int) -> None:
        if sum(s for s, _ in sizes) >= MAX_NODES:
            raise ReadError(
                f"more than {MAX_NODES:,} nodes with aliases written out",
                where=self.lines.place(start),
                expected=self.what,
            )

    def scalar(self, raw: Any) -> Scalar:
        start, end = raw.start_mark.index, raw.end_mark.index
        properties = _PROPERTIES.match(self.lines.text, start, end)
        start = properties.end() if properties else start
        style = raw.style or ""
        return Scalar(raw.value, start, end, style, self.lines)

    def mapping(self, raw: Any) -> Mapping:
        items: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        merged: list[Mapping] = []
        for raw_key, raw_value in raw.value:
            key, value = self.done[raw_key][0], self.done[raw_value][0]
            if not isinstance(key, Scalar):
                raise ReadError("a key that isn't text", where=key.location, expected=self.what)
            if key.text in keys and self.twice is not None:
                self.twice.append(keys[key.text])
            elif key.text in keys:
                raise ReadError(
                    f"duplicate key {key.text}",
                    where=key.location,
                    expected=f"it once; it is first given at {keys[key.text].location}",
                )
            keys[key.text] = key
            if key.plain and key.text == "<<":
                merged += self.merged(key, value)
            else:
                items[key.text] = value
        self.merges += sum(len(other.items) for other in merged)
        self.count([(self.merges, 0)], raw.start_mark.index)
        for other in merged:  # the first that has a name wins, its own names win over all
            for name, value in other.items.items():
                if name not in items:
                    items[name] = value
                    keys[name] = other.keys[name]
        return Mapping(items, keys, raw.start_mark.index, self.lines)

    def merged(self, key: Scalar, value: Node) -> list[Mapping]:
        nodes = value.items if isinstance(value, Sequence) else [value]
        found = [n for n in nodes if isinstance(n, Mapping)]
        if len(found) != len(nodes):
            raise ReadError(
                "<< with what isn't a mapping", where=key.location, expected="one mapping or more"
            )
        return found


def _offsets(scalar: Scalar) -> Offsets:
    """Follow the value through its source: YAML changes only blanks, quotes and escapes.

    Where that fails, the rest is said to stand where the scalar begins.
    """
    text, raw, end = scalar.text, scalar.lines.text, scalar.end
    pos = scalar.start
    if scalar.style in ("|", ">"):
        header = _HEADER.match(raw, pos, end)
        pos = header.end() if header else pos
    elif scalar.style:
        pos += 1
    if scalar.style not in ("|", ">") and raw.startswith(text, pos):
        return range(pos, pos + len(text))  # it stands there as it is
    found = array("l")
    for line in text.splitlines(keepends=True) if scalar.style == "|" else ():
        while pos < end and raw[pos] in " \t" and not raw.startswith(line, pos):
            pos += 1
        if not raw.startswith(line, pos):
            break
        found.extend(range(pos, pos + len(line)))
        pos += len(line)
    for ch in text[len(found) :]:
        if scalar.style == '"':
            pos = _line_continuation(raw, pos, end)
        if ch in _BLANK and not raw.startswith("\\", pos):
            found.append(min(pos, end - 1))
            pos += raw[pos : pos + 1] == ch
            continue
        while pos < end and raw[pos] in _BLANK and raw[pos] != ch:
            pos += 1
        if scalar.style == '"':
            pos = _line_continuation(raw, pos, end)
        size = _spelling(raw, pos, ch, scalar.style)
        if not size or pos >= end:
            found.extend([scalar.start] * (len(text) - len(found)))
            break
        found.append(pos)
        pos += size
    return found


def _line_continuation(raw: str, pos: int, end: int) -> int:
    while m := re.compile(r"\\\r?\n[ \t]*").match(raw, pos, end):
        pos = m.end()
    return pos


def _spelling(raw: str, pos: int, ch: str, style: str) -> int:
    """How many characters spell *ch* here, 0 where something else stands."""
    if style == '"' and raw.startswith("\\", pos):
        kind = raw[pos + 1 : pos + 2]
        if (digits := {"x": 2, "u": 4, "U": 8}.get(kind)) is not None:
            code = raw[pos + 2 : pos + 2 + digits]
            same = re.fullmatch(r"[0-9A-Fa-f]+", code) and int(code, 16) == ord(ch)
            return 2 + digits if same else 0
        return 2 if _ESCAPES.get(kind) == ch else 0
    if not raw.startswith(ch, pos):
        return 0
    return 2 if style == "'" and ch == "'" else 1


def scalars(node: Node) -> Iterator[Scalar]:
    """Every scalar below a node, keys left out."""
    if isinstance(node, Scalar):
        yield node
    else:
        below = node.items if isinstance(node, Sequence) else list(node.items.values())
        for child in below:
            yield from scalars(child)


_BOOLEANS = {
    **dict.fromkeys(("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_LONGEST = 400  # of a number: Python makes none of thousands of digits
# YAML 1.1, as PyYAML's resolver reads it.
_INTEGER = re.compile(r"[-+]?(?:0b[0-1_]+|0[0-7_]+|(?:0|[1-9][0-9_]*)|0x[0-9a-fA-F_]+)")
_SIXTIES = re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*")
_ENDLESS = re.compile(r"([-+]?)\.(?:(inf|Inf|INF)|nan|NaN|NAN)")


def plain_value(node: Node) -> Any:
    """What PyYAML (YAML 1.1) makes of a node: text, a number, a switch, a list or a dict."""
    if isinstance(node, Sequence):
        return [plain_value(n) for n in node.items]
    if isinstance(node, Mapping):
        return {key: plain_value(n) for key, n in node.items.items()}
    if not node.plain:
        return node.text
    if node.null:
        return None
    if node.text in _BOOLEANS:
        return _BOOLEANS[node.text]
    if len(node.text) > _LONGEST:
        return node.text
    if _INTEGER.fullmatch(node.text):
        return _integer(node.text.replace("_", ""))
    if _SIXTIES.fullmatch(node.text):
        parts = [int(p) for p in node.text.lstrip("-+").replace("_", "").split(":")]
        whole = reduce(lambda total, part: total * 60 + part, parts)
        return -whole if node.text.startswith("-") else whole
    if endless := _ENDLESS.fullmatch(node.text):
        return float(f"{endless[1]}inf" if endless[2] else "nan")
    if _NUMBER.fullmatch(node.text):
        return float(node.text)
    return node.text


def _integer(text: str) -> int:
    digits = text.lstrip("-+")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xb"
    number = 0 if digits in ("0b", "0x") else int(digits, 8 if octal else 0)
    return -number if text.startswith("-") else number
