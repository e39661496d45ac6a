"""Expressions, followed as Python would evaluate them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from dsv4_env.lang.python import objects
from dsv4_env.lang.python.run import MAX_NESTING, Run, decide, key_of, keyed
from dsv4_env.lang.python.values import (
    MAX_ITEMS,
    NONE,
    Const,
    Ext,
    Func,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    const,
    current,
    default_of,
    joined,
    python_value,
    truth,
    unknown_of,
)
from dsv4_env.model import Unknown


def evaluate(run: Run, scope: Scope, node: ast.expr) -> Val:
    """The value of an expression."""
    run.step()
    handler = _EXPRESSIONS.get(type(node))
    if handler is None:
        return unknown(scope, node, "not followed")
    if run.nesting >= MAX_NESTING:
        return unknown(scope, node, "nested too deeply to follow")
    run.nesting += 1
    try:
        return handler(run, scope, node)
    finally:
        run.nesting -= 1


def unknown(scope: Scope, node: ast.expr, reason: str, *parts: Val) -> Unknown:
    """A node that can't be known, with the outside variables that its parts name."""
    names = tuple(dict.fromkeys(n for p in parts if isinstance(p, Unknown) for n in p.names))
    return Unknown(scope.source.text(node), reason, names, location=scope.source.place(node))


def _constant(run: Run, scope: Scope, node: ast.Constant) -> Val:
    return const(node.value, scope.source.place(node))


def _name(run: Run, scope: Scope, node: ast.Name) -> Val:
    found = find(scope, node.id)
    if found is not None:
        return found
    return Ext(node.id, node.id, scope.source.place(node))


def find(scope: Scope, name: str) -> Val | None:
    """What a name is bound to: here, in the functions around, or in the module."""
    at: Scope | None = scope
    while at is not None:
        if name in at.names and (at is scope or at.kind != "class"):
            return at.names[name]
        at = at.parent
    return None


def _attribute(run: Run, scope: Scope, node: ast.Attribute) -> Val:
    owner = evaluate(run, scope, node.value)
    return objects.attribute(run, scope, owner, node.attr, node)


def _joined_str(run: Run, scope: Scope, node: ast.JoinedStr) -> Val:
    where = scope.source.place(node)
    parts: list[Val] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            parts.append(_formatted(run, scope, part))
        else:
            parts.append(evaluate(run, scope, part))
    return joined(parts, where, run.budget)


_CONVERSIONS: dict[int, Callable[[Any], str]] = {114: repr, 115: str, 97: ascii}


def _formatted(run: Run, scope: Scope, node: ast.FormattedValue) -> Val:
    value = evaluate(run, scope, node.value)
    where = scope.source.place(node.value)
    if isinstance(value, Const):
        spec = evaluate(run, scope, node.format_spec) if node.format_spec else const("")
        if not isinstance(spec, Const) or sum(c.isdigit() for c in spec.value) > 4:
            return unknown(scope, node.value, "a format that isn't known")
        convert = _CONVERSIONS.get(node.conversion)
        try:
            plain = convert(value.value) if convert else value.value
            text = format(plain, spec.value)
            run.budget.make(len(text))
            return const(text, where)
        except (ValueError, TypeError):
            return unknown(scope, node.value, "can't be formatted")
    if node.format_spec or node.conversion not in (-1, 115) or not isinstance(value, Unknown):
        found = unknown_of(value, scope.source.text(node.value), where)
        return Unknown(found.text, found.reason, found.names, location=where)
    return value


def elements(run: Run, scope: Scope, nodes: list[ast.expr]) -> tuple[Val, ...]:
    """The items of a display or the arguments of a call, with what ``*`` brings."""
    items: list[Val] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            items += iterated(run, scope, evaluate(run, scope, node.value), node.value)
            run.budget.make(8 * len(items))
        else:
            items.append(evaluate(run, scope, node))
    return bounded(items, scope, nodes[0]) if nodes else ()


def bounded(items: list[Val] | tuple[Val, ...], scope: Scope, node: ast.expr) -> tuple[Val, ...]:
    """The items, or one unknown for all when there are absurdly many."""
    if len(items) > MAX_ITEMS:
        return (splitting(unknown(scope, node, "too long a list to follow")),)
    return tuple(items)


def splitting(value: Unknown) -> Unknown:
    """The same, standing for any number of items."""
    return Unknown(value.text, value.reason, value.names, splits=True, location=value.location)


