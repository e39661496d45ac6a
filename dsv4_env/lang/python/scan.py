"""What statements may change, and which of them no launch depends on, told without following."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsv4_env.lang.python.run import KEPT, Run, called, decide, launching
from dsv4_env.lang.python.trees import remembered
from dsv4_env.lang.python.values import Const, Entry, Ext, Scope, Val, children, shown, walk
from dsv4_env.model import Unknown

_SPEAKS = frozenset(
    "print info debug warning error exception log write_github_step_summary sleep flush".split()
)
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_OWN = frozenset({"self", "cls", "os"})
# Names of Python's own functions and methods: what they change is an argument or their owner.
_PYTHON = frozenset(n for t in (builtins, str, list, dict, set) for n in dir(t))


@dataclass(slots=True)
class Changes:
    """What statements may change: names, objects in place, attributes; and how they may end."""

    names: dict[str, ast.AST] = field(default_factory=dict)
    objects: list[ast.expr] = field(default_factory=list)
    attributes: list[ast.Attribute] = field(default_factory=list)
    returns: bool = False
    breaks: bool = False


@remembered(4096)
def changes(body: tuple[ast.AST, ...]) -> Changes:
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
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
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
    if isinstance(node, _NAMED):
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


_READS = frozenset("get items keys values copy format join split strip count index".split())


def _collect_call(node: ast.Call, found: Changes) -> None:
    name = called(node)
    if name in _SPEAKS or name.startswith("assert"):
        return
    if isinstance(node.func, ast.Attribute) and _plain(node.func.value) and name not in _READS:
        found.objects.append(node.func.value)
    if name not in ("str", "len", "int", "list", "dict", "isinstance", "float", "bool"):
        arguments = [*node.args, *(k.value for k in node.keywords)]
        found.objects += [a for a in arguments if _plain(a)]


def _plain(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


@remembered(4096)
def inert(node: ast.stmt) -> bool:
    """Whether a statement changes nothing: it says something, or does nothing."""
    if isinstance(node, ast.Pass):
        return True
    if not isinstance(node, ast.Expr):
        return False
    if isinstance(node.value, ast.Constant):
        return True
    inner = [n for n in walk(node) if isinstance(n, ast.Call | ast.NamedExpr)]
    return all(
        isinstance(n, ast.Call) and (called(n) in _SPEAKS or called(n) in ("str", "len", "repr"))
        for n in inner
    )


def safe(run: Run, body: Sequence[ast.stmt]) -> bool:
    """Whether statements can't raise, but where they say so and are followed."""
    risky = ast.Call | ast.Import | ast.ImportFrom | ast.Await | ast.With | ast.Assert
    joined = ast.For | ast.AsyncFor | ast.While | ast.Match | ast.Try
    for node in [n for s in body for n in walk(s)]:
        if isinstance(node, risky):
            return False
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            return False
        unfollowed = not run.forking or isinstance(node, joined)
        if unfollowed and any(isinstance(n, ast.Raise) for n in walk(node)):
            return False
    return True


def exception(node: ast.expr | None) -> type[BaseException] | None:
    """The exception of Python's own that a name means."""
    found = getattr(builtins, node.id, None) if isinstance(node, ast.Name) else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _catches(handler: ast.ExceptHandler, kind: type[BaseException] | None) -> bool | None:
    """Whether a handler takes an exception; None where that can't be told."""
    if handler.type is None or exception(handler.type) is BaseException:
        return True
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    known = [exception(name) for name in names]
    if kind is not None and any(k is not None and issubclass(kind, k) for k in known):
        return True
    return None if kind is None or None in known else False


def caught(
    run: Run, scope: Scope, handlers: list[ast.ExceptHandler], kind: type[BaseException] | None
) -> ast.ExceptHandler | None:
    """What handles an exception; one by one where that can't be told."""
    for handler in handlers:
        known = _catches(handler, kind)
        if known or (known is None and (handler is handlers[-1] or not run.forking)):
            return handler
        label = f"the exception is {scope.source.text(handler.type)}" if handler.type else ""
        if known is None and decide(run, ("handler", id(handler), len(run.path)), label):
            return handler
    return None


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


def matches(case: ast.match_case, value: Any) -> bool | None:
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


