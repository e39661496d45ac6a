"""Calls, classes and their objects: what was read is followed, Python's own is told."""

from __future__ import annotations

import ast
import contextlib
import posixpath
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dsv4_env.lang.python.interp.expressions import evaluate_all, extend_list, parameter_defaults
from dsv4_env.lang.python.interp.handed import follow_handed, havoc_handed
from dsv4_env.lang.python.interp.havoc import havoc_all, havoc_since
from dsv4_env.lang.python.interp.machine import MAX_CALL_DEPTH, Machine, Paused, Return
from dsv4_env.lang.python.interp.targets import UNSET, assign_to, attribute_of
from dsv4_env.lang.python.syntax.trees import children, last_name, remembered, walk_tree
from dsv4_env.lang.python.values import operations as ops
from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    NONE,
    BoundMethod,
    BuiltinMethod,
    Call,
    ClassValue,
    Const,
    Ext,
    Func,
    FunctionNode,
    Instance,
    Log,
    Map,
    MapEntry,
    NotKnown,
    Scope,
    Seq,
    Super,
    Val,
    const,
    is_const,
    json_text,
    python_value,
    splits,
    splitting,
    truth_of,
    unknown_of,
    wrapped,
)
from dsv4_env.model import Location, Unknown

_Function = Callable[[Machine, Scope, Call], Val]


def _str(vm: Machine, scope: Scope, call: Call) -> Val:
    where = scope.place(call.node)
    if len(call.args) != 1 or call.keywords:
        return scope.unknown(call.node, "not followed", *call.args)
    value = call.args[0]
    if isinstance(value, Const):
        return const(str(value.value), value.where)
    if isinstance(value, Unknown):
        default = None if ops.none_when_unset(value) else value.default
        return Unknown(value.text, value.reason, value.names, default, location=value.location)
    if isinstance(value, Ext):
        return unknown_of(value, value.shown, where)
    try:
        return const(str(python_value(value, vm.budget)), where)
    except NotKnown:
        return scope.unknown(call.node, "not known", value)


def _number(kind: Callable[[Any], Any]) -> _Function:
    def convert(vm: Machine, scope: Scope, call: Call) -> Val:
        if len(call.args) != 1 or call.keywords:
            return scope.unknown(call.node, "not followed", *call.args)
        value = call.args[0]
        try:
            if isinstance(value, Const):
                return const(kind(value.value), value.where)
        except (ValueError, TypeError, OverflowError):
            return scope.unknown(call.node, "not a number")
        found = scope.unknown(call.node, "not known", value)
        if not isinstance(value, Unknown):
            return found
        default = None
        with contextlib.suppress(ValueError, OverflowError):
            default = str(kind(value.default)) if value.default is not None else None
        return Unknown(found.text, value.reason, value.names, default, location=value.location)

    return convert


def _bool(vm: Machine, scope: Scope, call: Call) -> Val:
    known = truth_of(call.args[0]) if call.args else False
    if known is None:
        return scope.unknown(call.node, "not known", *call.args)
    return const(known, scope.place(call.node))


def _len(vm: Machine, scope: Scope, call: Call) -> Val:
    value = call.args[0] if call.args else NONE
    where = scope.place(call.node)
    if isinstance(value, Seq) and value.kind != "set":
        vm.spend(len(value.items) >> 4)
        if not any(map(splits, value.items)):
            return const(len(value.items), where)
    try:
        if isinstance(value, Seq) and value.kind == "set":
            vm.spend(len(value.items) >> 1)
            return const(len({python_value(i, vm.budget) for i in value.items}), where)
        return const(len(python_value(value, vm.budget)), where)
    except (NotKnown, TypeError):
        pass
    return scope.unknown(call.node, "not known", *call.args)


_TYPES = {t.__name__: t for t in (str, int, float, bool, bytes, list, dict, tuple, set)}


def _isinstance(vm: Machine, scope: Scope, call: Call) -> Val:
    if len(call.args) == 2 and not call.keywords:
        value, kinds = call.args
        types = [
            _TYPES.get(k.name) if isinstance(k, Ext) else None
            for k in (kinds.items if isinstance(kinds, Seq) else [kinds])
        ]
        known = [t for t in types if t is not None]
        if isinstance(value, Const) and len(known) == len(types):
            return const(isinstance(value.value, tuple(known)), scope.place(call.node))
    return scope.unknown(call.node, "not known", *call.args)


