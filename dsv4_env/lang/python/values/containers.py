"""Names, dicts, lists and objects: what is stored where, undoably."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from dsv4_env.lang.python.values.kinds import (
    MAX_ITEMS,
    MAX_SETTINGS,
    Class,
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
    counting_entries,
    default_text,
    entry_of,
    log_without,
    shown_value,
    splits,
    splitting,
    unknown,
    unknown_of,
)
from dsv4_env.lang.python.values.store import Store
from dsv4_env.model import Location, Unknown


def bound_to(scope: Scope, name: str) -> Val | None:
    """What a name is bound to: here, in the functions around, or in the module."""
    at: Scope | None = scope
    while at is not None:
        if name in at.names and (at is scope or at.kind != "class"):
            return at.names[name]
        at = at.parent
    return None


def class_attribute(cls: Class, name: str) -> Val | None:
    """An attribute through the bases; an Ext where a base that wasn't read comes first."""
    return mro_attribute(cls.mro, name)


def mro_attribute(mro: tuple[Val, ...], name: str) -> Val | None:
    """The first of some classes that has the attribute."""
    for cls in mro:
        if isinstance(cls, Ext):
            return Ext(cls.name, cls.shown)  # without a place: the base, not an attribute of it
        if not isinstance(cls, Class):
            return cls
        if name in cls.names:
            return cls.names[name]
    return None


def environment_value(store: Store, name: str, text: str, where: Location) -> Val:
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


def environment_default(
    store: Store, name: str, otherwise: Val, scope: Scope, node: ast.expr
) -> Val:
    """``os.environ.get(name, otherwise)``."""
    text = scope.source.text(node)
    found = environment_value(store, name, text, scope.source.place(node))
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
    where = scope.source.place(node)
    text = scope.source.text(node)
    if isinstance(owner, Map) and isinstance(key, Const):
        entry = entry_of(owner, key.value)
        if entry is not None and entry.key is not None:
            return entry.value
        outside = owner.inherits and key.value not in owner.gone
        if entry is None and outside and isinstance(key.value, str):
            return environment_value(store, key.value, text, where)
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
    return None if any(splits(i) for i in passed) else owner.items[at]


def put_item(store: Store, scope: Scope, owner: Map, key: Val, value: Val, node: ast.expr) -> None:
    """``owner[key] = value``; *node* is where the key stands."""
    where = key.where if isinstance(key, Const) else scope.source.place(node)
    known = isinstance(key, Const) and isinstance(key.value, str | int | float | bool | None)
    if known and isinstance(key, Const):
        entry = Entry(key, value, where or scope.source.place(node))
    else:
        entry = any_entry(scope, node, "the name isn't known")
    add_entries(store, scope, owner, node, entry)


def add_entries(store: Store, scope: Scope, owner: Map, node: ast.expr, *entries: Entry) -> None:
    """Set a dict's items; of absurdly many nothing is known."""
    if len(owner.log) + len(entries) > MAX_SETTINGS:
        store.set(owner, "log", Log((any_entry(scope, node, "too long a dict to follow"),)))
        return
    if len(entries) > 1:
        store.budget.make(16 * len(entries))
    store.set(owner, "log", owner.log.and_more(*entries))


def any_entry(scope: Scope, node: ast.AST, reason: str) -> Entry:
    """What may have set any name."""
    where = scope.source.place(node)
    return Entry(None, Unknown(scope.source.text(node), reason, location=where), where)


def merge_into(store: Store, scope: Scope, owner: Map, other: Val, node: ast.expr) -> None:
    """``owner.update(other)``."""
    if isinstance(other, Map):
        if other.inherits and other is not owner:
            # what the environment holds comes after what was there: it may win
            store.spend(len(owner.log) + len(other.log) // 4)
            store.set(owner, "log", Log(_laid_under(store, e, other) for e in owner.log))
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
    found = unknown_of(other, scope.source.text(node), scope.source.place(node))
    entry = Entry(None, Unknown(found.text, found.reason, found.names, location=found.location))
    store.set(owner, "log", owner.log.and_more(entry))


def _laid_under(store: Store, entry: Entry, env: Map) -> Entry:
    """A setting that a variable of the environment, which *env* holds, may have replaced."""
    if entry.key is None or entry.key.value in env.gone or entry_of(env, entry.key.value):
        return entry
    name = str(entry.key.value)
    if name in store.given:
        return Entry(entry.key, Const(store.given[name], entry.where), entry.where)
    default = entry.value.value if isinstance(entry.value, Const) else None
    value = Unknown(
        shown_value(entry.value),
        "the environment may override it",
        (name,),
        default if isinstance(default, str) else None,
        location=entry.where,
    )
    return Entry(entry.key, value, entry.where)


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
        store.set(owner, "log", log_without(owner, key.value))
        store.set(owner, "gone", owner.gone | {key.value})
    else:
        reason = "a name that isn't known was deleted"
        where = key.location if isinstance(key, Unknown) else None
        entry = Entry(None, Unknown(shown_value(key), reason, location=where), where)
        store.set(owner, "log", owner.log.and_more(entry))


def widen(store: Store, scope: Scope, value: Val, node: ast.AST, reason: str) -> None:
    """From here on a list or dict may hold anything besides."""
    if isinstance(value, Map):
        store.set(value, "log", value.log.and_more(any_entry(scope, node, reason)))
    elif isinstance(value, Seq) and value.kind != "tuple":
        where = scope.source.place(node)
        text = scope.source.text(node)
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
            return tuple(e.key for e in counting_entries(value).values() if e.key)
        except NotKnown:
            pass
    where = scope.source.place(node)
    return (splitting(unknown_of(value, scope.source.text(node), where)),)


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
        if len(items) > most or any(splits(i) for i in items):
            yield splitting(unknown(scope, node, "the loop changes what it goes over"))
            return