def set_through(run: Run, scope: Scope, owner: Val, value: Val, node: ast.Call) -> bool:
    """``envs.NAME.set(value)``: SGLang's own fields write to the process's environment."""
    words = owner.name.split(".") if isinstance(owner, Ext) else []
    if len(words) < 2 or words[-2] != "envs" or not re.fullmatch(r"[A-Z][A-Z0-9_]+", words[-1]):
        return False
    where = scope.source.place(node)
    reason = "set through SGLang's own fields, which spell it themselves"
    found = Unknown(shown(value), reason, location=where)
    entry = Entry(Const(words[-1]), found, where)
    run.set(run.environ, "log", run.environ.log.and_more(entry))
    return True


@dataclass(frozen=True, slots=True)
class _Flow:
    """A simple statement or call: what it sets and what that is made of."""

    targets: frozenset[str]
    parts: frozenset[str]
    alias: bool = False


def find_relevant(run: Run, tree: ast.Module, path: str) -> None:
    """Add the names of a module that a launch may depend on to those that are known to matter.

    Told by name alone, over all functions: too many may be found, never too few.
    """
    flows, calls = _facts(tree)
    seeds = {"environ", "setUpClass", "setUp"}
    for name, launches, identifiers in calls:
        if launches or name in run.reaching:
            seeds |= identifiers
    if path not in run.scanned:
        run.scanned.add(path)
        for flow in flows:
            for each in flow.targets:
                run.flows_by_name.setdefault(each, []).append(flow)
            back = _Flow(flow.parts, flow.targets)
            for each in flow.parts - flow.targets if flow.alias else ():
                run.flows_by_name.setdefault(each, []).append(back)
    _close(run, seeds)


_SET = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)
_ROUNDS = (ast.For, ast.AsyncFor, ast.comprehension)
_CHOICES = (ast.If, ast.While, ast.IfExp, ast.Match)
_FLOWING = {ast.Call, *_SET, *_ROUNDS, ast.alias, ast.withitem, *_NAMED, *_CHOICES}


@remembered(KEPT)
def _facts(tree: ast.Module) -> tuple[list[_Flow], list[tuple[str, bool, frozenset[str]]]]:
    """The flows of a module; and its calls: of what, if one launches, and what it names."""
    flows: list[_Flow] = []
    calls: list[tuple[str, bool, frozenset[str]]] = []
    every = walk(tree)
    python = _PYTHON - {n.name for n in every if isinstance(n, (ast.alias, *_NAMED))}
    inner: dict[int, frozenset[str]] = {}
    for node in reversed(every):  # those within others first: of each, all names are met once
        if isinstance(node, _CHOICES):
            inner[id(node)] = _identifiers(node, keywords=False, known=inner)
    for node in every:
        if node.__class__ not in _FLOWING:  # as most
            continue
        if isinstance(node, ast.Call):
            calls.append((called(node), launching(node), _identifiers(node)))
            flow = _of_call(node)
            flows += [flow, _Flow(flow.parts, frozenset({called(node)}))]  # it may change them
            if isinstance(node.func, ast.Attribute) and called(node) not in python:
                # what a method changes it may reach through its object
                flows.append(_Flow(frozenset({called(node)}), _identifiers(node.func.value)))
        elif isinstance(node, _SET):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = frozenset(i for t in targets for i in _identifiers(t))
            parts = _identifiers(node.value) if node.value else frozenset()
            shares = node.value is not None and _shares(node.value)
            if isinstance(node, ast.Assign) and len(targets) > 1:
                parts |= names  # a = b = []: the same object
            flows.append(_Flow(names, parts, alias=shares))
        elif isinstance(node, _ROUNDS):
            names, parts = _identifiers(node.target), _identifiers(node.iter)
            flows.append(_Flow(names, parts, alias=True))
        elif isinstance(node, ast.alias) and node.asname:
            name = node.name.rpartition(".")[2]
            flows.append(_Flow(frozenset({node.asname}), frozenset({name}), alias=True))
        elif isinstance(node, ast.withitem) and node.optional_vars:
            names, parts = _identifiers(node.optional_vars), _identifiers(node.context_expr)
            flows.append(_Flow(names, parts, alias=True))
        elif isinstance(node, _NAMED):
            flows += [_of_definition(node), _by_calling(node, python)]
        elif isinstance(node, _CHOICES):
            test = node.subject if isinstance(node, ast.Match) else node.test
            flows.append(_Flow(inner[id(node)], _identifiers(test)))
    return flows, calls