def _list(kind: str) -> _Function:
    def convert(vm: Machine, scope: Scope, call: Call) -> Val:
        items = ops.items_of(vm, scope, call.args[0], call.node.args[0]) if call.args else ()
        return Seq(items, kind, scope.place(call.node))

    return convert


def _dict(vm: Machine, scope: Scope, call: Call) -> Val:
    where = scope.place(call.node)
    if call.args and isinstance(call.args[0], Map):
        found = ops.copied_map(vm, call.args[0], where)
    else:
        found = Map(where=where)
        if call.args:
            ops.merge_into(vm, scope, found, call.args[0], call.node.args[0])
    for keyword in call.node.keywords:
        if keyword.arg is None:
            ops.merge_into(vm, scope, found, call.spread[keyword], keyword.value)
        else:
            key = Const(keyword.arg, scope.place(keyword))
            entry = MapEntry(key, call.keywords[keyword.arg], key.where)
            vm.set(found, "log", found.log.and_more(entry))
    return found


def _copy(vm: Machine, scope: Scope, call: Call) -> Val:
    where = scope.place(call.node)
    if call.args and isinstance(call.args[0], Map):
        return ops.copied_map(vm, call.args[0], where)
    if call.args and isinstance(call.args[0], Seq):
        return Seq(call.args[0].items, call.args[0].kind, where)
    if call.args and isinstance(call.args[0], Const):
        return call.args[0]
    return scope.unknown(call.node, "a copy that isn't followed", *call.args)


def _deepcopy(vm: Machine, scope: Scope, call: Call) -> Val:
    if not call.args or not isinstance(call.args[0], Map | Seq | Instance):
        return _copy(vm, scope, call)
    return _deep(vm, call.args[0], scope.place(call.node), {})


def _deep(vm: Machine, value: Val, where: Location, made: dict[Val, Val]) -> Val:
    """A value with its own copy of all that can change within it."""
    if not isinstance(value, Map | Seq | Instance):
        return value
    if value in made:
        return made[value]
    found: Val
    if isinstance(value, Map):
        found = made[value] = ops.copied_map(vm, value, where)
        vm.spend(len(value.log))
        found.log = Log(
            replace(e, value=_deep(vm, e.value, where, made))
            if isinstance(e.value, Map | Seq | Instance)
            else e
            for e in value.log
        )
    elif isinstance(value, Seq):
        vm.spend(len(value.items))
        found = made[value] = Seq((), value.kind, where)
        found.items = tuple(_deep(vm, i, where, made) for i in value.items)
    else:
        found = made[value] = replace(value, attrs={})
        found.attrs.update({k: _deep(vm, v, where, made) for k, v in value.attrs.items()})
        found.positional = tuple(_deep(vm, v, where, made) for v in value.positional)
        vm.watch.copied(vm, value, found)
    return found


def _sorted(vm: Machine, scope: Scope, call: Call) -> Val:
    try:
        if call.keywords or not isinstance(call.args[0], Seq):
            raise NotKnown
        vm.spend(len(call.args[0].items))
        items = sorted(call.args[0].items, key=lambda v: python_value(v, vm.budget))
        if call.args[0].kind == "set":
            values = {python_value(i, vm.budget): i for i in items}
            items = sorted(values.values(), key=lambda v: python_value(v, vm.budget))
        return Seq(tuple(items), "list", scope.place(call.node))
    except (NotKnown, TypeError):
        return Seq((splitting(scope.unknown(call.node, "an order that isn't known", *call.args)),))


def _range(vm: Machine, scope: Scope, call: Call) -> Val:
    where = scope.place(call.node)
    try:
        numbers = range(*(python_value(a, vm.budget) for a in call.args))
        if len(numbers) <= MAX_ITEMS:
            vm.spend(len(numbers) >> 2)
            return Seq(tuple(Const(n, where) for n in numbers), "tuple", where)
    except (NotKnown, TypeError, ValueError, OverflowError):
        pass
    found = splitting(scope.unknown(call.node, "a range that isn't known", *call.args))
    return Seq((found,), "tuple")


