"""A bash script as places where values stand: assignments, lists of words, quoted text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from dsv4_env.lang.bash.syntax.nodes import (
    Arith,
    Assign,
    Function,
    Item,
    Param,
    Redirect,
    Simple,
    Word,
)
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import LaunchConfig
from dsv4_env.model.quoting import word

DECLARERS = frozenset({"export", "declare", "typeset", "local", "readonly"})
DOUBLE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
SINGLE = re.compile(r"'[^']*'")
PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
GAP = re.compile(r"(?:[ \t]|\\\n)*")


@dataclass(slots=True, eq=False)
class Words:
    """Words one after the other: those of a command, or (*array*) the elements of an array."""

    words: list[Word]
    array: bool = False
    command: Simple | None = None


@dataclass(slots=True, eq=False)
class Given:
    """An assignment, and the command that it is a part of."""

    assign: Assign
    command: Simple

    @property
    def declared(self) -> bool:
        """Whether it is made by ``export`` or the like."""
        return self.assign not in self.command.assigns

    @property
    def prefix(self) -> bool:
        """Whether it only holds for the command behind it."""
        return not self.declared and bool(self.command.words)


@dataclass(slots=True)
class Script:
    """The parts of a script that hold values, in the order of the text."""

    text: str
    given: list[Given] = field(default_factory=list)
    lists: list[Words] = field(default_factory=list)
    quoted: list[Word] = field(default_factory=list)
    params: dict[str, int] = field(default_factory=dict)
    arithmetic: list[str] = field(default_factory=list)

    def uses(self, name: str) -> int:
        """How many times the value of a variable is used."""
        pattern = re.compile(rf"\b{re.escape(name)}\b")
        return self.params.get(name, 0) + sum(
            len(pattern.findall(text)) for text in self.arithmetic
        )

    def raw(self, part: Word | Assign) -> str:
        """A part as spelled."""
        return self.text[part.pos : part.end]

    def line(self, pos: int) -> tuple[int, int]:
        """From where to where (behind its newline) the line of a position goes."""
        end = self.text.find("\n", pos)
        return self.text.rfind("\n", 0, pos) + 1, len(self.text) if end < 0 else end + 1

    def indent(self, pos: int) -> str:
        """The blanks that the line of a position begins with."""
        match = re.compile(r"[ \t]*").match(self.text, self.line(pos)[0])
        return match[0] if match else ""

    def offset(self, line: int | None, column: int | None) -> int:
        """The position of a line and column."""
        at = 0
        for _ in range((line or 1) - 1):
            at = self.text.find("\n", at) + 1
        return at + (column or 1) - 1

    def launch(self, config: LaunchConfig) -> Words | None:
        """The words of the command that makes a launch."""
        where = config.location
        if where is None:
            return None
        pos = self.offset(where.line, where.column)
        fitting = [w for w in self.lists if w.command and w.command.pos <= pos < w.command.end]
        return min(fitting, key=lambda w: w.command.end - w.command.pos if w.command else 0,
                   default=None)  # fmt: skip


def script(text: str) -> Script:
    """The places of a script, as far as it can be parsed."""
    found = Script(text)
    _walk(found, parse(text)[0])
    found.given.sort(key=lambda g: g.assign.pos)
    found.lists.sort(key=lambda w: w.words[0].pos)
    found.quoted.sort(key=lambda w: w.pos)
    return found


def _walk(found: Script, node: Any) -> None:
    if isinstance(node, list | tuple):
        for one in node:
            _walk(found, one)
        return
    if not is_dataclass(node) or isinstance(node, type | Redirect):
        return  # a here-document has places of its own
    if isinstance(node, Simple):
        _simple(found, node)
    elif isinstance(node, Word):
        raw = found.raw(node)
        if (
            node.plain is not None and (DOUBLE.fullmatch(raw) or SINGLE.fullmatch(raw))
        ) or DOUBLE.fullmatch(raw):
            found.quoted.append(node)
    elif isinstance(node, Param):
        found.params[node.name] = found.params.get(node.name, 0) + 1
    elif isinstance(node, Arith):
        found.arithmetic.append(node.text)
    elif isinstance(node, Function):
        _walk(found, node.body)
        return
    for part in fields(node):
        _walk(found, getattr(node, part.name))


def _simple(found: Script, node: Simple) -> None:
    assigns = [*node.assigns, *(w for w in node.words if isinstance(w, Assign))]
    for assign in assigns:
        found.given.append(Given(assign, node))
        if isinstance(assign.value, list):
            items = [w for item in assign.value if _element(item) for w in item.words]
            if items := _apart(items):
                found.lists.append(Words(items, array=True))
    words = _apart([w for w in node.words if isinstance(w, Word)])
    if words:
        found.lists.append(Words(words, command=node))


def _element(item: Item) -> bool:
    return item.sub is None


def _apart(words: list[Word]) -> list[Word]:
    """The words, of those that braces made out of one only one, which isn't plain."""
    found: list[Word] = []
    for one in words:
        if found and found[-1].pos == one.pos:
            found[-1] = Word(one.parts, one.pos, one.end)
        else:
            found.append(one)
    return found


def styled(raw: str, value: str) -> str:
    """A value quoted as what it takes the place of, as far as that can hold it."""
    if DOUBLE.fullmatch(raw):
        return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
    if SINGLE.fullmatch(raw) and "'" not in value:
        return f"'{value}'"
    return word(value)
