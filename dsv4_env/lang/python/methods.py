"""Methods of strings, lists and dicts."""

from __future__ import annotations

import ast
import json
import string
from typing import Any

from dsv4_env.lang.python import objects
from dsv4_env.lang.python.expr import bounded, iterated, splitting, unknown
from dsv4_env.lang.python.run import Run
from dsv4_env.lang.python.values import (
    MAX_ITEMS,
    MAX_TEXT,
    NONE,
    NOTHING,
    Const,
    Entry,
    Ext,
    Log,
    Map,
    NotKnown,
    Scope,
    Seq,
    Val,
    const,
    current,
    default_of,
    joined,
    looked_up,
    python_value,
)
from dsv4_env.model import Unknown
from dsv4_env.model.budget import Budget

_TEXT = frozenset(
    "capitalize casefold count endswith find index isalnum isalpha isdigit islower isspace isupper "
    "lower lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip split "
    "splitlines startswith strip swapcase title upper".split()
)


def method(
    run: Run,
    scope: Scope,
    owner: Val,
    name: str,
    args: list[Val],
    keywords: dict[str, Val],
    node: ast.Call,
) -> Val:
    """``owner.name(*args)`` for a value that Python itself defines."""
    if isinstance(owner, Map):
        return _of_map(run, scope, owner, name, args, keywords, node)
    if isinstance(owner, Seq):
        return _of_list(run, scope, owner, name, args, keywords, node)
    if isinstance(owner, Const) and isinstance(owner.value, str):
        return _of_text(run, scope, owner, name, args, keywords, node)
    return unknown(scope, node, "not followed", owner, *args)


def wrapped(value: Any, where: Any) -> Val:
    """What Python gave, as a value."""
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return Seq(tuple(wrapped(v, where) for v in value), kind, where)
    if isinstance(value, dict):
        entries = (Entry(Const(k, where), wrapped(v, where), where) for k, v in value.items())
        return Map(Log(entries), where=where)
    return const(value, where)


def _of_text(
    run: Run,
    scope: Scope,
    owner: Const,
    name: str,
    args: list[Val],
    keywords: dict[str, Val],
    node: ast.Call,
) -> Val:
    text: str = owner.value
    if name == "join" and args:
        return _joined(run, scope, owner, args[0], node)
    if name == "format":
        return _formatted(run, scope, owner, args, keywords, node)
    try:
        given = [python_value(a, run.budget) for a in args]
        named = {k: python_value(v, run.budget) for k, v in keywords.items()}
        run.budget.make(len(text))
        if name in _TEXT and not (name.startswith(("split", "rsplit")) and len(text) > MAX_ITEMS):
            return wrapped(getattr(text, name)(*given, **named), owner.where)
        if name == "replace":
            run.spend(len(text) >> 6)
        if name == "replace" and len(text.split(given[0])) * (len(given[1]) + 1) < MAX_TEXT:
            return const(text.replace(*given), owner.where)
    except (NotKnown, TypeError, ValueError, IndexError):
        pass
    return unknown(scope, node, "not followed", *args)


def _joined(run: Run, scope: Scope, owner: Const, value: Val, node: ast.Call) -> Val:
    items = iterated(run, scope, value, node)
    if not all(isinstance(i, Ext) or default_like(i) for i in items):
        return unknown(scope, node, "not text", *items)
    if sum(len(i.value) + len(owner.value) for i in items if isinstance(i, Const)) > MAX_TEXT:
        return unknown(scope, node, "too long a text to follow")
    parts: list[Val] = []
    for at, each in enumerate(items):
        parts += [owner, each] if at else [each]
    return joined(parts, scope.source.place(node), run.budget)


def default_like(value: Val) -> bool:
    """Whether a value is text, or one unknown text."""
    if isinstance(value, Unknown):
        return not value.splits
    return isinstance(value, Const) and isinstance(value.value, str)


def _formatted(
    run: Run, scope: Scope, owner: Const, args: list[Val], keywords: dict[str, Val], node: ast.Call
) -> Val:
    parts: list[Val] = []
    at = 0
    try:
        for literal, field, spec, conversion in string.Formatter().parse(owner.value):
            parts.append(Const(literal))
            if field is None:
                continue
            if spec or conversion:
                return unknown(scope, node, "a format that isn't followed", *args)
            if field == "":
                parts.append(args[at])
                at += 1
            else:
                parts.append(args[int(field)] if field.isdigit() else keywords[field])
    except (ValueError, IndexError, KeyError):
        return unknown(scope, node, "a format that isn't followed", *args)
    if any(not isinstance(p, Const | Unknown | Ext) for p in parts):
        return unknown(scope, node, "not text", *args)
    return joined(parts, owner.where, run.budget)


def _of_list(
    run: Run,
    scope: Scope,
    owner: Seq,
    name: str,
    args: list[Val],
    keywords: dict[str, Val],
    node: ast.Call,
) -> Val:
    items = owner.items
    if name == "copy":
        return Seq(items, owner.kind, scope.source.place(node))
    if name in ("append", "add") and args:
        items = (*items, args[0])
    elif name in ("extend", "update") and args:
        items = (*items, *iterated(run, scope, args[0], node.args[0] if node.args else node))
    elif name == "clear":
        items = ()
    elif name == "reverse" and not any(isinstance(i, Unknown) and i.splits for i in items):
        items = items[::-1]
    elif name in ("insert", "remove", "pop", "sort"):
        return _changed(run, scope, owner, name, args, keywords, node)
    elif name in ("index", "count"):
        try:
            given = [python_value(a, run.budget) for a in args]
            return const(getattr(python_value(owner, run.budget), name)(*given))
        except (NotKnown, ValueError, TypeError):
            return unknown(scope, node, "not known", *args)
    else:
        return unknown(scope, node, "not followed", *args)
    run.budget.make(8 * len(items))
    run.set(owner, "items", bounded(items, scope, node))
    return NONE


