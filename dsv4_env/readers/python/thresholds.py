"""What a test accepts: the numbers that its methods hold its metrics against, as they stand.

Nothing is followed here: an assertion is looked for in the tests that share a server, in what they
inherit and in the helpers that they call, and its limit is a number or the one name of a number.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dsv4_env.lang.python.interp.machine import Machine
from dsv4_env.lang.python.syntax.text import SourceText, source_of
from dsv4_env.lang.python.syntax.trees import callee, last_name, walk_tree
from dsv4_env.model import Fact, Location, Unknown, usable
from dsv4_env.model.budget import BudgetError
from dsv4_env.model.errors import shortened

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_BODIES = (*_FUNCTIONS, ast.ClassDef)
_DEPTH = 4  # helpers within helpers, and names that stand for names
_MOST = 400  # functions that are looked through for one launch
_LIMIT_NAME = re.compile(r"thres|baseline", re.IGNORECASE)
_ACCEPTED = re.compile(r"acc(?:ept|eptance)?_?len(?:gth)?(?![a-z])", re.IGNORECASE)
_SCORED = re.compile(r"(?<![a-z])(?:accuracy|acc|score)(?![a-z])", re.IGNORECASE)
_SPEED = re.compile(
    r"(?<![a-z])(?:speed|throughput|latency|ttft|itl|tpot|tps|kl_?div|kl|divergence)(?![a-z])",
    re.IGNORECASE,
)
_EVALS = re.compile(
    r"gsm8k|mmlu|gpqa|aime|human_?eval|mgsm|mmmu|hellaswag|longbench|math|livecodebench|swe_?bench",
    re.IGNORECASE,
)
_AT_LEAST = frozenset({"assertGreater", "assertGreaterEqual"})
_AT_MOST = frozenset({"assertLess", "assertLessEqual"})
_KITS = re.compile(r"(?:^|/)sglang/test/")  # SGLang's own: their classes say which limits they take
_PLAIN_BASES = frozenset({"CustomTestCase", "TestCase", "object", "ABC"})
GSM8K, ACCEPTED = "gsm8k-threshold", "accept-length-threshold"
_NO_KEY = "no key of a layer is for it"


@dataclass(slots=True, eq=False)
class _Module:
    """A module's tree, and what its own statements bind each name to."""

    tree: ast.Module
    lines: SourceText
    path: str
    bound: dict[str, list[ast.AST]] = field(default_factory=dict)
    tests: list[ast.AST] = field(default_factory=list)  # its functions that are some

    def __post_init__(self) -> None:
        _bind(self.bound, self.tree.body)
        self.tests += [n for found in self.bound.values() for n in found if _is_test(n)]


def _bind(bound: dict[str, list[ast.AST]], body: Sequence[ast.stmt]) -> None:
    """Add what statements bind to names; of those under a condition, each."""
    for node in body:
        if isinstance(node, _BODIES):
            bound.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            plain = node.value if not isinstance(node, ast.AugAssign) else None
            for target in targets:
                if isinstance(target, ast.Name) and node.value is not None:
                    bound.setdefault(target.id, []).append(plain or node)
                elif isinstance(target, ast.Tuple):
                    for each in target.elts:
                        if isinstance(each, ast.Name):
                            bound.setdefault(each.id, []).append(node)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            for alias in node.names:
                bound.setdefault(alias.asname or alias.name, []).append(node)
        for name in ("body", "orelse", "finalbody"):
            if not isinstance(node, _BODIES):
                _bind(bound, getattr(node, name, ()))
        for handler in getattr(node, "handlers", ()):
            _bind(bound, handler.body)


