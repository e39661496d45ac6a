"""TOML with positions: tomllib says what the text means, tree-sitter where each part stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from dsv4_env.guard.files import check_narrow, check_size
from dsv4_env.model import Location
from dsv4_env.model.errors import Dsv4Error

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

KeyPath = tuple[str | int, ...]
MAX_DEPTH = 100
MAX_MARKS = 60_000  # what may stand for a key, a part of one, or an item


@dataclass(slots=True)
class TomlSource:
    """Parsed TOML: *data*, and for each key path where its key and value begin, and how
    the value is spelled."""

    path: str
    data: dict[str, Any]
    keys: dict[KeyPath, Location] = field(default_factory=dict)
    values: dict[KeyPath, Location] = field(default_factory=dict)
    spelled: dict[KeyPath, str] = field(default_factory=dict)

    def key(self, path: KeyPath) -> Location:
        """Where the key stands; the nearest parent's place when it has none of its own."""
        return self._find(self.keys, path)

    def value(self, path: KeyPath) -> Location:
        """Where the value stands; the nearest parent's place when it has none of its own."""
        return self._find(self.values, path)

    def _find(self, table: dict[KeyPath, Location], path: KeyPath) -> Location:
        while path and path not in table:
            path = path[:-1]
        return table.get(path) or Location(self.path, 1, 1)


@cache
def _parser() -> Parser:
    import tree_sitter  # heavy, and a lock saves the reading of layers
    import tree_sitter_toml

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))


def parse(data: bytes, path: str, error: type[Dsv4Error] = Dsv4Error) -> TomlSource:
    """Parse TOML bytes. Raises *error* with ``path:line:col`` for anything TOML forbids."""
    check_size(data, path, "TOML", error)
    check_narrow(data, path, "TOML", error)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - (data.rfind(b"\n", 0, exc.start) + 1) + 1
        raise error(
            f"byte 0x{data[exc.start]:02x} is not UTF-8",
            where=Location(path, line, column),
            expected="TOML text in UTF-8",
        ) from None
    if (nul := text.find("\0")) >= 0:
        raise error(
            "NUL byte", where=_offset_location(path, text, nul), expected="text without NUL bytes"
        )
    _check_nesting(text, path, error)
    source = TomlSource(path, {})
    encoded = text.encode()
    walker = _Walker(source, encoded, encoded.splitlines(keepends=True), error)
    tree = _parser().parse(encoded)
    try:
        try:
            source.data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as exc:
            walker.run(tree.root_node)  # a duplicate key is told with both of its places
            raise _syntax_error(exc, path, text, error) from None
        walker.run(tree.root_node)
    except RecursionError:
        raise _too_deep(Location(path, 1, 1), error) from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        digits = re.search(r"\d[\d_]{4299,}", text)
        where = _offset_location(path, text, digits.start() if digits else 0)
        expected = "a number of at most 4,300 digits"
        raise error("a number that is too long", where=where, expected=expected) from None
    return source


def _too_deep(where: Location, error: type[Dsv4Error]) -> Dsv4Error:
    return error("nested too deeply", where=where, expected=f"TOML of at most {MAX_DEPTH} levels")


_PART = r"(?:[\w-]++|\"(?:[^\"\\\n]++|\\.)*+\"|'[^'\n]*+')"
# Texts and comments, brackets, keys and words: each character belongs to one, and is met once.
_TOKEN = re.compile(
    r'"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}|'
    r"'''(?:[^']++|'(?!''))*+'{3,5}|"
    rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART})*+|"
    r"#[^\n]*+|[\[{]|[\]}]",
    re.S,
)
_PARTS = re.compile(_PART)
_MARK = re.compile(r"[=,.\[{]")


def _check_nesting(text: str, path: str, error: type[Dsv4Error]) -> None:
    """Raise *error* where a text goes deeper than any layer: the parser would give up there."""
    if (marks := len(_MARK.findall(text))) > MAX_MARKS:
        expected = f"TOML of at most {MAX_MARKS:,} of them"
        where = Location(path, 1, 1)
        raise error(f"up to {marks:,} keys and items", where=where, expected=expected)
    depth = 0
    for mark in _TOKEN.finditer(text):
        found = mark[0]
        if found in ("[", "{"):
            depth += 1
        elif found in ("]", "}"):
            depth = max(0, depth - 1)
        elif (
            found[0] == "#"
            or found.count(".") < MAX_DEPTH
            or len(_PARTS.findall(found)) < MAX_DEPTH
        ):
            continue
        else:
            depth = MAX_DEPTH + 1
        if depth > MAX_DEPTH:
            raise _too_deep(_offset_location(path, text, mark.start()), error)


