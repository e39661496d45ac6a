"""What a test runner would run: the module, its test classes, its functions; each on all ways."""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from dsv4_env.lang.python import launch, objects, scan
from dsv4_env.lang.python.calls import invoke
from dsv4_env.lang.python.classes import is_test_base, last_name
from dsv4_env.lang.python.expr import holds
from dsv4_env.lang.python.results import Found, Results
from dsv4_env.lang.python.run import (
    Break,
    Continue,
    Raised,
    Return,
    Run,
    called,
    explore,
    find_reaching,
    launching,
    reaches,
)
from dsv4_env.lang.python.statements import run_body
from dsv4_env.lang.python.values import Class, Func, Instance, Module, Scope, Source, Val, walk
from dsv4_env.model import LaunchConfig, Note
from dsv4_env.model.budget import BudgetError


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing to follow: a function, with the class it is run for."""

    name: str
    func: Func
    cls: Class | None
    line: int


def read_module(run: Run, module: Module, tree: ast.Module, name: str) -> list[LaunchConfig]:
    """Every launch that a module makes, in source order."""
    run.main = module.scope.source.path
    find_reaching(run, tree)
    scan.find_relevant(run, tree, run.main)
    run.unseen.append(tree)
    known = len(run.relevant), len(run.reaching)
    found = explore(run, lambda: _module(run, module, tree))
    run.settled = known == (len(run.relevant), len(run.reaching)) and not run.late
    if run.ended is not None:
        run.settled = True  # another round would end sooner
    kept = [f for f in found.values() if not (f.entry and f.location in run.launched)]
    kept.sort(key=lambda f: (f.order, f.location.line or 0, f.location.column or 0))
    return [_config(f, name, symbol) for f, symbol in zip(kept, _symbols(kept), strict=True)]


def _symbols(found: list[Found]) -> list[str | None]:
    """The launches' symbols, numbered where several share one."""
    every = Counter(f.symbol for f in found)
    seen: dict[str | None, int] = {}
    symbols: list[str | None] = []
    for symbol in (f.symbol for f in found):
        at = seen[symbol] = seen.get(symbol, -1) + 1
        symbols.append(f"{symbol}[{at}]" if symbol and every[symbol] > 1 else symbol)
    return symbols


def _config(found: Found, name: str, symbol: str | None) -> LaunchConfig:
    return LaunchConfig(
        name,
        "python",
        found.env,
        found.args,
        location=found.location,
        end_line=found.end_line,
        notes=found.notes,
        condition=found.condition,
        partial=found.partial,
        symbol=symbol,
    )


def _module(run: Run, module: Module, tree: ast.Module) -> Results:
    """One way through the module's own statements, with all ways through each unit."""
    results = _followed(run, lambda: run_body(run, module.scope, tree.body), "<module>", 0, 0)
    try:
        units = _units(run, module, tree)
        for at, unit in enumerate(units, 1):
            results |= _explored(run, unit, at)
        for at, unit in enumerate(_left_over(run, module, tree), len(units) + 1):
            results |= _explored(run, unit, at)
    except BudgetError as exc:
        run.ended = exc
    if run.ended is not None:
        return results
    main = next((s for s in tree.body if isinstance(s, ast.If) and scan.is_main(s.test)), None)
    if main is not None and reaches(run, main):
        at = len(units) + 1000
        scope = module.scope

        def follow() -> Results:
            return _followed(
                run, lambda: run_body(run, scope, main.body), "__main__", main.lineno, at
            )

        results |= explore(run, follow)
    return results


def _explored(run: Run, unit: Unit, at: int) -> Results:
    """All ways through a unit; one that was cut before it launched isn't lost silently."""
    if run.ended is not None:
        return {}
    run.step()
    run.spend(60)  # what a unit takes, however little it does
    cut, run.cut = run.cut, False
    results = explore(run, lambda: _unit(run, unit, at))
    if run.cut and not results:
        run.lost[unit.name] = unit.func.scope.source.place(unit.func.node)
    run.cut = cut or run.cut
    return results