def _enumerate(vm: Machine, scope: Scope, call: Call) -> Val:
    items = ops.items_of(vm, scope, call.args[0], call.node) if call.args else ()
    start = call.args[1] if len(call.args) > 1 else call.keywords.get("start", Const(0))
    if not (isinstance(start, Const) and isinstance(start.value, int)) or any(map(splits, items)):
        return Seq((splitting(scope.unknown(call.node, "not all of it is known", *call.args)),))
    vm.spend(len(items))
    pairs = (
        Seq((Const(start.value + i, start.where), item), "tuple") for i, item in enumerate(items)
    )
    return Seq(tuple(pairs), "tuple")


def _zip(vm: Machine, scope: Scope, call: Call) -> Val:
    columns = [ops.items_of(vm, scope, a, call.node) for a in call.args]
    if call.keywords or any(splits(i) for column in columns for i in column):
        return Seq((splitting(scope.unknown(call.node, "not all of it is known", *call.args)),))
    vm.spend(min(map(len, columns), default=0))
    return Seq(tuple(Seq(row, "tuple") for row in zip(*columns, strict=False)), "tuple")


def _chain(vm: Machine, scope: Scope, call: Call) -> Val:
    items = [i for a in call.args for i in ops.items_of(vm, scope, a, call.node)]
    vm.budget.make(8 * len(items))
    return Seq(scope.limited(items, call.node), "list", scope.place(call.node))


def _reversed(vm: Machine, scope: Scope, call: Call) -> Val:
    items = ops.items_of(vm, scope, call.args[0], call.node) if call.args else ()
    vm.budget.make(8 * len(items))
    return Seq(items[::-1], "list", scope.place(call.node))


def _shlex_split(vm: Machine, scope: Scope, call: Call) -> Val:
    try:
        if len(call.args) == 1 and not call.keywords and isinstance(call.args[0], Const):
            vm.spend(2 * len(call.args[0].value))  # it looks at one character at a time
            return wrapped(shlex.split(call.args[0].value), call.args[0].where)
    except (ValueError, AttributeError, TypeError):
        pass
    return Seq((splitting(scope.unknown(call.node, "not all of it is known", *call.args)),))


def _plain(function: Callable[..., Any]) -> _Function:
    """A function without effects, called where all its arguments are known."""

    def convert(vm: Machine, scope: Scope, call: Call) -> Val:
        try:
            if not call.keywords:
                found = function(*(python_value(a, vm.budget) for a in call.args))
                return wrapped(found, scope.place(call.node))
        except (NotKnown, TypeError, ValueError, ArithmeticError, AttributeError):
            pass
        return scope.unknown(call.node, "not all of it is known", *call.args)

    return convert


def _dumps(vm: Machine, scope: Scope, call: Call) -> Val:
    try:
        return const(json_text(call.args, call.keywords, vm.budget), scope.place(call.node))
    except (NotKnown, TypeError, ValueError):
        return scope.unknown(call.node, "not all of it is known", *call.args)


def _getenv(vm: Machine, scope: Scope, call: Call) -> Val:
    given = [*call.args, *(call.keywords[k] for k in ("default",) if k in call.keywords)]
    return ops.call_method(vm, scope, vm.environ, "get", replace(call, args=given, keywords={}))


def _getattr(vm: Machine, scope: Scope, call: Call) -> Val:
    if len(call.args) < 2 or not is_const(call.args[1], str):
        return scope.unknown(call.node, "not known", *call.args)
    found = attribute_of(vm, scope, call.args[0], call.args[1].value, call.node)
    missing = isinstance(found, Unknown) and found.reason == UNSET
    return call.args[2] if missing and len(call.args) > 2 else found


def _hasattr(vm: Machine, scope: Scope, call: Call) -> Val:
    owner, name = call.args if len(call.args) == 2 else (NONE, NONE)
    if isinstance(owner, Instance) and isinstance(name, Const):
        found = attribute_of(vm, scope, owner, str(name.value), call.node)
        if not isinstance(found, Unknown):
            return const(True, scope.place(call.node))
    return scope.unknown(call.node, "not known", *call.args)


