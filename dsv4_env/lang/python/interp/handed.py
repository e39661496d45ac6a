"""Functions that are handed to what calls them: a thread, a pool, or something that isn't read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from dsv4_env.lang.python.interp.havoc import havoc_bodies, havoc_expressions, havoc_since
from dsv4_env.lang.python.interp.machine import Machine, Raised
from dsv4_env.lang.python.syntax.effects import changes_of
from dsv4_env.lang.python.syntax.names import parameters
from dsv4_env.lang.python.syntax.trees import last_name
from dsv4_env.lang.python.values import operations as ops
from dsv4_env.lang.python.values.kinds import (
    BoundMethod,
    BuiltinMethod,
    Call,
    Const,
    Ext,
    Func,
    Instance,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    splits,
    splitting,
)

_Make = Callable[[Machine, Scope, Call], Val]


@dataclass(frozen=True, slots=True)
class _Way:
    """How something is given a function and what to call it with, by position and by name.

    *args* and *kwargs* are a tuple and a dict; without them, all that follows is handed on.
    """

    at: int
    name: str = ""
    args: tuple[int, str] | None = None
    kwargs: tuple[int, str] | None = None


_STARTED = _Way(1, "target", (3, "args"), (4, "kwargs"))
_APPLIED = _Way(0, "func", (1, "args"), (2, "kwds"))
_WAYS = {
    "Thread": _STARTED,
    "Process": _STARTED,
    "Timer": _Way(1, "function", (2, "args"), (3, "kwargs")),
    "apply": _APPLIED,
    "apply_async": _APPLIED,
    "start_new_thread": _Way(0, "function", (1, "args"), (2, "kwargs")),
    "submit": _Way(0),
    "to_thread": _Way(0),
    "partial": _Way(0),
    "run_in_executor": _Way(1),
}
_EACH = frozenset("map imap imap_unordered map_async starmap starmap_async thread_map".split())


def follow_handed(vm: Machine, scope: Scope, call: Call, make: _Make) -> None:
    """Follow the functions that a call of something that isn't read is given, as calls."""
    given = list(zip(call.args, call.node.args, strict=False))
    given += [(call.keywords[k.arg], k.value) for k in call.node.keywords if k.arg]
    if not any(isinstance(inner_function(v), Func) or _sought(vm, v, n) for v, n in given):
        return
    way = _WAYS.get(call.name)
    for value, node in given:
        func = inner_function(value)
        if isinstance(node, ast.Starred) or not (
            _sought(vm, value, node) or (isinstance(func, Func) and vm.reach.leads(func.node))
        ):
            continue
        if way is not None and value is _at(call, way.at, way.name):
            _call(vm, scope, call, node, value, [_arguments(call, way)], make)
        elif call.name in _EACH and call.args and value is call.args[0]:
            _call(vm, scope, call, node, value, _rounds(vm, scope, call), make)
        elif way is None and call.name not in vm.watch.harmless:
            unsure = scope.unknown(call.node, f"{call.name} may call it")
            mark = len(vm.trail)
            _call(vm, scope, call, node, value, [([splitting(unsure)], {}, True)], make)
            havoc_since(vm, scope, mark, call.node, f"whether {call.name} calls it")


def havoc_handed(vm: Machine, scope: Scope, call: Call) -> None:
    """What a function may change that a call of something that isn't read is given.

    Whether, how often and with what it is called isn't known: that of a lambda, of a method of a
    dict or list, of a function that was read, where none of them leads to a launch.
    """
    given = list(zip(call.args, call.node.args, strict=False))
    given += [(call.keywords[k.arg], k.value) for k in call.node.keywords if k.arg]
    for value, node in given:
        held = _held(value)
        if isinstance(held, BuiltinMethod):
            if ops.changes_its_owner(held.name):
                ops.widen_value(vm, scope, held.owner, node, f"{call.name} may change it")
            continue
        func = held.func if isinstance(held, BoundMethod) else held
        if not isinstance(func, Func) or isinstance(node, ast.Starred):
            continue
        if vm.reach.leads(func.node) or not _changes(vm, func):
            continue
        unsure = scope.unknown(call.node, f"{call.name} may call it")
        inner = func.scope.inner("function", func.qualified_name)
        inner.func = func
        inner.names.update(dict.fromkeys(parameters(func.node), unsure))
        if isinstance(held, BoundMethod):
            inner.first = held.first
            inner.names.update(dict.fromkeys(parameters(func.node)[:1], held.first))
        text = f"whether {call.name} calls it"
        if isinstance(func.node, ast.Lambda):
            havoc_expressions(vm, inner, [[func.node.body]], text)
        else:
            havoc_bodies(vm, inner, [func.node.body], text, leaving=False)


