"""Calls, classes and their objects: what was read is followed, Python's own is told."""

from __future__ import annotations

import ast
from typing import Any

from dsv4_env.lang.python.interp.builtin import BUILTINS
from dsv4_env.lang.python.interp.expressions import elements, extend_list, parameter_defaults
from dsv4_env.lang.python.interp.havoc import havoc_since
from dsv4_env.lang.python.interp.machine import MAX_DEPTH, Machine, Return
from dsv4_env.lang.python.syntax.trees import children, last_name, remembered
from dsv4_env.lang.python.values.containers import class_attribute, widen
from dsv4_env.lang.python.values.kinds import (
    NONE,
    BoundMethod,
    BuiltinMethod,
    Call,
    Class,
    Const,
    Entry,
    Ext,
    Func,
    FunctionNode,
    Instance,
    Log,
    Map,
    NotKnown,
    Scope,
    Seq,
    Super,
    Val,
    counting_entries,
    unknown,
)
from dsv4_env.lang.python.values.methods import call_method
from dsv4_env.model import Unknown

# Calls of what isn't read that change none of their arguments.
_HARMLESS = frozenset(
    "print len str repr isinstance info debug warning error exception log write join format dumps "
    "skipTest subTest sleep get append startswith copy deepcopy".split()
)


def evaluate_call(machine: Machine, scope: Scope, node: ast.Call) -> Val:
    """The value of a call, and what it does."""
    if isinstance(node.func, ast.Name) and node.func.id == "super":
        return _super(machine, scope, node)
    target = machine.evaluate(scope, node.func)
    if isinstance(target, BuiltinMethod) and isinstance(target.owner, Seq) and len(node.args) == 1:
        only = node.args[0]
        if target.name in ("extend", "update") and isinstance(only, ast.GeneratorExp):
            extend_list(machine, scope, only, target.owner)
            return NONE
    call = _given(machine, scope, node, target)
    watched = machine.watch.call(machine, scope, call)
    if watched is not None:
        return watched
    if isinstance(target, Func | BoundMethod):
        return _of_function(machine, scope, call, target)
    if isinstance(target, Class):
        return construct(machine, scope, target, call)
    if isinstance(target, BuiltinMethod):
        return call_method(machine, scope, target.owner, target.name, call)
    return _outside(machine, scope, call)


def _given(machine: Machine, scope: Scope, node: ast.Call, target: Val) -> Call:
    """A call with what it is given."""
    args = list(elements(machine, scope, node.args))
    found: dict[str, Val] = {}
    spread: dict[ast.keyword, Val] = {}
    more = False
    for keyword in node.keywords:
        value = machine.evaluate(scope, keyword.value)
        if keyword.arg:
            found[keyword.arg] = value
            continue
        spread[keyword] = value
        try:
            if not isinstance(value, Map) or value.inherits:
                raise NotKnown
            machine.spend(len(value.log) >> 2)
            found.update({str(k): e.value for k, e in counting_entries(value).items()})
        except NotKnown:
            more = True
    return Call(node, target, args, found, spread, more)


def _of_function(machine: Machine, scope: Scope, call: Call, target: Func | BoundMethod) -> Val:
    if isinstance(target, BoundMethod):
        func, args = target.func, [target.first, *call.args]
    else:
        func, args = target, call.args
    unsure = unknown(scope, call.node, "not all arguments are known") if call.open else None
    subject = machine.subject
    machine.subject = machine.watch.subject(machine, scope, call.node) or subject
    try:
        return machine.invoke(func, args, call.keywords, scope, call.node, unsure)
    finally:
        machine.subject = subject


def _super(machine: Machine, scope: Scope, node: ast.Call) -> Val:
    at: Scope | None = scope
    while at is not None and (at.func is None or at.func.owner is None):
        at = at.parent
    if at is None or at.func is None or at.func.owner is None or at.first is None:
        return unknown(scope, node, "not within a method")
    return Super(at.func.owner, at.first)