@dataclass(frozen=True, slots=True, eq=False)
class _Class:
    """A class, the module that it stands in, and what it binds itself."""

    node: ast.ClassDef
    module: _Module
    bound: Mapping[str, list[ast.AST]]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where an expression stands: its module, the test's classes, the names of its function.

    *given* are the parameters of a helper with what they are called with; *said* the words around
    it, nearest first, which tell what is measured.
    """

    module: _Module
    classes: Sequence[_Class] = ()
    bound: Mapping[str, list[ast.AST]] = field(default_factory=dict)
    given: Mapping[str, tuple[ast.expr, _Place]] = field(default_factory=dict)
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Limit:
    """A metric and the number that it is held against; *most*: it may not be more."""

    metric: ast.expr
    limit: ast.expr
    most: bool = False


class Thresholds:
    """The thresholds of one file's tests, asked for by the unit that launches their server."""

    def __init__(self, vm: Machine, tree: ast.Module, lines: SourceText) -> None:
        self._vm = vm
        self._modules: dict[str, _Module] = {}
        self._main = _Module(tree, lines, lines.path)
        self._told: dict[str, tuple[Fact, ...]] = {}
        self._visits = 0

    def of(self, unit: str | None) -> tuple[Fact, ...]:
        """What the tests accept whose server the unit ``Class.method`` or a function launches."""
        name = (unit or "").partition("[")[0]
        if name not in self._told:
            found: dict[Fact, None] = {}
            self._visits = 0
            self._told[name] = ()
            try:
                self._vm.spend(1)
                for fact in self._found(name):
                    found[fact] = None
            except BudgetError as exc:
                self._vm.ended = exc
            self._told[name] = _settled(list(found))
        return self._told[name]

    def _found(self, unit: str) -> Iterator[Fact]:
        first, _, method = unit.partition(".")
        node = self._only(self._main.bound.get(first, ()))
        if isinstance(node, ast.ClassDef):
            classes = self._lineage(node, self._main)
            tests = _methods(classes)
            if method.startswith("test"):
                tests = {n: t for n, t in tests.items() if n == method}
            for name, (func, cls) in tests.items():
                place = _Place(cls.module, classes, said=(name, _named(classes)))
                yield from self._in_function(func, place, 0)
            yield from self._attributes(classes)
            return
        functions: Sequence[ast.AST] = [node] if node is not None and _is_test(node) else []
        if not functions:
            every = self._main.tests
            self._vm.spend(len(every) >> 3)
            functions = [f for f in every if first in _parameters(f)] or every
        for func in (f for f in functions if isinstance(f, _FUNCTIONS)):
            yield from self._in_function(func, _Place(self._main, said=(func.name,)), 0)

    def _in_function(
        self, func: ast.FunctionDef | ast.AsyncFunctionDef, place: _Place, level: int
    ) -> Iterator[Fact]:
        """The limits within a function and the helpers that it calls."""
        self._visits += 1
        if self._visits > _MOST or level > _DEPTH:
            where = place.module.lines.place(func)
            text = Unknown(func.name, "too many helpers to look through", location=where)
            yield Fact("quality", "", text, where)
            return
        bound: dict[str, list[ast.AST]] = {}
        _bind(bound, func.body)
        place = replace(place, bound=bound, said=(*place.said, self._words(func, place.module)))
        nodes = walk_tree(func)
        self._vm.spend(len(nodes) >> 3)
        nodes.sort(key=lambda n: (getattr(n, "lineno", 0), getattr(n, "col_offset", 0)))
        for node in nodes:
            for limit in _limits(node):
                yield from self._fact(limit, place)
            if isinstance(node, ast.Call):
                yield from self._params(node, place)
                yield from self._helped(node, place, level)

    def _helped(self, call: ast.Call, place: _Place, level: int) -> Iterator[Fact]:
        """The limits within a helper, whose parameters are what it is called with."""
        func, classes, module = call.func, place.classes, place.module
        found: ast.AST | None = None
        bound_first = False
        if isinstance(func, ast.Attribute) and last_name(func.value) in ("self", "cls"):
            methods = ((c, self._only(c.bound.get(func.attr, ()))) for c in classes)
            cls, found = next(((c, m) for c, m in methods if m is not None), (None, None))
            if cls is None or func.attr.startswith("test"):
                return
            module, bound_first = cls.module, True
        elif isinstance(func, ast.Name):
            found, module = self._named_in(func.id, place.module)
        if not isinstance(found, _FUNCTIONS):
            return
        names = [a.arg for a in (*found.args.posonlyargs, *found.args.args)]
        static = any(last_name(d) == "staticmethod" for d in found.decorator_list)
        names = names[1:] if bound_first and not static else names
        given = {n: (a, place) for n, a in zip(names, call.args, strict=False)}
        given |= {k.arg: (k.value, place) for k in call.keywords if k.arg}
        said = (found.name, *place.said)
        inner = _Place(module, classes, given=given, said=said)
        yield from self._in_function(found, inner, level + 1)

    def _params(self, call: ast.Call, place: _Place) -> Iterator[Fact]:
        """``AccuracyTestParams(dataset="gsm8k", baseline_accuracy=0.93)`` of SGLang's runners."""
        given = {k.arg: k.value for k in call.keywords if k.arg}
        if callee(call) != "AccuracyTestParams" or "baseline_accuracy" not in given:
            return
        name = given.get("dataset") or (call.args[0] if call.args else None)
        text = name.value if isinstance(name, ast.Constant) else None
        dataset = text if isinstance(text, str) else None
        node = given["baseline_accuracy"]
        key = GSM8K if dataset == "gsm8k" else ""
        yield self._told_of(
            key, node, place, "accuracy" if dataset is None else f"{dataset} accuracy"
        )

    def _attributes(self, classes: Sequence[_Class]) -> Iterator[Fact]:
        """Limits that a class gives to a mixin that isn't the file's own."""
        bases = {last_name(b) for c in classes for b in c.node.bases}
        if not bases - _PLAIN_BASES - {c.node.name for c in classes}:
            return
        seen: set[str] = set()
        for cls in classes:
            place = _Place(cls.module, classes)
            for name, nodes in cls.bound.items():
                node = self._only(nodes)
                if name in seen or not _LIMIT_NAME.search(name) or not isinstance(node, ast.expr):
                    continue
                seen.add(name)
                if isinstance(self._value(node, place, 0), Unknown):
                    continue
                key = _key(name, (_named(classes),))
                yield self._told_of(key or "", node, place, name)

    def _fact(self, limit: _Limit, place: _Place) -> Iterator[Fact]:
        """The threshold that a comparison is, if it is one of what a run measures."""
        metric = self._spelled(limit.metric, place, 0)
        key = _key(metric, (self._spelled(limit.limit, place, 0), *place.said))
        if key is None:
            return
        text = shortened(place.module.lines.text(limit.metric), 80)
        yield self._told_of("" if limit.most else key, limit.limit, place, text)

    def _told_of(self, key: str, node: ast.expr, place: _Place, what: str) -> Fact:
        value = self._value(node, place, 0)
        where = place.module.lines.place(node)
        if isinstance(value, _Number):
            if key:
                return Fact("quality", key, value.value, value.where)
            what += f": {value.value}"
        elif key:
            return Fact("quality", key, value, where)
        else:
            what += f": {value.text}"
        return Fact("quality", "", Unknown(what, _NO_KEY, location=where), where)

    def _value(self, node: ast.AST | None, place: _Place, level: int) -> _Number | Unknown:
        """The number that an expression is, where it stands as one."""
        lines = place.module.lines
        number = node.value if isinstance(node, ast.Constant) else None
        if isinstance(number, int | float) and not isinstance(number, bool) and usable(number):
            assert node is not None
            return _Number(number, lines.place(node))
        found: tuple[ast.AST | None, _Place] | None = None
        if level < _DEPTH and isinstance(node, ast.Name):
            found = self._bound_to(node.id, place)
        elif (
            level < _DEPTH
            and isinstance(node, ast.Attribute)
            and last_name(node.value) in ("self", "cls", "type")
        ):
            classes = (c for c in place.classes if node.attr in c.bound)
            if (cls := next(classes, None)) is not None:
                found = self._only(cls.bound[node.attr]), _Place(cls.module, place.classes)
        if found is not None and found[0] is not None:
            return self._value(found[0], found[1], level + 1)
        if isinstance(node, ast.expr):
            text = shortened(lines.text(node), 80)
            return Unknown(text, "not a number that stands there", location=lines.place(node))
        where = Location(lines.path, getattr(node, "lineno", 1), 1)
        return Unknown("…", "not a number that stands there", location=where)

    def _bound_to(self, name: str, place: _Place) -> tuple[ast.AST | None, _Place] | None:
        """What a name stands for: a parameter, a variable of the function, or the module's."""
        if name in place.bound:
            return self._only(place.bound[name]), place
        if name in place.given:
            return place.given[name]
        node, module = self._named_in(name, place.module)
        return (node, _Place(module)) if node is not None else None

    def _spelled(self, node: ast.AST | None, place: _Place, level: int) -> str:
        """An expression's text, with that of what its name stands for."""
        if not isinstance(node, ast.expr):
            return ""
        text = place.module.lines.text(node)
        if isinstance(node, ast.Name) and level < _DEPTH:
            found = self._bound_to(node.id, place)
            if found is not None:
                text += " " + self._spelled(found[0], found[1], level + 1)
        return text

    def _words(self, func: ast.AST, module: _Module) -> str:
        """The names and texts in a function, and the modules that what it calls is from."""
        words: list[str] = []
        for node in walk_tree(func):
            if isinstance(node, ast.Name):
                words.append(node.id)
                if node.id in module.bound:
                    words += [
                        n.module or ""
                        for n in module.bound[node.id]
                        if isinstance(n, ast.ImportFrom)
                    ]
            elif isinstance(node, ast.Attribute):
                words.append(node.attr)
            elif isinstance(node, ast.keyword) and node.arg == "eval_name":
                words.append(str(getattr(node.value, "value", "")))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.append(node.value if len(node.value) < 40 else "")
        return " ".join(words)

    @staticmethod
    def _only(nodes: Sequence[ast.AST]) -> ast.AST | None:
        """What a name is bound to where that happens once."""
        return nodes[0] if len(nodes) == 1 else None

    def _named_in(
        self, name: str, module: _Module, level: int = 0
    ) -> tuple[ast.AST | None, _Module]:
        """What a name of a module stands for, in the module that defines it."""
        node = self._only(module.bound.get(name, ()))
        if not isinstance(node, ast.ImportFrom) or level >= _DEPTH:
            return node, module
        alias = next((a for a in node.names if (a.asname or a.name) == name), None)
        other = self._module(module.path, node.module or "", node.level)
        if alias is None or other is None:
            return None, module
        return self._named_in(alias.name, other, level + 1)

    def _module(self, importer: str, name: str, level: int) -> _Module | None:
        """A module that a file imports and that was read for it; None for any other.

        Of SGLang's own kits none is looked into: the class says what limits they take.
        """
        finder = self._vm.finder
        if finder is None or not self._vm.watch.enters(name):
            return None
        path = finder.find(finder.folder_of(importer), name, level)
        read = self._vm.texts.get(path) if path is not None else None
        if path is None or read is None or _KITS.search(path):
            return None
        if path not in self._modules:
            text, tree = read
            self._modules[path] = _Module(tree, source_of(text, path, self._vm.budget), path)
        return self._modules[path]

    def _lineage(self, node: ast.ClassDef, module: _Module) -> list[_Class]:
        """A class and those that it is made of, the nearest first; those that were read."""
        found: dict[ast.ClassDef, _Class] = {}
        pending = [(node, module)]
        while pending:
            each, where = pending.pop()
            if each in found:
                continue
            self._vm.spend(1 + (len(each.body) >> 3))
            bound: dict[str, list[ast.AST]] = {}
            _bind(bound, each.body)
            found[each] = _Class(each, where, bound)
            for base in reversed(each.bases):
                named, home = self._named_in(last_name(base), where)
                if isinstance(named, ast.ClassDef):
                    pending.append((named, home))
        return list(found.values())


