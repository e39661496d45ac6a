"""The text of a test as it is spliced: where nodes stand, whose names are, what goes with them."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dsv4_env.lang.python.syntax.names import parameters
from dsv4_env.lang.python.syntax.text import parse_python
from dsv4_env.lang.python.syntax.trees import callee, walk_tree
from dsv4_env.model import Location
from dsv4_env.writeback.edits import Edit, applied, text_starts

_NEWLINE = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_LASTING = re.compile(r"[ \t]*#(?:!| *-\*-| *(?:fmt|isort|ruff|pylint|mypy|flake8|region)\b)")
_REST = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
_BLANK = re.compile(r"[ \t\f]*(?:\r\n|\r|\n)")
WIDTH = 88  # columns, as black has them
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_OPENS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef
_SCOPES = _OPENS | ast.Module
Key = tuple[tuple[str, ...], str]
"""A name and the functions and classes that it is bound in, outermost first."""


class Code:
    """A Python file's text and tree. Raises ReadError where it is no Python."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.tree = parse_python(text, path)
        self.starts = text_starts(text, _NEWLINE.pattern)
        self.parents: dict[ast.AST, ast.AST] = {}
        for node in walk_tree(self.tree):
            for child in ast.iter_child_nodes(node):
                self.parents.setdefault(child, node)

    # Places

    def offset(self, line: int, column: int) -> int:
        """The position of a line (from 1) and an offset in it, in bytes."""
        start = self.starts[min(line, len(self.starts)) - 1]
        if self.text.isascii():
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode("utf-8", "ignore"))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """From where to where a node goes, without the parentheses around it."""
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword | ast.alias)
        start = self.offset(node.lineno, node.col_offset)
        end = self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        return start, end

    def raw(self, node: ast.AST) -> str:
        """A node as spelled."""
        start, end = self.span(node)
        return self.text[start:end]

    def location(self, node: ast.AST) -> Location:
        """The place of a node."""
        start = self.span(node)[0]
        return Location(self.path, *self.place(start))

    def place(self, pos: int) -> tuple[int, int]:
        """The line and column, both from 1, of a position."""
        line = self.line_of(pos)
        return line + 1, pos - self.starts[line] + 1

    def line_of(self, pos: int) -> int:
        """The line of a position, from 0."""
        low, high = 0, len(self.starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.starts[middle] <= pos else (low, middle)
        return low

    def line(self, number: int) -> str:
        """A line (from 0) with what ends it; nothing where there is none."""
        if not 0 <= number < len(self.starts):
            return ""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end]

    @cached_property
    def newline(self) -> str:
        """How the file ends its lines."""
        match = _NEWLINE.search(self.text)
        return match[0] if match else "\n"

    def indent(self, node: ast.AST) -> str:
        """The blanks that the line of a node begins with."""
        text = self.line(self.line_of(self.span(node)[0]))
        return text[: len(text) - len(text.lstrip(" \t"))]

    # Surroundings

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node stands in, the nearest first."""
        at = self.parents.get(node)
        while at is not None:
            yield at
            at = self.parents.get(at)

    def statement(self, node: ast.AST) -> ast.stmt:
        """The statement that a node stands in, or is."""
        for each in (node, *self.above(node)):
            if isinstance(each, ast.stmt):
                return each
        raise AssertionError(node)

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class or module that a node stands in."""
        return next(a for a in self.above(node) if isinstance(a, _SCOPES))

    def function(self, node: ast.AST) -> ast.AST | None:
        """The function that a node stands in; None where it stands in none."""
        return next((a for a in self.above(node) if isinstance(a, Function)), None)

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements among which one stands."""
        return next(b for b in blocks_of(self.parents[statement]) if statement in b)

    # Names

    @cached_property
    def bound(self) -> dict[ast.AST, set[str]]:
        """The names that are each function's or class's own, and the module's."""
        found: dict[ast.AST, set[str]] = {self.tree: set()}
        outer: dict[ast.AST, set[str]] = {}
        for node in walk_tree(self.tree):
            if isinstance(node, Function | ast.ClassDef):
                found.setdefault(node, set()).update(parameters(node))
            if isinstance(node, ast.Global | ast.Nonlocal):
                outer.setdefault(self.scope(node), set()).update(node.names)
            for name in _bound_by(node):
                found.setdefault(self.scope(node), set()).add(name)
        for scope, names in outer.items():
            found.setdefault(scope, set()).difference_update(names)
        return found

    def owner(self, name: str, node: ast.AST) -> ast.AST:
        """The function, class or module that a name, as it is used in *node*, is bound in."""
        scope = self.scope(node)
        first = scope
        while not isinstance(scope, ast.Module):
            own = not isinstance(scope, ast.ClassDef) or scope is first
            if own and name in self.bound.get(scope, ()):
                return scope
            scope = self.scope(scope)
        return scope

    def key(self, name: str, node: ast.AST) -> Key:
        """A name as it is used in a node, told apart from those of other functions."""
        owner = self.owner(name, node)
        around = [owner, *self.above(owner)]
        path = [getattr(a, "name", "<lambda>") for a in around if isinstance(a, _OPENS)]
        return tuple(reversed(path)), name

    @cached_property
    def names(self) -> dict[Key, list[ast.Name]]:
        """All places of each name, in the order of the text."""
        found: dict[Key, list[ast.Name]] = {}
        for node in walk_tree(self.tree):
            if isinstance(node, ast.Name):
                found.setdefault(self.key(node.id, node), []).append(node)
        for nodes in found.values():
            nodes.sort(key=lambda n: (n.lineno, n.col_offset))
        return found

    @cached_property
    def identifiers(self) -> set[str]:
        """Every name that stands anywhere."""
        found = set(self.imported)
        for node in walk_tree(self.tree):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(node.name)
        return found

    @cached_property
    def imported(self) -> dict[str, str]:
        """The names that the module's own imports bring, and the dotted names of what they are."""
        found: dict[str, str] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    found[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{module}.{alias.name}"
        return found

    def dotted(self, node: ast.AST) -> str:
        """The dotted name of what an expression is, its imports followed; else nothing."""
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if isinstance(node, ast.Name):
            return self.imported.get(node.id, node.id)
        return ""

    @cached_property
    def texts(self) -> set[str]:
        """The names that texts are, or end with: ``"tests.test_it.NAME"``."""
        return {
            n.value.rpartition(".")[2]
            for n in walk_tree(self.tree)
            if isinstance(n, ast.Constant) and isinstance(n.value, str) and len(n.value) < 200
        }

    def unused(self) -> dict[Key, ast.AST]:
        """Names that nothing uses, each with the one assignment or import that binds it."""
        found: dict[Key, list[ast.AST]] = {}
        for node in walk_tree(self.tree):
            target = assigned(node)
            if target is not None:
                found.setdefault(self.key(target.id, target), []).append(node)
            elif isinstance(node, ast.alias) and node.name != "*":
                name = node.asname or node.name.partition(".")[0]
                found.setdefault(self.key(name, node), []).append(node)
        held: dict[Key, ast.AST] = {}
        for (path, name), nodes in found.items():
            node = nodes[0]
            scope = self.scope(node)
            if len(nodes) > 1 or isinstance(scope, ast.ClassDef) or name in self.texts:
                continue
            uses = self.names.get((path, name), [])
            if len(uses) == (0 if isinstance(node, ast.alias) else 1) and name not in self._outer:
                held[path, name] = node
        return held

    @cached_property
    def _outer(self) -> set[str]:
        """Names that a function binds outside of itself."""
        found: set[str] = set()
        for node in walk_tree(self.tree):
            if isinstance(node, ast.Global | ast.Nonlocal):
                found.update(node.names)
        return found

    # What is taken out

    def lines_of(self, statement: ast.stmt) -> tuple[int, int] | None:
        """The lines (from 0, the end left out) of a statement and the comments right above it.

        None where something else stands on them.
        """
        start, end = self.span(statement)
        first, last = self.line_of(start), self.line_of(end)
        rest = _REST.match(self.text, end)
        if self.text[self.starts[first] : start].strip() or rest is None:
            return None
        indent = self.indent(statement)
        while first and _is_comment(self.line(first - 1), indent):
            first -= 1
        return first, last + 1

    def removed(self, statements: Sequence[ast.stmt]) -> list[Edit]:
        """The edits that take out statements, with their comments and the blank lines between.

        A statement that doesn't stand alone on its lines stays.
        """
        edits: list[Edit] = []
        spans = {s: lines for s in statements if (lines := self.lines_of(s)) is not None}
        runs: list[tuple[ast.stmt, int, int]] = []  # the first statement, its lines to those behind
        for statement, (first, last) in sorted(spans.items(), key=lambda item: item[1]):
            top = isinstance(self.parents[statement], ast.Module)
            block = self.block(statement)
            if not top and statement is block[-1] and all(s in spans for s in block):
                edits.append(Edit(*self.span(statement), "pass"))
                continue
            before = runs[-1] if runs else None
            if before is not None and self.block(before[0]) is block:
                between = range(before[2], first)
                if all(_BLANK.fullmatch(self.line(n)) for n in between):
                    runs[-1] = (before[0], before[1], last)
                    continue
            runs.append((statement, first, last))
        return edits + [self._removed_run(*run) for run in runs]

    def _removed_run(self, statement: ast.stmt, first: int, last: int) -> Edit:
        """Take out lines, and the fewer of the blank ones before and behind them."""
        before = after = 0
        while first - before and _BLANK.fullmatch(self.line(first - before - 1)):
            before += 1
        while _BLANK.fullmatch(self.line(last + after)):
            after += 1
        top = isinstance(self.parents[statement], ast.Module)
        opens = statement is self.block(statement)[0] and not top and not before
        end = last + (after if opens else min(before, after))
        stop = self.starts[end] if end < len(self.starts) else len(self.text)
        return Edit(self.starts[first], stop, "")


def _is_comment(line: str, indent: str) -> bool:
    text = line.rstrip("\r\n")
    own = text[: len(text) - len(text.lstrip(" \t"))] == indent
    return own and bool(_COMMENT.fullmatch(text)) and not _LASTING.match(text)


def _bound_by(node: ast.AST) -> Iterable[str]:
    """The names that a node binds in the function, class or module that it stands in."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.alias):
        return (node.asname or node.name.partition(".")[0],)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return (node.name,) if node.name else ()
    if isinstance(node, ast.MatchMapping):
        return (node.rest,) if node.rest else ()
    return ()


def blocks_of(node: ast.AST) -> list[list[ast.stmt]]:
    """The lists of statements right in a node."""
    found = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    return [b for b in found if isinstance(b, list)]


def assigned(node: ast.AST) -> ast.Name | None:
    """The one name that an assignment binds; None for any other node."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target = node.target
    else:
        return None
    return target if isinstance(target, ast.Name) else None


# Displays and calls, element by element


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a display or call: from where to where it goes, and where its comma is."""

    start: int
    end: int
    comma: int | None


def parts_of(code: Code, node: ast.AST) -> list[Part]:
    """The elements of a list, tuple, dict or call as the text has them, parentheses included."""
    start, end = code.span(node)
    if isinstance(node, ast.Call):
        start = code.span(node.func)[1]
    found: list[Part] = []
    first = last = -1
    depth = 0
    base = code.line_of(start)
    lines = io.StringIO(code.text[start:end], newline="")
    for token in tokenize.generate_tokens(lines.readline):
        line, column = token.start
        at = (start if line == 1 else code.starts[base + line - 1]) + column
        line, column = token.end
        stop = (start if line == 1 else code.starts[base + line - 1]) + column
        if token.type in _PASSED or at >= end:
            continue
        if token.type == tokenize.OP and token.string in "([{":
            depth += 1
            if depth == 1:
                continue
        elif token.type == tokenize.OP and token.string in ")]}":
            depth -= 1
            if depth == 0:
                break
        elif token.type == tokenize.OP and token.string == "," and depth == 1:
            found.append(Part(first, last, at))
            first = -1
            continue
        if depth:
            first = at if first < 0 else first
            last = stop
    if first >= 0:
        found.append(Part(first, last, None))
    return found


_PASSED = frozenset({
    tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
})  # fmt: skip


def changed_parts(
    code: Code, parts: Sequence[Part], gone: Iterable[int], put: dict[int, str] | None = None
) -> list[Edit]:
    """The edits that take elements out; *put* stands where the run of one begins instead."""
    left = sorted(set(gone))
    put = put or {}
    edits: list[Edit] = []
    while left:
        run = [left.pop(0)]
        while left and left[0] == run[-1] + 1:
            run.append(left.pop(0))
        text = next((put[i] for i in run if i in put), "")
        edits.append(_changed_run(code, parts, run[0], run[-1], text))
    return edits


def _changed_run(code: Code, parts: Sequence[Part], first: int, last: int, text: str) -> Edit:
    start, end, comma = parts[first].start, parts[last].end, parts[last].comma
    stop = end if comma is None else comma + 1
    number = code.line_of(start)
    head = code.starts[number]
    rest = _REST.match(code.text, stop)
    alone = not code.text[head:start].strip()
    if alone and rest is not None:
        indent = code.text[head:start]
        while number and _is_comment(code.line(number - 1), indent):
            number -= 1
        line = f"{indent}{text},{code.newline}" if text else ""
        return Edit(code.starts[number], rest.end(), line)
    if text:
        return Edit(start, end, text)
    if comma is None:  # what comes before it keeps no comma
        return Edit(parts[first - 1].end if first else start, end, "")
    if rest is not None:
        return Edit(parts[first - 1].comma + 1 if first else start, rest.end() - _ends(rest[0]), "")  # type: ignore[operator]
    following = parts[last + 1].start if last + 1 < len(parts) else stop
    return Edit(start, following, "")


def _ends(text: str) -> int:
    """How long what ends a line is."""
    return len(text) - len(text.rstrip("\r\n"))


def spliced(code: Code, node: ast.AST, edits: Iterable[Edit]) -> str:
    """A node as spelled, with edits made within it."""
    start, end = code.span(node)
    return applied(
        code.text[start:end], [Edit(e.start - start, e.end - start, e.text) for e in edits]
    )


# Imports


@dataclass(frozen=True, slots=True)
class _Group:
    """Imports without a blank line between them, and which kind they are of."""

    nodes: list[ast.stmt] = field(default_factory=list)
    kinds: set[int] = field(default_factory=set)


def with_import(code: Code, module: str, name: str | None = None) -> Edit | None:
    """The edit that brings ``import module`` or ``from module import name``, where isort puts it.

    None where the module has it already under its own name.
    """
    wanted = f"{module}.{name}" if name else module
    if code.imported.get(name or module) == wanted:
        return None
    text = f"from {module} import {name}" if name else f"import {module}"
    imports = _leading_imports(code)
    kind = _kind(module)
    order = (name is not None, module.casefold())
    same = [n for n in imports if _kind_of(n) == kind]
    newline = code.newline
    if same:
        if name is not None:
            for node in same:
                if isinstance(node, ast.ImportFrom) and node.module == module and not node.level:
                    return _more_names(code, node, name)
        after = [n for n in same if _order(n) < order]
        if after:
            end = _end_of_line(code, code.span(after[-1])[1])
            return Edit(end, end, f"{text}{newline}")
        start = code.starts[code.line_of(code.span(same[0])[0])]
        return Edit(start, start, f"{text}{newline}")
    before = [n for n in imports if _kind_of(n) < kind]
    if before:
        end = _end_of_line(code, code.span(before[-1])[1])
        return Edit(end, end, f"{newline}{text}{newline}")
    later = [n for n in imports if _kind_of(n) > kind]
    if later:
        start = code.starts[code.line_of(code.span(later[0])[0])]
        return Edit(start, start, f"{text}{newline}{newline}")
    body = code.tree.body
    if body and _is_docstring(body[0]):
        end = _end_of_line(code, code.span(body[0])[1])
        return Edit(end, end, f"{newline}{text}{newline}")
    start = code.starts[code.line_of(code.span(body[0])[0])] if body else len(code.text)
    return Edit(start, start, f"{text}{newline}{newline}")


def _is_docstring(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _end_of_line(code: Code, pos: int) -> int:
    rest = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)").match(code.text, pos)
    return rest.end() if rest else pos


def _leading_imports(code: Code) -> list[ast.stmt]:
    """The imports that the module begins with, up to the first other statement."""
    found: list[ast.stmt] = []
    for node in code.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append(node)
        elif not (_is_docstring(node) and not found):
            break
    return found


def _module_of(node: ast.stmt) -> str:
    if isinstance(node, ast.ImportFrom):
        return "." * node.level + (node.module or "")
    assert isinstance(node, ast.Import)
    return node.names[0].name


def _kind_of(node: ast.stmt) -> int:
    return _kind(_module_of(node))


_FIRST_PARTY = frozenset({"sglang", "sglang_router", "sgl_kernel"})


def _kind(module: str) -> int:
    """Which group isort puts a module in: the standard library, others, the project, the folder."""
    if module.startswith("."):
        return 4
    top = module.partition(".")[0]
    if top == "__future__":
        return 0
    if top in sys.stdlib_module_names:
        return 1
    return 3 if top in _FIRST_PARTY else 2


def _order(node: ast.stmt) -> tuple[bool, str]:
    return isinstance(node, ast.ImportFrom), _module_of(node).casefold()


def _more_names(code: Code, node: ast.ImportFrom, name: str) -> Edit:
    """A name more in ``from … import``, in its place among those that are there."""
    last = [a for a in node.names if _spelled(a.name) < _spelled(name)]
    if last:
        end = code.span(last[-1])[1]
        where = code.text[code.starts[code.line_of(code.span(last[-1])[0])] :]
        own = where.lstrip(" \t").startswith(last[-1].name)  # each has a line of its own
        between = f",{code.newline}{code.indent(last[-1])}" if own else ", "
        return Edit(end, end, f"{between}{name}")
    start = code.span(node.names[0])[0]
    where = code.text[code.starts[code.line_of(start)] : start]
    between = f",{code.newline}{where}" if not where.strip() else ", "
    return Edit(start, start, f"{name}{between}")


def _spelled(name: str) -> tuple[int, str]:
    """How isort orders names: constants, then classes, then the others."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, name


def without_unused(text: str, path: str, before: Iterable[Key], kept: Callable[[str], bool]) -> str:
    """A text without assignments and imports whose names nothing uses.

    Those of *before* stay, which were unused already, and those that *kept* says.
    """
    known = set(before)
    for _ in range(20):
        code = Code(text, path)
        gone = {k: n for k, n in code.unused().items() if k not in known and not kept(k[1])}
        edits = _without(code, gone)
        if not edits:
            return text
        text = applied(text, edits)
    return text


def _without(code: Code, gone: dict[Key, ast.AST]) -> list[Edit]:
    edits: list[Edit] = []
    statements: list[ast.stmt] = []
    aliases: dict[ast.stmt, list[int]] = {}
    for node in gone.values():
        if isinstance(node, ast.alias):
            parent = code.parents[node]
            assert isinstance(parent, ast.Import | ast.ImportFrom)
            aliases.setdefault(parent, []).append(parent.names.index(node))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and _goes(code, node):
            statements.append(node)
    for statement, indices in aliases.items():
        assert isinstance(statement, ast.Import | ast.ImportFrom)
        if len(indices) == len(statement.names):
            if code.lines_of(statement) is not None:
                statements.append(statement)
            continue
        edits += changed_parts(code, _alias_parts(code, statement), indices)
    return edits + code.removed(statements)


def _goes(code: Code, node: ast.Assign | ast.AnnAssign) -> bool:
    return harmless(node.value) and code.lines_of(node) is not None


def _alias_parts(code: Code, node: ast.Import | ast.ImportFrom) -> list[Part]:
    found: list[Part] = []
    for alias in node.names:
        start, end = code.span(alias)
        comma = re.compile(r"\s*+(?:#[^\r\n]*+\s*+)*+,").match(code.text, end)
        found.append(Part(start, end, comma.end() - 1 if comma else None))
    return found


_PURE_CALLS = frozenset({
    "load_profile", "dsv4_env.load_profile",
    "str", "int", "float", "bool", "dict", "list", "tuple", "set", "len", "sorted", "os.getenv",
    "os.environ.get", "os.environ.copy", "os.path.join", "environ.get", "Path", "pathlib.Path",
})  # fmt: skip
_PURE_METHODS = frozenset(
    {"resolve", "absolute", "copy", "format", "join", "split", "strip", "lower", "upper", "get"}
)


def harmless(node: ast.AST | None) -> bool:
    """Whether working out an expression does nothing else."""
    for each in walk_tree(node) if node is not None else ():
        if isinstance(each, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(each, ast.Call):
            name = ast.unparse(each.func)
            if name not in _PURE_CALLS and callee(each) not in _PURE_METHODS:
                return False
    return True