def _setattr(vm: Machine, scope: Scope, call: Call) -> Val:
    """``setattr(owner, name, value)``, and ``delattr``: as an assignment to the attribute."""
    if not call.args or not call.node.args:
        havoc_all(vm, scope, call.node, scope.text(call.node))
        return NONE
    if len(call.args) < 2 or not is_const(call.args[1], str):
        reason = f"depends on `{scope.text(call.node)}`"
        owner = call.args[0]
        table = owner.attrs if isinstance(owner, Instance) else None
        table = owner.names if isinstance(owner, ClassValue) else table
        for name in list(table or ()):
            if not isinstance((table or {})[name], Func):
                vm.put(table or {}, name, Unknown(name, reason, location=scope.place(call.node)))
        return NONE
    target = ast.Attribute(call.node.args[0], str(call.args[1].value), ast.Store())
    ast.copy_location(target, call.node)
    gone = scope.unknown(call.node, "deleted")
    assign_to(vm, scope, target, call.args[2] if len(call.args) > 2 else gone)
    return NONE


def _run_text(vm: Machine, scope: Scope, call: Call) -> Val:
    """``exec`` and ``eval``: what isn't read runs, and may change all that it can reach."""
    text = call.args[0] if call.args else None
    plain = isinstance(text, Const) and isinstance(text.value, str) and _is_plain(text.value)
    if not (call.name == "eval" and plain):
        havoc_all(vm, scope, call.node, scope.text(call.node))
    return scope.unknown(call.node, "code that isn't read", *call.args)


def _is_plain(text: str) -> bool:
    """Whether an expression calls nothing and sets nothing."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return not any(isinstance(n, ast.Call | ast.NamedExpr | ast.Await) for n in ast.walk(tree))


def _frame(vm: Machine, scope: Scope, call: Call) -> Val:
    """``sys._getframe()``: whoever has it may change all names."""
    havoc_all(vm, scope, call.node, scope.text(call.node))
    return scope.unknown(call.node, "a frame isn't followed")


def _namespace(vm: Machine, scope: Scope, call: Call) -> Val:
    """``locals()``, ``globals()``, ``vars()``: a dict of the names, with the very same objects."""
    where = scope.place(call.node)
    table: Mapping[str, Val] = scope.names
    own = scope.kind == "function" and call.name != "globals"
    if call.args:
        owner = call.args[0]
        if not isinstance(owner, Instance | ClassValue):
            ops.widen_value(vm, scope, owner, call.node, "vars may change it")
            return scope.unknown(call.node, "not known", *call.args)
        table, own = (owner.attrs if isinstance(owner, Instance) else owner.names), False
    elif call.name == "globals":
        at = scope
        while at.parent is not None:
            at = at.parent
        table = at.names
    vm.spend(len(table) >> 2)
    if not own and not _is_read(vm.at[1] if vm.at else None, call.node):  # what is set in it is set
        havoc_all(vm, scope, call.node, scope.text(call.node))
    return Map(Log(MapEntry(Const(n, where), v, where) for n, v in table.items()), where=where)


def _is_read(statement: ast.AST | None, node: ast.Call) -> bool:
    """Whether a statement asks the dict that a call gives for an item, or spreads it, alone."""
    for each in walk_tree(statement) if statement is not None else ():
        if isinstance(each, ast.Subscript) and each.value is node:
            return isinstance(each.ctx, ast.Load)
        if isinstance(each, ast.keyword) and each.value is node:
            return each.arg is None
        if isinstance(each, ast.Attribute) and each.value is node:
            return not ops.changes_its_owner(each.attr)
        if isinstance(each, ast.Compare) and node in each.comparators:
            return True
    return False


_PARTIAL = Ext("functools.partial", "partial")


def _partial(vm: Machine, scope: Scope, call: Call) -> Val:
    """``functools.partial(function, …)``: a function, with some of what it is given."""
    if not call.args or call.open or any(map(splits, call.args)):
        follow_handed(vm, scope, call, _called)
        return scope.unknown(call.node, "not all of it is known", *call.args)
    function = Const(call.node.args[0])
    where, end = scope.place(call.node), call.node.end_lineno or 1
    return Instance(_PARTIAL, dict(call.keywords), where, end, (function, *call.args))


_FUNCTIONS: dict[str, _Function] = {
    "str": _str,
    "int": _number(int),
    "float": _number(float),
    "bool": _bool,
    "isinstance": _isinstance,
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
    **{function.__name__: _plain(function) for function in (repr, min, max, abs, any, all)},
    "os.path.join": _plain(posixpath.join),
    "os.path.basename": _plain(posixpath.basename),
    "os.path.dirname": _plain(posixpath.dirname),
    "json.dumps": _dumps,
    "copy.copy": _copy,
    "copy.deepcopy": _deepcopy,
    "os.getenv": _getenv,
    "os.putenv": lambda vm, scope, call: NONE,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "functools.partial": _partial,
    "setattr": _setattr,
    "delattr": _setattr,
    "object.__setattr__": _setattr,
    "type.__setattr__": _setattr,
    "sys._getframe": _frame,
    "inspect.currentframe": _frame,
    "inspect.stack": _frame,
    **{f"{own}{name}": _run_text for name in ("exec", "eval") for own in ("", "builtins.")},
    **dict.fromkeys(("locals", "globals", "vars"), _namespace),
    "staticmethod": lambda vm, scope, call: call.args[0] if call.args else NONE,
}


# Calls of what isn't read that change none of their arguments.
_HARMLESS = frozenset(
    "print len str repr isinstance info debug warning error exception log write join format dumps "
    "skipTest subTest sleep get append startswith copy deepcopy".split()
)


def evaluate_call(vm: Machine, scope: Scope, node: ast.Call) -> Val:
    """The value of a call, and what it does."""
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return _super(vm, scope, node)
    target = vm.evaluate(scope, node.func)
    if isinstance(target, BuiltinMethod) and isinstance(target.owner, Seq) and len(node.args) == 1:
        only = node.args[0]
        if target.name in ("extend", "update") and isinstance(only, ast.GeneratorExp):
            extend_list(vm, scope, only, target.owner)
            return NONE
    return _called(vm, scope, _given(vm, scope, node, target))


def _called(vm: Machine, scope: Scope, call: Call) -> Val:
    """What a call gives, once it is known what it is given."""
    target = call.target
    if isinstance(target, Instance) and (whole := _whole(target, call)) is not None:
        return _called(vm, scope, whole)
    watched = vm.watch.call(vm, scope, call)
    if watched is not None:
        return watched
    if isinstance(target, Func | BoundMethod):
        return _of_function(vm, scope, call, target)
    if isinstance(target, ClassValue):
        return construct(vm, scope, target, call)
    if isinstance(target, BuiltinMethod):
        return ops.call_method(vm, scope, target.owner, target.name, call)
    return _outside(vm, scope, call)


def _whole(target: Instance, call: Call) -> Call | None:
    """A call of a ``functools.partial`` as one of its function; None where it's none."""
    if target.cls is not _PARTIAL:
        return None
    function, inner, *first = target.positional
    assert isinstance(function, Const)
    node = ast.copy_location(ast.Call(function.value, [], []), call.node)
    keywords = {**target.attrs, **call.keywords}
    return Call(node, inner, [*first, *call.args], keywords, call.spread, call.open)


