"""Operators and comparisons on values."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from dsv4_env.lang.python import objects
from dsv4_env.lang.python.expr import bounded, evaluate, iterated, unknown
from dsv4_env.lang.python.run import Run, key_of, keyed
from dsv4_env.lang.python.values import (
    MAX_ITEMS,
    Const,
    Ext,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    const,
    joined,
    looked_up,
    python_value,
)
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


def binop(run: Run, scope: Scope, node: ast.BinOp) -> Val:
    """An operator between two expressions."""
    left, right = evaluate(run, scope, node.left), evaluate(run, scope, node.right)
    return binary(run, scope, node.op, left, right, node)


def binary(run: Run, scope: Scope, op: ast.operator, left: Val, right: Val, node: ast.expr) -> Val:
    """``left op right``; *node* is where it stands."""
    where = scope.source.place(node)
    if isinstance(op, ast.Add):
        if isinstance(left, Seq) and isinstance(right, Seq):
            run.budget.make(8 * (len(left.items) + len(right.items)))
            return Seq(bounded(left.items + right.items, scope, node), left.kind, where)
        if isinstance(left, Seq) or isinstance(right, Seq):
            sides = [iterated(run, scope, v, node) for v in (left, right)]
            return Seq(bounded(sides[0] + sides[1], scope, node), "list", where)
        if _texts(left, right):
            first = left.where if isinstance(left, Const) else where
            return joined([left, right], first, run.budget)
    if isinstance(op, ast.BitOr) and isinstance(left, Map):
        result = objects.copied(run, left, where)
        objects.merge(run, scope, result, right, node)
        return result
    if isinstance(op, ast.Mult):
        seq, times = (left, right) if isinstance(left, Seq) else (right, left)
        count = times.value if isinstance(times, Const) and isinstance(times.value, int) else None
        if isinstance(seq, Seq) and count is not None:
            if len(seq.items) * max(count, 0) > MAX_ITEMS:
                return unknown(scope, node, "too long a list to follow")
            run.budget.make(8 * len(seq.items) * max(count, 0))
            return Seq(seq.items * count if seq.items else (), seq.kind, where)
        if any(isinstance(v, Const) and isinstance(v.value, str) for v in (left, right)):
            text, times = (left, right) if _is(left, str) else (right, left)
            if _is(text, str) and _is(times, int) and 0 <= times.value * len(text.value) < 10_000:  # type: ignore[union-attr]
                run.budget.make(times.value * len(text.value))  # type: ignore[union-attr]
                return const(text.value * times.value, text.where)  # type: ignore[union-attr]
            return unknown(scope, node, "not followed", left, right)
    if isinstance(op, ast.Mod) and _is(left, str):
        return objects.percent(run, scope, left, right, node)  # type: ignore[arg-type]
    function = _BINARY.get(type(op))
    if function and _is(left, int | float) and _is(right, int | float):
        values = left.value, right.value  # type: ignore[union-attr]
        if all(abs(v) < 2**63 for v in values):
            try:
                return const(function(*values), where)
            except (ArithmeticError, TypeError):
                pass
    return unknown(scope, node, "not a constant", left, right)


def _is(value: Val, kind: Any) -> bool:
    return isinstance(value, Const) and isinstance(value.value, kind)


def _texts(left: Val, right: Val) -> bool:
    """Whether ``+`` of the two is text: one is, and the other is or may be."""
    one, two = _is(left, str), _is(right, str)
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


def compare(run: Run, scope: Scope, node: ast.Compare) -> Val:
    """A comparison; unknown ones of the same values are the same question."""
    run.spend(len(node.ops))
    values = [evaluate(run, scope, n) for n in (node.left, *node.comparators)]
    where = scope.source.place(node)
    answers = [
        _compared(run, op, a, b) for op, a, b in zip(node.ops, values, values[1:], strict=False)
    ]
    if False in answers:
        return const(False, where)
    if None not in answers:
        return const(True, where)
    found = unknown(scope, node, "not a constant", *values)
    ops = tuple(type(op).__name__ for op in node.ops)
    return keyed(run, found, ("compare", ops, *(key_of(run, v) for v in values)))


def _compared(run: Run, op: ast.cmpop, a: Val, b: Val) -> bool | None:
    if isinstance(op, ast.Is | ast.IsNot):
        same = _same(a, b)
        return None if same is None else same is isinstance(op, ast.Is)
    if isinstance(op, ast.In | ast.NotIn) and isinstance(a, Const):
        inside = _contains(run, b, a.value)
        if inside is not None:
            return inside is isinstance(op, ast.In)
    try:
        return bool(_COMPARE[type(op)](python_value(a, run.budget), python_value(b, run.budget)))
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


def _contains(run: Run, where: Val, item: Any) -> bool | None:
    if isinstance(where, Map):
        entry = looked_up(where, item)
        if entry is not None:
            return True if entry.key else None
        if where.inherits and item not in where.gone:
            return True if item in run.given else None
        return False
    if isinstance(where, Seq):
        run.spend(len(where.items) >> 3)
        if any(isinstance(i, Const) and i.value == item for i in where.items):
            return True
        return False if all(isinstance(i, Const) for i in where.items) else None
    return None
