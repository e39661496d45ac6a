"""What names lead where: which functions to a call that is sought, and what that depends on."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from dsv4_env.lang.python.syntax.effects import (
    DEFINITIONS,
    FUNCTIONS,
    OWN_NAMES,
    SPEAKS,
    Changes,
    changes_of,
    function_effects,
    is_dotted,
    making_methods,
    root_name,
)
from dsv4_env.lang.python.syntax.trees import (
    KEPT,
    callee,
    children,
    handed,
    last_name,
    remembered,
    walk_tree,
)

# Names of Python's own functions and methods: what they change is an argument or their owner.
_PYTHON = frozenset(n for t in (builtins, str, list, dict, set) for n in dir(t))


@dataclass(frozen=True, slots=True)
class _Flow:
    """A simple statement or call: what it sets and what that is made of."""

    targets: frozenset[str]
    parts: frozenset[str]
    alias: bool = False


Seeks: TypeAlias = Callable[[ast.Call], bool]
"""Whether a call is one that is looked for, by its text alone."""


@dataclass(slots=True, eq=False)
class Reach:
    """What leads to calls that are sought and what those depend on, over all modules added.

    It is a graph of names alone: too many of them may be found, never too few. Following a file
    once more begins with what is known by then, as an import may make more of it matter.
    """

    seeks: Seeks
    seeds: frozenset[str] = frozenset()  # names that matter whatever is called
    reaching: set[str] = field(default_factory=set)  # functions that lead to what is sought
    relevant: set[str] = field(default_factory=set)  # names that what is sought depends on
    changing: set[str] = field(default_factory=set)  # functions that change what isn't theirs
    late: bool = False  # a module that was added after :meth:`hides` was asked has such
    _asked: bool = False
    _callers: dict[str, set[str]] = field(default_factory=dict)
    _added: set[str] = field(default_factory=set)
    _unseen: list[ast.Module] = field(default_factory=list)  # whose functions may be changing, too
    _flows: dict[str, list[_Flow]] = field(default_factory=dict)
    _leading: dict[ast.AST, bool] = field(default_factory=dict)
    _skipped: dict[ast.stmt, bool] = field(default_factory=dict)
    _hiding: dict[ast.AST, bool] = field(default_factory=dict)

    def begin(self) -> None:
        """Go over the file once more."""
        self.late = self._asked = False
        self._hiding.clear()

    def size(self) -> tuple[int, int]:
        """How much is known: where it grew, what was skipped before may matter."""
        return len(self.relevant), len(self.reaching)

    def add(self, tree: ast.Module, path: str) -> None:
        """Add a module: by its functions, and by what its statements make of what."""
        self._find_reaching(tree)
        flows, calls = _flows_of(tree, self.seeks)
        seeds = set(self.seeds)
        for name, sought, identifiers in calls:
            if sought or name in self.reaching:
                seeds |= identifiers
        if path not in self._added:
            self._added.add(path)
            self._unseen.append(tree)
            for flow in flows:
                for each in flow.targets:
                    self._flows.setdefault(each, []).append(flow)
                back = _Flow(flow.parts, flow.targets)
                for each in flow.parts - flow.targets if flow.alias else ():
                    self._flows.setdefault(each, []).append(back)
        self._close(seeds)

    def _find_reaching(self, tree: ast.Module) -> None:
        calls, direct = _calls_of(tree, self.seeks)
        callers: dict[str, list[str]] = {}
        for name, inner in calls.items():
            for each in inner:
                callers.setdefault(each, []).append(name)
        self.reaching |= direct
        pending = [*self.reaching]
        while pending:
            more = {n for n in callers.pop(pending.pop(), ()) if n not in self.reaching}
            self.reaching |= more
            pending += more
        self._leading.clear()

    def _close(self, seeds: set[str]) -> None:
        pending = [*(seeds | self.relevant)]
        self.relevant |= seeds
        while pending:
            # What flows into a name that matters is taken once: it matters from then on.
            for flow in self._flows.pop(pending.pop(), ()):
                more = flow.parts - self.relevant
                self.relevant |= more
                pending += more
        self._skipped.clear()

    def leads(self, node: ast.AST) -> bool:
        """Whether what is sought may be met within a node, by the names that it calls."""
        known = self._leading.get(node)
        if known is None:
            known = self._leading[node] = any(
                isinstance(n, ast.Call) and self._reaches(n) for n in walk_tree(node)
            )
        return known

    def _reaches(self, node: ast.Call) -> bool:
        """Whether a call is sought or leads there, by what it calls or what it is given to call."""
        if self.seeks(node) or callee(node) in self.reaching:
            return True
        return any(last_name(h) in self.reaching or _seeks(self.seeks, h) for h in _called(node))

    def hides(
        self, body: Sequence[ast.AST], changed: Changes, spend: Callable[[int], None]
    ) -> bool:
        """Whether statements may change what they don't name: by a call, or by another name."""
        if any(root_name(n) in changed.names for n in (*changed.objects, *changed.attributes)):
            return True
        before = len(self.changing)
        while self._unseen:
            self._find_changing(self._unseen.pop())
        self.late = self.late or (self._asked and len(self.changing) > before)
        self._asked = True
        for node in body:
            known = self._hiding.get(node)
            if known is None:
                skipped = isinstance(node, ast.stmt) and self.skippable(node, spend)
                known = self._hiding[node] = not skipped and any(
                    isinstance(n, ast.Import | ast.ImportFrom)
                    or (isinstance(n, ast.Call) and self._changes(n))
                    for n in walk_tree(node)
                )
            if known:
                return True
        return False

    def _changes(self, node: ast.Call) -> bool:
        given = _called(node)
        return callee(node) in self.changing or any(last_name(h) in self.changing for h in given)

    def _find_changing(self, tree: ast.Module) -> None:
        calls, pending = function_effects(tree)
        for name, inner in calls.items():
            for each in inner:
                self._callers.setdefault(each, set()).add(name)
            if inner & self.changing:
                pending = pending | {name}
        fresh = [*(pending - self.changing)]
        self.changing |= pending
        while fresh:
            more = self._callers.get(fresh.pop(), set()) - self.changing
            self.changing |= more
            fresh += more
        self._hiding.clear()

    def skippable(self, node: ast.stmt, spend: Callable[[int], None]) -> bool:
        """Whether nothing that is sought depends on a statement of a function."""
        known = self._skipped.get(node)
        if known is None:
            known = self._skipped[node] = self._can_skip(node, spend)
        return known

    def _can_skip(self, node: ast.stmt, spend: Callable[[int], None]) -> bool:
        every = walk_tree(node)
        spend(len(every) >> 3)
        for each in every:
            if isinstance(each, _LEAVING):
                return False
            if isinstance(each, ast.Call):
                if self._reaches(each):
                    return False
                if _of_call(each).targets & self.relevant and callee(each) not in SPEAKS:
                    return False
                given = [*each.args, *(k.value for k in each.keywords)]
                speaks = callee(each) in SPEAKS or callee(each).startswith("assert")
                if not speaks and any(
                    is_dotted(a) and _identifiers(a) & self.relevant for a in given
                ):
                    return False
            target = isinstance(getattr(each, "ctx", None), ast.Store | ast.Del)
            if target and _identifiers(each) & self.relevant:
                return False
        return True


