"""Classes and their objects, as far as launches need them."""

from __future__ import annotations

import ast

from dsv4_env.lang.python import objects
from dsv4_env.lang.python.expr import defaults, evaluate, unknown
from dsv4_env.lang.python.run import ARGS_KEYS, ENV_KEYS, MODEL_KEYS, Run
from dsv4_env.lang.python.trees import remembered
from dsv4_env.lang.python.values import (
    Class,
    Ext,
    Func,
    FunctionNode,
    Instance,
    Map,
    Scope,
    Seq,
    Val,
    children,
)
from dsv4_env.model import Note, Unknown

_KINDS = {"classmethod": "classmethod", "staticmethod": "staticmethod", "property": "property"}
_KINDS["cached_property"] = "property"
# Decorators that leave what a function does and gives as it is.
_PLAIN = frozenset(
    "skip skipIf skipUnless expectedFailure override abstractmethod wraps lru_cache cache "
    "patch dict mark parametrize fixture".split()
)


def last_name(node: ast.expr) -> str:
    """The last name of a dotted name, of a call or not."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def function(run: Run, scope: Scope, node: FunctionNode, name: str) -> Func:
    """A function as it is defined."""
    func = Func(node, scope, name, defaults(run, scope, node.args), generator=_yields(node))
    for decorator in getattr(node, "decorator_list", ()):
        word = last_name(decorator)
        if word in _KINDS:
            func.kind = _KINDS[word]
        elif word not in _PLAIN:
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


def define(run: Run, scope: Scope, node: ast.ClassDef) -> Class:
    """A class as it is defined: its body is followed at once."""
    from dsv4_env.lang.python.statements import run_body

    bases = tuple(evaluate(run, scope, b) for b in node.bases)
    inner = Scope({}, scope, scope.source, scope.module, "class", node.name)
    found = Class(node.name, node, bases, inner)
    run_body(run, inner, node.body)
    inner.qualname = ""
    for value in inner.names.values():
        if isinstance(value, Func) and value.owner is None:
            value.owner = found
    found.mro = _linear(run, found)
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


def _linear(run: Run, cls: Class) -> tuple[Val, ...]:
    """The order of attribute lookup (C3); bases that weren't read stand as they are."""
    if len(cls.bases) == 1 and isinstance(cls.bases[0], Class):
        return (cls, *cls.bases[0].mro)
    lists: list[list[Val]] = [list(b.mro) if isinstance(b, Class) else [b] for b in cls.bases]
    run.spend((len(lists) + 1) * sum(map(len, lists)))
    lists.append(list(cls.bases))
    order: list[Val] = [cls]
    while any(lists):
        lists = [entries for entries in lists if entries]
        head = next(
            (e[0] for e in lists if not any(_in(e[0], other[1:]) for other in lists)), lists[0][0]
        )
        order.append(head)
        lists = [[v for v in entries if not _is(v, head)] for entries in lists]
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


def _is(a: Val, b: Val) -> bool:
    return a is b or (isinstance(a, Ext) and isinstance(b, Ext) and a.name == b.name)


def _in(value: Val, values: list[Val]) -> bool:
    return any(_is(value, v) for v in values)


def construct(
    run: Run, scope: Scope, cls: Class, args: list[Val], keywords: dict[str, Val], node: ast.Call
) -> Val:
    """``Class(…)``: a dataclass's fields are filled in, or ``__init__`` is followed."""
    from dsv4_env.lang.python.calls import invoke

    where = scope.source.place(node)
    found = Instance(cls, {}, where, node.end_lineno or where.line or 1)
    init = objects.in_class(cls, "__init__")
    if isinstance(init, Func):
        invoke(run, init, [found, *args], keywords, scope, node)
    elif cls.fields is not None:
        _fill(run, scope, cls, found, args, keywords, node)
    elif any(not isinstance(c, Class) for c in cls.mro):
        run.set(found, "attrs", dict(keywords))
    if _entry_like(found, node):
        recorded(run, found)
    return found


def recorded(run: Run, found: Instance) -> None:
    """Keep what may be the entry of a list of launches."""
    run.budget.make(16 * len(run.records))
    run.set(run, "records", (*run.records, found))


def _fill(
    run: Run,
    scope: Scope,
    cls: Class,
    found: Instance,
    args: list[Val],
    keywords: dict[str, Val],
    node: ast.Call,
) -> None:
    from dsv4_env.lang.python.calls import invoke

    given = dict(zip(cls.fields or (), args, strict=False)) | keywords
    for name in cls.fields or ():
        if name in given:
            found.attrs[name] = given[name]
            continue
        value = objects.in_class(cls, name)
        if isinstance(value, Instance) and isinstance(value.cls, Ext):
            factory = value.attrs.get("default_factory")
            value = value.attrs.get("default")
            if isinstance(factory, Func):
                value = invoke(run, factory, [], {}, scope, None)
            elif isinstance(factory, Ext) and factory.name in ("list", "dict", "set"):
                value = Map() if factory.name == "dict" else Seq((), factory.name)
        if value is None or (isinstance(value, Ext) and value.where is None):
            place = scope.source.place(node)
            value = Unknown(name, f"{cls.name} isn't given {name}", location=place)
        found.attrs[name] = value
    after = objects.in_class(cls, "__post_init__")
    if isinstance(after, Func):
        invoke(run, after, [found], {}, scope, node)


def _entry_like(found: Instance, node: ast.Call) -> bool:
    """Whether an object looks like the entry of a list of launches."""
    if any(k.arg in ENV_KEYS or k.arg in ARGS_KEYS for k in node.keywords):
        return True
    return any(k in found.attrs for k in ARGS_KEYS[:3]) and any(
        k in found.attrs for k in MODEL_KEYS
    )


def outside(
    run: Run, scope: Scope, cls: Ext, args: list[Val], keywords: dict[str, Val], node: ast.Call
) -> Val:
    """``Class(…)`` of a class that isn't read: it is what it is given, as far as can be told."""
    word = cls.shown.split(".")[-1]
    if not keywords and not args:
        return unknown(scope, node, "a class that isn't read")
    where = scope.source.place(node)
    found = Instance(cls, dict(keywords), where, node.end_lineno or 1, tuple(args))
    if word == "ModelLaunchSettings" and args:
        found.attrs.setdefault("model_path", args[0])
    entry = any(k in keywords for k in (*ENV_KEYS, *ARGS_KEYS)) or word == "ModelLaunchSettings"
    if not entry and word != "SimpleNamespace":
        return unknown(scope, node, f"{cls.shown} isn't read", *args)
    if entry:
        recorded(run, found)
    return found


def field(run: Run, scope: Scope, args: list[Val], keywords: dict[str, Val], node: ast.Call) -> Val:
    """``dataclasses.field(…)``: kept until an object is made."""
    where = scope.source.place(node)
    return Instance(Ext("dataclasses.field", "field"), dict(keywords), where, where.line or 1)


def outside_note(found: Instance) -> Note | None:
    """That a class isn't read and may change what it is given."""
    if not isinstance(found.cls, Ext) or found.cls.shown.split(".")[-1] == "SimpleNamespace":
        return None
    message = f"{found.cls.shown} isn't defined in what is read: it may change what it is given"
    return Note(message, found.where)
