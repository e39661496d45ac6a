"""What Python's own functions give for known arguments."""

from __future__ import annotations

import contextlib
import posixpath
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dsv4_env.lang.python.interp.machine import Machine
from dsv4_env.lang.python.interp.targets import attribute_of
from dsv4_env.lang.python.values.containers import copied_map, items_of, merge_into, none_when_unset
from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    NONE,
    Call,
    Const,
    Entry,
    Ext,
    Instance,
    Log,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    const,
    json_text,
    limited,
    python_value,
    splits,
    splitting,
    truth_of,
    unknown,
    unknown_of,
    value_of,
)
from dsv4_env.lang.python.values.methods import call_method
from dsv4_env.model import Location, Unknown

Function = Callable[[Machine, Scope, Call], Val]


def _str(machine: Machine, scope: Scope, call: Call) -> Val:
    where = scope.source.place(call.node)
    if len(call.args) != 1 or call.keywords:
        return unknown(scope, call.node, "not followed", *call.args)
    value = call.args[0]
    if isinstance(value, Const):
        return const(str(value.value), value.where)
    if isinstance(value, Unknown):
        default = None if none_when_unset(value) else value.default
        return Unknown(value.text, value.reason, value.names, default, location=value.location)
    if isinstance(value, Ext):
        return unknown_of(value, value.shown, where)
    try:
        return const(str(python_value(value, machine.budget)), where)
    except NotKnown:
        return unknown(scope, call.node, "not known", value)


def _number(kind: Callable[[Any], Any]) -> Function:
    def convert(machine: Machine, scope: Scope, call: Call) -> Val:
        if len(call.args) != 1 or call.keywords:
            return unknown(scope, call.node, "not followed", *call.args)
        value = call.args[0]
        try:
            if isinstance(value, Const):
                return const(kind(value.value), value.where)
        except (ValueError, TypeError, OverflowError):
            return unknown(scope, call.node, "not a number")
        found = unknown(scope, call.node, "not known", value)
        if not isinstance(value, Unknown):
            return found
        default = None
        with contextlib.suppress(ValueError, OverflowError):
            default = str(kind(value.default)) if value.default is not None else None
        return Unknown(found.text, value.reason, value.names, default, location=value.location)

    return convert


def _bool(machine: Machine, scope: Scope, call: Call) -> Val:
    known = truth_of(call.args[0]) if call.args else False
    where = scope.source.place(call.node)
    return (
        unknown(scope, call.node, "not known", *call.args) if known is None else const(known, where)
    )


def _len(machine: Machine, scope: Scope, call: Call) -> Val:
    if call.args and isinstance(call.args[0], Seq) and call.args[0].kind != "set":
        items = call.args[0].items
        machine.spend(len(items) >> 4)
        if not any(map(splits, items)):
            return const(len(items), scope.source.place(call.node))
    try:
        if call.args and isinstance(call.args[0], Seq) and call.args[0].kind == "set":
            machine.spend(len(call.args[0].items) >> 1)
            different = {python_value(i, machine.budget) for i in call.args[0].items}
            return const(len(different), scope.source.place(call.node))
        return const(len(python_value(call.args[0], machine.budget)), scope.source.place(call.node))
    except (NotKnown, TypeError, IndexError):
        pass
    return unknown(scope, call.node, "not known", *call.args)


def _list(kind: str) -> Function:
    def convert(machine: Machine, scope: Scope, call: Call) -> Val:
        where = scope.source.place(call.node)
        if not call.args:
            return Seq((), kind, where)
        return Seq(items_of(machine, scope, call.args[0], call.node.args[0]), kind, where)

    return convert


def _dict(machine: Machine, scope: Scope, call: Call) -> Val:
    where = scope.source.place(call.node)
    if call.args and isinstance(call.args[0], Map):
        found = copied_map(machine, call.args[0], where)
    else:
        found = Map(where=where)
        if call.args:
            merge_into(machine, scope, found, call.args[0], call.node.args[0])
    for keyword in call.node.keywords:
        if keyword.arg is None:
            merge_into(machine, scope, found, call.spread[keyword], keyword.value)
        else:
            key = Const(keyword.arg, scope.source.place(keyword))
            entry = Entry(key, call.keywords[keyword.arg], key.where)
            machine.set(found, "log", found.log.and_more(entry))
    return found


