"""Attributes, and what can be assigned to."""

from __future__ import annotations

import ast

from dsv4_env.lang.python.interp.machine import Machine
from dsv4_env.lang.python.values import operations as ops
from dsv4_env.lang.python.values.kinds import (
    NONE,
    BoundMethod,
    BuiltinMethod,
    ClassValue,
    Ext,
    Func,
    Instance,
    Map,
    NotKnown,
    ReadModule,
    Scope,
    Seq,
    Super,
    Val,
    is_const,
    mro_attribute,
    python_value,
    splits,
    splitting,
)
from dsv4_env.model import Location, Unknown

UNSET = "not set anywhere in what is read"


def attribute_of(vm: Machine, scope: Scope, owner: Val, name: str, node: ast.expr) -> Val:
    """``owner.name``."""
    where = scope.place(node)
    text = scope.text(node)
    if isinstance(owner, Ext):
        full = f"{owner.name}.{name}"
        return vm.environ if full == "os.environ" else Ext(full, text, where)
    if isinstance(owner, ReadModule):
        found = owner.scope.names.get(name)
        return found if found is not None else Ext(f"{owner.name}.{name}", text, where)
    if isinstance(owner, Instance):
        if name in owner.attrs:
            return owner.attrs[name]
        if isinstance(owner.cls, Ext):
            known = vm.watch.attribute(vm, scope, owner, name, node)
            reason = f"{owner.cls.shown} isn't defined in what is read"
            return known if known is not None else scope.unknown(node, reason)
        found = owner.cls.attribute(name)
        return _bind_method(vm, scope, found, owner.cls, owner, text, where)
    if isinstance(owner, ClassValue):
        return _bind_method(vm, scope, owner.attribute(name), owner, None, text, where)
    if isinstance(owner, Super):
        first = owner.first
        cls = first.cls if isinstance(first, Instance) else first
        mro = cls.mro if isinstance(cls, ClassValue) else ()
        after = mro[mro.index(owner.after) + 1 :] if owner.after in mro else ()
        found = mro_attribute(after, name)
        instance = first if isinstance(first, Instance) else None
        return _bind_method(vm, scope, found, cls, instance, text, where)
    if isinstance(owner, Unknown):
        return Unknown(text, owner.reason, owner.names, location=where)
    if isinstance(owner, Func | BoundMethod | BuiltinMethod):
        return scope.unknown(node, "not followed")
    return BuiltinMethod(owner, name)


def _bind_method(
    vm: Machine,
    scope: Scope,
    found: Val | None,
    cls: Val,
    instance: Instance | None,
    text: str,
    where: Location,
) -> Val:
    if found is None or isinstance(found, Unknown):
        return found or Unknown(text, UNSET, location=where)
    if isinstance(found, Ext) and found.where is None:
        return Unknown(text, f"from {found.shown}, which isn't read", location=where)
    if not isinstance(found, Func):
        return found
    if found.kind == "classmethod":
        return BoundMethod(found, cls)
    if found.kind == "staticmethod" or instance is None:
        return found
    if found.kind == "property":
        return vm.invoke(found, [instance], {}, scope, None)
    return BoundMethod(found, instance)


def assign_to(vm: Machine, scope: Scope, target: ast.expr, value: Val) -> None:
    """Assign to a name, an attribute, an item, or several at once."""
    if isinstance(target, ast.Name):
        ops.bind_name(vm, scope, target.id, value)
    elif isinstance(target, ast.Attribute):
        owner = vm.evaluate(scope, target.value)
        table = owner.attrs if isinstance(owner, Instance) else None
        if isinstance(owner, ClassValue):
            table = owner.names
        elif isinstance(owner, ReadModule):
            table = owner.scope.names
        if table is not None:
            vm.put(table, target.attr, value)
            within = scope.qualname if scope.kind == "function" else ""
            name = f"{within}.{target.attr}" if within else target.attr
            ops.label_entries(vm, value, name)
    elif isinstance(target, ast.Subscript):
        owner = vm.evaluate(scope, target.value)
        if isinstance(owner, Map):
            key = vm.evaluate(scope, target.slice)
            ops.put_item(vm, scope, owner, key, value, target.slice)
        elif isinstance(owner, Seq):
            replace_item(vm, scope, owner, target, value)
    elif isinstance(target, ast.Starred):
        assign_to(vm, scope, target.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(vm, scope, target.elts, value)


def replace_item(vm: Machine, scope: Scope, owner: Seq, target: ast.Subscript, *new: Val) -> None:
    """``owner[…] = new`` of a list; where nothing is new, ``del owner[…]``."""
    if isinstance(target.slice, ast.Slice):
        cut, step = cut_of(vm, scope, target.slice), target.slice.step
        if cut is not None and (step is None or not new) and not any(map(splits, owner.items)):
            items = list(owner.items)
            vm.budget.make(16 * len(items))
            if new:
                items[cut] = [i for v in new for i in ops.items_of(vm, scope, v, target)]
            else:
                del items[cut]
            vm.set(owner, "items", scope.limited(tuple(items), target))
            return
    at = None if isinstance(target.slice, ast.Slice) else vm.evaluate(scope, target.slice)
    if at is not None and is_const(at, int) and ops.item_at(owner, at.value) is not None:
        items = list(owner.items)
        vm.budget.make(16 * len(items))
        number = at.value % len(items)
        items[number : number + 1] = new
        vm.set(owner, "items", tuple(items))
        return
    reason = f"an item that isn't known was {'replaced' if new else 'deleted'}"
    vm.set(owner, "items", (splitting(scope.unknown(target, reason)),))


def cut_of(vm: Machine, scope: Scope, part: ast.Slice) -> slice | None:
    """What ``[a:b:c]`` takes; None where that isn't known."""
    given = (part.lower, part.upper, part.step)
    bounds = [vm.evaluate(scope, n) if n else NONE for n in given]
    try:
        cut = slice(*(python_value(b, vm.budget) for b in bounds))
        cut.indices(0)
    except (NotKnown, TypeError, ValueError):
        return None
    return cut


def _unpack(vm: Machine, scope: Scope, targets: list[ast.expr], value: Val) -> None:
    items = ops.items_of(vm, scope, value, targets[0]) if targets else ()
    split = any(map(splits, items))
    star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    if split or (star is None and len(items) != len(targets)) or len(items) < len(targets) - 1:
        for target in targets:
            unsure = scope.unknown(target, "unpacked from what isn't known")
            assign_to(vm, scope, target, unsure)
        return
    if star is not None:
        after = len(targets) - star - 1
        middle = items[star : len(items) - after]
        items = (*items[:star], Seq(middle), *items[len(items) - after :])
    for target, each in zip(targets, items, strict=True):
        assign_to(vm, scope, target, each)
