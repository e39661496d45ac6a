"""Expressions, followed as Python would evaluate them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, TypeAlias

from dsv4_env.lang.python.interp.havoc import havoc_expressions
from dsv4_env.lang.python.interp.machine import Machine, Paused
from dsv4_env.lang.python.interp.targets import assign_to, attribute_of, cut_of
from dsv4_env.lang.python.values import operations as ops
from dsv4_env.lang.python.values.kinds import (
    NONE,
    Const,
    Ext,
    Func,
    Map,
    Scope,
    Seq,
    Val,
    const,
    default_text,
    is_const,
    joined_text,
    may_be_text,
    splits,
    splitting,
    truth_of,
    unknown_of,
)
from dsv4_env.model import Unknown


def _name(vm: Machine, scope: Scope, node: ast.Name) -> Val:
    return scope.find(node.id) or Ext(node.id, node.id, scope.place(node))


def _attribute(vm: Machine, scope: Scope, node: ast.Attribute) -> Val:
    owner = vm.evaluate(scope, node.value)
    return attribute_of(vm, scope, owner, node.attr, node)


def _joined_str(vm: Machine, scope: Scope, node: ast.JoinedStr) -> Val:
    parts = [
        _formatted_value(vm, scope, part)
        if isinstance(part, ast.FormattedValue)
        else vm.evaluate(scope, part)
        for part in node.values
    ]
    return joined_text(parts, scope.place(node), vm.budget)


_CONVERSIONS: dict[int, Callable[[Any], str]] = {114: repr, 115: str, 97: ascii}


def _formatted_value(vm: Machine, scope: Scope, node: ast.FormattedValue) -> Val:
    value = vm.evaluate(scope, node.value)
    where = scope.place(node.value)
    if isinstance(value, Const):
        spec = vm.evaluate(scope, node.format_spec) if node.format_spec else const("")
        if not isinstance(spec, Const) or sum(c.isdigit() for c in spec.value) > 4:
            return scope.unknown(node.value, "a format that isn't known")
        convert = _CONVERSIONS.get(node.conversion)
        try:
            plain = convert(value.value) if convert else value.value
            text = format(plain, spec.value)
            vm.budget.make(len(text))
            return const(text, where)
        except (ValueError, TypeError):
            return scope.unknown(node.value, "can't be formatted")
    if node.format_spec or node.conversion not in (-1, 115) or not isinstance(value, Unknown):
        found = unknown_of(value, scope.text(node.value), where)
        return Unknown(found.text, found.reason, found.names, location=where)
    return value


def evaluate_all(vm: Machine, scope: Scope, nodes: list[ast.expr]) -> tuple[Val, ...]:
    """The items of a display or the arguments of a call, with what ``*`` brings."""
    items: list[Val] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            items += ops.items_of(vm, scope, vm.evaluate(scope, node.value), node.value)
            vm.budget.make(8 * len(items))
        else:
            items.append(vm.evaluate(scope, node))
    return scope.limited(items, nodes[0]) if nodes else ()


def _sequence(vm: Machine, scope: Scope, node: ast.List | ast.Tuple | ast.Set) -> Val:
    kind = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}[type(node)]
    return Seq(evaluate_all(vm, scope, node.elts), kind, scope.place(node))


def _dict(vm: Machine, scope: Scope, node: ast.Dict) -> Val:
    found = Map(where=scope.place(node))
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            ops.merge_into(vm, scope, found, vm.evaluate(scope, value), value)
        else:
            name = vm.evaluate(scope, key)
            item = vm.evaluate(scope, value)
            ops.put_item(vm, scope, found, name, item, key)
    return found


def _unary(vm: Machine, scope: Scope, node: ast.UnaryOp) -> Val:
    value = vm.evaluate(scope, node.operand)
    where = scope.place(node)
    if isinstance(node.op, ast.Not):
        known = truth_of(value)
        if known is not None:
            return const(not known, where)
        found = scope.unknown(node, "not a constant", value)
        return vm.keyed(found, ("not", vm.key_of(value)))
    if is_const(value, int | float) and isinstance(node.op, ast.USub | ast.UAdd):
        number = value.value
        return const(-number if isinstance(node.op, ast.USub) else +number, where)
    return scope.unknown(node, "not a constant", value)


def _binop(vm: Machine, scope: Scope, node: ast.BinOp) -> Val:
    left, right = vm.evaluate(scope, node.left), vm.evaluate(scope, node.right)
    return ops.binary(vm, scope, node.op, left, right, node)


def _compare(vm: Machine, scope: Scope, node: ast.Compare) -> Val:
    vm.spend(len(node.ops))
    values = [vm.evaluate(scope, n) for n in (node.left, *node.comparators)]
    return ops.comparison(vm, scope, node, values)


def _boolop(vm: Machine, scope: Scope, node: ast.BoolOp) -> Val:
    stops = isinstance(node.op, ast.Or)
    left: Val = NONE
    for at, operand in enumerate(node.values):
        left = vm.evaluate(scope, operand)
        known = truth_of(left)
        if known is None:
            return _half_known(vm, scope, node, left, node.values[at + 1 :])
        if known is stops:
            break
    return left


def _half_known(
    vm: Machine, scope: Scope, node: ast.BoolOp, left: Val, rest: list[ast.expr]
) -> Val:
    """``X or d`` with an unknown X: unknown, *d* when X isn't set at all."""
    if not rest:
        return left
    stops = isinstance(node.op, ast.Or)
    answer = vm.answers.get(vm.key_of(left))
    if answer is not None:
        if bool(answer) is stops:
            return left
        return _boolop(vm, scope, ast.copy_location(ast.BoolOp(node.op, rest), node))
    after = [vm.evaluate(scope, n) for n in rest]
    havoc_expressions(vm, scope, [rest], scope.text(node.values[0]))
    found = scope.unknown(node, "not a constant", left, *after)
    default = None
    if isinstance(left, Unknown) and stops and len(after) == 1:
        if ops.none_when_unset(left):
            default = default_text(after[0]) if may_be_text(after[0]) else None
        elif left.default and not left.default.isdigit() and left.default != "False":
            default = left.default
    return Unknown(found.text, found.reason, found.names, default, location=found.location)


