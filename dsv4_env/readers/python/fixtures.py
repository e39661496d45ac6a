"""What a runner sets up before a test: the module, and the fixtures it asks for."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsv4_env.lang.python.interp.calls import is_test_base
from dsv4_env.lang.python.interp.machine import Machine, Raised
from dsv4_env.lang.python.values.kinds import ClassValue, Const, Ext, Func, Val
from dsv4_env.model import Unknown
from dsv4_env.readers.python import profiles
from dsv4_env.readers.python.marks import fixture_option, is_fixture, parameters
from dsv4_env.readers.python.watch import LaunchWatch

LEVELS = 5  # of fixtures that ask for fixtures
# What a runner runs before the first test of a module: unittest's name, and pytest's.
_BEFORE_ALL = ("setUpModule", "setup_module")
_OVERRIDDEN = "another fixture of that name takes the place of the plugin's"


@dataclass(frozen=True, slots=True)
class Runnable:
    """A function that a runner runs, with the class it is run for, and with which profile."""

    name: str
    func: Func
    cls: ClassValue | None
    line: int
    profile: profiles.Marked | None = None
    used: Mapping[str, ast.AST] = field(default_factory=dict)  # what ``usefixtures`` names


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
    if profiles.VARIABLES in unit.used:
        _fixture(vm, watch, unit, profiles.VARIABLES, cls.node)


def _fixture(vm: Machine, watch: LaunchWatch, unit: Runnable, name: str, node: ast.AST) -> Val:
    return profiles.fixture(vm, unit.func.scope, watch.profiles, name, unit.profile, node)


def own_fixtures(func: Func, cls: ClassValue | None) -> dict[str, Func]:
    """The fixtures of a function's module and class by name."""
    module = func.scope.module
    found: dict[str, Func] = {}
    for names in (
        module.scope.names if module is not None else {},
        *(
            c.names
            for c in reversed(cls.mro if cls is not None else ())
            if isinstance(c, ClassValue)
        ),
    ):
        for name, value in names.items():
            if isinstance(value, Func) and is_fixture(value):
                found[str(fixture_option(value, "name") or name)] = value
    return {n: f for n, f in found.items() if f is not func}


def always(func: Func) -> bool:
    """Whether a fixture is for all tests beside it, asked for or not."""
    return fixture_option(func, "autouse") is True


def _unseen(unit: Runnable, name: str) -> bool:
    """Whether a module has a fixture of the plugin's name from where nothing is read."""
    module = unit.func.scope.module
    value = module.scope.names.get(name) if module is not None else None
    ours = isinstance(value, Ext) and value.name.startswith(f"{profiles.PACKAGE}.")
    return isinstance(value, Ext | Unknown) and not ours


def fixtures(vm: Machine, watch: LaunchWatch, unit: Runnable, first: list[Val]) -> dict[str, Val]:
    """What a test's fixtures give it; the servers that the plugin's start for it are launches.

    Those of its own module and class are followed up to their ``yield``, and stand in the place
    of the plugin's.
    """
    own = own_fixtures(unit.func, unit.cls)
    given: dict[str, Val] = {}
    scope = unit.func.scope

    def followed(name: str, level: int) -> Val | None:
        if name in given or name not in own or level > LEVELS:
            return given.get(name)
        func = own[name]
        on = first if func.owner is not None else []
        wanted = {n: v for n in parameters(func) if (v := followed(n, level + 1)) is not None}
        outer, vm.paused = vm.paused, func
        try:
            with vm.following(recording=False), contextlib.suppress(Raised):
                given[name] = vm.invoke(func, on, wanted, func.scope, None)
        finally:
            vm.paused = outer
        return given.get(name)

    def instead(name: str, profile: profiles.Marked | None) -> profiles.Marked | None:
        """The profile that an override of a fixture gives, else the one that there was."""
        if name in own:
            value = followed(name, 0)
            if isinstance(value, Const):
                return profile if value.value is None else str(value.value)
            if value is not None and profiles.profile_of(value) is not None:
                return value
        elif name not in replaced:
            return profile
        return Unknown(name, _OVERRIDDEN, location=scope.place(unit.func.node))

    for name, func in own.items():
        if always(func):
            followed(name, 0)
    for name in own:
        if name in unit.used:
            followed(name, 0)
    replaced = {
        n
        for n in (profiles.COMMAND, *profiles.FIXTURES)
        if n in own or n in watch.elsewhere or _unseen(unit, n)
    }
    if profiles.COMMAND in replaced:
        vm.set(watch, "overridden", True)
    by_name = instead(profiles.NAME, unit.profile)
    whole = instead(profiles.FIXTURE, by_name)

    def of_plugin(name: str, node: ast.AST) -> Val:
        """What a fixture of the plugin gives; a server is a launch."""
        by = by_name if name in profiles.SERVERS or name == profiles.NAME else whole
        starts = profiles.STARTERS if name in profiles.SERVERS else ()
        if not replaced.isdisjoint({name, *starts}):
            by = Unknown(name, _OVERRIDDEN, location=scope.place(node))
        value = profiles.fixture(vm, scope, watch.profiles, name, by, node)
        if name not in profiles.SERVERS:
            return value
        arg = ast.copy_location(ast.arg(name), node)
        watch.served(vm, scope, value, arg)
        return scope.unknown(arg, "a server")

    def by_request(name: str, node: ast.AST) -> Val | None:
        """What ``request.getfixturevalue(name)`` gives."""
        if name in own:
            return followed(name, 0)
        return of_plugin(name, node) if name in profiles.FIXTURES else None

    vm.set(watch, "requested", by_request)
    found: dict[str, Val] = {}
    spec = unit.func.node.args
    in_case = unit.cls is not None and any(is_test_base(c) for c in unit.cls.mro)
    if profiles.VARIABLES in unit.used and profiles.VARIABLES not in own and not in_case:
        of_plugin(profiles.VARIABLES, unit.func.node)
    every = (*spec.args, *spec.kwonlyargs)
    found |= {a.arg: v for a in every if (v := followed(a.arg, 0)) is not None}
    wanted = [a for a in every if a.arg in profiles.FIXTURES and a.arg not in own]
    for arg in sorted(wanted, key=lambda a: a.arg in profiles.SERVERS):  # a server comes last
        found[arg.arg] = of_plugin(arg.arg, arg)
    for name, node in unit.used.items():
        if name in profiles.SERVERS and name not in own and name not in found:
            of_plugin(name, node)
    return found