_LEAVING = (
    ast.Return
    | ast.Raise
    | ast.Break
    | ast.Continue
    | ast.Import
    | ast.ImportFrom
    | ast.Global
    | ast.Nonlocal
    | ast.ClassDef
    | FUNCTIONS
)


@remembered(KEPT)
def _calls_of(tree: ast.Module, seeks: Seeks) -> tuple[dict[str, set[str]], set[str]]:
    """What each function of a module calls, and which of them have one that is sought."""
    calls: dict[str, set[str]] = {}
    direct: set[str] = set()
    for node in walk_tree(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n for n in walk_tree(node) if isinstance(n, ast.Call)]
            names = calls.setdefault(node.name, set())
            names.update(callee(n) for n in inner)
            given = [h for n in inner for h in _called(n)]
            names.update(map(last_name, given))
            if any(map(seeks, inner)) or any(_seeks(seeks, h) for h in given):
                direct.add(node.name)
        elif isinstance(node, ast.ClassDef):
            own = {n.name for n in node.body if isinstance(n, ast.FunctionDef)}
            if "__init__" in own:
                calls.setdefault(node.name, set()).add("__init__")
        elif isinstance(node, ast.alias) and node.asname:
            other = ast.Name(node.name.rpartition(".")[2])
            _add_name(node.asname, [other], calls, direct, seeks)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            meant = _may_be(node.value) if node.value is not None else []
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                _add_name(last_name(target), meant, calls, direct, seeks)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            meant = _may_be(node.iter)
            for each in walk_tree(node.target):
                if meant and isinstance(each, ast.Name):
                    _add_name(each.id, meant, calls, direct, seeks)
    return calls, direct


def _may_be(node: ast.expr) -> list[ast.expr]:
    """The names of functions that a value may be, hold, or be made to call."""
    found: list[ast.expr] = []
    pending: list[ast.expr | None] = [node]
    while pending:
        each = pending.pop()
        if isinstance(each, ast.Name | ast.Attribute):
            found.append(each)
        elif isinstance(each, ast.List | ast.Tuple | ast.Set):
            pending += each.elts
        elif isinstance(each, ast.Dict):
            pending += each.values
        elif isinstance(each, ast.IfExp):
            pending += [each.body, each.orelse]
        elif isinstance(each, ast.BoolOp):
            pending += each.values
        elif isinstance(each, ast.Starred | ast.Subscript | ast.NamedExpr | ast.Await):
            pending.append(each.value)
        elif isinstance(each, ast.Call):
            pending += handed(each)
            texts = each.args[1:2] if callee(each) == "getattr" else []
            found += [ast.Name(str(n.value)) for n in texts if isinstance(n, ast.Constant)]
    return found


