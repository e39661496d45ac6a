"""What Python does with values: names, items, dicts, methods and operators."""

from __future__ import annotations

import ast
import operator
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    MAX_LENGTH,
    MAX_SETTINGS,
    NONE,
    NOTHING,
    Call,
    Const,
    Ext,
    Instance,
    Log,
    Map,
    MapEntry,
    NotKnown,
    Scope,
    Seq,
    Val,
    as_shown,
    const,
    default_text,
    is_const,
    joined_text,
    may_be_text,
    python_value,
    splits,
    splitting,
    unknown_of,
    wrapped,
)
from dsv4_env.lang.python.values.store import Store
from dsv4_env.model import Location, Unknown


def initial_variable(store: Store, name: str, text: str, where: Location) -> Val:
    """A variable that the process's environment began with, before the file set anything."""
    if name in store.given:
        return Const(store.given[name], where)
    found = Unknown(text, "from the environment", (name,), location=where)
    return store.keyed(found, ("environ", name, text))


def none_when_unset(value: Unknown) -> bool:
    """Whether a value is None, not text, when its variable isn't set."""
    return value.default is None and bool(
        re.fullmatch(r"(?:\w+\.)?(environ\.get|getenv)\('\w+'\)", value.text)
    )


def variable_or(store: Store, name: str, otherwise: Val, scope: Scope, node: ast.expr) -> Val:
    """``os.environ.get(name, otherwise)``."""
    text = scope.text(node)
    found = initial_variable(store, name, text, scope.place(node))
    if not isinstance(found, Unknown) or found.default is not None or found.names != (name,):
        return found
    if isinstance(otherwise, Const) and not isinstance(otherwise.value, str):
        return found
    default = default_text(otherwise)
    names = (name, *otherwise.names) if isinstance(otherwise, Unknown) else (name,)
    made = Unknown(text, found.reason, names, default, location=found.location)
    return store.keyed(made, store.key_of(found))


def item_of(store: Store, scope: Scope, owner: Val, key: Val, node: ast.expr) -> Val:
    """``owner[key]``."""
    where = scope.place(node)
    text = scope.text(node)
    if isinstance(owner, Map) and isinstance(key, Const):
        entry = owner.log.last(key.value)
        if entry is not None and entry.key is not None:
            return entry.value
        outside = owner.inherits and key.value not in owner.gone
        if entry is None and outside and isinstance(key.value, str):
            return initial_variable(store, key.value, text, where)
    if isinstance(owner, Seq) and isinstance(key, Const) and isinstance(key.value, int):
        found = item_at(owner, key.value)
        if found is not None:
            return found
    if isinstance(owner, Const) and isinstance(key, Const):
        try:
            return const(owner.value[key.value], owner.where)
        except (TypeError, IndexError, KeyError):
            pass
    return Unknown(text, "an item that isn't known", location=where)


def item_at(owner: Seq, at: int) -> Val | None:
    """An item of a list by its number; None where it isn't known which that is."""
    if not -len(owner.items) <= at < len(owner.items) or owner.kind == "set":
        return None
    passed = owner.items[: at + 1] if at >= 0 else owner.items[at:]
    return None if any(map(splits, passed)) else owner.items[at]


def put_item(store: Store, scope: Scope, owner: Map, key: Val, value: Val, node: ast.expr) -> None:
    """``owner[key] = value``; *node* is where the key stands."""
    where = key.where if isinstance(key, Const) else scope.place(node)
    known = isinstance(key, Const) and isinstance(key.value, str | int | float | bool | None)
    if known and isinstance(key, Const):
        entry = MapEntry(key, value, where or scope.place(node))
    else:
        entry = any_entry(scope, node, "the name isn't known")
    add_entries(store, scope, owner, node, entry)


def add_entries(store: Store, scope: Scope, owner: Map, node: ast.expr, *entries: MapEntry) -> None:
    """Set a dict's items; of absurdly many nothing is known."""
    if len(owner.log) + len(entries) > MAX_SETTINGS:
        store.set(owner, "log", Log((any_entry(scope, node, "too long a dict to follow"),)))
        return
    if len(entries) > 1:
        store.budget.make(16 * len(entries))
    store.set(owner, "log", owner.log.and_more(*entries))


def any_entry(scope: Scope, node: ast.AST, reason: str) -> MapEntry:
    """What may have set any name."""
    where = scope.place(node)
    return MapEntry(None, Unknown(scope.text(node), reason, location=where), where)