def test_holds(vm: Machine, scope: Scope, node: ast.expr) -> bool:
    """Whether a test holds: known, or each of both sides in turn."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not test_holds(vm, scope, node.operand)
    if isinstance(node, ast.BoolOp):
        each = (test_holds(vm, scope, operand) for operand in node.values)
        return all(each) if isinstance(node.op, ast.And) else any(each)
    value = vm.evaluate(scope, node)
    known = truth_of(value)
    if known is not None:
        return known
    made = isinstance(node, ast.Call) and isinstance(value, Unknown)
    text = value.text if made and isinstance(value, Unknown) else scope.text(node)
    return vm.decide(vm.key_of(value), text)


def test_known(vm: Machine, scope: Scope, node: ast.expr) -> bool | None:
    """Whether a test holds, where it is known or was decided on this path; None otherwise."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = test_known(vm, scope, node.operand)
        return None if inner is None else not inner
    if isinstance(node, ast.BoolOp):
        each = [test_known(vm, scope, operand) for operand in node.values]
        ends = isinstance(node.op, ast.Or)
        return ends if ends in each else None if None in each else not ends
    value = vm.evaluate(scope, node)
    known = truth_of(value)
    if known is None and vm.mode.recording:  # a round may differ from the one before
        return vm.answers.get(vm.key_of(value))
    return known


def _ifexp(vm: Machine, scope: Scope, node: ast.IfExp) -> Val:
    if not vm.mode.forking:
        known = test_known(vm, scope, node.test)
        if known is None:
            sides = [[node.body], [node.orelse]]
            havoc_expressions(vm, scope, sides, scope.text(node.test))
            return scope.unknown(node, "depends on what isn't known")
        return vm.evaluate(scope, node.body if known else node.orelse)
    holds = test_holds(vm, scope, node.test)
    return vm.evaluate(scope, node.body if holds else node.orelse)


def _subscript(vm: Machine, scope: Scope, node: ast.Subscript) -> Val:
    owner = vm.evaluate(scope, node.value)
    if isinstance(node.slice, ast.Slice):
        return _slice(vm, scope, owner, node.slice, node)
    return ops.item_of(vm, scope, owner, vm.evaluate(scope, node.slice), node)


def _slice(vm: Machine, scope: Scope, owner: Val, part: ast.Slice, node: ast.expr) -> Val:
    cut = cut_of(vm, scope, part)
    if isinstance(owner, Seq) and cut is not None:
        if cut == slice(None) or not any(map(splits, owner.items)):
            vm.budget.make(8 * len(owner.items))
            return Seq(owner.items[cut], owner.kind, scope.place(node))
    elif isinstance(owner, Const) and isinstance(owner.value, str) and cut is not None:
        vm.budget.make(len(owner.value))
        return const(owner.value[cut], owner.where)
    found = scope.unknown(node, "a slice that isn't known", owner)
    return Seq((splitting(found),), owner.kind) if isinstance(owner, Seq) else found


