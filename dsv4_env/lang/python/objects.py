"""Attributes, items and assignment: what is stored where, undoably."""

from __future__ import annotations

import ast
import re

from dsv4_env.lang.python.run import Run, keyed
from dsv4_env.lang.python.values import (
    MAX_SETTINGS,
    Bound,
    Class,
    Const,
    Entry,
    Ext,
    Func,
    Instance,
    Log,
    Map,
    Method,
    Module,
    Scope,
    Seq,
    Super,
    Val,
    const,
    joined,
    looked_up,
    shown,
    unknown_of,
    without,
)
from dsv4_env.model import Location, Unknown

_PERCENT = re.compile(r"%(?:%|\((\w+)\)s|[sd])")


def attribute(run: Run, scope: Scope, owner: Val, name: str, node: ast.expr) -> Val:
    """``owner.name``."""
    where = scope.source.place(node)
    text = scope.source.text(node)
    if isinstance(owner, Ext):
        full = f"{owner.name}.{name}"
        return run.environ if full == "os.environ" else Ext(full, text, where)
    if isinstance(owner, Module):
        found = owner.scope.names.get(name)
        return found if found is not None else Ext(f"{owner.name}.{name}", text, where)
    if isinstance(owner, Instance):
        return _of_instance(run, scope, owner, name, text, where)
    if isinstance(owner, Class):
        return _bound(run, scope, in_class(owner, name), owner, None, text, where)
    if isinstance(owner, Super):
        first = owner.first
        cls = first.cls if isinstance(first, Instance) else first
        mro = cls.mro if isinstance(cls, Class) else ()
        after = mro[mro.index(owner.after) + 1 :] if owner.after in mro else ()
        found = in_classes(after, name)
        instance = first if isinstance(first, Instance) else None
        return _bound(run, scope, found, cls, instance, text, where)
    if isinstance(owner, Unknown):
        return Unknown(text, owner.reason, owner.names, location=where)
    if isinstance(owner, Func | Bound | Method):
        return Unknown(text, "not followed", location=where)
    return Method(owner, name)


def _of_instance(
    run: Run, scope: Scope, owner: Instance, name: str, text: str, where: Location
) -> Val:
    if name in owner.attrs:
        return owner.attrs[name]
    if isinstance(owner.cls, Ext):
        reason = f"{owner.cls.shown} isn't defined in what is read"
        return Unknown(text, reason, location=where)
    return _bound(run, scope, in_class(owner.cls, name), owner.cls, owner, text, where)


def in_class(cls: Class, name: str) -> Val | None:
    """An attribute through the bases; an Ext where a base that wasn't read comes first."""
    return in_classes(cls.mro, name)


def in_classes(mro: tuple[Val, ...], name: str) -> Val | None:
    """The first of some classes that has the attribute."""
    for cls in mro:
        if isinstance(cls, Ext):
            return Ext(cls.name, cls.shown)  # without a place: the base, not an attribute of it
        if not isinstance(cls, Class):
            return cls
        if name in cls.names:
            return cls.names[name]
    return None


def _bound(
    run: Run,
    scope: Scope,
    found: Val | None,
    cls: Val,
    instance: Instance | None,
    text: str,
    where: Location,
) -> Val:
    if found is None or isinstance(found, Unknown):
        return found or Unknown(text, "not set anywhere in what is read", location=where)
    if isinstance(found, Ext) and found.where is None:
        return Unknown(text, f"from {found.shown}, which isn't read", location=where)
    if not isinstance(found, Func):
        return found
    if found.kind == "classmethod":
        return Bound(found, cls)
    if found.kind == "staticmethod" or instance is None:
        return found
    if found.kind == "property":
        from dsv4_env.lang.python.calls import invoke

        return invoke(run, found, [instance], {}, scope, None)
    return Bound(found, instance)


