"""Calls: of functions that were read, of Python's own, and of what isn't known."""

from __future__ import annotations

import ast
from typing import Any

from dsv4_env.lang.python import builtin, classes, comprehensions, launch, methods, objects, scan
from dsv4_env.lang.python.expr import elements, evaluate, unknown
from dsv4_env.lang.python.run import MAX_DEPTH, Return, Run, called, keyed, reaches
from dsv4_env.lang.python.values import (
    NONE,
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
    NotKnown,
    Scope,
    Seq,
    Super,
    Val,
    current,
)
from dsv4_env.model import Unknown

# Calls of what isn't read that change none of their arguments.
_HARMLESS = frozenset(
    "print len str repr isinstance info debug warning error exception log write join format dumps "
    "skipTest subTest sleep kill_process_tree write_github_step_summary is_in_ci popen_with_error "
    "get append startswith copy deepcopy".split()
)


def call(run: Run, scope: Scope, node: ast.Call) -> Val:
    """The value of a call, and what it does."""
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return _super(run, scope, node)
    target = evaluate(run, scope, node.func)
    if isinstance(target, Method) and isinstance(target.owner, Seq) and len(node.args) == 1:
        only = node.args[0]
        if target.name in ("extend", "update") and isinstance(only, ast.GeneratorExp):
            comprehensions.extend(run, scope, only, target.owner)
            return NONE
    args = list(elements(run, scope, node.args))
    keywords, open_keywords = _keywords(run, scope, node)
    name = called(node)
    if isinstance(target, Func | Bound):
        func = target.func if isinstance(target, Bound) else target
        if _anchor(run, scope, func, name):
            return launch.popen(run, scope, node, args, keywords, func, open_keywords)
        given = [target.first, *args] if isinstance(target, Bound) else args
        unsure = unknown(scope, node, "not all arguments are known") if open_keywords else None
        subject = run.subject
        run.subject = launch.subject_of(run, scope, node) or subject
        try:
            return invoke(run, func, given, keywords, scope, node, unsure)
        finally:
            run.subject = subject
    if name.endswith("popen_launch_server"):
        return launch.popen(run, scope, node, args, keywords, None, open_keywords)
    if isinstance(target, Class):
        return classes.construct(run, scope, target, args, keywords, node)
    if isinstance(target, Method):
        return methods.method(run, scope, target.owner, target.name, args, keywords, node)
    return _outside(run, scope, node, target, args, keywords, name, open_keywords)


def _anchor(run: Run, scope: Scope, func: Func, name: str) -> bool:
    """Whether a function that was read is upstream's own launcher, not a helper around it."""
    if not name.endswith("popen_launch_server") and not func.name.endswith("popen_launch_server"):
        return False
    module = func.scope.module
    return (module is not None and module.name.startswith("sglang.")) or not reaches(run, func.node)


def _keywords(run: Run, scope: Scope, node: ast.Call) -> tuple[dict[str, Val], bool]:
    """The keyword arguments, and whether ``**`` may bring others."""
    found: dict[str, Val] = {}
    more = False
    for keyword in node.keywords:
        value = evaluate(run, scope, keyword.value)
        if keyword.arg:
            found[keyword.arg] = value
            continue
        try:
            if not isinstance(value, Map) or value.inherits:
                raise NotKnown
            run.spend(len(value.log) >> 2)
            found.update({str(k): e.value for k, e in current(value).items()})
        except NotKnown:
            more = True
    return found, more


def _super(run: Run, scope: Scope, node: ast.Call) -> Val:
    at: Scope | None = scope
    while at is not None and (at.func is None or at.func.owner is None):
        at = at.parent
    if at is None or at.func is None or at.func.owner is None or at.first is None:
        return unknown(scope, node, "not within a method")
    return Super(at.func.owner, at.first)


