"""What a test runner would run: the module, its test classes, its functions; each on all paths."""

from __future__ import annotations

import ast
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from dsv4_env.lang.python.interp.calls import is_test_base
from dsv4_env.lang.python.interp.expressions import test_holds
from dsv4_env.lang.python.interp.machine import Break, Continue, Machine, Raised, Return
from dsv4_env.lang.python.interp.statements import patched_environment
from dsv4_env.lang.python.syntax.effects import is_main
from dsv4_env.lang.python.syntax.trees import called_by, callee, last_name, walk_tree
from dsv4_env.lang.python.values.kinds import (
    ClassValue,
    Ext,
    Func,
    Instance,
    ReadModule,
    Scope,
    Val,
)
from dsv4_env.lang.python.values.operations import add_entries
from dsv4_env.model import LaunchConfig, Note
from dsv4_env.model.budget import BudgetError, partial_note
from dsv4_env.model.launch import is_router
from dsv4_env.readers.python import marks, profiles
from dsv4_env.readers.python.commands import ENGINE_CLASSES
from dsv4_env.readers.python.facts import NEVER, model_facts, skip_marks
from dsv4_env.readers.python.fixtures import (
    LEVELS,
    Runnable,
    always,
    fixtures,
    own_fixtures,
    prepare,
    set_up_module,
)
from dsv4_env.readers.python.found import PathLaunch, PathLaunches, launches_size, merged_paths
from dsv4_env.readers.python.thresholds import Thresholds
from dsv4_env.readers.python.watch import HELD, LaunchWatch, Unit

_SET_UP = frozenset({"setUpClass", "setUp", "asyncSetUp", "setup_class", "setup_method"})
_NOTHING = ast.Lambda(ast.arguments([], [], None, [], [], None, []), ast.Constant(None))
_KEPT = 1000  # entries of lists that are told although the budget has ended


def launches_met(
    vm: Machine, watch: LaunchWatch, module: ReadModule, tree: ast.Module
) -> list[LaunchConfig]:
    """Every launch that a module makes, in source order."""
    found = _on_all_paths(vm, lambda: _module(vm, watch, module, tree))
    kept = [f for f in found.values() if not (f.entry and f.location in watch.launched)]
    kept.sort(key=lambda f: (f.order, f.location.line or 0, f.location.column or 0))
    symbols = _symbols(kept)
    accepted = Thresholds(vm, tree, module.scope.source)
    return [
        _config(f, watch.main, symbol, accepted) for f, symbol in zip(kept, symbols, strict=True)
    ]


def _on_all_paths(vm: Machine, action: Callable[[], PathLaunches]) -> PathLaunches:
    """What all paths through *action* give, as one."""
    leaves, cut = vm.explore(action, launches_size)
    return merged_paths(leaves, cut=cut)


def _symbols(found: list[PathLaunch]) -> list[str | None]:
    """The launches' symbols, numbered where several share one; routers apart from servers."""
    keys = [(f.symbol, is_router(f.command)) for f in found]
    every = Counter(keys)
    seen: dict[tuple[str | None, bool], int] = {}
    symbols: list[str | None] = []
    for key in keys:
        symbol = key[0]
        at = seen[key] = seen.get(key, -1) + 1
        symbols.append(f"{symbol}[{at}]" if symbol and every[key] > 1 else symbol)
    return symbols


def _config(found: PathLaunch, name: str, symbol: str | None, accepted: Thresholds) -> LaunchConfig:
    return LaunchConfig(
        name,
        "python",
        found.env,
        found.args,
        found.command,
        location=found.location,
        end_line=found.end_line,
        notes=found.notes,
        condition=found.condition,
        partial=found.partial,
        symbol=symbol,
        launched=not found.entry,
        facts=(*model_facts(found.args), *found.facts, *accepted.of(found.unit)),
    )


