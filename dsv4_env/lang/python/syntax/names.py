"""What a module defines, calls and names, and which function a name belongs to.

A name within a function is that function's own, or one of those around it, or everybody's. It is
told apart by its *key*: the name alone where it is everybody's.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dsv4_env.lang.python.syntax.effects import MAKING
from dsv4_env.lang.python.syntax.trees import (
    KEPT,
    called_by,
    callee,
    children,
    last_name,
    may_be,
    remembered,
    walk_tree,
)

_BUILTINS = frozenset(dir(builtins))
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(slots=True, eq=False)
class Block:
    """A module, class or function: what stands right in it, and the block around it."""

    node: ast.AST
    around: Block | None = None
    own: set[str] = field(default_factory=set)  # names that are only seen in it
    nonlocals: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    mentions: set[str] = field(default_factory=set)  # names and attributes that stand in it
    inner: list[Block] = field(default_factory=list)
    statements: list[ast.AST] = field(default_factory=list)  # that make something of something
    texts: list[str] = field(default_factory=list)
    _all_names: frozenset[str] | None = None

    @property
    def name(self) -> str:
        """Its name; nothing where it has none."""
        return getattr(self.node, "name", "")

    @property
    def is_method(self) -> bool:
        """Whether it stands right in a class."""
        return self.around is not None and isinstance(self.around.node, ast.ClassDef)

    def names(self) -> list[str]:
        """The names by which it is called: what makes an object has that of its class, too."""
        names = [self.name] if self.name else []
        if self.around is not None and self.is_method and self.name in MAKING:
            names.append(self.around.name)
        return names

    def all_names(self) -> frozenset[str]:
        """Its names and those of the functions around it: whoever calls them may come to it."""
        if self._all_names is None:
            found: set[str] = set()
            at: Block | None = self
            while at is not None:
                if not isinstance(at.node, ast.ClassDef):
                    found.update(at.names())
                at = at.around
            self._all_names = frozenset(found)
        return self._all_names

    def key(self, name: str) -> str:
        """A name, told apart from those of other functions."""
        at: Block | None = self
        while at is not None and name not in at.globals:
            if name in at.own and name not in at.nonlocals:
                place = f"{getattr(at.node, 'lineno', 0)}:{getattr(at.node, 'col_offset', 0)}"
                return f"{name} of {at.name} {place}"
            at = at.around
        return name


@dataclass(slots=True, eq=False)
class ModuleNames:
    """What a module defines and calls, by name."""

    top: Block
    calls: dict[str, list[tuple[ast.Call, Block]]] = field(default_factory=dict)  # or hand it on
    functions: dict[str, list[Block]] = field(default_factory=dict)
    classes: dict[str, list[Block]] = field(default_factory=dict)
    aliases: dict[str, set[str]] = field(default_factory=dict)  # other names of a function
    blocks: dict[ast.AST, Block] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)  # names of what `import` brings
    brought: set[str] = field(default_factory=set)  # and those of `from … import`
    keys: dict[ast.AST, str] = field(default_factory=dict)  # "": a module, or Python's own


@remembered(KEPT)
def names_of(tree: ast.Module) -> ModuleNames:
    """The names of a module."""
    found = ModuleNames(Block(tree))
    names: list[tuple[ast.Name, Block]] = []
    pending: list[tuple[ast.AST, Block]] = [(n, found.top) for n in tree.body]
    while pending:
        node, block = pending.pop()
        kind = node.__class__
        if isinstance(node, ast.Name):
            names.append((node, block))
            if isinstance(node.ctx, ast.Store) and isinstance(block.node, FUNCTIONS):
                block.own.add(node.id)
            continue
        if kind in _PLACED:
            collect = _COLLECTED.get(kind)
            inner = collect(found, node, block) if collect is not None else None
            at = block if inner is None or kind is ast.ClassDef else inner
            at.statements.append(node)
            if inner is not None:
                found.blocks[node] = inner
                block.inner.append(inner)
                body: list[ast.AST] = node.body if isinstance(node.body, list) else [node.body]  # type: ignore[attr-defined]
                pending += [(n, inner) for n in body]
                pending += [(n, block) for n in children(node) if n not in body]
                continue
        elif isinstance(node, ast.Attribute):
            block.mentions.add(node.attr)
        elif isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes):
                block.texts.append(text_of(node.value))
            continue
        pending += [(child, block) for child in children(node)]
    stored = {n.id for n, block in names if not isinstance(n.ctx, ast.Load)}
    bare = _BUILTINS - stored - found.functions.keys() - found.classes.keys() - found.brought
    bare |= found.modules
    for name, block in names:
        block.mentions.add(name.id)
        key = block.key(name.id)
        if key != name.id:
            found.keys[name] = key
        elif key in bare:
            found.keys[name] = ""
    return found


def _named(found: ModuleNames, targets: Iterable[ast.expr], value: ast.expr | None) -> None:
    """Note by which names a function may be called besides its own."""
    for meant in may_be(value) if value is not None else ():
        for target in targets:
            for each in walk_tree(target):
                if isinstance(each, ast.Name | ast.Attribute):
                    found.aliases.setdefault(last_name(meant), set()).add(last_name(each))


def _assign(found: ModuleNames, node: ast.Assign, block: Block) -> None:
    _named(found, node.targets, node.value)


def _set_one(
    found: ModuleNames, node: ast.AnnAssign | ast.AugAssign | ast.NamedExpr, block: Block
) -> None:
    _named(found, [node.target], node.value)


def _round(
    found: ModuleNames, node: ast.For | ast.AsyncFor | ast.comprehension, block: Block
) -> None:
    _named(found, [node.target], node.iter)


def _match(found: ModuleNames, node: ast.Match, block: Block) -> None:
    for each in walk_tree(node):
        name = getattr(each, "name", None) or getattr(each, "rest", None)
        if isinstance(name, str) and isinstance(each, ast.pattern):
            block.own.add(name)


def _rename(found: ModuleNames, node: ast.alias, block: Block) -> None:
    found.brought.add(node.asname or node.name)
    if node.asname:
        _named(found, [ast.Name(node.asname)], ast.Name(node.name.rpartition(".")[2]))


def _import(found: ModuleNames, node: ast.Import, block: Block) -> None:
    found.modules.update(a.asname or a.name.partition(".")[0] for a in node.names)


def _call(found: ModuleNames, node: ast.Call, block: Block) -> None:
    for name in {callee(node), *map(last_name, called_by(node))}:
        found.calls.setdefault(name, []).append((node, block))


def _define(
    found: ModuleNames, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, block: Block
) -> Block:
    inner = Block(node, block, set(parameters(node)))
    for name in inner.names():
        found.functions.setdefault(name, []).append(inner)
    return inner


def _class(found: ModuleNames, node: ast.ClassDef, block: Block) -> Block:
    for base in node.bases:  # who makes one of these makes one of those, too
        found.aliases.setdefault(last_name(base), set()).add(node.name)
    inner = Block(node, block)
    found.classes.setdefault(node.name, []).append(inner)
    return inner


def _global(found: ModuleNames, node: ast.Global, block: Block) -> None:
    block.globals.update(node.names)


def _nonlocal(found: ModuleNames, node: ast.Nonlocal, block: Block) -> None:
    block.nonlocals.update(node.names)


_COLLECTED: dict[type[ast.AST], Callable[..., Block | None]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _set_one,
    ast.AugAssign: _set_one,
    ast.NamedExpr: _set_one,
    ast.For: _round,
    ast.AsyncFor: _round,
    ast.comprehension: _round,
    ast.Match: _match,
    ast.Import: _import,
    ast.alias: _rename,
    ast.Call: _call,
    ast.FunctionDef: _define,
    ast.AsyncFunctionDef: _define,
    ast.Lambda: _define,
    ast.ClassDef: _class,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
}
_PLACED = frozenset(
    {*_COLLECTED, ast.Delete, ast.If, ast.IfExp, ast.While, ast.withitem}
    | {ast.Return, ast.Yield, ast.YieldFrom}
)


def text_of(value: str | bytes) -> str:
    """A text, or bytes as one: each byte a character."""
    return value if isinstance(value, str) else value.decode("latin-1")


def parameters(node: ast.AST) -> list[str]:
    """The names of a function's parameters; none of what is no function."""
    spec = getattr(node, "args", None)
    if not isinstance(spec, ast.arguments):
        return []
    every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
    return [a.arg for a in every if a is not None]
