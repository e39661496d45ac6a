"""What only the text of a bash script shows: quotes, and what stands after the launch."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from dsv4_env.lang.bash.syntax.grammar import parser
from dsv4_env.model import Location

if TYPE_CHECKING:
    from tree_sitter import Node

_EXPANSIONS = {"simple_expansion", "expansion", "command_substitution"}
_ELSEWHERE = {
    "function_definition", "while_statement", "for_statement", "c_style_for_statement",
    "command_substitution", "subshell",
}  # fmt: skip
_NO_SPACES = re.compile(r"\$[#?$!0-9-]|\$\{#.*\}")
_ALTERNATIVE = re.compile(r"\$\{\w+:?\+.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A word with an unquoted expansion; *after* is the word before it, where that is plain.

    *joined* says that the word is more than the expansion (``--tp=$TP``).
    """

    text: str
    location: Location
    after: str
    joined: bool


@dataclass(frozen=True, slots=True)
class _Script:
    """A script, and what is asked of it for each launch, looked for once.

    *assigned* are assignments that are commands of their own, each with its name, *used* the names
    that the script itself reads or exports.
    """

    root: Node
    data: bytes
    assigned: list[tuple[str, Node]]
    used: set[str]
    arrays: list[tuple[str, Node]]
    declared: list[Node]


@lru_cache(maxsize=4)
def _parse(script: str) -> _Script:
    data = script.encode("utf-8", "surrogateescape")
    found = _Script(parser().parse(data).root_node, data, [], set(), [], [])
    for node in _walk(found.root):
        above = node.parent.type if node.parent is not None else ""
        if node.type == "variable_assignment":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is None:
                continue
            text = _text(name, data)
            if value is not None and value.type == "array":
                found.arrays.append((text, value))
            if name.type != "variable_name" or above == "command":
                continue
            if above == "declaration_command":
                found.used.add(text)
            else:
                found.assigned.append((text, node))
        elif node.type == "variable_name":
            if above and above != "variable_assignment":  # $NAME, ${NAME}, export NAME, unset NAME
                found.used.add(_text(node, data))
        elif node.type == "word" and above == "command":
            found.used.add(_text(node, data))  # read NAME, printf -v NAME
        elif node.type == "declaration_command":
            found.declared.append(node)
    return found


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")


def _location(node: Node, data: bytes, path: str) -> Location:
    """Line and column, the column in characters."""
    start = data.rfind(b"\n", 0, node.start_byte) + 1
    before = data[start : node.start_byte].decode("utf-8", "surrogateescape")
    return Location(path, node.start_point[0] + 1, len(before) + 1)


def _commands(node: Node, data: bytes, at: Location) -> Iterator[Node]:
    """The simple commands in which a place lies, the outermost first."""
    if at.line is None or not node.start_point[0] < at.line <= node.end_point[0] + 1:
        return
    if node.type == "command":
        place = _location(node, data, at.path)
        if (place.line, place.column) <= (at.line, at.column or 1):
            yield node
    children = node.children
    first = bisect_left(children, at.line - 1, key=lambda child: child.end_point[0])
    for child in islice(children, first, None):
        if child.start_point[0] >= at.line:
            break
        yield from _commands(child, data, at)


def _launch(script: str, at: Location) -> tuple[Node | None, bytes]:
    parsed = _parse(script)
    root, data = parsed.root, parsed.data
    found = list(_commands(root, data, at))
    inner = [n for n in found if "sglang" in _text(n, data) or "launch_server" in _text(n, data)]
    return (inner[-1] if inner else found[-1] if found else None), data


def unquoted_words(script: str, at: Location) -> Iterator[Unquoted]:
    """The words of the launch at *at*, and of the arrays in it, that bash splits at spaces."""
    command, data = _launch(script, at)
    if command is None:
        return
    yield from _words(command.children_by_field_name("argument"), data, at.path)
    arrays = set(re.findall(r"\$\{(\w+)\[[@*]\]\}", _text(command, data)))
    for name, value in _parse(script).arrays:
        if name in arrays:
            yield from _words(value.named_children, data, at.path)


def _words(nodes: list[Node], data: bytes, path: str) -> Iterator[Unquoted]:
    before = ""
    for node in nodes:
        text = _text(node, data)
        parts = node.children if node.type == "concatenation" else [node]
        if any(_splits(part, data) for part in parts):
            yield Unquoted(text, _location(node, data, path), before, len(parts) > 1)
        before = text if node.type == "word" else ""


def _splits(node: Node, data: bytes) -> bool:
    text = _text(node, data)
    if node.type not in _EXPANSIONS or _NO_SPACES.fullmatch(text):
        return False
    return not _ALTERNATIVE.fullmatch(text)  # ${X:+--flag "$X"} is meant to be several words


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _ancestors(node: Node) -> Iterator[Node]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def assigned_before(script: str, at: Location) -> Iterator[tuple[str, Location]]:
    """The variables that stand assigned before the launch at *at*, as commands of their own.

    Only where nothing in the script reads or exports them: those serve the script itself.
    """
    command, data = _launch(script, at)
    if command is None:
        return
    parsed = _parse(script)
    found: dict[str, Node] = {}
    for name, node in parsed.assigned:
        if name not in parsed.used and node.end_byte <= command.start_byte:
            found.setdefault(name, node)
    for variable, assignment in found.items():
        yield variable, _location(assignment, data, at.path)


def exports_after(script: str, at: Location) -> Iterator[tuple[str, Location]]:
    """The variables that the script exports once the launch at *at* has been started.

    Only what certainly runs after it: nothing where the launch stands in a function or a loop.
    """
    command, data = _launch(script, at)
    if command is None:
        return
    around = list(_ancestors(command))
    if any(n.type in _ELSEWHERE for n in around):
        return
    inside = {n.id for n in around}
    for node in _parse(script).declared:
        if node.start_byte < command.end_byte:
            continue
        block = next((n for n in _ancestors(node) if n.type != "list"), None)
        if block is None or block.id not in inside or not _text(node, data).startswith("export"):
            continue
        for assignment in node.named_children:
            name = assignment.child_by_field_name("name")
            if assignment.type == "variable_assignment" and name is not None:
                yield _text(name, data), _location(assignment, data, at.path)