def _module(vm: Machine, watch: LaunchWatch, module: ReadModule, tree: ast.Module) -> PathLaunches:
    """One path through the module's own statements, with all paths through each unit."""

    def followed(action: Callable[[], None], name: str, line: int, number: int) -> PathLaunches:
        return _followed(vm, watch, action, Unit(name, line, number))

    scope = module.scope
    if watch.early:
        add_entries(vm, scope, vm.environ, _NOTHING, *watch.early)
    results = followed(lambda: vm.execute(scope, tree.body), "<module>", 0, 0)
    try:
        watch.overridden = profiles.COMMAND in {*module.scope.names, *watch.elsewhere}
        again = marks.rebound(tree, scope.source.path)
        units = _with_profiles(vm, module, _units(vm, module, again), again)
        results |= _each(vm, watch, units, 1)
        results |= _each(vm, watch, _left_over(vm, watch, module), len(units) + 1)
    except BudgetError as exc:
        vm.ended = exc
    if vm.ended is not None:
        return results
    main = next((s for s in tree.body if isinstance(s, ast.If) and is_main(s.test)), None)
    if main is not None and vm.reach.leads(main):

        def script() -> None:
            vm.set(vm, "script", True)
            vm.execute(scope, main.body)

        number = len(units) + 1000
        results |= _on_all_paths(vm, lambda: followed(script, "__main__", main.lineno, number))
    results = results or _held(vm, watch, scope, tree)
    if not results:
        _lose_made(vm, scope, tree)
    return results


def _lose_made(vm: Machine, scope: Scope, tree: ast.Module) -> None:
    """Say of launches in classes that functions make that they aren't followed."""
    functions = (n for n in tree.body if isinstance(n, ast.FunctionDef))
    classes = (n for f in functions for n in walk_tree(f) if isinstance(n, ast.ClassDef))
    for node in (n for c in classes for n in walk_tree(c)):
        if isinstance(node, ast.Call) and vm.reach.is_sought(node):
            vm.lost.setdefault(callee(node), scope.place(node))


def held_settings(tree: ast.Module) -> ast.Assign | ast.AnnAssign | None:
    """The assignment of the settings that a module holds for others to launch with, if any."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        if any(isinstance(t, ast.Name) and t.id == HELD[0] for t in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            return node
    return None


def _held(vm: Machine, watch: LaunchWatch, scope: Scope, tree: ast.Module) -> PathLaunches:
    """The settings that a module holds for others, where nothing in it launches."""
    node = held_settings(tree)
    with contextlib.suppress(BudgetError):
        if node is not None and (found := watch.held(vm, scope, node)):
            return {("held",): found}
    return {}


def _each(vm: Machine, watch: LaunchWatch, units: list[Runnable], first: int) -> PathLaunches:
    """All paths through units, each with its share of what is left of the budget."""
    results: PathLaunches = {}
    whole = vm.enough
    for at, unit in enumerate(units):
        parts = (len(units) - at) << bool(vm.path)  # the module's other paths have units, too
        taken = vm.steps + vm.tried // 3
        vm.enough = taken + max(whole - taken, 0) // parts
        left = vm.budget.steps - vm.budget.spent_steps
        results |= _explored(vm, watch, unit, first + at, max(left, 0) // parts)
    vm.enough = whole
    return results


def _explored(
    vm: Machine, watch: LaunchWatch, unit: Runnable, number: int, steps: int
) -> PathLaunches:
    """All paths through a unit; one that was cut before it launched isn't lost silently."""
    results: PathLaunches = {}
    cut, vm.cut = vm.cut, vm.ended is not None
    if vm.ended is None:
        with vm.budget.share(steps):
            vm.step()
            vm.spend(60)  # what a unit takes, however little it does
            results = _on_all_paths(vm, lambda: _unit(vm, watch, unit, number))
        if vm.ended is not None and vm.budget.spent_steps < vm.budget.steps:
            note = partial_note(vm.ended, vm.place())
            vm.ended = None  # it alone has no more
            results = {
                k: replace(f, partial=True, notes=(*f.notes, note)) for k, f in results.items()
            }
    if vm.cut and not results:
        vm.lost[unit.name] = unit.func.scope.place(unit.func.node)
    vm.cut = cut or vm.cut
    return results


