"""Operators and comparisons on values."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from dsv4_env.lang.python.values.containers import copied_map, item_of, items_of, merge_into
from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    Const,
    Ext,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    const,
    entry_of,
    is_const,
    joined_text,
    limited,
    python_value,
    splits,
    unknown,
)
from dsv4_env.lang.python.values.store import Store
from dsv4_env.model import Unknown

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}


def binary(
    store: Store, scope: Scope, op: ast.operator, left: Val, right: Val, node: ast.expr
) -> Val:
    """``left op right``; *node* is where it stands."""
    where = scope.source.place(node)
    if isinstance(op, ast.Add):
        if isinstance(left, Seq) and isinstance(right, Seq):
            store.budget.make(8 * (len(left.items) + len(right.items)))
            return Seq(limited(left.items + right.items, scope, node), left.kind, where)
        if isinstance(left, Seq) or isinstance(right, Seq):
            sides = [items_of(store, scope, v, node) for v in (left, right)]
            return Seq(limited(sides[0] + sides[1], scope, node), "list", where)
        if _make_text(left, right):
            first = left.where if isinstance(left, Const) else where
            return joined_text([left, right], first, store.budget)
    if isinstance(op, ast.BitOr) and isinstance(left, Map):
        result = copied_map(store, left, where)
        merge_into(store, scope, result, right, node)
        return result
    if isinstance(op, ast.Mult):
        seq, times = (left, right) if isinstance(left, Seq) else (right, left)
        count = times.value if isinstance(times, Const) and isinstance(times.value, int) else None
        if isinstance(seq, Seq) and count is not None:
            if len(seq.items) * max(count, 0) > MAX_ITEMS:
                return unknown(scope, node, "too long a list to follow")
            store.budget.make(8 * len(seq.items) * max(count, 0))
            return Seq(seq.items * count if seq.items else (), seq.kind, where)
        if is_const(left, str) or is_const(right, str):
            text, times = (left, right) if is_const(left, str) else (right, left)
            if isinstance(text, Const) and isinstance(times, Const) and is_const(times, int):
                size = times.value * len(text.value)
                if 0 <= size < 10_000:
                    store.budget.make(size)
                    return const(text.value * times.value, text.where)
            return unknown(scope, node, "not followed", left, right)
    if isinstance(op, ast.Mod) and isinstance(left, Const) and is_const(left, str):
        return _percent(store, scope, left, right, node)
    function = _BINARY.get(type(op))
    if function and isinstance(left, Const) and isinstance(right, Const):
        values = left.value, right.value
        if all(isinstance(v, int | float) and abs(v) < 2**63 for v in values):
            try:
                return const(function(*values), where)
            except (ArithmeticError, TypeError):
                pass
    return unknown(scope, node, "not a constant", left, right)


def _make_text(left: Val, right: Val) -> bool:
    """Whether ``+`` of the two is text: one is, and the other is or may be."""
    one, two = is_const(left, str), is_const(right, str)
    maybe = (Unknown, Ext)
    return (one and two) or (one and isinstance(right, maybe)) or (two and isinstance(left, maybe))


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def compared(store: Store, scope: Scope, node: ast.Compare, values: list[Val]) -> Val:
    """A comparison of values; unknown ones of the same values are the same question."""
    where = scope.source.place(node)
    answers = [
        _answer(store, op, a, b) for op, a, b in zip(node.ops, values, values[1:], strict=False)
    ]
    if False in answers:
        return const(False, where)
    if None not in answers:
        return const(True, where)
    found = unknown(scope, node, "not a constant", *values)
    ops = tuple(type(op).__name__ for op in node.ops)
    return store.keyed(found, ("compare", ops, *(store.key_of(v) for v in values)))


def _answer(store: Store, op: ast.cmpop, a: Val, b: Val) -> bool | None:
    if isinstance(op, ast.Is | ast.IsNot):
        same = _same(a, b)
        return None if same is None else same is isinstance(op, ast.Is)
    if isinstance(op, ast.In | ast.NotIn) and isinstance(a, Const):
        inside = _contains(store, b, a.value)
        if inside is not None:
            return inside is isinstance(op, ast.In)
    try:
        return bool(
            _COMPARE[type(op)](python_value(a, store.budget), python_value(b, store.budget))
        )
    except (NotKnown, TypeError):
        return None


def _same(a: Val, b: Val) -> bool | None:
    """``is``, where one side is None, True or False."""
    if a is b:
        return True
    if isinstance(b, Const) and isinstance(b.value, bool | None):
        if isinstance(a, Const):
            return a.value is b.value
        return None if isinstance(a, Unknown | Ext) else False
    return None


def _contains(store: Store, where: Val, item: Any) -> bool | None:
    if isinstance(where, Map):
        entry = entry_of(where, item)
        if entry is not None:
            return True if entry.key else None
        if where.inherits and item not in where.gone:
            return True if item in store.given else None
        return False
    if isinstance(where, Seq):
        store.spend(len(where.items) >> 3)
        if any(isinstance(i, Const) and i.value == item for i in where.items):
            return True
        return False if all(isinstance(i, Const) for i in where.items) else None
    return None


_PERCENT = re.compile(r"%(?:%|\((\w+)\)s|[sd])")


def _percent(store: Store, scope: Scope, left: Const, right: Val, node: ast.expr) -> Val:
    """``"a %s" % value``, for plain placeholders."""
    parts: list[Val] = []
    values = list(right.items) if isinstance(right, Seq) and right.kind == "tuple" else [right]
    at = 0
    values.reverse()
    text = left.value
    if re.sub(_PERCENT, "", text).count("%") or any(map(splits, values)):
        return unknown(scope, node, "not followed")
    for match in _PERCENT.finditer(text):
        parts.append(Const(text[at : match.start()]))
        at = match.end()
        if match[0] == "%%":
            parts.append(Const("%"))
        elif match[1] and isinstance(right, Map):
            parts.append(item_of(store, scope, right, Const(match[1]), node))
        elif values and not match[1]:
            value = values.pop()
            if match[0] == "%d" and not (isinstance(value, Const) and type(value.value) is int):
                value = Unknown("%d", "a number that isn't known")
            parts.append(value)
        else:
            parts.append(Unknown(match[0], "nothing is given for it"))
    parts.append(Const(text[at:]))
    if any(not isinstance(p, Const | Unknown | Ext) for p in parts):
        return unknown(scope, node, "not text")
    return joined_text(parts, left.where, store.budget)