def invoke(
    machine: Machine,
    func: Func,
    args: list[Val],
    keywords: dict[str, Val],
    scope: Scope,
    node: ast.Call | None,
    unsure: Unknown | None = None,
) -> Val:
    """Follow a function that was read; *unsure*: what parameters not given may be."""

    text = scope.source.text(node) if node is not None else func.name
    where = scope.source.place(node) if node is not None else None
    if machine.depth >= MAX_DEPTH:
        if machine.leads(func.node):
            machine.lost.setdefault(func.qualified_name, func.scope.source.place(func.node))
        return Unknown(text, "calls within calls, too deep to follow", location=where)
    rest: Unknown | None = None
    if any(isinstance(a, Unknown) and a.splits for a in args):
        cut = next(i for i, a in enumerate(args) if isinstance(a, Unknown) and a.splits)
        found = args[cut]
        assert isinstance(found, Unknown)
        args, rest = args[:cut], found
    machine.spend(4)
    qualname = func.qualified_name
    inner = Scope({}, func.scope, func.scope.source, func.scope.module, "function", qualname, func)
    inner.first = args[0] if args else None
    inner.names.update(_parameters(func, args, keywords, text, where, unsure, rest))
    machine.depth += 1
    mark = len(machine.trail)
    try:
        if isinstance(func.node, ast.Lambda):
            return machine.evaluate(inner, func.node.body)
        machine.execute(inner, func.node.body)
        result: Val = NONE
    except Return as returned:
        result = returned.value
    finally:
        machine.depth -= 1
    if func.generator:
        havoc_since(machine, scope, mark, node or func.node, f"how far {func.name} is run")
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
        entries = [Entry(Const(k, where), v, where) for k, v in extra.items()]
        entries += [Entry(None, unsure, where)] if unsure else []
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


def _outside(
    machine: Machine,
    scope: Scope,
    call: Call,
) -> Val:
    """A call of something that isn't read."""
    machine.spend(1)
    target, name = call.target, call.name
    if isinstance(target, Ext) and (function := BUILTINS.get(target.name)) is not None:
        return function(machine, scope, call)
    if isinstance(target, Ext) and target.name in ("dataclasses.field", "field"):
        return dataclass_field(machine, scope, call)
    if isinstance(target, Ext) and name[:1].isupper():
        return construct_unread(machine, scope, target, call)
    if not name.startswith("assert") and name not in _HARMLESS | machine.watch.harmless:
        for value, place in [
            *zip(call.args, call.node.args, strict=False),
            *(
                (call.keywords[k.arg], k.value)
                for k in call.node.keywords
                if k.arg in call.keywords and k.arg
            ),
        ]:
            widen(machine, scope, value, place, f"{name} may change it")
    found = unknown(scope, call.node, "a call that isn't followed", *call.args)
    plain = all(isinstance(a, Const | Ext) for a in (*call.args, *call.keywords.values()))
    if isinstance(target, Ext) and plain and not call.open:
        words = [_spelled(a) for a in call.args] + [
            f"{k}={_spelled(v)}" for k, v in call.keywords.items()
        ]
        text = f"{target.shown}({', '.join(words)})"
        found = Unknown(text, found.reason, found.names, location=found.location)
        return machine.keyed(found, ("call", target.name, found.text))
    if isinstance(target, Instance):
        return unknown(scope, call.node, "an object's call isn't followed")
    return found


def _spelled(value: Val) -> str:
    """A plain argument as a condition shows it."""
    return repr(value.value) if isinstance(value, Const) else getattr(value, "shown", "…")


_METHOD_KINDS = {
    "classmethod": "classmethod",
    "staticmethod": "staticmethod",
    "property": "property",
}
_METHOD_KINDS["cached_property"] = "property"
# Decorators that leave what a function does and gives as it is.
_TRANSPARENT = frozenset(
    "skip skipIf skipUnless expectedFailure override abstractmethod wraps lru_cache cache "
    "patch dict mark parametrize fixture".split()
)


def define_function(machine: Machine, scope: Scope, node: FunctionNode, name: str) -> Func:
    """A function as it is defined."""
    func = Func(
        node, scope, name, parameter_defaults(machine, scope, node.args), generator=_yields(node)
    )
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


def define_class(machine: Machine, scope: Scope, node: ast.ClassDef) -> Class:
    """A class as it is defined: its body is followed at once."""

    bases = tuple(machine.evaluate(scope, b) for b in node.bases)
    inner = Scope({}, scope, scope.source, scope.module, "class", node.name)
    found = Class(node.name, node, bases, inner)
    machine.execute(inner, node.body)
    inner.qualname = ""
    for value in inner.names.values():
        if isinstance(value, Func) and value.owner is None:
            value.owner = found
    found.mro = _linear(machine, found)
    if any(last_name(d) == "dataclass" for d in node.decorator_list) or any(
        isinstance(b, Ext) and b.shown.split(".")[-1] == "NamedTuple" for b in bases
    ):
        inherited = [
            f for c in reversed(found.mro[1:]) if isinstance(c, Class) for f in c.fields or ()
        ]
        own = [
            s.target.id
            for s in node.body
            if isinstance(s, ast.AnnAssign)
            and isinstance(s.target, ast.Name)
            and "ClassVar" not in scope.source.text(s.annotation)
        ]
        found.fields = tuple(dict.fromkeys([*inherited, *own]))
    return found