def _given(vm: Machine, scope: Scope, node: ast.Call, target: Val) -> Call:
    """A call with what it is given."""
    args = list(evaluate_all(vm, scope, node.args))
    found: dict[str, Val] = {}
    spread: dict[ast.keyword, Val] = {}
    more = False
    for keyword in node.keywords:
        value = vm.evaluate(scope, keyword.value)
        if keyword.arg:
            found[keyword.arg] = value
            continue
        spread[keyword] = value
        try:
            if not isinstance(value, Map) or value.inherits:
                raise NotKnown
            vm.spend(len(value.log) >> 2)
            found.update({str(k): e.value for k, e in value.settings().items()})
        except NotKnown:
            more = True
    return Call(node, target, args, found, spread, more)


def _of_function(vm: Machine, scope: Scope, call: Call, target: Func | BoundMethod) -> Val:
    if isinstance(target, BoundMethod):
        func, args = target.func, [target.first, *call.args]
    else:
        func, args = target, call.args
    unsure = _unsure(scope, call)
    subject = vm.subject
    vm.subject = vm.watch.subject(vm, scope, call.node) or subject
    try:
        return vm.invoke(func, args, call.keywords, scope, call.node, unsure)
    finally:
        vm.subject = subject


def _unsure(scope: Scope, call: Call) -> Unknown | None:
    """What a call may be given besides what is known; None where all is."""
    return scope.unknown(call.node, "not all arguments are known") if call.open else None


def _super(vm: Machine, scope: Scope, node: ast.Call) -> Val:
    at: Scope | None = scope
    while at is not None and (at.func is None or at.func.owner is None):
        at = at.parent
    if at is None or at.func is None or at.func.owner is None or at.first is None:
        return scope.unknown(node, "not within a method")
    return Super(at.func.owner, at.first)


