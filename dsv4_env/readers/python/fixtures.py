"""What a runner sets up before a test: the module, and the fixtures it asks for."""

from __future__ import annotations

import ast
import contextlib
from dataclasses import dataclass

from dsv4_env.lang.python.interp.calls import is_test_base
from dsv4_env.lang.python.interp.machine import Machine, Raised
from dsv4_env.lang.python.syntax.trees import last_name
from dsv4_env.lang.python.values.kinds import ClassValue, Func, Val
from dsv4_env.readers.python import profiles
from dsv4_env.readers.python.watch import LaunchWatch

LEVELS = 5  # of fixtures that ask for fixtures
# What a runner runs before the first test of a module: unittest's name, and pytest's.
_BEFORE_ALL = ("setUpModule", "setup_module")


@dataclass(frozen=True, slots=True)
class Runnable:
    """A function that a runner runs, with the class it is run for, and with which profile."""

    name: str
    func: Func
    cls: ClassValue | None
    line: int
    profile: profiles.Marked | None = None


def asked(func: Func) -> list[str]:
    """The fixtures that a function asks for."""
    spec = func.node.args
    return [a.arg for a in (*spec.args, *spec.kwonlyargs)]


def set_up_module(vm: Machine, unit: Runnable) -> None:
    """What a module sets up before its tests, and before each that is a function."""
    module = unit.func.scope.module
    for name in (*_BEFORE_ALL, *(("setup_function",) if unit.cls is None else ())):
        func = module.scope.names.get(name) if module is not None else None
        if isinstance(func, Func) and func is not unit.func:
            with vm.following(recording=False), contextlib.suppress(Raised):
                vm.invoke(func, [], {}, func.scope, None)


def prepare(vm: Machine, watch: LaunchWatch, unit: Runnable) -> None:
    """What the plugin sets before a marked TestCase is set up."""
    cls = unit.cls
    if cls is None or unit.profile is None or not any(is_test_base(c) for c in cls.mro):
        return
    own = (c.names for c in cls.mro if isinstance(c, ClassValue))
    if not any(profiles.FIXTURE in names for names in own):
        held = _fixture(vm, watch, unit, profiles.FIXTURE, cls.node)
        vm.put(cls.names, profiles.FIXTURE, held)
    if _uses(unit, profiles.VARIABLES):
        _fixture(vm, watch, unit, profiles.VARIABLES, cls.node)


def _uses(unit: Runnable, name: str) -> bool:
    """Whether ``usefixtures`` asks for a fixture."""
    nodes = list(getattr(unit.func.node, "decorator_list", []))
    nodes += unit.cls.node.decorator_list if unit.cls is not None else []
    return any(
        isinstance(arg, ast.Constant) and arg.value == name
        for node in nodes
        if isinstance(node, ast.Call) and last_name(node) == "usefixtures"
        for arg in node.args
    )


def _fixture(vm: Machine, watch: LaunchWatch, unit: Runnable, name: str, node: ast.AST) -> Val:
    return profiles.fixture(vm, unit.func.scope, watch.profiles, name, unit.profile, node)


def is_fixture(func: Func) -> bool:
    """Whether a function is a fixture of pytest."""
    decorators = getattr(func.node, "decorator_list", ())
    return any(last_name(d) == "fixture" for d in decorators)


def _always(func: Func) -> bool:
    """Whether a fixture is for all tests beside it, asked for or not."""
    keywords = (
        k
        for d in getattr(func.node, "decorator_list", ())
        if isinstance(d, ast.Call) and last_name(d) == "fixture"
        for k in d.keywords
    )
    return any(
        k.arg == "autouse" and isinstance(k.value, ast.Constant) and k.value.value is True
        for k in keywords
    )


def _own(unit: Runnable, first: list[Val]) -> dict[str, tuple[Func, list[Val]]]:
    """The fixtures of a unit's module and class by name, each with the object it is called on."""
    module = unit.func.scope.module
    found: dict[str, tuple[Func, list[Val]]] = {}
    for name, value in module.scope.names.items() if module is not None else ():
        if isinstance(value, Func) and is_fixture(value):
            found[name] = value, []
    for cls in reversed(unit.cls.mro) if unit.cls is not None else ():
        for name, value in cls.names.items() if isinstance(cls, ClassValue) else ():
            if isinstance(value, Func) and is_fixture(value):
                found[name] = value, first
    return {n: f for n, f in found.items() if f[0] is not unit.func}


def fixtures(vm: Machine, watch: LaunchWatch, unit: Runnable, first: list[Val]) -> dict[str, Val]:
    """What a test's fixtures give it; the servers that the plugin's start for it are launches.

    Those of its own module and class are followed up to their ``yield``.
    """
    own = _own(unit, first)
    given: dict[str, Val] = {}

    def followed(name: str, level: int) -> Val | None:
        if name in given or name not in own or level > LEVELS:
            return given.get(name)
        func, on = own[name]
        wanted = {n: v for n in asked(func) if (v := followed(n, level + 1)) is not None}
        outer, vm.paused = vm.paused, func
        try:
            with vm.following(recording=False), contextlib.suppress(Raised):
                given[name] = vm.invoke(func, on, wanted, func.scope, None)
        finally:
            vm.paused = outer
        return given.get(name)

    for name, (func, _) in own.items():
        if _always(func):
            followed(name, 0)
    for name in own:
        if _uses(unit, name):
            followed(name, 0)
    found: dict[str, Val] = {}
    spec = unit.func.node.args
    if unit.cls is None and _uses(unit, profiles.VARIABLES):
        _fixture(vm, watch, unit, profiles.VARIABLES, unit.func.node)
    every = (*spec.args, *spec.kwonlyargs)
    found |= {a.arg: v for a in every if (v := followed(a.arg, 0)) is not None}
    wanted = [a for a in every if a.arg in profiles.FIXTURES and a.arg not in found]
    for arg in sorted(wanted, key=lambda a: a.arg in profiles.SERVERS):  # a server comes last
        value = _fixture(vm, watch, unit, arg.arg, arg)
        if arg.arg in profiles.SERVERS:
            watch.served(vm, unit.func.scope, value, arg)
            value = unit.func.scope.unknown(arg, "a server")
        found[arg.arg] = value
    return found