def iterated(run: Run, scope: Scope, value: Val, node: ast.expr) -> tuple[Val, ...]:
    """What going over a value gives; one Unknown that splits where that isn't known."""
    if isinstance(value, Seq) and (value.kind != "set" or len(value.items) < 2):
        return value.items
    if isinstance(value, Const) and isinstance(value.value, str) and len(value.value) <= MAX_ITEMS:
        run.spend(len(value.value) >> 2)
        return tuple(Const(c, value.where) for c in value.value)
    if isinstance(value, Map) and not value.inherits:
        try:
            run.spend(len(value.log) >> 3)
            return tuple(e.key for e in current(value).values() if e.key)
        except NotKnown:
            pass
    where = scope.source.place(node)
    return (splitting(unknown_of(value, scope.source.text(node), where)),)


def _sequence(run: Run, scope: Scope, node: ast.List | ast.Tuple | ast.Set) -> Val:
    kind = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}[type(node)]
    return Seq(elements(run, scope, node.elts), kind, scope.source.place(node))


def _dict(run: Run, scope: Scope, node: ast.Dict) -> Val:
    found = Map(where=scope.source.place(node))
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            objects.merge(run, scope, found, evaluate(run, scope, value), value)
        else:
            name = evaluate(run, scope, key)
            item = evaluate(run, scope, value)
            objects.put_item(run, scope, found, name, item, key)
    return found


def _is(value: Val, kind: Any) -> bool:
    return isinstance(value, Const) and isinstance(value.value, kind)


def _unary(run: Run, scope: Scope, node: ast.UnaryOp) -> Val:
    value = evaluate(run, scope, node.operand)
    where = scope.source.place(node)
    if isinstance(node.op, ast.Not):
        known = truth(value)
        if known is not None:
            return const(not known, where)
        return keyed(
            run, unknown(scope, node, "not a constant", value), ("not", key_of(run, value))
        )
    if _is(value, int | float) and isinstance(node.op, ast.USub | ast.UAdd):
        number = value.value  # type: ignore[union-attr]
        return const(-number if isinstance(node.op, ast.USub) else +number, where)
    return unknown(scope, node, "not a constant", value)


def _boolop(run: Run, scope: Scope, node: ast.BoolOp) -> Val:
    stops = isinstance(node.op, ast.Or)
    left: Val = NONE
    for at, operand in enumerate(node.values):
        left = evaluate(run, scope, operand)
        known = truth(left)
        if known is None:
            return _half_known(run, scope, node, left, node.values[at + 1 :])
        if known is stops:
            break
    return left


def _half_known(run: Run, scope: Scope, node: ast.BoolOp, left: Val, rest: list[ast.expr]) -> Val:
    """``X or d`` with an unknown X: unknown, *d* when X isn't set at all."""
    if not rest:
        return left
    stops = isinstance(node.op, ast.Or)
    answer = run.answers.get(key_of(run, left))
    if answer is not None:
        if bool(answer) is stops:
            return left
        return _boolop(run, scope, ast.copy_location(ast.BoolOp(node.op, rest), node))
    from dsv4_env.lang.python.unsettled import unsettle_values

    after = [evaluate(run, scope, n) for n in rest]
    unsettle_values(run, scope, [rest], scope.source.text(node.values[0]))
    found = unknown(scope, node, "not a constant", left, *after)
    default = None
    if isinstance(left, Unknown) and stops and len(after) == 1:
        if objects.none_when_unset(run, left):
            default = default_of(after[0]) if _is_text(after[0]) else None
        elif left.default and not left.default.isdigit() and left.default != "False":
            default = left.default
    return Unknown(found.text, found.reason, found.names, default, location=found.location)


def _is_text(value: Val) -> bool:
    return _is(value, str) or isinstance(value, Unknown)