def _followed(run: Run, action: Callable[[], None], name: str, line: int, at: int) -> Results:
    """Follow something and give the launches that it makes."""
    before = run.records
    run.set(run, "unit", name)
    run.set(run, "unit_at", (line, at))
    run.set(run, "found", {})
    run.set(run, "counts", {})
    records = 0
    try:
        with contextlib.suppress(Raised, Return, Break, Continue):
            action()
    except BudgetError as exc:
        run.ended = exc
    except RecursionError:
        run.ended = BudgetError("it is nested too deeply to follow")
    results: Results = dict(run.found)
    known = set(before)
    for record in run.records:
        if record in known or not run.recording:
            continue
        records += 1
        if run.ended is not None and records > _KEPT:
            break  # that there are more is said
        scope = Scope({}, None, Source(record.where.path, []))
        with contextlib.suppress(BudgetError):
            results[("entry", record.where, record.symbol)] = launch.entry(run, scope, record)
    return results


_KEPT = 1000  # entries of lists that are told although the budget has ended


def _unit(run: Run, unit: Unit, at: int) -> Results:
    notes: list[Note] = []
    scope = unit.func.scope

    def follow() -> None:
        first: list[Val] = []
        if unit.cls is not None:
            if not _allowed(run, scope, unit.cls.node.decorator_list, notes):
                return
            first = [unit.cls]
            if unit.func.kind != "classmethod":
                first = [_object(run, unit)]
        if not _allowed(run, scope, getattr(unit.func.node, "decorator_list", []), notes):
            return
        _patches(run, scope, unit)
        if unit.func.kind == "staticmethod":
            first = []
        _entered(run, unit.func, first, scope)

    results = _followed(run, follow, unit.name, unit.line, at)
    if notes:
        return {k: replace(f, notes=(*f.notes, *notes)) for k, f in results.items()}
    return results


def _object(run: Run, unit: Unit) -> Instance:
    """An object of a test class, set up."""
    cls = unit.cls
    assert cls is not None
    made = Instance(cls, {}, cls.scope.source.place(cls.node), cls.node.end_lineno or 1)
    for name in ("setUpClass", "setUp", "setup_class", "setup_method"):
        func = objects.in_class(cls, name)
        if not isinstance(func, Func) or func is unit.func:
            continue
        run.set(run, "recording", False)
        with contextlib.suppress(Raised):
            invoke(run, func, [cls if func.kind == "classmethod" else made], {}, func.scope, None)
        run.set(run, "recording", True)
    return made


def _entered(run: Run, func: Func, first: list[Val], scope: Scope) -> None:
    """Follow a function up to its last statement that may launch."""
    node = func.node
    assert not isinstance(node, ast.Lambda)
    last = max((i for i, s in enumerate(node.body) if reaches(run, s)), default=-1)
    cut = ast.copy_location(
        ast.FunctionDef(
            name=node.name,
            args=node.args,
            body=node.body[: last + 1],
            decorator_list=[],
            returns=None,
            type_comment=None,
        ),
        node,
    )
    entry = replace(func, node=cut)
    invoke(run, entry, first, {}, scope, None)


def _allowed(run: Run, scope: Scope, decorators: list[ast.expr], notes: list[Note]) -> bool:
    """Whether decorators let a test run; that it never runs is a note."""
    for node in decorators:
        word = last_name(node)
        if word == "skip":
            notes.append(Note("never runs: it is skipped", scope.source.place(node)))
            continue
        if word not in ("skipIf", "skipUnless", "skipif") or not isinstance(node, ast.Call):
            continue
        if node.args and holds(run, scope, node.args[0]) is not (word == "skipUnless"):
            return False
    return True