def _copy(machine: Machine, scope: Scope, call: Call) -> Val:
    where = scope.source.place(call.node)
    if call.args and isinstance(call.args[0], Map):
        return copied_map(machine, call.args[0], where)
    if call.args and isinstance(call.args[0], Seq):
        return Seq(call.args[0].items, call.args[0].kind, where)
    if call.args and isinstance(call.args[0], Const):
        return call.args[0]
    return unknown(scope, call.node, "a copy that isn't followed", *call.args)


def _deepcopy(machine: Machine, scope: Scope, call: Call) -> Val:
    if not call.args or not isinstance(call.args[0], Map | Seq | Instance):
        return _copy(machine, scope, call)
    return _deep(machine, call.args[0], scope.source.place(call.node), {})


def _deep(machine: Machine, value: Val, where: Location, made: dict[Val, Val]) -> Val:
    """A value with its own copy of all that can change within it."""
    if not isinstance(value, Map | Seq | Instance):
        return value
    if value in made:
        return made[value]
    found: Val
    if isinstance(value, Map):
        found = made[value] = copied_map(machine, value, where)
        machine.spend(len(value.log))
        found.log = Log(
            replace(e, value=_deep(machine, e.value, where, made))
            if isinstance(e.value, Map | Seq | Instance)
            else e
            for e in value.log
        )
    elif isinstance(value, Seq):
        machine.spend(len(value.items))
        found = made[value] = Seq((), value.kind, where)
        found.items = tuple(_deep(machine, i, where, made) for i in value.items)
    else:
        found = made[value] = replace(value, attrs={})
        found.attrs.update({k: _deep(machine, v, where, made) for k, v in value.attrs.items()})
        found.positional = tuple(_deep(machine, v, where, made) for v in value.positional)
        machine.watch.copied(machine, value, found)
    return found


def _sorted(machine: Machine, scope: Scope, call: Call) -> Val:
    try:
        if call.keywords or not isinstance(call.args[0], Seq):
            raise NotKnown
        machine.spend(len(call.args[0].items))
        items = sorted(call.args[0].items, key=lambda v: python_value(v, machine.budget))
        if call.args[0].kind == "set":
            values = {python_value(i, machine.budget): i for i in items}
            items = sorted(values.values(), key=lambda v: python_value(v, machine.budget))
        return Seq(tuple(items), "list", scope.source.place(call.node))
    except (NotKnown, TypeError):
        return Seq((splitting(unknown(scope, call.node, "an order that isn't known", *call.args)),))


def _range(machine: Machine, scope: Scope, call: Call) -> Val:
    where = scope.source.place(call.node)
    try:
        numbers = range(*(python_value(a, machine.budget) for a in call.args))
        if len(numbers) <= MAX_ITEMS:
            machine.spend(len(numbers) >> 2)
            return Seq(tuple(Const(n, where) for n in numbers), "tuple", where)
    except (NotKnown, TypeError, ValueError, OverflowError):
        pass
    return Seq(
        (splitting(unknown(scope, call.node, "a range that isn't known", *call.args)),), "tuple"
    )


def _enumerate(machine: Machine, scope: Scope, call: Call) -> Val:
    items = items_of(machine, scope, call.args[0], call.node) if call.args else ()
    start = call.args[1] if len(call.args) > 1 else call.keywords.get("start", Const(0))
    if not (isinstance(start, Const) and isinstance(start.value, int)) or any(map(splits, items)):
        return Seq((splitting(unknown(scope, call.node, "not all of it is known", *call.args)),))
    machine.spend(len(items))
    pairs = (
        Seq((Const(start.value + i, start.where), item), "tuple") for i, item in enumerate(items)
    )
    return Seq(tuple(pairs), "tuple")


def _zip(machine: Machine, scope: Scope, call: Call) -> Val:
    columns = [items_of(machine, scope, a, call.node) for a in call.args]
    if call.keywords or any(splits(i) for column in columns for i in column):
        return Seq((splitting(unknown(scope, call.node, "not all of it is known", *call.args)),))
    machine.spend(min(map(len, columns), default=0))
    return Seq(tuple(Seq(row, "tuple") for row in zip(*columns, strict=False)), "tuple")


