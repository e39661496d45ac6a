"""Syntax trees: going over them, and what is told of them once and asked for again."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, ParamSpec, TypeVar

# Fields that hold no nodes, or only those that stand for an operator.
_BARE = frozenset(
    "arg asname attr conversion ctx id is_async kind level lineno module op ops rest simple tag "
    "type_comment".split()
)


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a kind of node that may hold nodes: most kinds of leaves have none."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        held = () if kind is ast.Constant else tuple(f for f in kind._fields if f not in _BARE)
        self[kind] = held
        return held


_FIELDS = _Fields()
# What has lists with other things among the nodes: None for what isn't there, and plain names.
_MIXED = frozenset({ast.Dict, ast.arguments, ast.Global, ast.Nonlocal, ast.MatchClass})


def walk_tree(node: ast.AST) -> list[ast.AST]:
    """All nodes below a node and itself, in no order that means anything (ast.walk, but quick)."""
    found = [node]
    fields = _FIELDS
    for each in found:  # the list grows while it is gone over
        for name in fields[each.__class__]:
            value = getattr(each, name, None)
            if value.__class__ is list:
                if value:
                    mixed = each.__class__ in _MIXED
                    found += [v for v in value if isinstance(v, ast.AST)] if mixed else value
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, in the order of its fields."""
    found: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            mixed = node.__class__ in _MIXED
            found += [v for v in value if isinstance(v, ast.AST)] if mixed else value
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def callee(node: ast.Call) -> str:
    """The last name of what a call calls."""
    func = node.func
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def handed(node: ast.Call) -> list[ast.expr]:
    """The names that a call is given: a function among them may be called by what gets it."""
    values = [*node.args, *(k.value for k in node.keywords)]
    return [v for v in values if isinstance(v, ast.Name | ast.Attribute)]


def last_name(node: ast.expr) -> str:
    """The last name of a dotted name, of a call or not."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def may_be(node: ast.expr) -> list[ast.expr]:
    """The names of functions that a value may be, hold, or be made to call."""
    found: list[ast.expr] = []
    pending: list[ast.expr | None] = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.Name | ast.Attribute):
            found.append(each)
        elif isinstance(each, ast.List | ast.Tuple | ast.Set):
            pending += each.elts
        elif isinstance(each, ast.Dict):
            pending += each.values
        elif isinstance(each, ast.IfExp):
            pending += [each.body, each.orelse]
        elif isinstance(each, ast.BoolOp):
            pending += each.values
        elif isinstance(each, ast.Starred | ast.Subscript | ast.NamedExpr | ast.Await):
            pending.append(each.value)
        elif isinstance(each, ast.Call):
            pending += handed(each)
            texts = each.args[1:2] if callee(each) == "getattr" else []
            found += [ast.Name(str(n.value)) for n in texts if isinstance(n, ast.Constant)]
    return found


def called_by(node: ast.Call) -> list[ast.expr]:
    """The names of what a call may call besides the one that it has: what it is given, too."""
    func = node.func
    more = [] if isinstance(func, ast.Name | ast.Attribute) else may_be(func)
    return handed(node) + more


_P = ParamSpec("_P")
_T = TypeVar("_T")
_MOST = 2_000_000  # characters of texts: a tree takes fifty times as much
_caches: list[_lru_cache_wrapper[Any]] = []
_read = 0  # characters since they were last forgotten
KEPT = 64  # modules whose facts are kept for the next file that imports them


def remembered(size: int) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Keep the last *size* answers of a function of trees, until :func:`count_read` drops them."""

    def wrapped(function: Callable[_P, _T]) -> Callable[_P, _T]:
        cache = lru_cache(maxsize=size)(function)
        _caches.append(cache)
        return cache  # type: ignore[return-value]  # it takes what the function does

    return wrapped


def count_read(text: str) -> None:
    """Count a text of which a tree is made; where they get too many, forget what was told."""
    global _read
    _read += len(text)
    if _read > _MOST:
        for cache in _caches:
            cache.cache_clear()
        _read = len(text)