def _linear(machine: Machine, cls: Class) -> tuple[Val, ...]:
    """The order of attribute lookup (C3); bases that weren't read stand as they are."""
    if len(cls.bases) == 1 and isinstance(cls.bases[0], Class):
        return (cls, *cls.bases[0].mro)
    lists: list[list[Val]] = [list(b.mro) if isinstance(b, Class) else [b] for b in cls.bases]
    machine.spend((len(lists) + 1) * sum(map(len, lists)))
    lists.append(list(cls.bases))
    order: list[Val] = [cls]
    while any(lists):
        lists = [entries for entries in lists if entries]
        head = next(
            (e[0] for e in lists if not any(_is_among(e[0], other[1:]) for other in lists)),
            lists[0][0],
        )
        order.append(head)
        lists = [[v for v in entries if not _is_same(v, head)] for entries in lists]
    plain = [v for v in order if not (isinstance(v, Ext) and v.name in ("object", "abc.ABC"))]
    # a test case's own attributes are setUpClass and the like: nothing that launches
    local = [v for v in plain if isinstance(v, Class)]
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


def construct(machine: Machine, scope: Scope, cls: Class, call: Call) -> Val:
    """``Class(…)``: a dataclass's fields are filled in, or ``__init__`` is followed."""

    where = scope.source.place(call.node)
    found = Instance(cls, {}, where, call.node.end_lineno or where.line or 1)
    init = class_attribute(cls, "__init__")
    if isinstance(init, Func):
        machine.invoke(init, [found, *call.args], call.keywords, scope, call.node)
    elif cls.fields is not None:
        _fill(machine, scope, cls, found, call)
    elif any(not isinstance(c, Class) for c in cls.mro):
        machine.set(found, "attrs", dict(call.keywords))
    machine.watch.made(machine, found, call.node)
    return found


def _fill(
    machine: Machine,
    scope: Scope,
    cls: Class,
    found: Instance,
    call: Call,
) -> None:

    given = dict(zip(cls.fields or (), call.args, strict=False)) | call.keywords
    for name in cls.fields or ():
        if name in given:
            found.attrs[name] = given[name]
            continue
        value = class_attribute(cls, name)
        if isinstance(value, Instance) and isinstance(value.cls, Ext):
            factory = value.attrs.get("default_factory")
            value = value.attrs.get("default")
            if isinstance(factory, Func):
                value = machine.invoke(factory, [], {}, scope, None)
            elif isinstance(factory, Ext) and factory.name in ("list", "dict", "set"):
                value = Map() if factory.name == "dict" else Seq((), factory.name)
        if value is None or (isinstance(value, Ext) and value.where is None):
            place = scope.source.place(call.node)
            value = Unknown(name, f"{cls.name} isn't given {name}", location=place)
        found.attrs[name] = value
    after = class_attribute(cls, "__post_init__")
    if isinstance(after, Func):
        machine.invoke(after, [found], {}, scope, call.node)


def construct_unread(machine: Machine, scope: Scope, cls: Ext, call: Call) -> Val:
    """``Class(…)`` of a class that isn't read: it is what it is given, as far as can be told."""
    if not call.keywords and not call.args:
        return unknown(scope, call.node, "a class that isn't read")
    where = scope.source.place(call.node)
    end = call.node.end_lineno or 1
    found = Instance(cls, dict(call.keywords), where, end, tuple(call.args))
    kept = machine.watch.made(machine, found, call.node)
    if kept or cls.shown.split(".")[-1] == "SimpleNamespace":
        return found
    return unknown(scope, call.node, f"{cls.shown} isn't read", *call.args)


def dataclass_field(machine: Machine, scope: Scope, call: Call) -> Val:
    """``dataclasses.field(…)``: kept until an object is made."""
    where = scope.source.place(call.node)
    return Instance(Ext("dataclasses.field", "field"), dict(call.keywords), where, where.line or 1)