def invoke(
    vm: Machine,
    func: Func,
    args: list[Val],
    keywords: dict[str, Val],
    scope: Scope,
    node: ast.Call | None,
    unsure: Unknown | None = None,
) -> Val:
    """Follow a function that was read; *unsure*: what parameters not given may be."""
    text = scope.text(node) if node is not None else func.name
    where = scope.place(node) if node is not None else None
    if vm.depth >= MAX_CALL_DEPTH:
        if vm.reach.leads(func.node):
            vm.lost.setdefault(func.qualified_name, func.scope.place(func.node))
        return Unknown(text, "calls within calls, too deep to follow", location=where)
    rest: Unknown | None = None
    for cut, value in enumerate(args):
        if splits(value):
            args, rest = args[:cut], value
            break
    vm.spend(4)
    inner = func.scope.inner("function", func.qualified_name)
    inner.func = func
    inner.first = args[0] if args else None
    inner.names.update(_parameters(func, args, keywords, text, where, unsure, rest))
    if node is None:
        inner.names.update(_ungiven(func, inner.names))
    vm.depth += 1
    mark = len(vm.trail)
    outer = vm.mode
    if outer.tail and vm.last_call is not (node or func.node):
        vm.mode = replace(outer, tail=False)  # what it gives is needed yet
    try:
        if isinstance(func.node, ast.Lambda):
            return vm.evaluate(inner, func.node.body)
        vm.execute(inner, func.node.body)
        result: Val = NONE
    except Return as returned:
        result = returned.value
        if isinstance(returned, Paused):
            return result
    finally:
        vm.depth -= 1
        vm.mode = outer
    if func.generator:
        havoc_since(vm, scope, mark, node or func.node, f"how far {func.name} is run")
    if func.opaque or func.generator:
        reason = "a decorator or a generator may change what it gives"
        return Unknown(text, reason, location=where)
    return result


def _parameters(
    func: Func,
    args: list[Val],
    keywords: dict[str, Val],
    text: str,
    where: Any,
    unsure: Unknown | None,
    rest: Unknown | None,
) -> dict[str, Val]:
    """What the parameters are; *unsure*: what ``**`` may bring, *rest*: what ``*`` may."""
    spec = func.node.args
    names: dict[str, Val] = {}
    plain = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    every = plain + [a.arg for a in spec.kwonlyargs]
    names.update(zip(plain, args, strict=False))
    if spec.vararg:
        names[spec.vararg.arg] = Seq((*args[len(plain) :], *([rest] if rest else [])), "tuple")
    extra: dict[str, Val] = {}
    for key, value in keywords.items():
        (names if key in every else extra)[key] = value
    if spec.kwarg:
        entries = [MapEntry(Const(k, where), v, where) for k, v in extra.items()]
        entries += [MapEntry(None, unsure, where)] if unsure else []
        names[spec.kwarg.arg] = Map(Log(entries), where=where)
    unsure = unsure or rest
    for name in every:
        if name in names:
            continue
        if unsure is None and name in func.defaults:
            names[name] = func.defaults[name]
        else:
            reason = unsure.reason if unsure else "a parameter that isn't given"
            names[name] = Unknown(name, reason, location=where)
    return names


def _ungiven(func: Func, names: Mapping[str, Val]) -> Iterator[tuple[str, Val]]:
    """``*args`` and ``**kwargs`` of what a runner calls, or nothing that is seen: with what?"""
    spec, reason = func.node.args, "a parameter that isn't given"
    if spec.vararg is not None and isinstance(held := names[spec.vararg.arg], Seq):
        more = Unknown(spec.vararg.arg, reason, splits=True)
        yield spec.vararg.arg, replace(held, items=(*held.items, more))
    if spec.kwarg is not None and isinstance(held := names[spec.kwarg.arg], Map):
        entry = MapEntry(None, Unknown(spec.kwarg.arg, reason), None)
        yield spec.kwarg.arg, Map(Log((*held.log, entry)))