def _called(node: ast.Call) -> list[ast.expr]:
    """The names of what a call may call besides the one that it has: what it is given, too."""
    func = node.func
    more = [] if isinstance(func, ast.Name | ast.Attribute) else _may_be(func)
    return handed(node) + more


def _add_name(
    name: str,
    meant: Sequence[ast.expr],
    calls: dict[str, set[str]],
    direct: set[str],
    seeks: Seeks,
) -> None:
    """Add a name that may stand for a function, or for one with some of what it is given."""
    if name and meant:
        calls.setdefault(name, set()).update(map(last_name, meant))
        if any(_seeks(seeks, m) for m in meant):
            direct.add(name)


def _seeks(seeks: Seeks, function: ast.expr) -> bool:
    """Whether a call of a function that is handed on is sought."""
    return seeks(ast.Call(function, [], []))


_SETS = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)
_ROUNDS = (ast.For, ast.AsyncFor, ast.comprehension)
_CHOICES = (ast.If, ast.While, ast.IfExp, ast.Match)
_FLOWING = {ast.Call, *_SETS, *_ROUNDS, ast.alias, ast.withitem, *DEFINITIONS, *_CHOICES}


@remembered(KEPT)
def _flows_of(
    tree: ast.Module, seeks: Seeks
) -> tuple[list[_Flow], list[tuple[str, bool, frozenset[str]]]]:
    """The flows of a module; and its calls: of what, if it is sought, and what it names."""
    flows: list[_Flow] = []
    calls: list[tuple[str, bool, frozenset[str]]] = []
    every = walk_tree(tree)
    python = _PYTHON - {n.name for n in every if isinstance(n, (ast.alias, *DEFINITIONS))}
    inner: dict[ast.AST, frozenset[str]] = {}
    for node in reversed(every):  # those within others first: of each, all names are met once
        if isinstance(node, _CHOICES):
            inner[node] = _identifiers(node, keywords=False, known=inner)
    for node in every:
        if node.__class__ not in _FLOWING:  # as most
            continue
        if isinstance(node, ast.Call):
            named = _identifiers(node)
            calls.append((callee(node), seeks(node), named))
            calls += [(last_name(h), _seeks(seeks, h), named) for h in _called(node)]
            flow = _of_call(node)
            flows += [flow, _Flow(flow.parts, frozenset({callee(node)}))]  # it may change them
            if isinstance(node.func, ast.Attribute) and callee(node) not in python:
                # what a method changes it may reach through its object
                flows.append(_Flow(frozenset({callee(node)}), _identifiers(node.func.value)))
        elif isinstance(node, _SETS):
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
        elif isinstance(node, DEFINITIONS):
            flows += [_of_definition(node), _by_calling(node, python)]
        elif isinstance(node, _CHOICES):
            test = node.subject if isinstance(node, ast.Match) else node.test
            flows.append(_Flow(inner[node], _identifiers(test)))
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
    return _Flow(targets | named | {callee(node)}, parts)


def _of_definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> _Flow:
    inner: set[str] = set()
    if isinstance(node, ast.ClassDef):
        for base in node.bases:
            inner |= _identifiers(base)
    else:
        for each in walk_tree(node):
            if isinstance(each, ast.Return) and each.value is not None:
                inner |= _identifiers(each.value)
        inner |= {a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)}
    return _Flow(frozenset({node.name}), frozenset(inner) - OWN_NAMES)


def _by_calling(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, python: frozenset[str]
) -> _Flow:
    """What a call of it may change: what its body changes besides its own names."""
    found: set[str] = set()
    if isinstance(node, ast.ClassDef):
        found |= making_methods(node)
        found |= {i for base in node.bases for i in _identifiers(base)}
    else:
        changed = changes_of(tuple(node.body))
        found |= {i for n in (*changed.objects, *changed.attributes) for i in _identifiers(n)}
        for each in walk_tree(node):
            if isinstance(each, ast.Global | ast.Nonlocal):
                found |= set(each.names)
            elif isinstance(each, ast.Call):
                found |= {callee(each)} - python - SPEAKS
    return _Flow(frozenset(found) - OWN_NAMES, frozenset({node.name}))


def _identifiers(
    node: ast.AST, *, keywords: bool = True, known: Mapping[ast.AST, frozenset[str]] | None = None
) -> frozenset[str]:
    """The names within a node; *known* are those of nodes within it."""
    found: set[str] = set()
    every = [node]
    for each in every if known is not None else walk_tree(node):
        if known is not None:
            if each in known:
                found |= known[each]
                continue
            every += children(each)
        kind = each.__class__
        if kind is ast.Name:
            found.add(each.id)  # type: ignore[attr-defined]
        elif kind is ast.Attribute:
            found.add(each.attr)  # type: ignore[attr-defined]
        elif kind is ast.keyword and keywords and each.arg:  # type: ignore[attr-defined]
            found.add(each.arg)  # type: ignore[attr-defined]
    return frozenset(found) - OWN_NAMES
