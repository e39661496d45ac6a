"""JavaScript's literals: what a module exports as a constant, as nodes with positions.

Nothing is run: what isn't a literal (a call, a name, a spread) is a scalar of the style "code".
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from dsv4_env.lang.yaml import MAX_DEPTH, MAX_NODES, Lines, Mapping, Node, Scalar, Sequence, decode
from dsv4_env.model import Location
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    import tree_sitter

CODE = "code"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_PLAIN = ("number", "true", "false", "null", "undefined", "unary_expression")
_OPEN = 1_000  # brackets that may be open: the parser's errors take their square


@cache
def _parser() -> tree_sitter.Parser:
    import tree_sitter  # heavy, and only pages of this kind need it
    import tree_sitter_javascript

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language()))


def exported(data: str | bytes, path: str, what: str, budget: Budget) -> dict[str, Node]:
    """The constants that a module exports, by name, in order.

    Raises ReadError with a place for what JavaScript forbids there, and for 100 levels or 100,000
    values.
    """
    text = decode(data, path, what)
    budget.step(Location(path, 1, 1), len(text) // 4)
    if _depth(text) > _OPEN:
        raise ReadError("nested too deeply", where=path, expected=what)
    encoded = text.encode()
    reading = _Reading(Lines(path, text), encoded, _characters(text, encoded), what, budget)
    found: dict[str, Node] = {}
    for statement in _parser().parse(encoded).root_node.children:
        declared = statement.child_by_field_name("declaration")
        if statement.type != "export_statement" or declared is None:
            continue
        for each in declared.named_children:
            name, value = (each.child_by_field_name(n) for n in ("name", "value"))
            if name is not None and value is not None:
                found[reading.source(name)] = reading.value(value, 0)
    return found


def _depth(text: str) -> int:
    return max(
        accumulate((1 if c in "[{(" else -1 for c in text if c in "[{()}]"), initial=0), default=0
    )


def _characters(text: str, encoded: bytes) -> array[int] | None:
    """For each byte, its character; None where they are the same."""
    if len(text) == len(encoded):
        return None
    found = array("l")
    for number, ch in enumerate(text):
        found.extend([number] * len(ch.encode()))
    found.append(len(text))
    return found


@dataclass(slots=True)
class _Reading:
    lines: Lines
    encoded: bytes
    characters: array[int] | None
    what: str
    budget: Budget
    nodes: int = 0

    def at(self, byte: int) -> int:
        """The character that begins at a byte."""
        return byte if self.characters is None else self.characters[byte]

    def source(self, node: tree_sitter.Node) -> str:
        """A node as it is spelled."""
        return self.lines.text[self.at(node.start_byte) : self.at(node.end_byte)]

    def error(self, problem: str, node: tree_sitter.Node) -> ReadError:
        """Say what is wrong with a node."""
        return ReadError(
            problem, where=self.lines.place(self.at(node.start_byte)), expected=self.what
        )

    def value(self, node: tree_sitter.Node, depth: int) -> Node:
        """The value of an expression."""
        self.nodes += 1
        self.budget.step(None, 2)
        if node.is_missing or node.type == "ERROR":
            raise self.error("JavaScript syntax", node)
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise self.error("nested too deeply" if depth > MAX_DEPTH else "too many values", node)
        start = self.at(node.start_byte)
        if node.type == "array":
            items = [self.value(n, depth + 1) for n in self.children(node)]
            return Sequence(items, start, self.lines)
        if node.type == "object":
            return self.object(node, depth)
        if node.type in ("string", "template_string"):
            return self.string(node)
        inner = self.children(node) if node.type == "parenthesized_expression" else []
        if len(inner) == 1:
            return self.value(inner[0], depth + 1)
        plain = node.type in _PLAIN
        return self.scalar(self.source(node), node, "" if plain else CODE)

    def children(self, node: tree_sitter.Node) -> list[tree_sitter.Node]:
        """What stands in a node beside comments."""
        return [n for n in node.named_children if n.type != "comment"]

    def object(self, node: tree_sitter.Node, depth: int) -> Mapping:
        """An object; of a name given twice the last counts, what is spread has its own text."""
        items: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        for member in self.children(node):
            if member.type == "ERROR" or member.is_missing:
                raise self.error("JavaScript syntax", member)
            name, value = (member.child_by_field_name(n) for n in ("key", "value"))
            if member.type == "pair" and name is not None and value is not None:
                key = self.string(name) if name.type == "string" else None
                key = key or self.scalar(self.source(name), name, "")
                items.pop(key.text, None)
                items[key.text], keys[key.text] = self.value(value, depth + 1), key
            else:  # a spread, a method, a name that stands for itself
                named = member.child_by_field_name("name")
                shown = self.source(named or member)
                items[shown] = self.scalar(self.source(member), member, CODE)
                keys[shown] = self.scalar(shown, member, "")
        return Mapping(items, keys, self.at(node.start_byte), self.lines)

    def scalar(self, text: str, node: tree_sitter.Node, style: str) -> Scalar:
        """A value as it is spelled."""
        start, end = self.at(node.start_byte), self.at(node.end_byte)
        return Scalar(text, start, end, style, self.lines, [range(start, end)])

    def string(self, node: tree_sitter.Node) -> Scalar:
        """A text; one that is filled in is code."""
        texts: list[str] = []
        offsets = array("l")
        for start, end, kind in self.pieces(node):
            raw = self.lines.text[start:end]
            if kind == "template_substitution":
                return self.scalar(self.source(node), node, CODE)
            if kind == "ERROR":
                raise self.error("JavaScript syntax", node)
            text = _escaped(raw) if kind == "escape_sequence" else raw
            texts.append(text)
            offsets.extend(range(start, end) if kind != "escape_sequence" else [start] * len(text))
        begin, end = self.at(node.start_byte), self.at(node.end_byte)
        style = self.lines.text[begin]
        return Scalar("".join(texts), begin, end, style, self.lines, [offsets])

    def pieces(self, node: tree_sitter.Node) -> Iterator[tuple[int, int, str]]:
        """What a text is made of between its quotes, with where it stands."""
        last = self.at(node.start_byte) + 1
        for child in node.named_children:
            start, end = self.at(child.start_byte), self.at(child.end_byte)
            if last < start:
                yield last, start, "string_fragment"
            yield start, end, child.type
            last = end
        end = self.at(node.end_byte) - 1
        if last < end:
            yield last, end, "string_fragment"


def _escaped(raw: str) -> str:
    """What an escape stands for (ECMA-262, 12.9.4)."""
    kind, rest = raw[1:2], raw[2:].strip("{}")
    if kind in ("x", "u") and rest:
        try:
            return chr(int(rest, 16))
        except (ValueError, OverflowError):
            return raw
    if kind in "\r\n\u2028\u2029":
        return ""
    return _ESCAPES.get(kind, kind)