@dataclass(frozen=True, slots=True)
class _Number:
    """A number and its literal."""

    value: int | float
    where: Location


def _settled(found: list[Fact]) -> tuple[Fact, ...]:
    """One fact for each key: of several different values, none counts."""
    by_key: dict[str, list[Fact]] = {}
    for fact in found:
        if fact.key:
            by_key.setdefault(fact.key, []).append(fact)
    kept: list[Fact] = []
    for facts in by_key.values():
        values = list(dict.fromkeys(f.value for f in facts if not isinstance(f.value, Unknown)))
        if len(values) > 1:
            text = " or ".join(map(str, values))
            reason = "tests that share a server accept different values"
            unknown = Unknown(text, reason, location=facts[0].location)
            kept.append(replace(facts[0], value=unknown))
        else:
            known = (f for f in facts if not isinstance(f.value, Unknown))
            kept.append(next(known, facts[0]))
    return (*kept, *(f for f in found if not f.key))


def _key(metric: str, around: Sequence[str]) -> str | None:
    """The key of a layer that a metric is; empty where none is for it, None where it is none."""
    if _ACCEPTED.search(metric):
        return ACCEPTED
    if _SPEED.search(metric):
        return ""
    scored = _SCORED.search(metric)
    if not scored and not (_EVALS.search(metric) and _LIMIT_NAME.search(metric)):
        return "" if _LIMIT_NAME.search(metric) else None
    for text in (metric, *around):
        evals = {m[0].lower() for m in _EVALS.finditer(text)}
        if len(evals) > 1:
            return ""
        if evals:
            return GSM8K if evals == {"gsm8k"} else ""
    return ""