def environment_value(run: Run, name: str, text: str, where: Location) -> Val:
    """A variable that the process's environment began with, before the file set anything."""
    if name in run.given:
        return Const(run.given[name], where)
    found = Unknown(text, "from the environment", (name,), location=where)
    return keyed(run, found, ("environ", name, text))


def none_when_unset(run: Run, value: Unknown) -> bool:
    """Whether a value is None, not text, when its variable isn't set."""
    return value.default is None and bool(
        re.fullmatch(r"(?:\w+\.)?(environ\.get|getenv)\('\w+'\)", value.text)
    )


def item(run: Run, scope: Scope, owner: Val, key: Val, node: ast.expr) -> Val:
    """``owner[key]``."""
    where = scope.source.place(node)
    text = scope.source.text(node)
    if isinstance(owner, Map) and isinstance(key, Const):
        entry = looked_up(owner, key.value)
        if entry is not None and entry.key is not None:
            return entry.value
        outside = owner.inherits and key.value not in owner.gone
        if entry is None and outside and isinstance(key.value, str):
            return environment_value(run, key.value, text, where)
    if isinstance(owner, Seq) and isinstance(key, Const) and isinstance(key.value, int):
        found = _indexed(owner, key.value)
        if found is not None:
            return found
    if isinstance(owner, Const) and isinstance(key, Const):
        try:
            return const(owner.value[key.value], owner.where)
        except (TypeError, IndexError, KeyError):
            pass
    return Unknown(text, "an item that isn't known", location=where)


def _indexed(owner: Seq, at: int) -> Val | None:
    if not -len(owner.items) <= at < len(owner.items) or owner.kind == "set":
        return None
    passed = owner.items[: at + 1] if at >= 0 else owner.items[at:]
    return None if any(isinstance(i, Unknown) and i.splits for i in passed) else owner.items[at]


def put_item(run: Run, scope: Scope, owner: Map, key: Val, value: Val, node: ast.expr) -> None:
    """``owner[key] = value``; *node* is where the key stands."""
    where = key.where if isinstance(key, Const) else scope.source.place(node)
    known = isinstance(key, Const) and isinstance(key.value, str | int | float | bool | None)
    if known and isinstance(key, Const):
        entry = Entry(key, value, where or scope.source.place(node))
    else:
        entry = anything(scope, node, "the name isn't known")
    added(run, scope, owner, node, entry)


def added(run: Run, scope: Scope, owner: Map, node: ast.expr, *entries: Entry) -> None:
    """Set a dict's items; of absurdly many nothing is known."""
    if len(owner.log) + len(entries) > MAX_SETTINGS:
        run.set(owner, "log", Log((anything(scope, node, "too long a dict to follow"),)))
        return
    if len(entries) > 1:
        run.budget.make(16 * len(entries))
    run.set(owner, "log", owner.log.and_more(*entries))


def anything(scope: Scope, node: ast.AST, reason: str) -> Entry:
    """What may have set any name."""
    where = scope.source.place(node)
    return Entry(None, Unknown(scope.source.text(node), reason, location=where), where)