def _offset_location(path: str, text: str, offset: int) -> Location:
    line = text.count("\n", 0, offset) + 1
    return Location(path, line, offset - text.rfind("\n", 0, offset))


def _syntax_error(
    exc: tomllib.TOMLDecodeError, path: str, text: str, error: type[Dsv4Error]
) -> Dsv4Error:
    message = str(exc)
    match = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message)
    if match:
        message, where = match[1], Location(path, int(match[2]), int(match[3]))
    else:
        message = message.removesuffix(" (at end of document)")
        where = _offset_location(path, text, len(text.rstrip("\n")))
    return error(f"TOML syntax: {message[:1].lower()}{message[1:]}", where=where)


class _Walker:
    def __init__(
        self, source: TomlSource, data: bytes, lines: list[bytes], error: type[Dsv4Error]
    ) -> None:
        self.source, self.data, self.lines, self.error = source, data, lines, error
        self.arrays: dict[KeyPath, int] = {}
        self.last = (-1, 0, 0)  # a row, a column in it, and how many characters come before

    def run(self, root: Node) -> None:
        for child in root.children:
            if child.type == "pair":
                self.pair(child, ())
            elif child.type in ("table", "table_array_element"):
                self.table(child)

    def at(self, node: Node) -> Location:
        row, column = node.start_point.row, node.start_point.column
        line = self.lines[row] if row < len(self.lines) else b""
        before, characters = self.last[1:] if self.last[0] == row else (0, 0)
        if column < before:
            before = characters = 0
        # From the place before in the line, so that one long line isn't gone over for each.
        characters += len(line[before:column].decode(errors="replace"))
        self.last = row, column, characters
        return Location(self.source.path, row + 1, characters + 1)

    def names(self, node: Node) -> tuple[str, ...]:
        if node.type == "dotted_key":
            return tuple(n for c in node.children if c.is_named for n in self.names(c))
        text = self.data[node.start_byte : node.end_byte].decode()
        if node.type == "quoted_key":
            return (next(iter(tomllib.loads(f"{text} = 0"))),)
        return (text,)

    def resolve(self, path: KeyPath) -> KeyPath:
        """Insert the index of the array of tables that a path runs through."""
        done: KeyPath = ()
        for name in path:
            done = (*done, name)
            if done in self.arrays:
                done = (*done, self.arrays[done])
        return done

    def table(self, node: Node) -> None:
        key = next((c for c in node.children if c.is_named), None)
        if key is None or key.type not in ("bare_key", "quoted_key", "dotted_key"):
            return
        names = self.names(key)
        parent = self.resolve(names[:-1])
        path: KeyPath = (*parent, names[-1])
        if node.type == "table_array_element":
            self.arrays[path] = self.arrays.get(path, -1) + 1
            path = (*path, self.arrays[path])
        else:
            self.declare(path, key, table=True)
        self.source.keys.setdefault(path, self.at(key))
        self.source.values.setdefault(path, self.at(key))
        for child in node.children:
            if child.type == "pair":
                self.pair(child, path)

    def pair(self, node: Node, prefix: KeyPath) -> None:
        if len(node.children) < 3:
            return
        key, value = node.children[0], node.children[2]
        path = prefix
        for name in self.names(key):
            path = (*path, name)
            if len(path) > 1:
                self.source.keys.setdefault(path[:-1], self.at(key))
                self.source.values.setdefault(path[:-1], self.at(key))
        self.declare(path, key)
        self.source.keys[path] = self.at(key)
        self.value(value, path)

    def declare(self, path: KeyPath, key: Node, *, table: bool = False) -> None:
        first = self.source.values.get(path)
        if first is not None:
            name = ".".join(map(str, path)) if table else str(path[-1])
            name = name if name.isprintable() else repr(name)[1:-1]  # of one line
            raise self.error(
                f"duplicate {'table' if table else 'key'} {name}",
                where=self.at(key),
                expected=f"it once; it is first given at {first}",
            )

    def value(self, node: Node, path: KeyPath) -> None:
        self.source.values[path] = self.at(node)
        self.source.spelled[path] = self.data[node.start_byte : node.end_byte].decode()
        if node.type == "array":
            items = [c for c in node.children if c.is_named and c.type != "comment"]
            for index, item in enumerate(items):
                self.value(item, (*path, index))
        elif node.type == "inline_table":
            for child in node.children:
                if child.type == "pair":
                    self.pair(child, path)