def _followed(
    vm: Machine, watch: LaunchWatch, action: Callable[[], None], unit: Unit
) -> PathLaunches:
    """Follow something and give the launches that it makes."""
    before = watch.records
    vm.set(watch, "unit", unit)
    try:
        with contextlib.suppress(Raised, Return, Break, Continue):
            action()
    except BudgetError as exc:
        vm.ended = exc
    except RecursionError:
        vm.ended = BudgetError("it is nested too deeply to follow")
    results: PathLaunches = dict(unit.found)
    known = set(before)
    fresh = [r for r in watch.records if r not in known] if vm.mode.recording else []
    if vm.ended is not None:
        del fresh[_KEPT:]  # that there are more is said
    for record in fresh:
        with contextlib.suppress(BudgetError):
            results[("entry", record.where, record.symbol)] = watch.entry(vm, record)
    return results


def _unit(vm: Machine, watch: LaunchWatch, unit: Runnable, number: int) -> PathLaunches:
    notes: list[Note] = []
    scope = unit.func.scope

    def follow() -> None:
        if watch.late:
            add_entries(vm, scope, vm.environ, _NOTHING, *watch.late)
        set_up_module(vm, unit)
        first: list[Val] = []
        if unit.cls is not None:
            if not _allowed(vm, scope, unit.cls.node.decorator_list, notes):
                return
            prepare(vm, watch, unit)
            first = [unit.cls]
            if unit.func.kind != "classmethod":
                first = [_object(vm, unit)]
        if not _allowed(vm, scope, getattr(unit.func.node, "decorator_list", []), notes):
            return
        _patch(vm, scope, unit)
        notes.extend(_elsewhere(unit))
        if unit.func.kind == "staticmethod":
            first = []
        _enter(vm, unit.func, first, scope, fixtures(vm, watch, unit, first))

    results = _followed(vm, watch, follow, Unit(unit.name, unit.line, number))
    if results:
        notes += _idle(vm, unit)
    if notes:
        return {k: replace(f, notes=(*f.notes, *notes)) for k, f in results.items()}
    return results


def _idle(vm: Machine, unit: Runnable) -> list[Note]:
    """That tests of a class never run with the server that is started for them."""
    cls = unit.cls
    if cls is None:
        return []
    found = [Note(NEVER, cls.scope.place(n), idle=True) for n in skip_marks(cls.node.body)]
    if unit.func.name not in _SET_UP:
        return found
    tests: dict[str, Func] = {}
    for each in cls.mro:
        own = each.names.values() if isinstance(each, ClassValue) else ()
        for func in (f for f in own if isinstance(f, Func) and f.name.startswith("test")):
            vm.spend(1)
            tests.setdefault(func.name, func)
    for name, func in tests.items():
        place = next(map(func.scope.place, _skips(func)), None)
        if place is not None:
            found.append(Note(f"{name} never runs: it is skipped", place, idle=True))
    return found


def _skips(func: Func) -> Iterator[ast.AST]:
    """What in a test skips it whatever the machine is: a decorator, or its first statement."""
    for node in getattr(func.node, "decorator_list", ()):
        word = last_name(node)
        given = node.args[:1] if isinstance(node, ast.Call) else []
        told = [a.value for a in given if isinstance(a, ast.Constant)]
        sure = word in ("skipIf", "skipif") and told and told[0]
        if word == "skip" or sure or (word == "skipUnless" and told and not told[0]):
            yield node
    body = func.node.body if isinstance(func.node.body, list) else []
    first = next((s for s in body if not _says(s)), None)
    made = first.exc if isinstance(first, ast.Raise) else None
    made = first.value if isinstance(first, ast.Expr) else made
    if made is not None and last_name(made) in ("skipTest", "SkipTest", "skip"):
        yield made