def _outside(vm: Machine, scope: Scope, call: Call) -> Val:
    """A call of something that isn't read."""
    vm.spend(1)
    target, name = call.target, call.name
    if isinstance(target, Ext) and (function := _FUNCTIONS.get(target.name)) is not None:
        if "key" in call.keywords:
            havoc_handed(vm, scope, call)
        return function(vm, scope, call)
    if name not in _HARMLESS and name not in vm.watch.harmless:
        havoc_handed(vm, scope, call)
    follow_handed(vm, scope, call, _called)
    if isinstance(target, Ext) and target.name in ("dataclasses.field", "field"):
        return dataclass_field(vm, scope, call)
    if isinstance(target, Ext) and name[:1].isupper():
        return construct_unread(vm, scope, target, call)
    harmless = name in _HARMLESS or name in vm.watch.harmless or name.startswith("assert")
    if not harmless:
        given = list(zip(call.args, call.node.args, strict=False))
        given += [(call.keywords[k.arg], k.value) for k in call.node.keywords if k.arg]
        for value, place in given:
            ops.widen_value(vm, scope, value, place, f"{name} may change it")
    found = scope.unknown(call.node, "a call that isn't followed", *call.args)
    plain = all(isinstance(a, Const | Ext) for a in (*call.args, *call.keywords.values()))
    if isinstance(target, Ext) and plain and not call.open:
        words = [_spelled(a) for a in call.args]
        words += [f"{k}={_spelled(v)}" for k, v in call.keywords.items()]
        text = f"{target.shown}({', '.join(words)})"
        found = Unknown(text, found.reason, found.names, location=found.location)
        return vm.keyed(found, ("call", target.name, found.text))
    if isinstance(target, Instance):
        return scope.unknown(call.node, "an object's call isn't followed")
    return found


def _spelled(value: Val) -> str:
    """A plain argument as a condition shows it."""
    return repr(value.value) if isinstance(value, Const) else getattr(value, "shown", "…")


_METHOD_KINDS = {kind: kind for kind in ("classmethod", "staticmethod", "property")}
_METHOD_KINDS["cached_property"] = "property"
# Decorators that leave what a function does and gives as it is.
_TRANSPARENT = frozenset(
    "skip skipIf skipUnless expectedFailure override abstractmethod wraps lru_cache cache "
    "patch dict mark parametrize fixture".split()
)


def define_function(vm: Machine, scope: Scope, node: FunctionNode, name: str) -> Func:
    """A function as it is defined."""
    defaults = parameter_defaults(vm, scope, node.args)
    func = Func(node, scope, name, defaults, generator=_yields(node))
    for decorator in getattr(node, "decorator_list", ()):
        word = last_name(decorator)
        if word in _METHOD_KINDS:
            func.kind = _METHOD_KINDS[word]
        elif word not in _TRANSPARENT:
            func.opaque = True
    return func


@remembered(4096)
def _yields(function: FunctionNode) -> bool:
    """Whether a function yields."""
    inner = children(function)
    while inner:
        node = inner.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            inner += children(node)
    return False


def define_class(vm: Machine, scope: Scope, node: ast.ClassDef) -> ClassValue:
    """A class as it is defined: its body is followed at once."""
    bases = tuple(vm.evaluate(scope, b) for b in node.bases)
    inner = scope.inner("class", node.name)
    found = ClassValue(node.name, node, bases, inner)
    vm.execute(inner, node.body)
    inner.qualname = ""
    for value in inner.names.values():
        if isinstance(value, Func) and value.owner is None:
            value.owner = found
    found.mro = _linear(vm, found)
    if any(last_name(d) == "dataclass" for d in node.decorator_list) or any(
        isinstance(b, Ext) and b.shown.split(".")[-1] == "NamedTuple" for b in bases
    ):
        inherited = [
            f for c in reversed(found.mro[1:]) if isinstance(c, ClassValue) for f in c.fields or ()
        ]
        own = [
            s.target.id
            for s in node.body
            if isinstance(s, ast.AnnAssign)
            and isinstance(s.target, ast.Name)
            and "ClassVar" not in scope.text(s.annotation)
        ]
        found.fields = tuple(dict.fromkeys([*inherited, *own]))
    return found