def _chain(machine: Machine, scope: Scope, call: Call) -> Val:
    items = [i for a in call.args for i in items_of(machine, scope, a, call.node)]
    machine.budget.make(8 * len(items))
    return Seq(limited(items, scope, call.node), "list", scope.source.place(call.node))


def _reversed(machine: Machine, scope: Scope, call: Call) -> Val:
    items = items_of(machine, scope, call.args[0], call.node) if call.args else ()
    machine.budget.make(8 * len(items))
    return Seq(items[::-1], "list", scope.source.place(call.node))


def _shlex_split(machine: Machine, scope: Scope, call: Call) -> Val:
    try:
        if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], Const):
            machine.spend(2 * len(call.args[0].value))  # it looks at one character at a time
            return value_of(shlex.split(call.args[0].value), call.args[0].where)
    except (ValueError, AttributeError, TypeError):
        pass
    return Seq((splitting(unknown(scope, call.node, "not all of it is known", *call.args)),))


def _plain(function: Callable[..., Any]) -> Function:
    """A function without effects, called where all its arguments are known."""

    def convert(machine: Machine, scope: Scope, call: Call) -> Val:
        try:
            if not call.keywords:
                found = function(*(python_value(a, machine.budget) for a in call.args))
                return value_of(found, scope.source.place(call.node))
        except (NotKnown, TypeError, ValueError, ArithmeticError, AttributeError):
            pass
        return unknown(scope, call.node, "not all of it is known", *call.args)

    return convert


def _dumps(machine: Machine, scope: Scope, call: Call) -> Val:
    try:
        return const(
            json_text(call.args, call.keywords, machine.budget), scope.source.place(call.node)
        )
    except (NotKnown, TypeError, ValueError):
        return unknown(scope, call.node, "not all of it is known", *call.args)


def _getenv(machine: Machine, scope: Scope, call: Call) -> Val:
    given = [*call.args, *(call.keywords[k] for k in ("default",) if k in call.keywords)]
    return call_method(
        machine, scope, machine.environ, "get", replace(call, args=given, keywords={})
    )


def _putenv(machine: Machine, scope: Scope, call: Call) -> Val:
    return NONE


def _getattr(machine: Machine, scope: Scope, call: Call) -> Val:
    if (
        len(call.args) < 2
        or not isinstance(call.args[1], Const)
        or not isinstance(call.args[1].value, str)
    ):
        return unknown(scope, call.node, "not known", *call.args)
    found = attribute_of(machine, scope, call.args[0], call.args[1].value, call.node)
    missing = isinstance(found, Unknown) and found.reason.startswith("not set anywhere")
    return call.args[2] if missing and len(call.args) > 2 else found


def _hasattr(machine: Machine, scope: Scope, call: Call) -> Val:
    if (
        len(call.args) == 2
        and isinstance(call.args[0], Instance)
        and isinstance(call.args[1], Const)
    ):
        found = attribute_of(machine, scope, call.args[0], str(call.args[1].value), call.node)
        if not isinstance(found, Unknown):
            return const(True, scope.source.place(call.node))
    return unknown(scope, call.node, "not known", *call.args)


BUILTINS: dict[str, Function] = {
    "str": _str,
    "int": _number(int),
    "float": _number(float),
    "bool": _bool,
    "len": _len,
    "list": _list("list"),
    "tuple": _list("tuple"),
    "set": _list("set"),
    "frozenset": _list("set"),
    "dict": _dict,
    "sorted": _sorted,
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "reversed": _reversed,
    "itertools.chain": _chain,
    "shlex.split": _shlex_split,
    "shlex.quote": _plain(shlex.quote),
    "shlex.join": _plain(shlex.join),
    "repr": _plain(repr),
    "min": _plain(min),
    "max": _plain(max),
    "abs": _plain(abs),
    "any": _plain(any),
    "all": _plain(all),
    "os.path.join": _plain(posixpath.join),
    "os.path.basename": _plain(posixpath.basename),
    "os.path.dirname": _plain(posixpath.dirname),
    "json.dumps": _dumps,
    "copy.copy": _copy,
    "copy.deepcopy": _deepcopy,
    "os.getenv": _getenv,
    "os.putenv": _putenv,
    "getattr": _getattr,
    "hasattr": _hasattr,
}