def _says(node: ast.stmt) -> bool:
    """Whether a statement is a text alone."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _with_profiles(
    vm: Machine, module: ReadModule, units: list[Runnable], again: marks.Rebound
) -> list[Runnable]:
    """The units, each once with each of its profiles, and the fixtures that marks ask for."""
    every = _functions(vm, module, again) if units else {}
    found: list[Runnable] = []
    shared: set[object] = set()
    for unit in units:
        levels = marks.levels(vm, unit.func, unit.cls, again)
        used, unknown = marks.used(levels)
        if unknown is not None:
            place = unit.func.scope.place(unknown)
            vm.lost.setdefault(unit.func.scope.text(unknown), place)
        if not unit.func.name.startswith("test"):
            used = {n: at for n, at in used.items() if n not in profiles.SERVERS}
        wanted = _profiles_of(vm, unit, every, again, 0)
        each: list[profiles.Marked | None] = [*wanted] or [None]
        for title, profile in zip(_titles(unit.name, wanted), each, strict=True):
            made = replace(unit, name=title, profile=profile, used=used)
            if not _shares(vm, made, shared):
                found.append(made)
    return found


def _shares(vm: Machine, unit: Runnable, known: set[object]) -> bool:
    """Whether all that is started for a unit is the server of a class or module before it."""
    server = next((n for n in unit.used if n in profiles.SHARED), None)
    if server is None or vm.reach.leads(unit.func.node) or _serves(unit.func):
        return False
    if any(n in profiles.SERVERS and n not in profiles.SHARED for n in unit.used):
        return False
    profile = unit.profile if isinstance(unit.profile, str | None) else id(unit.profile)
    owner = unit.cls if profiles.SHARED[server] == "class" else None
    key = (server, owner or (profiles.SHARED[server] == "class" and unit.func), profile)
    seen = key in known
    known.add(key)
    return seen


def _titles(name: str, wanted: Sequence[profiles.Marked]) -> list[str]:
    """What a unit is called with each of its profiles, as pytest calls the test."""
    if not wanted:
        return [name]
    called = list(map(profiles.marked_name, wanted))
    several = Counter(called)
    seen: Counter[str] = Counter()
    found: list[str] = []
    for each in called:
        number = f"{'_' * each[-1:].isdigit()}{seen[each]}" if several[each] > 1 else ""
        seen[each] += 1
        found.append(f"{name}[{each}{number}]" if len(called) > 1 else name)
    return found


def _functions(vm: Machine, module: ReadModule, again: marks.Rebound) -> dict[str, list[Runnable]]:
    """The functions and methods of a module by each fixture that is for them."""
    found: dict[str, list[Runnable]] = {}
    for value in module.scope.names.values():
        own = value.names.values() if isinstance(value, ClassValue) else [value]
        cls = value if isinstance(value, ClassValue) else None
        for func in (f for f in own if isinstance(f, Func)):
            unit = Runnable(func.name, func, cls, func.node.lineno)
            names = marks.asked(func)
            if func.name.startswith("test"):
                names += marks.used(marks.levels(vm, func, cls, again))[0]
                names += [n for n, f in own_fixtures(func, cls).items() if always(f)]
            for name in dict.fromkeys(names):
                found.setdefault(name, []).append(unit)
    return found


def _profiles_of(
    vm: Machine, unit: Runnable, every: dict[str, list[Runnable]], again: marks.Rebound, level: int
) -> list[profiles.Marked]:
    """The profiles that a function runs with: a fixture, with those of the tests that ask."""
    asked_for: dict[object, profiles.Marked] = {}
    if level < LEVELS and marks.is_fixture(unit.func):
        name = str(marks.fixture_option(unit.func, "name") or unit.func.name)
        for asker in every.get(name, ()):
            vm.spend(10)
            for each in _profiles_of(vm, asker, every, again, level + 1):
                asked_for[each if isinstance(each, str) else id(each)] = each
    if asked_for:
        return list(asked_for.values())
    return marks.named(unit.func, marks.levels(vm, unit.func, unit.cls, again))


def _object(vm: Machine, unit: Runnable) -> Instance:
    """An object of a test class, set up."""
    cls = unit.cls
    assert cls is not None
    made = Instance(cls, {}, cls.scope.place(cls.node), cls.node.end_lineno or 1)
    for name in ("setUpClass", "setUp", "setup_class", "setup_method"):
        func = cls.attribute(name)
        if not isinstance(func, Func) or func is unit.func:
            continue
        first: Val = cls if func.kind == "classmethod" else made
        with vm.following(recording=False), contextlib.suppress(Raised):
            vm.invoke(func, [first], {}, func.scope, None)
    return made


def _enter(vm: Machine, func: Func, first: list[Val], scope: Scope, given: dict[str, Val]) -> None:
    """Follow a function up to where nothing more can launch."""
    vm.last_call = func.node
    with vm.following(tail=True):
        vm.invoke(func, first, given, scope, None)


def _allowed(vm: Machine, scope: Scope, decorators: list[ast.expr], notes: list[Note]) -> bool:
    """Whether decorators let a test run; that it never runs is a note."""
    for node in decorators:
        word = last_name(node)
        if word == "skip":
            notes.append(Note(NEVER, scope.place(node), idle=True))
            continue
        if word not in ("skipIf", "skipUnless", "skipif") or not isinstance(node, ast.Call):
            continue
        if node.args and test_holds(vm, scope, node.args[0]) is not (word == "skipUnless"):
            return False
    return True


_REMOTE = frozenset({"modal", "ray"})


def _elsewhere(unit: Runnable) -> list[Note]:
    """That a decorator has a function run in another place, of which the file may say more."""
    nodes = getattr(unit.func.node, "decorator_list", ())
    if not unit.func.opaque or not nodes:
        return []
    names = unit.func.scope.module.scope.names if unit.func.scope.module else {}
    outside = {v.name.partition(".")[0] for v in names.values() if isinstance(v, Ext)}
    if not outside & _REMOTE:
        return []
    text = unit.func.scope.text(nodes[0])
    message = f"`@{text}` may set any variable: where it runs isn't followed"
    return [Note(message, unit.func.scope.place(nodes[0]), opens=True)]


def _patch(vm: Machine, scope: Scope, unit: Runnable) -> None:
    """``@patch.dict(os.environ, …)`` on a test or its class."""
    nodes = list(getattr(unit.func.node, "decorator_list", []))
    nodes += unit.cls.node.decorator_list if unit.cls is not None else []
    for node in reversed(nodes):
        patched_environment(vm, scope, node)


def _units(vm: Machine, module: ReadModule, again: marks.Rebound) -> list[Runnable]:
    """The test classes' methods and the test functions and fixtures that may launch."""
    found: list[Runnable] = []
    classes = [v for v in module.scope.names.values() if isinstance(v, ClassValue)]
    vm.spend(sum(len(c.mro) for c in classes))
    based = {b for c in classes for b in c.mro[1:]}
    for value in module.scope.names.values():
        if isinstance(value, ClassValue) and value.scope.source is module.scope.source:
            found += _methods(vm, value, again) if _is_test(value, based) else _run(vm, value)
        elif isinstance(value, Func) and value.scope is module.scope:
            node = value.node
            runs = value.name.startswith("test") or marks.is_fixture(value)
            if runs and (vm.reach.leads(node) or _is_served(vm, value, None, again)):
                found.append(Runnable(value.name, value, None, node.lineno))
    return sorted(found, key=lambda u: u.line)