def merge(run: Run, scope: Scope, owner: Map, other: Val, node: ast.expr) -> None:
    """``owner.update(other)``."""
    if isinstance(other, Map):
        if other.inherits and other is not owner:
            # what the environment holds comes after what was there: it may win
            run.spend(len(owner.log) + len(other.log) // 4)
            run.set(owner, "log", Log(_laid_under(run, e, other) for e in owner.log))
            seen = other.seen if other is not run.environ else frozenset(other.log)
            run.set(owner, "seen", owner.seen & seen if owner.inherits else seen)
            run.set(owner, "gone", owner.gone & other.gone if owner.inherits else other.gone)
            run.set(owner, "inherits", True)
        added(run, scope, owner, node, *other.log)
        return
    if isinstance(other, Seq):
        pairs = [i.items for i in other.items if isinstance(i, Seq) and len(i.items) == 2]
        if len(pairs) == len(other.items):
            for key, value in pairs:
                put_item(run, scope, owner, key, value, node)
            return
    if isinstance(other, Const) and not other.value:
        return
    found = unknown_of(other, scope.source.text(node), scope.source.place(node))
    entry = Entry(None, Unknown(found.text, found.reason, found.names, location=found.location))
    run.set(owner, "log", owner.log.and_more(entry))


def _laid_under(run: Run, entry: Entry, env: Map) -> Entry:
    """A setting that a variable of the environment, which *env* holds, may have replaced."""
    if entry.key is None or entry.key.value in env.gone or looked_up(env, entry.key.value):
        return entry
    name = str(entry.key.value)
    if name in run.given:
        return Entry(entry.key, Const(run.given[name], entry.where), entry.where)
    default = entry.value.value if isinstance(entry.value, Const) else None
    value = Unknown(
        shown(entry.value),
        "the environment may override it",
        (name,),
        default if isinstance(default, str) else None,
        location=entry.where,
    )
    return Entry(entry.key, value, entry.where)


def copied(run: Run, found: Map, where: Location) -> Map:
    """A dict's copy."""
    run.spend(len(found.log) >> 3 if found is run.environ else 0)
    seen = frozenset(found.log) if found is run.environ else found.seen
    return Map(found.log, found.inherits, seen, found.gone, where)


def delete(run: Run, owner: Map, key: Val) -> None:
    """``del owner[key]``."""
    if isinstance(key, Const):
        run.spend(len(owner.log) >> 3)
        run.budget.make(8 * len(owner.log))
        run.set(owner, "log", without(owner, key.value))
        run.set(owner, "gone", owner.gone | {key.value})
    else:
        reason = "a name that isn't known was deleted"
        where = key.location if isinstance(key, Unknown) else None
        entry = Entry(None, Unknown(shown(key), reason, location=where), where)
        run.set(owner, "log", owner.log.and_more(entry))


def bind(run: Run, scope: Scope, name: str, value: Val) -> None:
    """``name = value``."""
    at = scope
    if name in scope.globals:
        while at.parent is not None:
            at = at.parent
    run.put(at.names, name, value)
    label(run, value, f"{at.qualname}.{name}" if at.qualname else name)


def label(run: Run, value: Val, name: str) -> None:
    """Name the entries of a list of launches after the list."""
    if isinstance(value, Instance) and value.symbol is None:
        run.set(value, "symbol", name)
    elif isinstance(value, Seq):
        run.spend(len(value.items) >> 5)
        for at, entry in enumerate(value.items):
            if isinstance(entry, Instance) and entry.symbol is None:
                run.set(entry, "symbol", f"{name}[{at}]")
    elif isinstance(value, Map):
        run.spend(len(value.log) >> 5)
        for setting in value.log:
            if isinstance(setting.value, Instance) and setting.key and not setting.value.symbol:
                run.set(setting.value, "symbol", f"{name}[{setting.key.value!r}]")


def assign(run: Run, scope: Scope, target: ast.expr, value: Val) -> None:
    """Assign to a name, an attribute, an item, or several at once."""
    from dsv4_env.lang.python.expr import evaluate

    if isinstance(target, ast.Name):
        bind(run, scope, target.id, value)
    elif isinstance(target, ast.Attribute):
        owner = evaluate(run, scope, target.value)
        table = owner.attrs if isinstance(owner, Instance) else None
        if isinstance(owner, Class):
            table = owner.names
        elif isinstance(owner, Module):
            table = owner.scope.names
        if table is not None:
            run.put(table, target.attr, value)
            qualname = scope.qualname if scope.kind == "function" else ""
            label(run, value, f"{qualname}.{target.attr}" if qualname else target.attr)
    elif isinstance(target, ast.Subscript):
        owner = evaluate(run, scope, target.value)
        if isinstance(owner, Map):
            key = evaluate(run, scope, target.slice)
            put_item(run, scope, owner, key, value, target.slice)
        elif isinstance(owner, Seq):
            _put_at(run, scope, owner, target, value)
    elif isinstance(target, ast.Starred):
        assign(run, scope, target.value, value)
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(run, scope, target.elts, value)


def _put_at(run: Run, scope: Scope, owner: Seq, target: ast.Subscript, value: Val) -> None:
    from dsv4_env.lang.python.expr import evaluate, splitting, unknown

    if not isinstance(target.slice, ast.Slice):
        at = evaluate(run, scope, target.slice)
        number = at.value if isinstance(at, Const) and isinstance(at.value, int) else None
        if number is not None and _indexed(owner, number) is not None:
            items = list(owner.items)
            run.budget.make(16 * len(items))
            items[number] = value
            run.set(owner, "items", tuple(items))
            return
    found = splitting(unknown(scope, target, "an item that isn't known was replaced"))
    run.set(owner, "items", (found,))


def delete_item(run: Run, scope: Scope, owner: Seq, target: ast.Subscript) -> None:
    """``del owner[…]`` of a list."""
    from dsv4_env.lang.python.expr import evaluate, splitting, unknown

    at = None if isinstance(target.slice, ast.Slice) else evaluate(run, scope, target.slice)
    if isinstance(at, Const) and isinstance(at.value, int):
        items = list(owner.items)
        if _indexed(owner, at.value) is not None:
            run.budget.make(16 * len(items))
            del items[at.value]
            run.set(owner, "items", tuple(items))
            return
    found = splitting(unknown(scope, target, "an item that isn't known was deleted"))
    run.set(owner, "items", (found,))


def _unpack(run: Run, scope: Scope, targets: list[ast.expr], value: Val) -> None:
    from dsv4_env.lang.python.expr import iterated

    items = iterated(run, scope, value, targets[0]) if targets else ()
    split = any(isinstance(i, Unknown) and i.splits for i in items)
    star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    if split or (star is None and len(items) != len(targets)) or len(items) < len(targets) - 1:
        for target in targets:
            where = scope.source.place(target)
            text = scope.source.text(target)
            assign(
                run, scope, target, Unknown(text, "unpacked from what isn't known", location=where)
            )
        return
    if star is not None:
        after = len(targets) - star - 1
        middle = items[star : len(items) - after]
        items = (*items[:star], Seq(middle), *items[len(items) - after :])
    for target, each in zip(targets, items, strict=True):
        assign(run, scope, target, each)


def percent(run: Run, scope: Scope, left: Const, right: Val, node: ast.expr) -> Val:
    """``"a %s" % value``, for plain placeholders."""
    parts: list[Val] = []
    values = list(right.items) if isinstance(right, Seq) and right.kind == "tuple" else [right]
    at = 0
    values.reverse()
    text = left.value
    if re.sub(_PERCENT, "", text).count("%") or any(
        isinstance(v, Unknown) and v.splits for v in values
    ):
        return Unknown(scope.source.text(node), "not followed", location=scope.source.place(node))
    for match in _PERCENT.finditer(text):
        parts.append(Const(text[at : match.start()]))
        at = match.end()
        if match[0] == "%%":
            parts.append(Const("%"))
        elif match[1] and isinstance(right, Map):
            parts.append(item(run, scope, right, Const(match[1]), node))
        elif values and not match[1]:
            value = values.pop()
            if match[0] == "%d" and not (isinstance(value, Const) and type(value.value) is int):
                value = Unknown("%d", "a number that isn't known")
            parts.append(value)
        else:
            parts.append(Unknown(match[0], "nothing is given for it"))
    parts.append(Const(text[at:]))
    if any(not isinstance(p, Const | Unknown | Ext) for p in parts):
        return Unknown(scope.source.text(node), "not text", location=scope.source.place(node))
    return joined(parts, left.where, run.budget)
