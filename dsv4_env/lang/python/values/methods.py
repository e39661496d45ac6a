"""Methods of strings, lists and dicts."""

from __future__ import annotations

import ast
import string

from dsv4_env.lang.python.values.containers import (
    copied_map,
    delete_key,
    environment_default,
    items_of,
    merge_into,
    put_item,
)
from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    MAX_TEXT,
    NONE,
    NOTHING,
    Call,
    Const,
    Ext,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    const,
    counting_entries,
    entry_of,
    joined_text,
    limited,
    may_be_text,
    python_value,
    splits,
    splitting,
    unknown,
    value_of,
)
from dsv4_env.lang.python.values.store import Store
from dsv4_env.model import Unknown

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
    return unknown(scope, call.node, "not followed", owner, *call.args)


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
            return value_of(getattr(text, name)(*given, **named), owner.where)
        if name == "replace":
            store.spend(len(text) >> 6)
        if name == "replace" and len(text.split(given[0])) * (len(given[1]) + 1) < MAX_TEXT:
            return const(text.replace(*given), owner.where)
    except (NotKnown, TypeError, ValueError, IndexError):
        pass
    return unknown(scope, call.node, "not followed", *call.args)


def _join(store: Store, scope: Scope, owner: Const, value: Val, node: ast.Call) -> Val:
    items = items_of(store, scope, value, node)
    if not all(isinstance(i, Ext) or (may_be_text(i) and not splits(i)) for i in items):
        return unknown(scope, node, "not text", *items)
    if sum(len(i.value) + len(owner.value) for i in items if isinstance(i, Const)) > MAX_TEXT:
        return unknown(scope, node, "too long a text to follow")
    parts: list[Val] = []
    for at, each in enumerate(items):
        parts += [owner, each] if at else [each]
    return joined_text(parts, scope.source.place(node), store.budget)


def _format(store: Store, scope: Scope, owner: Const, call: Call) -> Val:
    parts: list[Val] = []
    at = 0
    try:
        for literal, field, spec, conversion in string.Formatter().parse(owner.value):
            parts.append(Const(literal))
            if field is None:
                continue
            if spec or conversion:
                return unknown(scope, call.node, "a format that isn't followed", *call.args)
            if field == "":
                parts.append(call.args[at])
                at += 1
            else:
                parts.append(call.args[int(field)] if field.isdigit() else call.keywords[field])
    except (ValueError, IndexError, KeyError):
        return unknown(scope, call.node, "a format that isn't followed", *call.args)
    if any(not isinstance(p, Const | Unknown | Ext) for p in parts):
        return unknown(scope, call.node, "not text", *call.args)
    return joined_text(parts, owner.where, store.budget)


def _of_list(store: Store, scope: Scope, owner: Seq, name: str, call: Call) -> Val:
    items = owner.items
    if name == "copy":
        return Seq(items, owner.kind, scope.source.place(call.node))
    if name in ("append", "add") and call.args:
        items = (*items, call.args[0])
    elif name in ("extend", "update") and call.args:
        items = (*items, *items_of(store, scope, call.args[0], _first(call)))
    elif name == "clear":
        items = ()
    elif name == "reverse" and not any(isinstance(i, Unknown) and i.splits for i in items):
        items = items[::-1]
    elif name in ("insert", "remove", "pop", "sort"):
        return _changed(store, scope, owner, name, call)
    elif name in ("index", "count"):
        try:
            given = [python_value(a, store.budget) for a in call.args]
            return const(getattr(python_value(owner, store.budget), name)(*given))
        except (NotKnown, ValueError, TypeError):
            return unknown(scope, call.node, "not known", *call.args)
    else:
        return unknown(scope, call.node, "not followed", *call.args)
    store.budget.make(8 * len(items))
    store.set(owner, "items", limited(items, scope, call.node))
    return NONE


def _changed(store: Store, scope: Scope, owner: Seq, name: str, call: Call) -> Val:
    """Insert, remove, pop, sort: as Python does, on a list of known length and known order."""
    items = list(owner.items)
    store.budget.make(16 * len(items))
    store.spend(len(items) >> 4)
    result: Val = NONE
    try:
        if owner.kind == "set" or call.keywords or any(splits(i) for i in items):
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
        result = unknown(scope, call.node, "not known", *call.args)
        items = [splitting(unknown(scope, call.node, f"the list after {name} isn't known"))]
    store.set(owner, "items", limited(items, scope, call.node))
    return result


def _of_map(store: Store, scope: Scope, owner: Map, name: str, call: Call) -> Val:
    where = scope.source.place(call.node)
    if name == "copy":
        return copied_map(store, owner, where)
    if name == "clear":
        store.set(owner, "log", NOTHING)
        store.set(owner, "inherits", False)
        return NONE
    if name == "update":
        for value in call.args[:1]:
            merge_into(store, scope, owner, value, _first(call))
        for keyword in call.node.keywords:
            if keyword.arg and keyword.arg in call.keywords:
                key = Const(keyword.arg, scope.source.place(keyword))
                put_item(store, scope, owner, key, call.keywords[keyword.arg], keyword.value)
            elif keyword in call.spread:
                merge_into(store, scope, owner, call.spread[keyword], keyword.value)
        return NONE
    if name in ("items", "keys", "values"):
        store.spend(len(owner.log) >> 2)
        return _listed(scope, owner, name, call.node)
    if name in ("get", "pop", "setdefault") and call.args:
        return _got(store, scope, owner, name, call)
    return unknown(scope, call.node, "not followed", *call.args)


def _first(call: Call) -> ast.expr:
    """Where the first argument stands."""
    return call.node.args[0] if call.node.args else call.node


def _listed(scope: Scope, owner: Map, name: str, node: ast.Call) -> Val:
    try:
        if owner.inherits:
            raise NotKnown
        settings = [e for e in counting_entries(owner).values() if e.key]
    except NotKnown:
        return Seq((splitting(unknown(scope, node, "not all of it is known")),))
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
        return unknown(scope, call.node, "the name isn't known", key)
    entry = entry_of(owner, key.value)
    found: Val = otherwise
    if entry is not None:
        found = entry.value
        if entry.key is None:
            found = unknown(scope, call.node, "may have been set", otherwise)
    elif owner.inherits and key.value not in owner.gone:
        found = environment_default(store, str(key.value), otherwise, scope, call.node)
    if name == "pop":
        delete_key(store, owner, key)
    elif name == "setdefault" and (entry is None or entry.key is None):
        put_item(store, scope, owner, key, found, call.node.args[0])
    return found