def _serves(func: Func) -> bool:
    """Whether the plugin starts a server for a function."""
    spec = func.node.args
    return any(a.arg in profiles.SERVERS for a in (*spec.args, *spec.kwonlyargs))


def _is_served(vm: Machine, func: Func, cls: ClassValue | None, again: marks.Rebound) -> bool:
    """Whether the plugin starts a server for a function, asked by parameters or by marks."""
    if _serves(func) or not func.name.startswith("test") or marks.is_fixture(func):
        return _serves(func)
    used, unknown = marks.used(marks.levels(vm, func, cls, again))
    return unknown is not None or not profiles.SERVERS.isdisjoint(used)


def _is_test(cls: ClassValue, based: set[Val]) -> bool:
    """Whether a runner runs a class: a test case with tests, its own, inherited or unseen."""
    named = cls.name.startswith("Test")
    if not named and not any(is_test_base(c) for c in cls.mro):
        return False
    known = [c for c in cls.mro if isinstance(c, ClassValue)]
    if any(n.startswith("test") for c in known for n in c.names):
        return True
    unseen = [c for c in cls.mro if not isinstance(c, ClassValue) and not is_test_base(c)]
    return bool(unseen) or (named and cls not in based)


def _methods(vm: Machine, cls: ClassValue, again: marks.Rebound) -> list[Runnable]:
    units: list[Runnable] = []
    seen: set[str] = set()
    vm.spend(sum(len(c.names) for c in cls.mro if isinstance(c, ClassValue)))
    for owner in cls.mro:
        for name, func in owner.names.items() if isinstance(owner, ClassValue) else ():
            if name in seen or not (name.startswith("test") or name in _SET_UP):
                continue
            seen.add(name)
            if not isinstance(func, Func):
                continue
            if vm.reach.leads(func.node) or _is_served(vm, func, cls, again):
                units.append(Runnable(f"{cls.name}.{name}", func, cls, cls.node.lineno))
    unseen = any(not isinstance(c, ClassValue) and not is_test_base(c) for c in cls.mro)
    if unseen and not any(u.func.name.startswith("test") for u in units):
        used, _ = marks.used(marks.levels(vm, Func(_NOTHING, cls.scope, "", {}), cls, again))
        if not profiles.SERVERS.isdisjoint(used):  # for tests that it inherits, by its mark
            vm.lost.setdefault(cls.name, cls.scope.place(cls.node))
    return units