def _patches(run: Run, scope: Scope, unit: Unit) -> None:
    """``@patch.dict(os.environ, …)`` on a test or its class."""
    from dsv4_env.lang.python.patching import patched

    nodes = list(getattr(unit.func.node, "decorator_list", []))
    nodes += unit.cls.node.decorator_list if unit.cls is not None else []
    for node in reversed(nodes):
        patched(run, scope, node)


def _units(run: Run, module: Module, tree: ast.Module) -> list[Unit]:
    """The test classes' methods and the test functions and fixtures that may launch."""
    found: list[Unit] = []
    classes = [v for v in module.scope.names.values() if isinstance(v, Class)]
    run.spend(sum(len(c.mro) for c in classes))
    based = {b for c in classes for b in c.mro[1:]}
    for value in module.scope.names.values():
        if isinstance(value, Class) and value.scope.source is module.scope.source:
            if _is_test(value, based):
                found += _methods(run, value)
        elif isinstance(value, Func) and value.scope is module.scope:
            node = value.node
            fixture = any(last_name(d) == "fixture" for d in getattr(node, "decorator_list", ()))
            if (value.name.startswith("test_") or fixture) and reaches(run, node):
                found.append(Unit(value.name, value, None, node.lineno))
    return sorted(found, key=lambda u: u.line)


def _is_test(cls: Class, based: set[Val]) -> bool:
    """Whether a runner runs a class: a test case with tests, its own, inherited or unseen."""
    named = cls.name.startswith("Test")
    if not named and not any(is_test_base(c) for c in cls.mro):
        return False
    known = [c for c in cls.mro if isinstance(c, Class)]
    if any(n.startswith("test") for c in known for n in c.names):
        return True
    unseen = [c for c in cls.mro if not isinstance(c, Class) and not is_test_base(c)]
    return bool(unseen) or (named and cls not in based)


def _methods(run: Run, cls: Class) -> list[Unit]:
    units: list[Unit] = []
    seen: set[str] = set()
    run.spend(sum(len(c.names) for c in cls.mro if isinstance(c, Class)))
    for owner in cls.mro:
        for name, func in owner.names.items() if isinstance(owner, Class) else ():
            runs = name.startswith("test") or name in (
                "setUpClass",
                "setUp",
                "asyncSetUp",
                "setup_class",
                "setup_method",
            )
            if name in seen or not runs:
                continue
            seen.add(name)
            if isinstance(func, Func) and reaches(run, func.node):
                units.append(Unit(f"{cls.name}.{name}", func, cls, cls.node.lineno))
    return units


def _left_over(run: Run, module: Module, tree: ast.Module) -> list[Unit]:
    """Functions that launch although nothing in the file calls them."""
    tested = {"setUpClass", "setUp", "asyncSetUp", "setup_class", "setup_method"}
    found: list[Unit] = []
    classes = [v for v in module.scope.names.values() if isinstance(v, Class)]
    based = {b for c in classes for b in c.mro[1:]}
    for value in module.scope.names.values():
        own = isinstance(value, Class) and value.scope.source is module.scope.source
        if isinstance(value, Func) and value.scope is module.scope:
            if _missed(run, value):
                found.append(Unit(value.name, value, None, value.node.lineno))
        elif isinstance(value, Class) and own:
            for name, func in value.names.items():
                if name in tested or name.startswith("test") or not isinstance(func, Func):
                    continue
                if _missed(run, func) and func.owner is value and not _mixin(value, based):
                    line = func.node.lineno
                    found.append(Unit(f"{value.name}.{name}", func, value, line))
    return found


def _mixin(cls: Class, based: set[Val]) -> bool:
    """Whether a class is there for others, or a test case."""
    return cls in based or any(not isinstance(c, Class) for c in cls.mro)


def _missed(run: Run, func: Func) -> bool:
    """Whether a function launches by itself, and no unit came by."""
    calls = [n for n in walk(func.node) if isinstance(n, ast.Call) and launching(n)]
    servers = [n for n in calls if not called(n)[:1].isupper() or called(n) == "Popen"]
    return bool(servers) and not any(id(n) in run.hit for n in servers)
