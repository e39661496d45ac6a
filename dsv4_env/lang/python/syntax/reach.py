"""What names lead where: which functions to a call that is sought, and what that depends on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence, Set as AbstractSet
from dataclasses import dataclass, field
from typing import TypeAlias

from dsv4_env.lang.python.syntax.effects import (
    FUNCTIONS,
    SPEAKS,
    UNSEEN,
    Changes,
    function_effects,
    is_dotted,
    loose_names,
    root_name,
)
from dsv4_env.lang.python.syntax.flows import (
    READING,
    BlockFlows,
    Flow,
    arguments,
    callee_key,
    flows_of,
    identifiers,
    made_of,
    with_attributes,
)
from dsv4_env.lang.python.syntax.names import Block, ModuleNames, names_of, parameters
from dsv4_env.lang.python.syntax.trees import (
    KEPT,
    called_by,
    callee,
    last_name,
    remembered,
    walk_tree,
)

Certain: TypeAlias = Callable[[ast.Call], bool]


@dataclass(frozen=True, slots=True)
class Sought:
    """Which calls are looked for.

    Those that *certain* says yes to; and those of functions that *starts* says yes to by their
    name, where a text that *spells* says yes to may end up in what *words* gives of the call.
    What a call gives that is *apart* isn't made of what it is given. Functions that *closed* says
    yes to, by the file and their name, are never followed.
    """

    certain: Certain
    starts: Callable[[str], bool]
    words: Callable[[ast.Call], Sequence[ast.expr]]
    spells: Callable[[str], bool]
    apart: Certain
    closed: Callable[[str, str], bool]

    def is_one(self, node: ast.Call) -> bool:
        """Whether a call may be one, whatever it is given."""
        return self.certain(node) or self.starts(callee(node))

    def is_certain(self, node: ast.Call) -> bool:
        """Whether a call is one, or one that it may make of a function that it is given."""
        return self.certain(node) or any(self.certain(ast.Call(h, [], [])) for h in called_by(node))


@dataclass(slots=True, eq=False)
class Reach:
    """What leads to calls that are sought and what those depend on, over all modules added.

    It is a graph of names alone: too many of them may be found, never too few. The first module
    that is added is the file itself.
    """

    sought: Sought
    seeds: frozenset[str] = frozenset()  # names, and calls by them, that matter in any case
    reaching: set[str] = field(default_factory=set)  # functions that lead to what is sought
    relevant: set[str] = field(default_factory=set)  # names that what is sought depends on
    changing: set[str] = field(default_factory=set)  # functions that change what isn't theirs
    loose: set[str] = field(default_factory=set)  # names through which anything may be changed
    late: bool = False  # a module that was added after :meth:`hides` was asked has such
    _asked: bool = False
    _graph: _Graph | None = None  # of which what is relevant isn't found yet
    _anything: bool = False  # something that is sought is there
    _open: bool = False  # whether modules were added since it was last closed
    _trees: dict[str, ast.Module] = field(default_factory=dict)
    _keys: dict[ast.AST, str] = field(default_factory=dict)
    _worded: dict[ast.Call, Block] = field(default_factory=dict)  # sought for their texts
    _callers: dict[str, set[str]] = field(default_factory=dict)
    _unseen: list[ast.Module] = field(default_factory=list)  # whose functions may be changing, too
    _leading: dict[ast.AST, bool] = field(default_factory=dict)
    _skipped: dict[ast.stmt, bool] = field(default_factory=dict)
    _aside: dict[ast.stmt, bool] = field(default_factory=dict)
    _hiding: dict[ast.AST, bool] = field(default_factory=dict)

    def begin(self) -> None:
        """Go over the file once more."""
        self.late = self._asked = False
        self._hiding.clear()

    def size(self) -> tuple[int, int]:
        """How much is known: where it grew, what was skipped before may matter."""
        self._find_all()
        return len(self.relevant), len(self.reaching)

    def add(self, tree: ast.Module, path: str) -> None:
        """Add a module."""
        if path not in self._trees:
            self._trees[path] = tree
            self._unseen.append(tree)
            self._keys.update(names_of(tree).keys)
            self._open = True

    def _close(self) -> None:
        """Find all that leads to what is sought, and all that this depends on."""
        if not self._open:
            return
        self._open = False
        modules = list(map(names_of, self._trees.values()))
        closed = {
            block
            for path, module in zip(self._trees, modules, strict=True)
            for name, blocks in module.functions.items()
            for block in blocks
            if self.sought.closed(path, name)
        }
        graph = _Graph(modules, _run(modules, closed), self.sought.apart)
        self._find_worded(graph)
        self._find_reaching(graph)
        self._graph = graph
        self.loose.update(*map(loose_names, self._trees.values()))
        self.changing |= UNSEEN | self.loose
        for kept in (self._leading, self._skipped, self._aside):
            kept.clear()

    def _find_all(self) -> None:
        """Find what is relevant, too."""
        self._close()
        if self._graph is not None:
            self._find_relevant(self._graph)
            self._graph = None

    def _find_worded(self, graph: _Graph) -> None:
        """Find the calls that may get a text that is sought."""
        spells = self.sought.spells
        if not any(spells(t) for block in graph.run for t in block.texts):
            return
        names = _other_names(graph.modules, self.sought.starts)
        calls = [call for name in names for call in graph.calls_of(name)]
        if not calls:
            return
        into = graph.by_target(*(f for each in graph.flows for f in (each.makes, each.puts)))
        clean: set[str] = set()  # names that no such text is in
        for node, block in calls:
            words = [made_of(w, self._keys, self.sought.apart) for w in self.sought.words(node)]
            found = any(spells(t) for _, texts in words for t in texts)
            seen = clean.copy()
            pending = [n for names, _ in words for n in names]
            while pending and not found:
                name = pending.pop()
                if name in seen:
                    continue
                seen.add(name)
                for flow in into.get(name, ()):
                    found = found or any(map(spells, flow.texts))
                    pending += flow.parts
            if found:
                self._worded[node] = block
            else:
                clean = seen

    def _find_reaching(self, graph: _Graph) -> None:
        """Find the functions from which calls lead to one that is sought, by name."""
        callers: dict[str, set[str]] = {}
        for calls in (_calls_of(m, self.sought) for m in graph.modules):
            for name, blocks in calls.callers.items():
                known = callers.setdefault(name, set())
                known.update(*(b.all_names() for b in blocks if b in graph.run))
            for (name, receiver), blocks in calls.handing.items():
                if any(b in graph.run for b in blocks):
                    callers[name] |= graph.receivers(receiver)
        for _, block in self._direct(graph):
            self._anything = True
            self.reaching |= block.all_names()
        for name, others in ((n, o) for m in graph.modules for n, o in m.aliases.items()):
            callers.setdefault(name, set()).update(others)
            if self.sought.certain(ast.Call(ast.Name(name), [], [])):
                self.reaching |= others
        pending = [*self.reaching]
        while pending:
            more = callers.get(pending.pop(), set()) - self.reaching
            self.reaching |= more
            pending += more

    def _direct(self, graph: _Graph) -> Iterator[tuple[ast.Call, Block]]:
        """The calls that are sought, among what may run."""
        certain = (c for m in graph.modules for c in _calls_of(m, self.sought).certain)
        for node, block in (*certain, *self._worded.items()):
            if block in graph.run:
                yield node, block

    def is_direct(self, node: ast.Call) -> bool:
        """Whether a call is sought, or one that it may make of a function that it is given."""
        self._close()
        return node in self._worded or self.sought.is_certain(node)

    def _find_relevant(self, graph: _Graph) -> None:
        """Find what the calls that lead anywhere depend on."""
        seeds = {n for seed in self.seeds for n in (seed, f".{seed}", f"{seed}!")}
        leading: set[ast.Call] = {node for node, _ in self._direct(graph)}
        leading |= {node for name in self.reaching for node, _ in graph.calls_of(name)}
        for node in leading:
            for value in (*arguments(node), node.func):
                seeds |= identifiers(value, self._keys)
        ending: list[Flow] = []
        for choice in (c for each in graph.flows for c in each.choices):
            functions = choice.block.all_names()
            if choice.leaves:
                results = frozenset(g for f in functions for g in (f"{f})", f"{f}!"))
                ending.append(Flow(results, choice.parts))
            ends = choice.leaves and (functions & self.reaching or not functions)
            if ends or not leading.isdisjoint(choice.calls):
                seeds |= choice.parts
        changed = graph.changed()
        matters = [
            f
            for each in graph.flows
            for f in each.matters
            if not f.changing or f.changing & changed
        ]
        into = graph.by_target(ending, matters, *(each.makes for each in graph.flows))
        self.relevant |= seeds
        pending = [*self.relevant]
        while pending:
            for flow in into.pop(pending.pop(), ()):
                more = flow.parts - self.relevant
                self.relevant |= more
                pending += more

    def leads_anywhere(self) -> bool:
        """Whether anything that is sought may be met in what was added."""
        self._close()
        return self._anything or bool(self.reaching)

    def leads(self, node: ast.AST) -> bool:
        """Whether what is sought may be met within a node, by the names that it calls."""
        self._close()
        known = self._leading.get(node)
        if known is None:
            known = self._leading[node] = any(
                isinstance(n, ast.Call) and self._reaches(n) for n in walk_tree(node)
            )
        return known

    def is_sought(self, node: ast.Call) -> bool:
        """Whether a call is looked for."""
        self._close()
        return self.sought.certain(node) or node in self._worded

    def _reaches(self, node: ast.Call) -> bool:
        """Whether a call is sought or leads there, by what it calls or what it is given to call."""
        if self.is_direct(node) or callee(node) in self.reaching:
            return True
        return any(last_name(h) in self.reaching for h in called_by(node))

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
        given = called_by(node)
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
        self._find_all()
        known = self._skipped.get(node)
        if known is None:
            known = self._skipped[node] = self._can_skip(node, spend)
        return known

    def is_aside(self, node: ast.stmt, spend: Callable[[int], None]) -> bool:
        """Whether a statement leads nowhere and decides nothing sought, but by its calls."""
        self._find_all()
        known = self._aside.get(node)
        if known is None:
            every = walk_tree(node)
            spend(len(every) >> 3)
            known = self._aside[node] = not self.leads(node) and not any(
                (isinstance(n, _LEAVING) and not isinstance(n, ast.Raise | ast.Lambda))
                or (hasattr(node, "body") and self._stores(n))
                for n in every
            )
        return known

    def _stores(self, node: ast.AST) -> bool:
        """Whether a node is one that is set, and what is sought depends on it."""
        set_ = isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)
        return set_ and not self.relevant.isdisjoint(with_attributes(identifiers(node, self._keys)))

    def _can_skip(self, node: ast.stmt, spend: Callable[[int], None]) -> bool:
        if isinstance(node, _LEAVING):
            return False
        every = walk_tree(node)
        spend(len(every) >> 3)
        for each in every:
            if isinstance(each, _LEAVING):
                return False
            if isinstance(each, ast.Name) and each.id in self.loose:
                return False
            if isinstance(each, ast.Call):
                if self._reaches(each) or callee(each) in UNSEEN:
                    return False
                if f"{callee_key(each, self._keys)}!" in self.relevant:
                    return False
                owner = each.func.value if isinstance(each.func, ast.Attribute) else None
                if (
                    owner is not None
                    and callee(each) not in READING | SPEAKS
                    and not self.relevant.isdisjoint(identifiers(owner, self._keys))
                ):
                    return False
                given = [*each.args, *(k.value for k in each.keywords)]
                speaks = callee(each) in SPEAKS or callee(each).startswith("assert")
                if not speaks and any(
                    is_dotted(a) and identifiers(a, self._keys) & self.relevant for a in given
                ):
                    return False
            if self._stores(each):
                return False
        return True


_LEAVING = (
    ast.Return
    | ast.Yield
    | ast.YieldFrom
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


def _run(modules: Sequence[ModuleNames], closed: AbstractSet[Block]) -> set[Block]:
    """The blocks that may run where the first module does: what stands in it, or is named.

    Of those that are *closed* nothing is known, nor of what only they name.
    """
    first, *others = modules
    defined: dict[str, list[Block]] = {}
    for table in (t for m in modules for t in (m.functions, m.classes)):
        for name, blocks in table.items():
            defined.setdefault(name, []).extend(blocks)
    pending = [first.top, *first.top.inner, *(m.top for m in others)]
    found: set[Block] = set()
    named: set[str] = set()
    while pending:
        block = pending.pop()
        if block in found or block in closed:
            continue
        found.add(block)
        if not isinstance(block.node, ast.Module):  # what another module has runs where it's named
            pending += block.inner
        fresh = (block.mentions & defined.keys()) - named
        named |= fresh
        for name in fresh:
            pending += defined[name]
    return found


def _receivers(modules: Sequence[ModuleNames], function: str) -> set[str]:
    """The functions of a name that others are handed to, and the names that those have there."""
    blocks = [b for m in modules for b in m.functions.get(function, ())]
    found = {name for block in blocks for name in parameters(block.node)}
    return found | {function} if blocks else set()


def _other_names(modules: Sequence[ModuleNames], wanted: Callable[[str], bool]) -> set[str]:
    """The names of the functions that are wanted, and all others that they may have."""
    found = {n for m in modules for n in (*m.calls, *m.aliases) if wanted(n)}
    pending = [*found]
    while pending:
        name = pending.pop()
        more = {a for m in modules for a in m.aliases.get(name, ())}
        for node in (n for m in modules for n, _ in m.calls.get(name, ())):
            more |= _receivers(modules, callee(node)) if callee(node) != name else set()
        pending += more - found
        found |= more
    return found


@dataclass(frozen=True, slots=True)
class _Calls:
    """What the calls of a module lead to: told once, for many files import it."""

    callers: dict[str, list[Block]]  # by the name of what is called or handed on
    handing: dict[tuple[str, str], list[Block]]  # by what is handed on, and to what
    certain: list[tuple[ast.Call, Block]]  # that are sought whatever they are given


@remembered(KEPT)
def _calls_of(module: ModuleNames, sought: Sought) -> _Calls:
    found = _Calls({}, {}, [])
    for name, calls in module.calls.items():
        found.callers[name] = list(dict.fromkeys(block for _, block in calls))
        for node, block in calls:
            if callee(node) != name:
                found.handing.setdefault((name, callee(node)), []).append(block)
        found.certain.extend(call for call in calls if sought.is_certain(call[0]))
    return found


@dataclass(slots=True)
class _Graph:
    """What may run, and its flows, which are told on first use."""

    modules: Sequence[ModuleNames]
    run: AbstractSet[Block]
    apart: Certain
    read: set[str] = field(init=False)  # functions and classes
    _flows: list[BlockFlows] | None = None
    _receivers: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.read = {name for m in self.modules for name in (*m.functions, *m.classes)}

    @property
    def flows(self) -> list[BlockFlows]:
        """The flows of what may run."""
        if self._flows is None:
            self._flows = [
                flows_of(block, module, self.apart)
                for module in self.modules
                for block in (module.top, *module.blocks.values())
                if block in self.run
            ]
        return self._flows

    def receivers(self, function: str) -> set[str]:
        """The functions of a name that others are handed to, and the names that those have."""
        if function not in self._receivers:
            self._receivers[function] = _receivers(self.modules, function)
        return self._receivers[function]

    def calls_of(self, name: str) -> Iterator[tuple[ast.Call, Block]]:
        """The calls, of what may run, that call what has a name or hand it on."""
        for module in self.modules:
            yield from (call for call in module.calls.get(name, ()) if call[1] in self.run)

    def by_target(self, *flows: Sequence[Flow]) -> dict[str, list[Flow]]:
        """Flows by what they flow into."""
        found: dict[str, list[Flow]] = {}
        for flow in (f for each in flows for f in each):
            if flow.through is None or flow.through in self.read:
                for target in flow.targets:
                    found.setdefault(target, []).append(flow)
        return found

    def changed(self) -> set[str]:
        """What is changed in place: what something is put into, or a function may change."""
        found = {name for each in self.flows for name in each.changed}
        for function, part in (h for each in self.flows for h in each.handed):
            if function not in self.read:
                found.add(part)
        by_part: dict[str, list[Flow]] = {}
        for flow in (f for each in self.flows for f in each.puts):
            if flow.through is None or flow.through in self.read:
                for part in flow.parts:
                    by_part.setdefault(part, []).append(flow)
        pending = [*found]
        while pending:
            for flow in by_part.pop(pending.pop(), ()):
                more = flow.targets - found
                found |= more
                pending += more
        return found
