"""Python source read without running it: statements at a place, names, literal expressions."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsv4_env.catalogue.extract.source import PackageSource
    from dsv4_env.model.budget import Budget

# A statement starts in column 0 (or 4, inside a class) unless it carries one on.
_START = {
    0: re.compile(rb"^(?!(?:else|elif|except|finally)\b)[A-Za-z_@]", re.M),
    4: re.compile(rb"^(?: {4}(?!(?:else|elif|except|finally)\b)[A-Za-z_@]|[A-Za-z_@])", re.M),
}
_OPENS = {
    0: re.compile(rb"^(?!(?:else|elif|except|finally)\b)[A-Za-z_]", re.M),
    4: re.compile(rb"^(?: {4}(?!(?:else|elif|except|finally)\b)[A-Za-z_]|[A-Za-z_])", re.M),
}
_LONG = 6000  # bytes from which a class is cut into its members before it is parsed


class CantResolve(Exception):  # noqa: N818 - not an error to show: the field becomes unresolved
    """An expression that no table can state."""


_PARSED = 2_000_000  # bytes; a tree takes hundreds of times as much, and server_args.py has 440,000


def parse_module(text: bytes, budget: Budget) -> ast.Module | None:
    """The syntax tree, or None where this Python can't parse it, or it is too long for that."""
    budget.step(None, len(text) // 20)
    if len(text) > _PARSED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SyntaxWarnings of other people's code
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@dataclass(frozen=True, slots=True)
class Fragment:
    """Statements cut out of a file, and the lines in them that were asked for."""

    body: list[ast.stmt]
    lines: frozenset[int]


def fragments_at(text: bytes, places: list[int], budget: Budget) -> list[Fragment] | None:
    """The top-level statements around byte offsets (ascending), parsed; None if that fails.

    Only what is needed is parsed: parsing all of SGLang takes seconds. Members of a long class
    come alone, inside a class of the same name. Raises BudgetError for too many places, each of
    which may cost as much as the text is long.
    """
    budget.step(None, len(places) * (len(text) // 1000 + 1))
    found: list[Fragment] = []
    while places:
        start, end = _enclosing(text, places[0], 0)
        prefix = b""
        if text.startswith(b"class ", start) and end - start > _LONG:
            inner, inner_end = _enclosing(text, places[0], 4)
            if inner > start:
                prefix = re.split(rb"[(:\s]", text[start : start + 200], maxsplit=2)[1]
                prefix = b"class " + prefix + b":\n"
                start, end = inner, inner_end
        inside_string = text.count(b'"""', 0, start) % 2 or text.count(b"'''", 0, start) % 2
        tree = None if inside_string else parse_module(prefix + text[start:end], budget)
        if tree is None:
            whole = parse_module(text, budget)
            lines = frozenset(1 + text.count(b"\n", 0, p) for p in places)
            return None if whole is None else [*found, Fragment(whole.body, lines)]
        first = 1 + bool(prefix)
        here = [p for p in places if p < end]
        places = places[len(here) :]
        lines = frozenset(first + text.count(b"\n", start, p) for p in here)
        found.append(Fragment(tree.body, lines))
    return found


def _enclosing(text: bytes, place: int, indent: int) -> tuple[int, int]:
    """Where the statement at *place* begins and ends, without its decorators."""
    after = text.find(b"\n", place)
    end = _START[indent].search(text, after + 1) if after >= 0 else None
    place = after if after >= 0 else len(text)
    for reach in (2_000, 20_000, place):
        floor = text.rfind(b"\n", 0, max(0, place - reach)) + 1
        starts = [m.start() for m in _OPENS[indent].finditer(text, floor, place)]
        if starts:
            return starts[-1], end.start() if end else len(text)
    return 0, end.start() if end else len(text)


def walked(node: ast.AST, budget: Budget) -> Iterator[ast.AST]:
    """As ``ast.walk``, each node a step."""
    for each in ast.walk(node):
        budget.step()
        yield each


@dataclass(slots=True)
class SourceModule:
    """One file: its module-level names, found and parsed when they are asked for."""

    source: PackageSource
    path: str
    text: bytes
    _names: dict[str, ast.stmt | None] = field(default_factory=dict)

    def statement(self, name: str) -> ast.stmt | None:
        """The last module-level statement that binds *name*: assignment, class, def, import."""
        if name not in self._names:
            self._names[name] = self._find(name.encode())
        return self._names[name]

    def _find(self, name: bytes) -> ast.stmt | None:
        places, place, found = [], self.text.find(name), None
        while place >= 0:
            end = place + len(name)
            if self._may_bind(place, end):
                places.append(place)
            place = self.text.find(name, end)
        for fragment in fragments_at(self.text, places, self.source.budget) or ():
            for statement in fragment.body:
                if name.decode() in bound_names(statement):
                    found = statement
        return found

    def _may_bind(self, start: int, end: int) -> bool:
        line = self.text.rfind(b"\n", 0, start) + 1
        self.source.budget.step(None, 1 + (start - line) // 1000)
        before = self.text[line:start]
        if before[-1:].isalnum() or before[-1:] == b"_":
            return False
        if not before:
            return self.text[end : end + 4].lstrip().startswith((b"=", b":"))
        if not before.isspace():
            return before.startswith((b"class ", b"def ", b"async ", b"from ", b"import ")) or (
                before.startswith(b" ") and before.rstrip().endswith(b" as")
            )
        after = self.text[end : end + 8].lstrip(b" ")  # a line of an import, or under an if
        return after[:1] in {b",", b"\n", b"\r", b"#", b")"} or after.startswith(
            (b"=", b":", b"as ")
        )


def bound_names(statement: ast.stmt) -> list[str]:
    """The names that a statement binds at its own level, also inside ``if`` and ``try``."""
    match statement:
        case ast.Assign(targets=targets):
            return [t.id for t in targets if isinstance(t, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(n.asname or n.name).split(".")[0] for n in names]
        case ast.If(body=body, orelse=orelse):
            return [n for s in (*body, *orelse) for n in bound_names(s)]
        case ast.Try(body=body):
            return [n for s in body for n in bound_names(s)]
    return []


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for a name or attribute, an empty string for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return reduce(lambda a, b: f"{a}.{b}", [node.id, *reversed(parts)])


def what_computes(node: ast.expr | None) -> str:
    """The name of what is called or meant by an expression, for a value that no table states."""
    inner = node.func if isinstance(node, ast.Call) else node
    return (dotted(inner) if inner is not None else "") or "expression"