def _changes(vm: Machine, func: Func) -> bool:
    """Whether a function may change what isn't its own."""
    body = tuple(func.node.body) if isinstance(func.node.body, list) else (func.node.body,)
    changed = changes_of(body)
    return bool(changed.objects or changed.attributes) or vm.reach.hides(body, changed, vm.spend)


def _held(value: Val) -> Val:
    """The function of a ``functools.partial``, else the value."""
    if isinstance(value, Instance) and isinstance(value.cls, Ext):
        held = value.positional if value.cls.name == "functools.partial" else ()
        return held[1] if len(held) > 1 else value
    return value


def inner_function(value: Val) -> Val:
    """The function of a method, or of a ``functools.partial``."""
    value = _held(value)
    return value.func if isinstance(value, BoundMethod) else value


def _sought(vm: Machine, value: Val, node: ast.expr) -> bool:
    """Whether a name that isn't read is of what is sought, were it called."""
    if isinstance(value, Instance) and isinstance(value.cls, Ext):
        held = value.positional[:1] if value.cls.name == "functools.partial" else ()
        return any(isinstance(h, Const) and _leads(vm, h.value) for h in held)
    return isinstance(value, Ext) and _leads(vm, node)


def _leads(vm: Machine, node: ast.expr) -> bool:
    if not isinstance(node, ast.Name | ast.Attribute):
        return False
    return vm.reach.sought.is_one(ast.Call(node, [], [])) or last_name(node) in vm.reach.reaching


_Given = tuple[list[Val], dict[str, Val], bool]


def _at(call: Call, at: int, name: str) -> Val | None:
    found = call.keywords.get(name) if name else None
    return found if found is not None or at >= len(call.args) else call.args[at]


def _arguments(call: Call, way: _Way) -> _Given:
    """What a function is called with, and whether that isn't all known."""
    if way.args is None or way.kwargs is None:
        return call.args[way.at + 1 :], dict(call.keywords), call.open
    args, kwargs = _at(call, *way.args), _at(call, *way.kwargs)
    more = call.open
    words: list[Val] = []
    if isinstance(args, Seq):
        words = list(args.items)
    elif args is not None and not (isinstance(args, Const) and args.value is None):
        more = True
    named: dict[str, Val] = {}
    if isinstance(kwargs, Map):
        try:
            named = {str(k): e.value for k, e in kwargs.settings().items()}
        except NotKnown:
            more = True
    elif kwargs is not None and not (isinstance(kwargs, Const) and kwargs.value is None):
        more = True
    return words, named, more


def _rounds(vm: Machine, scope: Scope, call: Call) -> Iterator[_Given]:
    """What a function is called with for each of some items."""
    columns = [ops.items_of(vm, scope, a, call.node) for a in call.args[1:]]
    if any(splits(i) for column in columns for i in column):
        unsure = scope.unknown(call.node, "how often it is called isn't known", *call.args[1:])
        yield [splitting(unsure)], {}, True
        return
    for row in zip(*columns, strict=False):
        vm.spend(2)
        if call.name.startswith("starmap"):
            inner = row[0]
            yield list(inner.items) if isinstance(inner, Seq) else [], {}, True
        else:
            yield list(row), {}, False


def _call(
    vm: Machine,
    scope: Scope,
    call: Call,
    node: ast.expr,
    target: Val,
    rounds: Iterator[_Given] | list[_Given],
    make: _Make,
) -> None:
    for args, keywords, more in rounds:
        made = ast.copy_location(ast.Call(node, [], []), call.node)
        with suppress(Raised):
            make(vm, scope, Call(made, target, args, keywords, open=more))