def _changed(
    run: Run,
    scope: Scope,
    owner: Seq,
    name: str,
    args: list[Val],
    keywords: dict[str, Val],
    node: ast.Call,
) -> Val:
    """Insert, remove, pop, sort: as Python does, on a list of known length and known order."""
    items = list(owner.items)
    run.budget.make(16 * len(items))
    run.spend(len(items) >> 4)
    result: Val = NONE
    try:
        if owner.kind == "set" or keywords or any(_splits(i) for i in items):
            raise NotKnown
        given = [python_value(a, run.budget) for a in (args[:1] if name == "insert" else args)]
        if name == "insert":
            items.insert(given[0], args[1])
        elif name == "pop":
            result = items.pop(*given)
        elif name == "remove":
            del items[[python_value(i, run.budget) for i in items].index(given[0])]
        else:
            items.sort(key=lambda v: python_value(v, run.budget))
    except (NotKnown, ValueError, TypeError, IndexError):
        result = unknown(scope, node, "not known", *args)
        items = [splitting(unknown(scope, node, f"the list after {name} isn't known"))]
    run.set(owner, "items", bounded(items, scope, node))
    return result


def _splits(value: Val) -> bool:
    return isinstance(value, Unknown) and value.splits


def _of_map(
    run: Run,
    scope: Scope,
    owner: Map,
    name: str,
    args: list[Val],
    keywords: dict[str, Val],
    node: ast.Call,
) -> Val:
    where = scope.source.place(node)
    if name == "copy":
        return objects.copied(run, owner, where)
    if name == "clear":
        run.set(owner, "log", NOTHING)
        run.set(owner, "inherits", False)
        return NONE
    if name == "update":
        for value in args[:1]:
            objects.merge(run, scope, owner, value, node.args[0] if node.args else node)
        for keyword in node.keywords:
            if keyword.arg and keyword.arg in keywords:
                key = Const(keyword.arg, scope.source.place(keyword))
                objects.put_item(run, scope, owner, key, keywords[keyword.arg], keyword.value)
            elif keyword.arg is None:
                from dsv4_env.lang.python.expr import evaluate

                objects.merge(run, scope, owner, evaluate(run, scope, keyword.value), keyword.value)
        return NONE
    if name in ("items", "keys", "values"):
        run.spend(len(owner.log) >> 2)
        return _listed(scope, owner, name, node)
    if name in ("get", "pop", "setdefault") and args:
        return _got(run, scope, owner, name, args, node)
    return unknown(scope, node, "not followed", *args)


def _listed(scope: Scope, owner: Map, name: str, node: ast.Call) -> Val:
    try:
        if owner.inherits:
            raise NotKnown
        settings = [e for e in current(owner).values() if e.key]
    except NotKnown:
        return Seq((splitting(unknown(scope, node, "not all of it is known")),))
    if name == "items":
        pairs = (Seq((e.key, e.value), "tuple", e.where) for e in settings if e.key)
        return Seq(tuple(pairs))
    return Seq(tuple(e.key if name == "keys" and e.key else e.value for e in settings))


def _got(run: Run, scope: Scope, owner: Map, name: str, args: list[Val], node: ast.Call) -> Val:
    """``get``, ``pop`` and ``setdefault``."""
    key = args[0]
    otherwise = args[1] if len(args) > 1 else NONE
    if not isinstance(key, Const):
        if name == "pop":
            objects.delete(run, owner, key)
        elif name == "setdefault":
            objects.put_item(run, scope, owner, key, otherwise, node.args[0])
        return unknown(scope, node, "the name isn't known", key)
    entry = looked_up(owner, key.value)
    found: Val = otherwise
    if entry is not None:
        found = entry.value
        if entry.key is None:
            found = unknown(scope, node, "may have been set", otherwise)
    elif owner.inherits and key.value not in owner.gone:
        found = environment_default(run, str(key.value), otherwise, scope, node)
    if name == "pop":
        objects.delete(run, owner, key)
    elif name == "setdefault" and (entry is None or entry.key is None):
        objects.put_item(run, scope, owner, key, found, node.args[0])
    return found


def environment_default(run: Run, name: str, otherwise: Val, scope: Scope, node: ast.expr) -> Val:
    """``os.environ.get(name, otherwise)``."""
    text = scope.source.text(node)
    found = objects.environment_value(run, name, text, scope.source.place(node))
    if not isinstance(found, Unknown) or found.default is not None or found.names != (name,):
        return found
    if isinstance(otherwise, Const) and not isinstance(otherwise.value, str):
        return found
    default = default_of(otherwise)
    names = (name, *otherwise.names) if isinstance(otherwise, Unknown) else (name,)
    key = run.keys[id(found)][0]
    made = Unknown(text, found.reason, names, default, location=found.location)
    run.keys[id(made)] = (key, made)
    return made


_WIDEST = 16  # characters that come before or after each item


def dumped(args: list[Val], keywords: dict[str, Val], budget: Budget) -> str:
    """``json.dumps``; raises NotKnown, TypeError or ValueError."""
    allowed = {"indent", "separators", "sort_keys", "ensure_ascii"}
    if set(keywords) - allowed or len(args) != 1:
        raise NotKnown
    named = {k: python_value(v, budget) for k, v in keywords.items()}
    indent = named.get("indent")
    given = [indent if isinstance(indent, str) else "", *(named.get("separators") or ())]
    if (isinstance(indent, int) and indent > _WIDEST) or any(len(g) > _WIDEST for g in given):
        raise NotKnown
    return json.dumps(python_value(args[0], budget), **named)