def _left_over(vm: Machine, watch: LaunchWatch, module: ReadModule) -> list[Runnable]:
    """Functions that launch although nothing in the file calls them."""
    found: list[Runnable] = []
    classes = [v for v in module.scope.names.values() if isinstance(v, ClassValue)]
    based = {b for c in classes for b in c.mro[1:]}
    for value in module.scope.names.values():
        own = isinstance(value, ClassValue) and value.scope.source is module.scope.source
        if isinstance(value, Func) and value.scope is module.scope:
            if _missed(vm, watch, value):
                found.append(Runnable(value.name, value, None, value.node.lineno))
        elif isinstance(value, ClassValue) and own:
            for name, func in value.names.items():
                if name in _SET_UP or name.startswith("test") or not isinstance(func, Func):
                    continue
                if _missed(vm, watch, func) and func.owner is value and not _mixin(value, based):
                    line = func.node.lineno
                    found.append(Runnable(f"{value.name}.{name}", func, value, line))
    return found


def _mixin(cls: ClassValue, based: set[Val]) -> bool:
    """Whether a class is there for others, or a test case."""
    return cls in based or any(not isinstance(c, ClassValue) for c in cls.mro)


def _run(vm: Machine, cls: ClassValue) -> list[Runnable]:
    """What a thread or process of one's own runs, of which nothing says with which attributes."""
    func = cls.names.get("run")
    bases = (c.name for c in cls.mro if isinstance(c, Ext))
    starts = any(name.startswith(("threading.", "multiprocessing.")) for name in bases)
    if not starts or not isinstance(func, Func) or not vm.reach.leads(func.node):
        return []
    return [Runnable(f"{cls.name}.run", func, cls, func.node.lineno)]


def _missed(vm: Machine, watch: LaunchWatch, func: Func) -> bool:
    """Whether a function launches by itself, and no unit came by."""
    calls = [n for n in walk_tree(func.node) if isinstance(n, ast.Call) and vm.reach.is_direct(n)]
    classes = ("Popen", "Process", "Thread", *ENGINE_CLASSES)
    servers = [n for n in calls if not callee(n)[:1].isupper() or callee(n) in classes]
    # what has the name of a function that was read is launched within that
    places = {n: func.scope.place(n) for n in servers}
    named = {n: {callee(n), *map(last_name, called_by(n))} for n in servers}
    reaching = vm.reach.reaching
    servers = [n for n in servers if places[n] in watch.hit or reaching.isdisjoint(named[n])]
    return bool(servers) and not any(places[n] in watch.hit for n in servers)