def _limits(node: ast.AST) -> Iterator[_Limit]:
    """The comparisons that a statement fails a test by."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        one, other = node.args[:2]
        if callee(node) in _AT_LEAST:
            yield _Limit(one, other)
        elif callee(node) in _AT_MOST:
            yield from _sides(one, other)
    elif isinstance(node, ast.Assert):
        held = node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]
        for each in held if not _is_or(node.test) else ():
            if isinstance(each, ast.Compare) and len(each.ops) == 1:
                if isinstance(each.ops[0], ast.Gt | ast.GtE):
                    yield from _sides(each.comparators[0], each.left)
                elif isinstance(each.ops[0], ast.Lt | ast.LtE):
                    yield from _sides(each.left, each.comparators[0])


def _is_or(node: ast.expr) -> bool:
    return isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)


def _sides(less: ast.expr, more: ast.expr) -> Iterator[_Limit]:
    """Say which side of ``less < more`` is measured: the one that is no number."""
    limits = isinstance(less, ast.Constant) or _LIMIT_NAME.search(last_name(less))
    yield _Limit(more, less) if limits else _Limit(less, more, most=True)


def _methods(
    classes: Sequence[_Class],
) -> dict[str, tuple[ast.FunctionDef | ast.AsyncFunctionDef, _Class]]:
    """The tests of a class, its own and those that it inherits."""
    found: dict[str, tuple[ast.FunctionDef | ast.AsyncFunctionDef, _Class]] = {}
    for cls in classes:
        for name, nodes in cls.bound.items():
            node = nodes[-1]
            if name not in found and _is_test(node) and isinstance(node, _FUNCTIONS):
                found[name] = node, cls
    return found


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, _FUNCTIONS) and node.name.startswith("test")


def _parameters(node: ast.AST) -> set[str]:
    spec = getattr(node, "args", None)
    return {a.arg for a in (*spec.args, *spec.kwonlyargs)} if spec is not None else set()


def _named(classes: Sequence[_Class]) -> str:
    """The names of classes and of what they are made of."""
    names = (n for c in classes for n in (c.node.name, *map(last_name, c.node.bases)))
    return " ".join(dict.fromkeys(names))