def invoke(
    run: Run,
    func: Func,
    args: list[Val],
    keywords: dict[str, Val],
    scope: Scope,
    node: ast.Call | None,
    unsure: Unknown | None = None,
) -> Val:
    """Follow a function that was read; *unsure*: what parameters not given may be."""
    from dsv4_env.lang.python.statements import run_body

    text = scope.source.text(node) if node is not None else func.name
    where = scope.source.place(node) if node is not None else None
    if run.depth >= MAX_DEPTH:
        if reaches(run, func.node):
            run.lost.setdefault(scope_name(run, func), func.scope.source.place(func.node))
        return Unknown(text, "calls within calls, too deep to follow", location=where)
    rest: Unknown | None = None
    if any(isinstance(a, Unknown) and a.splits for a in args):
        cut = next(i for i, a in enumerate(args) if isinstance(a, Unknown) and a.splits)
        found = args[cut]
        assert isinstance(found, Unknown)
        args, rest = args[:cut], found
    run.spend(4)
    qualname = scope_name(run, func)
    inner = Scope({}, func.scope, func.scope.source, func.scope.module, "function", qualname, func)
    inner.first = args[0] if args else None
    inner.names.update(_parameters(func, args, keywords, text, where, unsure, rest))
    run.depth += 1
    mark = len(run.trail)
    try:
        if isinstance(func.node, ast.Lambda):
            return evaluate(run, inner, func.node.body)
        run_body(run, inner, func.node.body)
        result: Val = NONE
    except Return as returned:
        result = returned.value
    finally:
        run.depth -= 1
    if func.generator:
        from dsv4_env.lang.python.unsettled import unsettle_since

        unsettle_since(run, scope, mark, node or func.node, f"how far {func.name} is run")
    if func.opaque or func.generator:
        reason = "a decorator or a generator may change what it gives"
        return Unknown(text, reason, location=where)
    return result


def scope_name(run: Run, func: Func) -> str:
    """What the entries of lists within a function are named after."""
    return f"{func.owner.name}.{func.name}" if func.owner else func.name


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
        entry_map = methods.wrapped(dict.fromkeys(extra), where)
        assert isinstance(entry_map, Map)
        entry_map.log = Log(
            Entry(e.key, extra[e.key.value], e.where) for e in entry_map.log if e.key
        )
        if unsure:
            entry_map.log = entry_map.log.and_more(Entry(None, unsure, where))
        names[spec.kwarg.arg] = entry_map
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


def _outside(
    run: Run,
    scope: Scope,
    node: ast.Call,
    target: Val,
    args: list[Val],
    keywords: dict[str, Val],
    name: str,
    open_keywords: bool,
) -> Val:
    """A call of something that isn't read."""
    run.spend(1)
    if isinstance(target, Ext):
        function = builtin.BUILTINS.get(target.name)
        if function is not None:
            return function(run, scope, args, keywords, node)
        if launch.is_process(target.name):
            return launch.process(run, scope, node, args, keywords)
    if isinstance(node.func, ast.Attribute) and name == "set" and args:
        owner = evaluate(run, scope, node.func.value)
        if scan.set_through(run, scope, owner, args[0], node):
            return NONE
    if isinstance(target, Ext) and target.name in ("dataclasses.field", "field"):
        return classes.field(run, scope, args, keywords, node)
    if isinstance(target, Ext) and name[:1].isupper():
        return classes.outside(run, scope, target, args, keywords, node)
    if name not in _HARMLESS and not name.startswith("assert"):
        for value, place in [
            *zip(args, node.args, strict=False),
            *((keywords[k.arg], k.value) for k in node.keywords if k.arg in keywords and k.arg),
        ]:
            taint(run, scope, value, place, f"{name} may change it")
    found = unknown(scope, node, "a call that isn't followed", *args)
    plain = all(isinstance(a, Const | Ext) for a in (*args, *keywords.values()))
    if isinstance(target, Ext) and plain and not open_keywords:
        words = [_spelled(a) for a in args] + [f"{k}={_spelled(v)}" for k, v in keywords.items()]
        text = f"{target.shown}({', '.join(words)})"
        found = Unknown(text, found.reason, found.names, location=found.location)
        return keyed(run, found, ("call", target.name, found.text))
    if isinstance(target, Instance):
        return unknown(scope, node, "an object's call isn't followed")
    return found


def _spelled(value: Val) -> str:
    """A plain argument as a condition shows it."""
    return repr(value.value) if isinstance(value, Const) else getattr(value, "shown", "…")


def taint(run: Run, scope: Scope, value: Val, node: ast.AST, reason: str) -> None:
    """From here on a list or dict may hold anything besides."""
    if isinstance(value, Map):
        run.set(value, "log", value.log.and_more(objects.anything(scope, node, reason)))
    elif isinstance(value, Seq) and value.kind != "tuple":
        where = scope.source.place(node)
        text = scope.source.text(node)
        run.set(value, "items", (Unknown(text, reason, splits=True, location=where),))