def holds(run: Run, scope: Scope, node: ast.expr) -> bool:
    """Whether a test holds: known, or each of both sides in turn."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not holds(run, scope, node.operand)
    if isinstance(node, ast.BoolOp):
        each = (holds(run, scope, operand) for operand in node.values)
        return all(each) if isinstance(node.op, ast.And) else any(each)
    value = evaluate(run, scope, node)
    known = truth(value)
    if known is not None:
        return known
    made = isinstance(node, ast.Call) and isinstance(value, Unknown)
    text = value.text if made and isinstance(value, Unknown) else scope.source.text(node)
    return decide(run, key_of(run, value), text)


def _ifexp(run: Run, scope: Scope, node: ast.IfExp) -> Val:
    if not run.forking:
        known = truth(evaluate(run, scope, node.test))
        if known is None:
            from dsv4_env.lang.python.unsettled import unsettle_values

            ways = [[node.body], [node.orelse]]
            unsettle_values(run, scope, ways, scope.source.text(node.test))
            return unknown(scope, node, "depends on what isn't known")
        return evaluate(run, scope, node.body if known else node.orelse)
    return evaluate(run, scope, node.body if holds(run, scope, node.test) else node.orelse)


def _subscript(run: Run, scope: Scope, node: ast.Subscript) -> Val:
    owner = evaluate(run, scope, node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(run, scope, owner, node.slice, node)
    return objects.item(run, scope, owner, evaluate(run, scope, node.slice), node)


def _slice(run: Run, scope: Scope, owner: Val, part: ast.Slice, node: ast.expr) -> Val:
    bounds = [evaluate(run, scope, n) if n else NONE for n in (part.lower, part.upper, part.step)]
    whole = all(isinstance(b, Const) and b.value is None for b in bounds)
    fixed = isinstance(owner, Seq) and not any(
        isinstance(i, Unknown) and i.splits for i in owner.items
    )
    try:
        cut = slice(*(python_value(b, run.budget) for b in bounds))
        if isinstance(owner, Seq) and (fixed or whole):
            run.budget.make(8 * len(owner.items))
            return Seq(owner.items[cut], owner.kind, scope.source.place(node))
        if isinstance(owner, Const) and isinstance(owner.value, str):
            run.budget.make(len(owner.value))
            return const(owner.value[cut], owner.where)
    except (NotKnown, TypeError, ValueError):
        pass
    found = unknown(scope, node, "a slice that isn't known", owner)
    return Seq((splitting(found),), owner.kind) if isinstance(owner, Seq) else found


def _lambda(run: Run, scope: Scope, node: ast.Lambda) -> Val:
    return Func(node, scope, "<lambda>", defaults(run, scope, node.args))


def defaults(run: Run, scope: Scope, args: ast.arguments) -> dict[str, Val]:
    """The defaults of a function's parameters, evaluated where it is defined."""
    plain = [*args.posonlyargs, *args.args]
    found: dict[str, Val] = {}
    for arg, node in zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True):
        found[arg.arg] = evaluate(run, scope, node)
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is not None:
            found[arg.arg] = evaluate(run, scope, default)
    return found


def _walrus(run: Run, scope: Scope, node: ast.NamedExpr) -> Val:
    value = evaluate(run, scope, node.value)
    objects.assign(run, scope, node.target, value)
    return value


def _await(run: Run, scope: Scope, node: ast.Await) -> Val:
    return evaluate(run, scope, node.value)


def _yield(run: Run, scope: Scope, node: ast.Yield) -> Val:
    if node.value:
        evaluate(run, scope, node.value)
    return unknown(scope, node, "given from outside")


def _call(run: Run, scope: Scope, node: ast.Call) -> Val:
    from dsv4_env.lang.python import calls

    return calls.call(run, scope, node)


def _binop(run: Run, scope: Scope, node: ast.BinOp) -> Val:
    from dsv4_env.lang.python import operators

    return operators.binop(run, scope, node)


def _compare(run: Run, scope: Scope, node: ast.Compare) -> Val:
    from dsv4_env.lang.python import operators

    return operators.compare(run, scope, node)


def _comprehension(
    run: Run, scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
) -> Val:
    from dsv4_env.lang.python import comprehensions

    return comprehensions.comprehension(run, scope, node)


_EXPRESSIONS: dict[type[ast.expr], Callable[[Run, Scope, Any], Val]] = {
    ast.Attribute: _attribute,
    ast.Await: _await,
    ast.BinOp: _binop,
    ast.BoolOp: _boolop,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Dict: _dict,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.IfExp: _ifexp,
    ast.JoinedStr: _joined_str,
    ast.Lambda: _lambda,
    ast.List: _sequence,
    ast.ListComp: _comprehension,
    ast.Name: _name,
    ast.NamedExpr: _walrus,
    ast.Set: _sequence,
    ast.SetComp: _comprehension,
    ast.Subscript: _subscript,
    ast.Tuple: _sequence,
    ast.UnaryOp: _unary,
    ast.Yield: _yield,
}
