"""A Python file as places where values stand: dicts, calls, assignments and lists of words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

_NEWLINE = re.compile(r"\r\n|\r|\n")
Span: TypeAlias = tuple[int, int]
Literal: TypeAlias = (
    cst.SimpleString | cst.ConcatenatedString | cst.Integer | cst.Float | cst.FormattedString
)
LITERALS = (cst.SimpleString, cst.ConcatenatedString, cst.Integer, cst.Float, cst.FormattedString)


@dataclass(slots=True, eq=False)
class Pair:
    """A name and its value: of a dict (*owner* is its display), or of a statement or call."""

    name: str
    key: cst.CSTNode
    value: cst.BaseExpression
    owner: cst.Dict | None = None
    element: cst.DictElement | None = None


@dataclass(slots=True)
class Module:
    """The parts of a file that hold values, in the order of the text."""

    text: str
    starts: list[int]
    spans: dict[cst.CSTNode, Span] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    lists: list[list[cst.BaseExpression]] = field(default_factory=list)
    constants: dict[str, list[cst.BaseExpression]] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    spreads: list[cst.Dict] = field(default_factory=list)
    literals: list[cst.SimpleString] = field(default_factory=list)
    statements: list[cst.SimpleStatementLine] = field(default_factory=list)

    def span(self, node: cst.CSTNode) -> Span:
        """From where to where a node goes."""
        return self.spans[node]

    def raw(self, node: cst.CSTNode) -> str:
        """A node as spelled."""
        start, end = self.spans[node]
        return self.text[start:end]

    def line(self, pos: int) -> Span:
        """From where to where (behind its newline) the line of a position goes."""
        start = max(s for s in self.starts if s <= pos)
        return start, next((s for s in self.starts if s > pos), len(self.text))

    def indent(self, pos: int) -> str:
        """The blanks that the line of a position begins with."""
        match = re.compile(r"[ \t]*").match(self.text, self.line(pos)[0])
        return match[0] if match else ""

    @property
    def newline(self) -> str:
        """How the file ends its lines."""
        match = _NEWLINE.search(self.text)
        return match[0] if match else "\n"

    def offset(self, line: int | None, column: int | None) -> int:
        """The position of a line and column."""
        return self.starts[min(line or 1, len(self.starts)) - 1] + (column or 1) - 1

    def place(self, pos: int) -> tuple[int, int]:
        """The line and column of a position."""
        start = self.line(pos)[0]
        return self.starts.index(start) + 1, pos - start + 1


def module(text: str) -> Module:
    """The places of a file. Raises libcst.ParserSyntaxError where it is no Python."""
    starts = [0, *(m.end() for m in _NEWLINE.finditer(text))]
    found = Module(text, starts)
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    for node, where in wrapper.resolve(PositionProvider).items():
        start = starts[where.start.line - 1] + where.start.column
        end = starts[min(where.end.line, len(starts)) - 1] + where.end.column
        found.spans[node] = (start, end)
    wrapper.module.visit(_Collector(found))
    return found


def text_of(node: cst.CSTNode | None) -> str | None:
    """What a literal is as a word of a command line; None for what is no literal."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    if isinstance(node, cst.Integer | cst.Float):
        return str(node.evaluated_value)
    if isinstance(node, cst.FormattedString) and all(
        isinstance(p, cst.FormattedStringText) for p in node.parts
    ):
        raw = "".join(p.value for p in node.parts if isinstance(p, cst.FormattedStringText))
        return raw if not re.search(r"[\\{}]", raw) else None
    return None


def written(text: str, like: cst.CSTNode | str) -> str:
    """A text as a literal, quoted like another (or by a quote character)."""
    if isinstance(like, cst.Integer | cst.Float) and re.fullmatch(r"\d+(\.\d+)?", text):
        kind = int if isinstance(like, cst.Integer) else float
        if str(_number(kind, text)) == text:
            return text
    first = like
    while isinstance(first, cst.ConcatenatedString):
        first = first.left
    quote = first if isinstance(first, str) else getattr(first, "quote", '"')
    quote = quote[:1] or '"'
    if quote in text and ("'" if quote == '"' else '"') not in text:
        quote = "'" if quote == '"' else '"'
    out = []
    for char in text:
        if char in (quote, "\\"):
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        else:
            out.append(char.encode("unicode_escape").decode())
    return quote + "".join(out) + quote


def _number(kind: type[Any], text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        return None


class _Collector(cst.CSTVisitor):
    def __init__(self, found: Module) -> None:
        super().__init__()
        self.found = found

    def pair(
        self,
        key: cst.CSTNode,
        value: cst.BaseExpression,
        owner: cst.Dict | None = None,
        element: cst.DictElement | None = None,
    ) -> None:
        name = key.value if isinstance(key, cst.Name) else text_of(key)
        if name is not None:
            self.found.pairs.append(Pair(name, key, value, owner, element))

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> None:  # noqa: N802
        self.found.statements.append(node)

    def visit_Dict(self, node: cst.Dict) -> None:  # noqa: N802
        for element in node.elements:
            if isinstance(element, cst.StarredDictElement) and node not in self.found.spreads:
                self.found.spreads.append(node)
            if isinstance(element, cst.DictElement):
                self.pair(element.key, element.value, node, element)

    def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
        for target in node.targets:
            self.target(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802
        if node.value is not None:
            self.target(node.target, node.value)

    def target(self, target: cst.BaseExpression, value: cst.BaseExpression) -> None:
        if isinstance(target, cst.Name):
            self.constant(target.value, value)
        elif isinstance(target, cst.Attribute):
            self.constant(target.attr.value, value)
        elif isinstance(target, cst.Subscript) and len(target.slice) == 1:
            index = target.slice[0].slice
            if isinstance(index, cst.Index):
                self.pair(index.value, value)

    def constant(self, name: str, value: cst.BaseExpression) -> None:
        self.found.constants.setdefault(name, []).append(value)
        self.found.names[name] = self.found.names.get(name, 0) - 1

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        plain = [a.value for a in node.args if a.keyword is None and not a.star]
        if len(plain) > 1:
            self.pair(plain[0], plain[1])
        for argument in node.args:
            if argument.keyword is not None:
                self.pair(argument.keyword, argument.value)
        if len(plain) > 2:  # create_subprocess_exec("python3", "-m", …)
            self.found.lists.append(plain)

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self.found.names[node.value] = self.found.names.get(node.value, 0) + 1

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        self.found.literals.append(node)

    def visit_List(self, node: cst.List) -> None:  # noqa: N802
        self.items(node.elements)

    def visit_Tuple(self, node: cst.Tuple) -> None:  # noqa: N802
        self.items(node.elements)
        values = [e.value for e in node.elements if isinstance(e, cst.Element)]
        if len(values) == len(node.elements) == 2:
            self.pair(values[0], values[1])

    def items(self, elements: Any) -> None:
        if elements:
            self.found.lists.append([e.value for e in elements])