def _lambda(vm: Machine, scope: Scope, node: ast.Lambda) -> Val:
    return Func(node, scope, "<lambda>", parameter_defaults(vm, scope, node.args))


def parameter_defaults(vm: Machine, scope: Scope, args: ast.arguments) -> dict[str, Val]:
    """The defaults of a function's parameters, evaluated where it is defined."""
    plain = [*args.posonlyargs, *args.args]
    found: dict[str, Val] = {}
    for arg, node in zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True):
        found[arg.arg] = vm.evaluate(scope, node)
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        if default is not None:
            found[arg.arg] = vm.evaluate(scope, default)
    return found


def _walrus(vm: Machine, scope: Scope, node: ast.NamedExpr) -> Val:
    value = vm.evaluate(scope, node.value)
    assign_to(vm, scope, node.target, value)
    return value


def _yield(vm: Machine, scope: Scope, node: ast.Yield) -> Val:
    value = vm.evaluate(scope, node.value) if node.value else NONE
    if vm.paused is not None and scope.func is vm.paused:
        raise Paused(value)
    return scope.unknown(node, "given from outside")


_Each: TypeAlias = Callable[[Unknown | None], None]
_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def _comprehension(vm: Machine, scope: Scope, node: _Comprehension) -> Val:
    """The list, set or dict that a comprehension makes; a generator counts as a list."""
    where = scope.place(node)
    inner = scope.inner("function", scope.qualname)
    if isinstance(node, ast.DictComp):
        found = Map(where=where)

        def pair(unsure: Unknown | None) -> None:
            key, value = vm.evaluate(inner, node.key), vm.evaluate(inner, node.value)
            ops.put_item(vm, inner, found, unsure or key, value, node.key)

        _over(vm, inner, node.generators, pair, node)
        return found
    items: list[Val] = []

    def one(unsure: Unknown | None) -> None:
        items.append(unsure or vm.evaluate(inner, node.elt))

    _over(vm, inner, node.generators, one, node)
    kind = "set" if isinstance(node, ast.SetComp) else "list"
    return Seq(scope.limited(items, node), kind, where)


def extend_list(vm: Machine, scope: Scope, node: ast.GeneratorExp, target: Seq) -> None:
    """``target.extend(… for …)``: each item is there before the next is asked for."""
    inner = scope.inner("function", scope.qualname)
    vm.set(target, "items", target.items)  # undone once, for all that follows

    def one(unsure: Unknown | None) -> None:
        item = unsure or vm.evaluate(inner, node.elt)
        vm.budget.make(8 * len(target.items))
        target.items = scope.limited((*target.items, item), node)

    _over(vm, inner, node.generators, one, node)


def _over(
    vm: Machine, scope: Scope, loops: list[ast.comprehension], each: _Each, node: ast.expr
) -> None:
    """Go over the loops of a comprehension; *each* gets an Unknown for what can't be told."""
    if not loops:
        vm.step()
        vm.spend(3)
        each(None)
        return
    loop, *rest = loops
    for item in ops.items_of(vm, scope, vm.evaluate(scope, loop.iter), loop.iter):
        if splits(item):
            _maybe(vm, scope, loops, node, scope.text(loop.iter))
            each(splitting(scope.unknown(node, item.reason, item)))
            continue
        assign_to(vm, scope, loop.target, item)
        known = [truth_of(vm.evaluate(scope, test)) for test in loop.ifs]
        if False in known:
            continue
        if None in known:
            _maybe(vm, scope, rest, node, scope.text(loop.ifs[0]))
            each(splitting(scope.unknown(node, "depends on what isn't known")))
            continue
        _over(vm, scope, rest, each, node)


def _maybe(
    vm: Machine, scope: Scope, loops: list[ast.comprehension], node: ast.expr, text: str
) -> None:
    """What a comprehension changes where nobody knows how often, or whether, it goes on."""
    inner: list[ast.expr] = [n for loop in loops for n in (loop.iter, *loop.ifs)]
    if isinstance(node, ast.DictComp):
        inner += [node.key, node.value]
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        inner.append(node.elt)
    for loop in loops:
        assign_to(vm, scope, loop.target, scope.unknown(loop.target, f"one of {text}"))
    havoc_expressions(vm, scope, [inner], text, rounds=2)


EXPRESSIONS: dict[type[ast.expr], Callable[[Machine, Scope, Any], Val]] = {
    ast.Attribute: _attribute,
    ast.Await: lambda vm, scope, node: vm.evaluate(scope, node.value),
    ast.BinOp: _binop,
    ast.BoolOp: _boolop,
    ast.Compare: _compare,
    ast.Constant: lambda vm, scope, node: const(node.value, scope.place(node)),
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