def _shares(node: ast.expr) -> bool:
    """Whether a value may be, or hold, the very object that a name stands for."""
    return not isinstance(node, ast.Constant | ast.JoinedStr | ast.Compare)


def _of_call(node: ast.Call) -> _Flow:
    """A call may change what it is called on and what it is given, by what it is given."""
    arguments = [*node.args, *(k.value for k in node.keywords)]
    parts = frozenset(i for a in arguments for i in _identifiers(a))
    named = frozenset(k.arg for k in node.keywords if k.arg)
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    targets = _identifiers(owner) if owner is not None else frozenset()
    return _Flow(targets | named | {called(node)}, parts)


def _of_definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> _Flow:
    inner: set[str] = set()
    if isinstance(node, ast.ClassDef):
        for base in node.bases:
            inner |= _identifiers(base)
    else:
        for each in walk(node):
            if isinstance(each, ast.Return) and each.value is not None:
                inner |= _identifiers(each.value)
        inner |= {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    return _Flow(frozenset({node.name}), frozenset(inner) - _OWN)


MAKING = frozenset({"__init__", "__post_init__"})


def making(node: ast.ClassDef) -> set[str]:
    """The methods of a class that run where an object of it is made."""
    return {s.name for s in node.body if isinstance(s, ast.FunctionDef) and s.name in MAKING}


def _by_calling(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, python: frozenset[str]
) -> _Flow:
    """What a call of it may change: what its body changes besides its own names."""
    found: set[str] = set()
    if isinstance(node, ast.ClassDef):
        found |= making(node)
        found |= {i for base in node.bases for i in _identifiers(base)}
    else:
        changed = changes(tuple(node.body))
        found |= {i for n in (*changed.objects, *changed.attributes) for i in _identifiers(n)}
        for each in walk(node):
            if isinstance(each, ast.Global | ast.Nonlocal):
                found |= set(each.names)
            elif isinstance(each, ast.Call):
                found |= {called(each)} - python - _SPEAKS
    return _Flow(frozenset(found) - _OWN, frozenset({node.name}))


def _identifiers(
    node: ast.AST, *, keywords: bool = True, known: Mapping[int, frozenset[str]] | None = None
) -> frozenset[str]:
    """The names within a node; *known* are those of nodes within it."""
    found: set[str] = set()
    every = [node]
    for each in every if known is not None else walk(node):
        if known is not None:
            if id(each) in known:
                found |= known[id(each)]
                continue
            every += children(each)
        kind = each.__class__
        if kind is ast.Name:
            found.add(each.id)  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            found.add(each.attr)  # type: ignore[attr-defined]
        elif kind is ast.keyword and keywords and each.arg:  # type: ignore[attr-defined]
            found.add(each.arg)  # type: ignore[attr-defined]
    return frozenset(found) - _OWN


def _close(run: Run, seeds: set[str]) -> None:
    pending = [*(seeds | run.relevant)]
    run.relevant |= seeds
    while pending:
        # What flows into a name that matters is taken once: it matters from then on.
        for flow in run.flows_by_name.pop(pending.pop(), ()):
            more = flow.parts - run.relevant
            run.relevant |= more
            pending += more
    run.skippable.clear()


def skippable(run: Run, node: ast.stmt) -> bool:
    """Whether no launch depends on a statement of a function."""
    known = run.skippable.get(id(node))
    if known is None:
        known = run.skippable[id(node)] = _skippable(run, node)
    return known


def _skippable(run: Run, node: ast.stmt) -> bool:
    leaving = ast.Return | ast.Raise | ast.Break | ast.Continue | ast.Import | ast.ImportFrom
    every = walk(node)
    run.spend(len(every) >> 3)
    for each in every:
        if isinstance(each, leaving | ast.Global | ast.Nonlocal | ast.ClassDef | _FUNCTIONS):
            return False
        if isinstance(each, ast.Call):
            if launching(each) or called(each) in run.reaching:
                return False
            if _of_call(each).targets & run.relevant and called(each) not in _SPEAKS:
                return False
            given = [*each.args, *(k.value for k in each.keywords)]
            speaks = called(each) in _SPEAKS or called(each).startswith("assert")
            if not speaks and any(_plain(a) and _identifiers(a) & run.relevant for a in given):
                return False
        target = isinstance(getattr(each, "ctx", None), ast.Store | ast.Del)
        if target and _identifiers(each) & run.relevant:
            return False
    return True
