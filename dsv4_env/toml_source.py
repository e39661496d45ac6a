"""TOML with positions: tomllib says what the text means, tree-sitter where each part stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from dsv4_env.errors import Dsv4Error
from dsv4_env.model import Location

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

KeyPath = tuple[str | int, ...]


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
    import tree_sitter
    import tree_sitter_toml

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_toml.language()))


def parse(data: bytes, path: str, error: type[Dsv4Error] = Dsv4Error) -> TomlSource:
    """Parse TOML bytes. Raises *error* with ``path:line:col`` for anything TOML forbids."""
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
    source = TomlSource(path, {})
    encoded = text.encode()
    walker = _Walker(source, encoded, encoded.splitlines(keepends=True), error)
    tree = _parser().parse(encoded)
    try:
        source.data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        walker.run(tree.root_node)  # a duplicate key is told with both of its places
        raise _syntax_error(exc, path, text, error) from None
    walker.run(tree.root_node)
    return source


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

    def run(self, root: Node) -> None:
        for child in root.children:
            if child.type == "pair":
                self.pair(child, ())
            elif child.type in ("table", "table_array_element"):
                self.table(child)

    def at(self, node: Node) -> Location:
        row, column = node.start_point.row, node.start_point.column
        prefix = self.lines[row][:column] if row < len(self.lines) else b""
        return Location(self.source.path, row + 1, len(prefix.decode(errors="replace")) + 1)

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
