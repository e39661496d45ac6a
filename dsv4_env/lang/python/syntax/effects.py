"""What statements may change, told by their text alone."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dsv4_env.lang.python.syntax.trees import KEPT, callee, children, remembered, walk_tree

SPEAKS = frozenset(
    "print info debug warning error exception log write_github_step_summary sleep flush".split()
)
# Calls through which what isn't seen may change anything, or is given all names.
UNSEEN = frozenset(
    "exec eval setattr delattr __setattr__ locals globals vars _getframe currentframe".split()
)
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
OWN_NAMES = frozenset({"self", "cls", "os"})


@dataclass(slots=True)
class Changes:
    """What statements may change: names, objects in place, attributes; and how they may end."""

    names: dict[str, ast.AST] = field(default_factory=dict)
    objects: list[ast.expr] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    returns: bool = False
    breaks: bool = False


@remembered(4096)
def changes_of(body: tuple[ast.AST, ...]) -> Changes:
    """Everything that statements may change, without those of functions that they define."""
    found = Changes()
    pending = [(node, False) for node in reversed(body)]
    while pending:  # what is nested deeply is no deeper here
        node, looping = pending.pop()
        if _collect(node, found, looping=looping):
            looping = looping or node.__class__ in _LOOPS
            pending += [(child, looping) for child in reversed(children(node))]
    return found


_SKIPPED = (ast.Constant, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_IMPORTS = (ast.Import, ast.ImportFrom)


def _collect(node: ast.AST, found: Changes, *, looping: bool) -> bool:
    """Add what a node may change; whether what is within it may change more."""
    kind = node.__class__
    if kind is ast.Name:
        if node.ctx.__class__ is not ast.Load:  # type: ignore[attr-defined]
            found.names[node.id] = node  # type: ignore[attr-defined]
        return False
    if kind in _SKIPPED:
        return False
    if isinstance(node, DEFINITIONS):
        found.names[node.name] = node
        return False
    if kind is ast.Return:
        found.returns = True
    elif kind is ast.Break or kind is ast.Continue:
        found.breaks = found.breaks or not looping
    elif isinstance(node, ast.Attribute):
        if isinstance(node.ctx, ast.Store):
            found.attributes.append(node)
    elif isinstance(node, ast.Subscript):
        if not isinstance(node.ctx, ast.Load):
            found.objects.append(node.value)
    elif isinstance(node, ast.AugAssign):
        found.objects += [node.target] if not isinstance(node.target, ast.Subscript) else []
    elif isinstance(node, _IMPORTS):
        for alias in node.names:
            found.names[alias.asname or alias.name.partition(".")[0]] = node
    elif isinstance(node, ast.Call) and not isinstance(node.func, ast.Lambda):
        _collect_call(node, found)
    return True


READS = frozenset("get items keys values copy format join split strip count index".split())


def _collect_call(node: ast.Call, found: Changes) -> None:
    name = callee(node)
    if name in SPEAKS or name.startswith("assert"):
        return
    if isinstance(node.func, ast.Attribute) and is_dotted(node.func.value) and name not in READS:
        found.objects.append(node.func.value)
    if name not in ("str", "len", "int", "list", "dict", "isinstance", "float", "bool"):
        arguments = [*node.args, *(k.value for k in node.keywords)]
        found.objects += [a for a in arguments if is_dotted(a)]


def is_dotted(node: ast.AST) -> bool:
    """Whether it is a name, or an attribute of one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


@remembered(4096)
def is_inert(node: ast.stmt) -> bool:
    """Whether a statement changes nothing: it says something, or does nothing."""
    if isinstance(node, ast.Pass):
        return True
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    inner = [n for n in walk_tree(node) if isinstance(n, ast.Call | ast.NamedExpr)]
    return all(
        isinstance(n, ast.Call) and (callee(n) in SPEAKS or callee(n) in ("str", "len", "repr"))
        for n in inner
    )


def is_safe(body: Sequence[ast.stmt], *, forking: bool) -> bool:
    """Whether statements can't raise, but where they say so and are followed."""
    risky = ast.Call | ast.Import | ast.ImportFrom | ast.Await | ast.With | ast.Assert
    joined = ast.For | ast.AsyncFor | ast.While | ast.Match | ast.Try
    for node in [n for s in body for n in walk_tree(s)]:
        if isinstance(node, risky):
            return False
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            return False
        unfollowed = not forking or isinstance(node, joined)
        if unfollowed and any(isinstance(n, ast.Raise) for n in walk_tree(node)):
            return False
    return True


def exception_named(node: ast.expr | None) -> type[BaseException] | None:
    """The exception of Python's own that a name means."""
    found = getattr(builtins, node.id, None) if isinstance(node, ast.Name) else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def catches(handler: ast.ExceptHandler, kind: type[BaseException] | None) -> bool | None:
    """Whether a handler takes an exception; None where that can't be told."""
    if handler.type is None or exception_named(handler.type) is BaseException:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    known = [exception_named(name) for name in names]
    if kind is not None and any(k is not None and issubclass(kind, k) for k in known):
        return True
    return None if kind is None or None in known else False


