"""Marks of pytest on a test, its class and its module: its profiles, and the fixtures it uses."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping

from dsv4_env.lang.python.interp.machine import Machine
from dsv4_env.lang.python.syntax.trees import last_name, walk_tree
from dsv4_env.lang.python.values.kinds import (
    ClassValue,
    Const,
    Ext,
    Func,
    Instance,
    Scope,
    Seq,
    Val,
    is_const,
    unknown_of,
)
from dsv4_env.model import Unknown
from dsv4_env.readers.python import profiles
from dsv4_env.readers.python.profiles import FIXTURE, MARK, MARKS, NAME, Marked

_USES = "pytest.mark.usefixtures"
_PARAMETERS = "pytest.mark.parametrize"
# Where names that a mark may have come from, of which is known that they are none of ours.
_KNOWN = sys.stdlib_module_names | {"pytest", "parameterized", "torch"}
_LATER = "what this mark names is set again after it: what it was isn't followed"
_UNSEEN = "whether this is a mark that names a profile isn't known"


def is_fixture(func: Func) -> bool:
    """Whether a function is a fixture of pytest."""
    return _fixture_decorator(func) is not None


def _fixture_decorator(func: Func) -> ast.expr | None:
    for node in getattr(func.node, "decorator_list", ()):
        if last_name(node) == "fixture":
            found: ast.expr = node
            return found
    return None


def fixture_option(func: Func, name: str) -> object:
    """A constant that a fixture's decorator is given by a keyword, such as ``autouse=True``."""
    node = _fixture_decorator(func)
    for each in node.keywords if isinstance(node, ast.Call) else ():
        if each.arg == name and isinstance(each.value, ast.Constant):
            return each.value.value
    return None


def parameters(func: Func) -> list[str]:
    """The names of a function's parameters, by which it asks for fixtures."""
    spec = func.node.args
    return [a.arg for a in (*spec.args, *spec.kwonlyargs)]


def asked(func: Func) -> list[str]:
    """The fixtures that a function asks for: by its parameters, or by name when it runs."""
    names = parameters(func)
    for node in walk_tree(func.node) if "request" in names else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = node.args[:1] if node.func.attr == "getfixturevalue" else []
            names += [str(a.value) for a in given if isinstance(a, ast.Constant)]
    return names


Rebound = Mapping[tuple[str, str], int]


def rebound(tree: ast.Module, path: str) -> Rebound:
    """The last line at which a module sets each of its names.

    What it sets after a mark named it, the mark never had.
    """
    found: dict[tuple[str, str], int] = {}
    pending: list[ast.AST] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[path, node.id] = max(node.lineno, found.get((path, node.id), 0))
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)
    return found


Level = list[tuple[Val, ast.AST]]  # the marks of a test, a class or a module, with their places


def levels(vm: Machine, func: Func, cls: ClassValue | None, again: Rebound) -> list[Level]:
    """The marks of a test, of its class and each class above that, and of its module."""
    scope, node = func.scope, func.node
    found = [_decorated(vm, scope, getattr(node, "decorator_list", []), again)]
    for each in cls.mro if cls is not None else ():
        if isinstance(each, ClassValue):
            outer = each.scope.parent or scope
            own = _listed(each.names.get("pytestmark"), each.node)
            found.append(own + _decorated(vm, outer, each.node.decorator_list, again))
    names = scope.module.scope.names if scope.module is not None else {}
    at = node if cls is None else cls.node
    return [*found, _listed(names.get("pytestmark"), at)]


def _listed(value: Val | None, at: ast.AST) -> Level:
    """The marks of a ``pytestmark``."""
    items = value.items if isinstance(value, Seq) else () if value is None else (value,)
    return [(m, at) for m in items if _is_mark(m) or _may_be_mark(m)]


def _decorated(vm: Machine, scope: Scope, nodes: list[ast.expr], again: Rebound) -> Level:
    """The marks among decorators, the nearest first, as pytest keeps them."""
    found: Level = []
    for node in reversed(nodes):
        value = _mark(vm, scope, node)
        if value is None:
            continue
        names = {n.id for n in walk_tree(node) if isinstance(n, ast.Name)}
        path = scope.place(node).path
        if any(again.get((path, name), 0) > node.lineno for name in names):
            value = scope.unknown(node, _LATER)
        elif not _is_mark(value):
            value = scope.unknown(node, _UNSEEN)
        found.append((value, node))
    return found