def _linear(vm: Machine, cls: ClassValue) -> tuple[Val, ...]:
    """The order of attribute lookup (C3); bases that weren't read stand as they are."""
    if len(cls.bases) == 1 and isinstance(cls.bases[0], ClassValue):
        return (cls, *cls.bases[0].mro)
    lists: list[list[Val]] = [list(b.mro) if isinstance(b, ClassValue) else [b] for b in cls.bases]
    vm.spend((len(lists) + 1) * sum(map(len, lists)))
    lists.append(list(cls.bases))
    order: list[Val] = [cls]
    while any(lists):
        lists = [entries for entries in lists if entries]
        firsts = (e[0] for e in lists if not any(_is_among(e[0], other[1:]) for other in lists))
        head = next(firsts, lists[0][0])
        order.append(head)
        lists = [[v for v in entries if not _is_same(v, head)] for entries in lists]
    plain = [v for v in order if not (isinstance(v, Ext) and v.name in ("object", "abc.ABC"))]
    # a test case's own attributes are setUpClass and the like: nothing that launches
    local = [v for v in plain if isinstance(v, ClassValue)]
    return (*plain,) if len(local) == len(plain) else _test_last(plain)


def _test_last(order: list[Val]) -> tuple[Val, ...]:
    known = [v for v in order if not is_test_base(v)]
    return (
        *known,
        *(Ext(v.name, v.shown) for v in order if isinstance(v, Ext) and is_test_base(v)),
    )


def is_test_base(value: Val) -> bool:
    """Whether a base that isn't read is a test case."""
    return isinstance(value, Ext) and value.shown.endswith("TestCase")


def _is_same(a: Val, b: Val) -> bool:
    return a is b or (isinstance(a, Ext) and isinstance(b, Ext) and a.name == b.name)


def _is_among(value: Val, values: list[Val]) -> bool:
    return any(_is_same(value, v) for v in values)


def construct(vm: Machine, scope: Scope, cls: ClassValue, call: Call) -> Val:
    """``Class(…)``: a dataclass's fields are filled in, or ``__init__`` is followed."""
    where = scope.place(call.node)
    found = Instance(cls, {}, where, call.node.end_lineno or where.line or 1)
    init = cls.attribute("__init__")
    if isinstance(init, Func):
        unsure = _unsure(scope, call)
        vm.invoke(init, [found, *call.args], call.keywords, scope, call.node, unsure)
    elif cls.fields is not None:
        _fill(vm, scope, cls, found, call)
    elif any(not isinstance(c, ClassValue) for c in cls.mro):
        vm.set(found, "attrs", dict(call.keywords))
    vm.watch.made(vm, found, call.node)
    return found


def _fill(vm: Machine, scope: Scope, cls: ClassValue, found: Instance, call: Call) -> None:
    given = dict(zip(cls.fields or (), call.args, strict=False)) | call.keywords
    for name in cls.fields or ():
        if name in given:
            found.attrs[name] = given[name]
            continue
        value = _unsure(scope, call) or cls.attribute(name)
        if isinstance(value, Instance) and isinstance(value.cls, Ext):
            factory = value.attrs.get("default_factory")
            value = value.attrs.get("default")
            if isinstance(factory, Func):
                value = vm.invoke(factory, [], {}, scope, None)
            elif isinstance(factory, Ext) and factory.name in ("list", "dict", "set"):
                value = Map() if factory.name == "dict" else Seq((), factory.name)
        if value is None or (isinstance(value, Ext) and value.where is None):
            place = scope.place(call.node)
            value = Unknown(name, f"{cls.name} isn't given {name}", location=place)
        found.attrs[name] = value
    after = cls.attribute("__post_init__")
    if isinstance(after, Func):
        vm.invoke(after, [found], {}, scope, call.node)


def construct_unread(vm: Machine, scope: Scope, cls: Ext, call: Call) -> Val:
    """``Class(…)`` of a class that isn't read: it is what it is given, as far as can be told."""
    if not call.keywords and not call.args:
        return scope.unknown(call.node, "a class that isn't read")
    where = scope.place(call.node)
    end = call.node.end_lineno or 1
    found = Instance(cls, dict(call.keywords), where, end, tuple(call.args))
    kept = vm.watch.made(vm, found, call.node)
    if kept or cls.shown.split(".")[-1] == "SimpleNamespace":
        return found
    return scope.unknown(call.node, f"{cls.shown} isn't read", *call.args)


def dataclass_field(vm: Machine, scope: Scope, call: Call) -> Val:
    """``dataclasses.field(…)``: kept until an object is made."""
    where = scope.place(call.node)
    return Instance(Ext("dataclasses.field", "field"), dict(call.keywords), where, where.line or 1)