def is_main(node: ast.expr) -> bool:
    """Whether a test is ``__name__ == "__main__"``."""
    return (
        isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Name)
        and node.left.id == "__name__"
        and len(node.comparators) == 1
        and isinstance(node.comparators[0], ast.Constant)
        and node.comparators[0].value == "__main__"
    )


def case_matches(case: ast.match_case, value: Any) -> bool | None:
    """Whether a case takes a constant; None where that can't be told."""
    if case.guard is not None:
        return None
    return _pattern(case.pattern, value)


def _pattern(pattern: ast.pattern, value: Any) -> bool | None:
    if isinstance(pattern, ast.MatchValue) and isinstance(pattern.value, ast.Constant):
        return bool(pattern.value.value == value)
    if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is None:
        return True
    if isinstance(pattern, ast.MatchOr):
        answers = [_pattern(p, value) for p in pattern.patterns]
        return True if True in answers else None if None in answers else False
    return None


MAKING = frozenset({"__init__", "__post_init__"})


def making_methods(node: ast.ClassDef) -> set[str]:
    """The methods of a class that run where an object of it is made."""
    return {s.name for s in node.body if isinstance(s, ast.FunctionDef) and s.name in MAKING}


@remembered(KEPT)
def function_effects(tree: ast.Module) -> tuple[dict[str, set[str]], set[str]]:
    """What each function of a module calls, and which change something by themselves."""
    calls: dict[str, set[str]] = {}
    direct: set[str] = set()
    for node in walk_tree(tree):
        if isinstance(node, ast.ClassDef):
            bases = {n.id for b in node.bases for n in walk_tree(b) if isinstance(n, ast.Name)}
            calls.setdefault(node.name, set()).update(making_methods(node), bases)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = walk_tree(node)
            names = {callee(n) for n in inner if isinstance(n, ast.Call)}
            calls.setdefault(node.name, set()).update(names)
            if _affects(node, inner):
                direct.add(node.name)
    return calls, direct


def _affects(node: ast.FunctionDef | ast.AsyncFunctionDef, inner: list[ast.AST]) -> bool:
    if any(isinstance(n, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom) for n in inner):
        return True
    changed = changes_of(tuple(node.body))
    own = {"self"} if node.name in MAKING else set()
    own |= _fresh(inner)
    return any(root_name(n) not in own for n in (*changed.objects, *changed.attributes))


def _fresh(inner: list[ast.AST]) -> set[str]:
    """The names that only ever stand for what was made right there."""
    made: set[str] = set()
    other: set[str] = set()
    values = {t: n.value for n in inner if isinstance(n, ast.Assign) for t in n.targets}
    for node in inner:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            (made if isinstance(values.get(node), _DISPLAYS) else other).add(node.id)
    return made - other


_DISPLAYS = (ast.Constant, ast.Dict, ast.JoinedStr, ast.List, ast.Set, ast.Tuple)


def root_name(node: ast.AST) -> str:
    """The name that ``name.attribute[item]`` begins with."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


@remembered(4096)
def first_simple(node: ast.AST) -> ast.AST:
    """The first statement within one that holds others: what is shown fits one line."""
    inner = (n for n in walk_tree(node) if isinstance(n, ast.stmt) and not hasattr(n, "body"))
    return next(inner, node) if hasattr(node, "body") else node


# Methods that change what they are of: where one is kept under a name, a call of that does.
_IN_PLACE = frozenset(
    "update pop popitem clear setdefault append extend insert remove sort reverse add discard "
    "__setitem__ __delitem__ __ior__ __iadd__ __setattr__".split()
)


@remembered(KEPT)
def loose_names(tree: ast.Module) -> set[str]:
    """The names of a module that stand for what may change other things than they say.

    They stand for Python's own way to do so (``run = exec``), for an object that came out of a dict
    of all names (``e = locals()["env"]``) or for a method of another object (``f = env.update``).
    """
    found: set[str] = set()
    for node in walk_tree(tree):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) or node.value is None:
            continue
        if not _is_loose(node.value):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        every = [n for target in targets for n in walk_tree(target)]
        found.update(n.id for n in every if isinstance(n, ast.Name) and n.id not in OWN_NAMES)
    return found


def _is_loose(value: ast.expr) -> bool:
    every = walk_tree(value)
    called = {n.func for n in every if isinstance(n, ast.Call)}
    return any(
        (isinstance(n, ast.Name) and n.id in UNSEEN)
        or (isinstance(n, ast.Attribute) and n.attr in _IN_PLACE and n not in called)
        or (isinstance(n, ast.Call) and callee(n) == "getattr" and _gives_method(n))
        for n in every
    )


def _gives_method(node: ast.Call) -> bool:
    """Whether a ``getattr`` may give a method that changes its object."""
    name = node.args[1] if len(node.args) > 1 else None
    return not isinstance(name, ast.Constant) or name.value in _IN_PLACE