def _mark(vm: Machine, scope: Scope, node: ast.expr) -> Val | None:
    """The mark that a decorator is or may be; a call is made only where it gives one."""
    if isinstance(node, ast.Call):
        target = vm.evaluate(scope, node.func)
        ours = isinstance(target, Ext) and target.name in MARKS
        if not ours and not (isinstance(target, Func) and _names_mark(target)):
            return None
        value = vm.evaluate(scope, node)
        return value if _is_mark(value) else scope.unknown(node, _UNSEEN)
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    value = vm.evaluate(scope, node)
    return value if _is_mark(value) or _may_be_mark(value) else None


def _name(value: Val) -> str:
    """The name of a mark outside; an empty one of all else."""
    cls = value.cls if isinstance(value, Instance) else None
    return cls.name if isinstance(cls, Ext) else ""


def _is_mark(value: Val) -> bool:
    return _name(value) in MARKS


def _may_be_mark(value: Val) -> bool:
    """Whether what isn't followed may be a mark that names a profile."""
    if isinstance(value, Ext):
        return value.name.partition(".")[0] not in _KNOWN and "." in value.name
    if isinstance(value, Func):
        return _names_mark(value)
    if not isinstance(value, Unknown):
        return False
    return FIXTURE in value.text if ".mark." in value.text else "(" not in value.text


def _names_mark(func: Func) -> bool:
    """Whether a function that decorates names the mark of profiles."""
    return any(isinstance(n, ast.Attribute) and n.attr == FIXTURE for n in walk_tree(func.node))


def _of(level: Level, name: str) -> Iterator[tuple[Instance, ast.AST]]:
    for value, node in level:
        if isinstance(value, Instance) and _name(value) == name:
            yield value, node


def named(func: Func, every: list[Level]) -> list[Marked]:
    """A test's profiles: of its parameters, else of all marks of the nearest level with any."""
    for level in every:
        for given, _ in _of(level, _PARAMETERS):
            if (found := _parameters(given)) is not None:
                return found
    for level in every:
        values: list[Val] = []
        for value, node in level:
            if isinstance(value, Unknown):
                values.append(value)
            elif isinstance(value, Instance) and _name(value) == MARK:
                values += value.positional
            elif isinstance(value, Ext | Func):  # of a list of marks, where it may be one
                values.append(unknown_of(value, _UNSEEN, func.scope.place(node)))
        if values:
            return profiles.asked_profiles(values)
    return []


def _parameters(value: Instance) -> list[Marked] | None:
    """The profiles that ``parametrize`` gives; None where it gives other things."""
    if len(value.positional) < 2:
        return None
    names, rows = value.positional[:2]
    if isinstance(names, Seq):
        words = [n.value if is_const(n, str) else "" for n in names.items]
    elif is_const(names, str):
        words = [n.strip() for n in names.value.split(",")]
    else:
        return None
    at = next((n for n, word in enumerate(words) if word in (FIXTURE, NAME)), None)
    if at is None:
        return None
    if not isinstance(rows, Seq):
        return [rows]
    if len(words) > 1 or isinstance(names, Seq):
        picked = [
            row.items[at] if isinstance(row, Seq) and len(row.items) == len(words) else row
            for row in rows.items
        ]
        return profiles.asked_profiles([p for p in picked if not isinstance(p, Const) or p.value])
    return profiles.asked_profiles(rows.items)


def used(every: list[Level]) -> tuple[dict[str, ast.AST], ast.AST | None]:
    """The fixtures of ``usefixtures`` with their places; and that of one that isn't known."""
    found: dict[str, ast.AST] = {}
    unknown: ast.AST | None = None
    for value, node in (u for level in every for u in _of(level, _USES)):
        for name in value.positional:
            if is_const(name, str):
                found.setdefault(name.value, node)
            else:
                unknown = unknown or node
    return found, unknown
