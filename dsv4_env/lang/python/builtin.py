"""What Python's own functions give for known arguments."""

from __future__ import annotations

import ast
import contextlib
import posixpath
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dsv4_env.lang.python import methods, objects
from dsv4_env.lang.python.expr import bounded, evaluate, iterated, splitting, unknown
from dsv4_env.lang.python.run import Run
from dsv4_env.lang.python.values import (
    MAX_ITEMS,
    NONE,
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
    python_value,
    truth,
    unknown_of,
)
from dsv4_env.model import Location, Unknown

Args = list[Val]
Keywords = dict[str, Val]
Function = Callable[[Run, Scope, Args, Keywords, ast.Call], Val]


def _str(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    where = scope.source.place(node)
    if len(args) != 1 or keywords:
        return unknown(scope, node, "not followed", *args)
    value = args[0]
    if isinstance(value, Const):
        return const(str(value.value), value.where)
    if isinstance(value, Unknown):
        default = None if objects.none_when_unset(run, value) else value.default
        return Unknown(value.text, value.reason, value.names, default, location=value.location)
    if isinstance(value, Ext):
        return unknown_of(value, value.shown, where)
    try:
        return const(str(python_value(value, run.budget)), where)
    except NotKnown:
        return unknown(scope, node, "not known", value)


def _number(kind: Callable[[Any], Any]) -> Function:
    def convert(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
        if len(args) != 1 or keywords:
            return unknown(scope, node, "not followed", *args)
        value = args[0]
        try:
            if isinstance(value, Const):
                return const(kind(value.value), value.where)
        except (ValueError, TypeError, OverflowError):
            return unknown(scope, node, "not a number")
        found = unknown(scope, node, "not known", value)
        if not isinstance(value, Unknown):
            return found
        default = None
        with contextlib.suppress(ValueError, OverflowError):
            default = str(kind(value.default)) if value.default is not None else None
        return Unknown(found.text, value.reason, value.names, default, location=value.location)

    return convert


def _bool(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    known = truth(args[0]) if args else False
    where = scope.source.place(node)
    return unknown(scope, node, "not known", *args) if known is None else const(known, where)


def _len(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    if args and isinstance(args[0], Seq) and args[0].kind != "set":
        items = args[0].items
        run.spend(len(items) >> 4)
        if not any(isinstance(i, Unknown) and i.splits for i in items):
            return const(len(items), scope.source.place(node))
    try:
        if args and isinstance(args[0], Seq) and args[0].kind == "set":
            run.spend(len(args[0].items) >> 1)
            different = {python_value(i, run.budget) for i in args[0].items}
            return const(len(different), scope.source.place(node))
        return const(len(python_value(args[0], run.budget)), scope.source.place(node))
    except (NotKnown, TypeError, IndexError):
        pass
    return unknown(scope, node, "not known", *args)


def _list(kind: str) -> Function:
    def convert(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
        where = scope.source.place(node)
        if not args:
            return Seq((), kind, where)
        return Seq(iterated(run, scope, args[0], node.args[0]), kind, where)

    return convert


def _dict(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    where = scope.source.place(node)
    if args and isinstance(args[0], Map):
        found = objects.copied(run, args[0], where)
    else:
        found = Map(where=where)
        if args:
            objects.merge(run, scope, found, args[0], node.args[0])
    for keyword in node.keywords:
        if keyword.arg is None:
            objects.merge(run, scope, found, evaluate(run, scope, keyword.value), keyword.value)
        else:
            key = Const(keyword.arg, scope.source.place(keyword))
            entry = Entry(key, keywords[keyword.arg], key.where)
            run.set(found, "log", found.log.and_more(entry))
    return found


def _copy(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    where = scope.source.place(node)
    if args and isinstance(args[0], Map):
        return objects.copied(run, args[0], where)
    if args and isinstance(args[0], Seq):
        return Seq(args[0].items, args[0].kind, where)
    if args and isinstance(args[0], Const):
        return args[0]
    return unknown(scope, node, "a copy that isn't followed", *args)


def _deepcopy(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    if not args or not isinstance(args[0], Map | Seq | Instance):
        return _copy(run, scope, args, keywords, node)
    return _deep(run, args[0], scope.source.place(node), {})


def _deep(run: Run, value: Val, where: Location, made: dict[int, Val]) -> Val:
    """A value with its own copy of all that can change within it."""
    if not isinstance(value, Map | Seq | Instance):
        return value
    if id(value) in made:
        return made[id(value)]
    found: Val
    if isinstance(value, Map):
        found = made[id(value)] = objects.copied(run, value, where)
        run.spend(len(value.log))
        found.log = Log(
            replace(e, value=_deep(run, e.value, where, made))
            if isinstance(e.value, Map | Seq | Instance)
            else e
            for e in value.log
        )
    elif isinstance(value, Seq):
        run.spend(len(value.items))
        found = made[id(value)] = Seq((), value.kind, where)
        found.items = tuple(_deep(run, i, where, made) for i in value.items)
    else:
        found = made[id(value)] = replace(value, attrs={})
        found.attrs.update({k: _deep(run, v, where, made) for k, v in value.attrs.items()})
        found.positional = tuple(_deep(run, v, where, made) for v in value.positional)
        if value in run.records:
            run.set(run, "records", (*run.records, found))
    return found


def _sorted(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    try:
        if keywords or not isinstance(args[0], Seq):
            raise NotKnown
        run.spend(len(args[0].items))
        items = sorted(args[0].items, key=lambda v: python_value(v, run.budget))
        if args[0].kind == "set":
            values = {python_value(i, run.budget): i for i in items}
            items = sorted(values.values(), key=lambda v: python_value(v, run.budget))
        return Seq(tuple(items), "list", scope.source.place(node))
    except (NotKnown, TypeError):
        return Seq((splitting(unknown(scope, node, "an order that isn't known", *args)),))


def _range(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    where = scope.source.place(node)
    try:
        numbers = range(*(python_value(a, run.budget) for a in args))
        if len(numbers) <= MAX_ITEMS:
            run.spend(len(numbers) >> 2)
            return Seq(tuple(Const(n, where) for n in numbers), "tuple", where)
    except (NotKnown, TypeError, ValueError, OverflowError):
        pass
    return Seq((splitting(unknown(scope, node, "a range that isn't known", *args)),), "tuple")


def _enumerate(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    items = iterated(run, scope, args[0], node) if args else ()
    start = args[1] if len(args) > 1 else keywords.get("start", Const(0))
    if not (isinstance(start, Const) and isinstance(start.value, int)) or any(map(_splits, items)):
        return Seq((splitting(unknown(scope, node, "not all of it is known", *args)),))
    run.spend(len(items))
    pairs = (
        Seq((Const(start.value + i, start.where), item), "tuple") for i, item in enumerate(items)
    )
    return Seq(tuple(pairs), "tuple")


def _zip(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    columns = [iterated(run, scope, a, node) for a in args]
    if keywords or any(_splits(i) for column in columns for i in column):
        return Seq((splitting(unknown(scope, node, "not all of it is known", *args)),))
    run.spend(min(map(len, columns), default=0))
    return Seq(tuple(Seq(row, "tuple") for row in zip(*columns, strict=False)), "tuple")


def _chain(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    items = [i for a in args for i in iterated(run, scope, a, node)]
    run.budget.make(8 * len(items))
    return Seq(bounded(items, scope, node), "list", scope.source.place(node))


def _reversed(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    items = iterated(run, scope, args[0], node) if args else ()
    run.budget.make(8 * len(items))
    return Seq(items[::-1], "list", scope.source.place(node))


def _splits(value: Val) -> bool:
    return isinstance(value, Unknown) and value.splits


def _shlex_split(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    try:
        if len(args) == 1 and not keywords and isinstance(args[0], Const):
            run.spend(2 * len(args[0].value))  # it looks at one character at a time
            return methods.wrapped(shlex.split(args[0].value), args[0].where)
    except (ValueError, AttributeError, TypeError):
        pass
    return Seq((splitting(unknown(scope, node, "not all of it is known", *args)),))


def _plain(function: Callable[..., Any]) -> Function:
    """A function without effects, called where all its arguments are known."""

    def convert(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
        try:
            if not keywords:
                found = function(*(python_value(a, run.budget) for a in args))
                return methods.wrapped(found, scope.source.place(node))
        except (NotKnown, TypeError, ValueError, ArithmeticError, AttributeError):
            pass
        return unknown(scope, node, "not all of it is known", *args)

    return convert


def _dumps(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    try:
        return const(methods.dumped(args, keywords, run.budget), scope.source.place(node))
    except (NotKnown, TypeError, ValueError):
        return unknown(scope, node, "not all of it is known", *args)


def _getenv(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    given = [*args, *(keywords[k] for k in ("default",) if k in keywords)]
    return methods.method(run, scope, run.environ, "get", given, {}, node)


def _putenv(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    return NONE


def _getattr(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    if len(args) < 2 or not isinstance(args[1], Const) or not isinstance(args[1].value, str):
        return unknown(scope, node, "not known", *args)
    found = objects.attribute(run, scope, args[0], args[1].value, node)
    missing = isinstance(found, Unknown) and found.reason.startswith("not set anywhere")
    return args[2] if missing and len(args) > 2 else found


def _hasattr(run: Run, scope: Scope, args: Args, keywords: Keywords, node: ast.Call) -> Val:
    if len(args) == 2 and isinstance(args[0], Instance) and isinstance(args[1], Const):
        found = objects.attribute(run, scope, args[0], str(args[1].value), node)
        if not isinstance(found, Unknown):
            return const(True, scope.source.place(node))
    return unknown(scope, node, "not known", *args)


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