def merge_into(store: Store, scope: Scope, owner: Map, other: Val, node: ast.expr) -> None:
    """``owner.update(other)``."""
    if isinstance(other, Map):
        if other.inherits and other is not owner:
            # what the environment holds comes after what was there: it may win
            store.spend(len(owner.log) + len(other.log) // 4)
            reason = "the environment may override it"
            kept = Log(
                e if e.key and other.log.last(e.key.value) else overridable(store, e, other, reason)
                for e in owner.log
            )
            store.set(owner, "log", kept)
            seen = other.seen if other is not store.environ else frozenset(other.log)
            store.set(owner, "seen", owner.seen & seen if owner.inherits else seen)
            store.set(owner, "gone", owner.gone & other.gone if owner.inherits else other.gone)
            store.set(owner, "inherits", True)
        add_entries(store, scope, owner, node, *other.log)
        return
    if isinstance(other, Seq):
        pairs = [i.items for i in other.items if isinstance(i, Seq) and len(i.items) == 2]
        if len(pairs) == len(other.items):
            for key, value in pairs:
                put_item(store, scope, owner, key, value, node)
            return
    if isinstance(other, Const) and not other.value:
        return
    found = unknown_of(other, scope.text(node), scope.place(node))
    entry = MapEntry(None, Unknown(found.text, found.reason, found.names, location=found.location))
    store.set(owner, "log", owner.log.and_more(entry))


def overridable(store: Store, entry: MapEntry, env: Map, reason: str) -> MapEntry:
    """A setting that a variable may win over which *env* has of the process's environment."""
    if entry.key is None or entry.key.value in env.gone:
        return entry
    name = str(entry.key.value)
    if name in store.given:
        return replace(entry, value=Const(store.given[name], entry.where))
    default = entry.value.value if is_const(entry.value, str) else None
    text = as_shown(entry.value)
    return replace(entry, value=Unknown(text, reason, (name,), default, location=entry.where))


def copied_map(store: Store, found: Map, where: Location) -> Map:
    """A dict's copy."""
    store.spend(len(found.log) >> 3 if found is store.environ else 0)
    seen = frozenset(found.log) if found is store.environ else found.seen
    return replace(found, seen=seen, where=where)


def delete_key(store: Store, owner: Map, key: Val) -> None:
    """``del owner[key]``."""
    if isinstance(key, Const):
        store.spend(len(owner.log) >> 3)
        store.budget.make(8 * len(owner.log))
        store.set(owner, "log", owner.without(key.value))
        store.set(owner, "gone", owner.gone | {key.value})
    else:
        reason = "a name that isn't known was deleted"
        where = key.location if isinstance(key, Unknown) else None
        entry = MapEntry(None, Unknown(as_shown(key), reason, location=where), where)
        store.set(owner, "log", owner.log.and_more(entry))


def widen_value(store: Store, scope: Scope, value: Val, node: ast.AST, reason: str) -> None:
    """From here on a list or dict may hold anything besides."""
    if isinstance(value, Map):
        store.set(value, "log", value.log.and_more(any_entry(scope, node, reason)))
    elif isinstance(value, Seq) and value.kind != "tuple":
        where = scope.place(node)
        text = scope.text(node)
        store.set(value, "items", (Unknown(text, reason, splits=True, location=where),))


def bind_name(store: Store, scope: Scope, name: str, value: Val) -> None:
    """``name = value``."""
    at = scope
    if name in scope.globals:
        while at.parent is not None:
            at = at.parent
    store.put(at.names, name, value)
    label_entries(store, value, f"{at.qualname}.{name}" if at.qualname else name)


def label_entries(store: Store, value: Val, name: str) -> None:
    """Name an object after what it is bound to, and those of a list or dict after that."""
    if isinstance(value, Instance) and value.symbol is None:
        store.set(value, "symbol", name)
    elif isinstance(value, Seq):
        store.spend(len(value.items) >> 5)
        for at, entry in enumerate(value.items):
            if isinstance(entry, Instance) and entry.symbol is None:
                store.set(entry, "symbol", f"{name}[{at}]")
    elif isinstance(value, Map):
        store.spend(len(value.log) >> 5)
        for setting in value.log:
            if isinstance(setting.value, Instance) and setting.key and not setting.value.symbol:
                store.set(setting.value, "symbol", f"{name}[{setting.key.value!r}]")


def items_of(store: Store, scope: Scope, value: Val, node: ast.expr) -> tuple[Val, ...]:
    """What going over a value gives; one Unknown that splits where that isn't known."""
    if isinstance(value, Seq) and (value.kind != "set" or len(value.items) < 2):
        return value.items
    if isinstance(value, Const) and isinstance(value.value, str) and len(value.value) <= MAX_ITEMS:
        store.spend(len(value.value) >> 2)
        return tuple(Const(c, value.where) for c in value.value)
    if isinstance(value, Map) and not value.inherits:
        try:
            store.spend(len(value.log) >> 3)
            return tuple(e.key for e in value.settings().values() if e.key)
        except NotKnown:
            pass
    where = scope.place(node)
    return (splitting(unknown_of(value, scope.text(node), where)),)


def loop_items(store: Store, scope: Scope, value: Val, node: ast.expr) -> Iterator[Val]:
    """The items of a loop: of a list also those that the loop itself adds."""
    items = items_of(store, scope, value, node)
    most = len(items) + 1000
    at = 0
    while at < len(items):
        yield items[at]
        at += 1
        if not isinstance(value, Seq) or value.items is items or value.kind != "list":
            continue
        items = value.items
        if len(items) > most or any(map(splits, items)):
            yield splitting(scope.unknown(node, "the loop changes what it goes over"))
            return


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
    where = scope.place(node)
    if isinstance(op, ast.Add):
        if isinstance(left, Seq) and isinstance(right, Seq):
            store.budget.make(8 * (len(left.items) + len(right.items)))
            return Seq(scope.limited(left.items + right.items, node), left.kind, where)
        if isinstance(left, Seq) or isinstance(right, Seq):
            sides = [items_of(store, scope, v, node) for v in (left, right)]
            return Seq(scope.limited(sides[0] + sides[1], node), "list", where)
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
                return scope.unknown(node, "too long a list to follow")
            store.budget.make(8 * len(seq.items) * max(count, 0))
            return Seq(seq.items * count if seq.items else (), seq.kind, where)
        if is_const(left, str) or is_const(right, str):
            text, times = (left, right) if is_const(left, str) else (right, left)
            if is_const(text, str) and is_const(times, int):
                size = times.value * len(text.value)
                if 0 <= size < 10_000:
                    store.budget.make(size)
                    return const(text.value * times.value, text.where)
            return scope.unknown(node, "not followed", left, right)
    if isinstance(op, ast.Mod) and is_const(left, str):
        return _percent(store, scope, left, right, node)
    function = _BINARY.get(type(op))
    if function and is_const(left, int | float) and is_const(right, int | float):
        values = left.value, right.value
        if all(abs(v) < 2**63 for v in values):
            try:
                return const(function(*values), where)
            except (ArithmeticError, TypeError):
                pass
    return scope.unknown(node, "not a constant", left, right)


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


def comparison(store: Store, scope: Scope, node: ast.Compare, values: list[Val]) -> Val:
    """A comparison of values; unknown ones of the same values are the same question."""
    where = scope.place(node)
    answers = [
        _answer(store, op, a, b) for op, a, b in zip(node.ops, values, values[1:], strict=False)
    ]
    if False in answers:
        return const(False, where)
    if None not in answers:
        return const(True, where)
    found = scope.unknown(node, "not a constant", *values)
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
        entry = where.log.last(item)
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
        return scope.unknown(node, "not followed")
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
        return scope.unknown(node, "not text")
    return joined_text(parts, left.where, store.budget)


_TEXT = frozenset(
    "capitalize casefold count endswith find index isalnum isalpha isdigit islower isspace isupper "
    "lower lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip split "
    "splitlines startswith strip swapcase title upper".split()
)


def call_method(store: Store, scope: Scope, owner: Val, name: str, call: Call) -> Val:
    """``owner.name(*args)`` for a value that Python itself defines."""
    if isinstance(owner, Map):
        return _of_map(store, scope, owner, name, call)
    if isinstance(owner, Seq):
        return _of_list(store, scope, owner, name, call)
    if isinstance(owner, Const) and isinstance(owner.value, str):
        return _of_text(store, scope, owner, name, call)
    return scope.unknown(call.node, "not followed", owner, *call.args)


def _of_text(store: Store, scope: Scope, owner: Const, name: str, call: Call) -> Val:
    text: str = owner.value
    if name == "join" and call.args:
        return _join(store, scope, owner, call.args[0], call.node)
    if name == "format":
        return _format(store, scope, owner, call)
    try:
        given = [python_value(a, store.budget) for a in call.args]
        named = {k: python_value(v, store.budget) for k, v in call.keywords.items()}
        store.budget.make(len(text))
        if name in _TEXT and not (name.startswith(("split", "rsplit")) and len(text) > MAX_ITEMS):
            return wrapped(getattr(text, name)(*given, **named), owner.where)
        if name == "replace":
            store.spend(len(text) >> 6)
        if name == "replace" and len(text.split(given[0])) * (len(given[1]) + 1) < MAX_LENGTH:
            return const(text.replace(*given), owner.where)
    except (NotKnown, TypeError, ValueError, IndexError):
        pass
    return scope.unknown(call.node, "not followed", *call.args)


def _join(store: Store, scope: Scope, owner: Const, value: Val, node: ast.Call) -> Val:
    items = items_of(store, scope, value, node)
    if not all(isinstance(i, Ext) or may_be_text(i) for i in items):
        return scope.unknown(node, "not text", *items)
    if sum(len(i.value) + len(owner.value) for i in items if isinstance(i, Const)) > MAX_LENGTH:
        return scope.unknown(node, "too long a text to follow")
    parts: list[Val] = []
    for at, each in enumerate(items):
        parts += [owner, each] if at else [each]
    return joined_text(parts, scope.place(node), store.budget)


def _format(store: Store, scope: Scope, owner: Const, call: Call) -> Val:
    parts: list[Val] = []
    at = 0
    try:
        for literal, field, spec, conversion in string.Formatter().parse(owner.value):
            parts.append(Const(literal))
            if field is None:
                continue
            if spec or conversion:
                return scope.unknown(call.node, "a format that isn't followed", *call.args)
            if field == "":
                parts.append(call.args[at])
                at += 1
            else:
                parts.append(call.args[int(field)] if field.isdigit() else call.keywords[field])
    except (ValueError, IndexError, KeyError):
        return scope.unknown(call.node, "a format that isn't followed", *call.args)
    if any(not isinstance(p, Const | Unknown | Ext) for p in parts):
        return scope.unknown(call.node, "not text", *call.args)
    return joined_text(parts, owner.where, store.budget)


def _of_list(store: Store, scope: Scope, owner: Seq, name: str, call: Call) -> Val:
    items = owner.items
    if name == "copy":
        return Seq(items, owner.kind, scope.place(call.node))
    if name in ("append", "add") and call.args:
        items = (*items, call.args[0])
    elif name in ("extend", "update", "__iadd__", "__ior__") and call.args:
        items = (*items, *items_of(store, scope, call.args[0], _first(call)))
    elif name == "clear":
        items = ()
    elif name == "reverse" and not any(map(splits, items)):
        items = items[::-1]
    elif name in ("insert", "remove", "pop", "sort"):
        return _changed(store, scope, owner, name, call)
    elif name in ("index", "count"):
        try:
            given = [python_value(a, store.budget) for a in call.args]
            return const(getattr(python_value(owner, store.budget), name)(*given))
        except (NotKnown, ValueError, TypeError):
            return scope.unknown(call.node, "not known", *call.args)
    else:
        if changes_its_owner(name):
            widen_value(store, scope, owner, call.node, f"{name} may change it")
        return scope.unknown(call.node, "not followed", *call.args)
    store.budget.make(8 * len(items))
    store.set(owner, "items", scope.limited(items, call.node))
    return owner if name.startswith("__i") else NONE


def _changed(store: Store, scope: Scope, owner: Seq, name: str, call: Call) -> Val:
    """Insert, remove, pop, sort: as Python does, on a list of known length and known order."""
    items = list(owner.items)
    store.budget.make(16 * len(items))
    store.spend(len(items) >> 4)
    result: Val = NONE
    try:
        if owner.kind == "set" or call.keywords or any(map(splits, items)):
            raise NotKnown
        given = [
            python_value(a, store.budget)
            for a in (call.args[:1] if name == "insert" else call.args)
        ]
        if name == "insert":
            items.insert(given[0], call.args[1])
        elif name == "pop":
            result = items.pop(*given)
        elif name == "remove":
            del items[[python_value(i, store.budget) for i in items].index(given[0])]
        else:
            items.sort(key=lambda v: python_value(v, store.budget))
    except (NotKnown, ValueError, TypeError, IndexError):
        result = scope.unknown(call.node, "not known", *call.args)
        items = [splitting(scope.unknown(call.node, f"the list after {name} isn't known"))]
    store.set(owner, "items", scope.limited(items, call.node))
    return result


def _of_map(store: Store, scope: Scope, owner: Map, name: str, call: Call) -> Val:
    where = scope.place(call.node)
    if name == "copy":
        return copied_map(store, owner, where)
    if name == "clear":
        store.set(owner, "log", NOTHING)
        store.set(owner, "inherits", False)
        return NONE
    if name == "__setitem__" and len(call.args) == 2:
        put_item(store, scope, owner, call.args[0], call.args[1], _first(call))
        return NONE
    if name == "__delitem__" and call.args:
        delete_key(store, owner, call.args[0])
        return NONE
    if name in ("update", "__ior__"):
        for value in call.args[:1]:
            merge_into(store, scope, owner, value, _first(call))
        stated = {k.arg for k in call.node.keywords}
        for each in (k for k in call.keywords if k not in stated):  # of a functools.partial
            if not any(k in call.spread for k in call.node.keywords):
                key = Const(each, where)
                put_item(store, scope, owner, key, call.keywords[each], call.node)
        if call.open and not call.spread:
            widen_value(store, scope, owner, call.node, "what it's given isn't known")
        for keyword in call.node.keywords:
            if keyword.arg and keyword.arg in call.keywords:
                key = Const(keyword.arg, scope.place(keyword))
                put_item(store, scope, owner, key, call.keywords[keyword.arg], keyword.value)
            elif keyword in call.spread:
                merge_into(store, scope, owner, call.spread[keyword], keyword.value)
        return NONE if name == "update" else owner
    if name in ("items", "keys", "values"):
        store.spend(len(owner.log) >> 2)
        return _listed(scope, owner, name, call.node)
    if name in ("get", "pop", "setdefault") and call.args:
        return _got(store, scope, owner, name, call)
    if changes_its_owner(name):
        widen_value(store, scope, owner, call.node, f"{name} may change it")
    return scope.unknown(call.node, "not followed", *call.args)


# Methods of dicts, lists and sets that leave them as they are; so do those of numbers and text.
_LEAVING = frozenset(
    "copy get items keys values fromkeys index count union difference intersection "
    "symmetric_difference isdisjoint issubset issuperset".split()
)
_SETTING = frozenset("__setitem__ __delitem__ __init__ __setstate__ __setattr__".split())


def changes_its_owner(name: str) -> bool:
    """Whether a method of that name may change the dict or list that it is of."""
    if name.startswith("__"):  # those that work in place: `__ior__`, `__iadd__`, but not `__iter__`
        return name in _SETTING or (
            name.startswith("__i") and name not in ("__iter__", "__invert__")
        )
    return name not in _LEAVING


def _first(call: Call) -> ast.expr:
    """Where the first argument stands."""
    return call.node.args[0] if call.node.args else call.node


def _listed(scope: Scope, owner: Map, name: str, node: ast.Call) -> Val:
    try:
        if owner.inherits:
            raise NotKnown
        settings = [e for e in owner.settings().values() if e.key]
    except NotKnown:
        return Seq((splitting(scope.unknown(node, "not all of it is known")),))
    if name == "items":
        pairs = (Seq((e.key, e.value), "tuple", e.where) for e in settings if e.key)
        return Seq(tuple(pairs))
    return Seq(tuple(e.key if name == "keys" and e.key else e.value for e in settings))


def _got(store: Store, scope: Scope, owner: Map, name: str, call: Call) -> Val:
    """``get``, ``pop`` and ``setdefault``."""
    key = call.args[0]
    otherwise = call.args[1] if len(call.args) > 1 else NONE
    if not isinstance(key, Const):
        if name == "pop":
            delete_key(store, owner, key)
        elif name == "setdefault":
            put_item(store, scope, owner, key, otherwise, call.node.args[0])
        return scope.unknown(call.node, "the name isn't known", key)
    entry = owner.log.last(key.value)
    found: Val = otherwise
    if entry is not None:
        found = entry.value
        if entry.key is None:
            found = scope.unknown(call.node, "may have been set", otherwise)
    elif owner.inherits and key.value not in owner.gone:
        found = variable_or(store, str(key.value), otherwise, scope, call.node)
    if name == "pop":
        delete_key(store, owner, key)
    elif name == "setdefault" and (entry is None or entry.key is None):
        put_item(store, scope, owner, key, found, call.node.args[0])
    return found
