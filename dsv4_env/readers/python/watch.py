"""What is looked for in a Python file: calls that launch, and entries of lists of launches."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from dsv4_env.lang.python.interp.machine import Machine, Watch
from dsv4_env.lang.python.interp.targets import attribute_of
from dsv4_env.lang.python.syntax.text import SourceText
from dsv4_env.lang.python.syntax.trees import last_name
from dsv4_env.lang.python.values.kinds import (
    NONE,
    BoundMethod,
    BuiltinMethod,
    Call,
    Const,
    Ext,
    Func,
    Instance,
    Map,
    MapEntry,
    Scope,
    Seq,
    Val,
    as_shown,
    is_const,
    splitting,
    unknown_of,
)
from dsv4_env.lang.python.values.operations import delete_key, merge_into, put_item
from dsv4_env.lang.python.values.store import Notebook
from dsv4_env.model import Location, Note, Unknown
from dsv4_env.readers.python.commands import (
    ARGS_KEYS,
    ENTRY_CLASS,
    ENV_KEYS,
    FIXTURE_VALUE,
    LAUNCHERS,
    MODEL_KEYS,
    PATCH_CALLS,
    Command,
    called_name,
    engine_command,
    entry_command,
    held_command,
    is_engine,
    is_parser,
    is_process_starter,
    is_runtime,
    is_upstream_launcher,
    launcher_command,
    of_arguments,
    parsed_arguments,
    plugin_command,
    process_command,
    server_start,
    starts_process,
)
from dsv4_env.readers.python.found import PathLaunch, PathLaunches
from dsv4_env.readers.python.profiles import (
    LAUNCHER as FIXTURE_SERVERS,
    MARKS,
    PACKAGE,
    PARAMETER,
    SERVERS,
    Refused,
    attribute,
    is_loader,
    launch_env,
    loaded,
    marked,
    method,
    profile_of,
    profile_value,
    server_words,
)
from dsv4_env.readers.taken import KnownProfiles, settled

_SPELLED = "set through SGLang's own fields, which spell it themselves"
_OWN = "the command is the test's own"
HELD = ("ENV_VARS", "OTHER_ARGS")
"""What a file calls the settings that it holds for others to launch with."""
_HELD = "nothing in this file launches with these: what does may add settings of its own"
_UNLAUNCHED = "nothing in this file launches this entry: what does may add settings of its own"


@dataclass(slots=True, eq=False)
class Unit:
    """What is followed by itself, as a test runner would run it, and the launches met in it."""

    name: str | None = None
    line: int = 0
    number: int = 0
    found: PathLaunches = field(default_factory=Notebook)
    counts: Notebook = field(default_factory=Notebook)  # of launches at one place


@dataclass(slots=True, eq=False)
class LaunchWatch(Watch):
    """The launches that are met; *main* is the file itself."""

    main: str
    unit: Unit = field(default_factory=Unit)
    records: tuple[Instance, ...] = ()  # what may be entries of lists of launches
    launched: set[Location] = field(default_factory=set)  # entries that are
    profiles: KnownProfiles = field(default_factory=KnownProfiles)
    overridden: bool = False  # the plugin's fixture that says what is started
    elsewhere: frozenset[str] = frozenset()  # fixtures of the plugin that a conftest.py overrides
    early: Sequence[MapEntry] = ()  # variables that a conftest.py sets when it is imported
    late: Sequence[MapEntry] = ()  # and those that it sets before a test
    requested: Callable[[str, ast.AST], Val | None] | None = None  # what a fixture gives by name
    hit: set[Location] = field(default_factory=set)  # of calls that launched

    harmless = frozenset(
        "kill_process_tree write_github_step_summary is_in_ci popen_with_error".split()
    )

    def enters(self, module: str) -> bool:
        """Whether a module may launch: all but SGLang's own, and this package's."""
        return not is_runtime(module) and module.partition(".")[0] != PACKAGE

    def met(self) -> bool:
        """Whether a server was launched on this path."""
        return bool(self.unit.found)

    def call(self, vm: Machine, scope: Scope, call: Call) -> Val | None:
        """Record a call that launches; set what one of SGLang's own fields sets."""
        target, name = call.target, called_name(call)
        if isinstance(target, Unknown) and isinstance(target.reason, Refused):
            return scope.unknown(call.node, target.reason)
        if isinstance(target, Func | BoundMethod):
            func = target.func if isinstance(target, BoundMethod) else target
            if is_process_starter(func):
                return self._launch(vm, scope, call, process_command(vm, scope, call))
            if not _is_launcher(vm, func, name):
                return None
            return self._launch(vm, scope, call, launcher_command(vm, scope, call, func))
        if name.endswith(LAUNCHERS):
            return self._launch(vm, scope, call, launcher_command(vm, scope, call, None))
        if isinstance(target, BuiltinMethod) and isinstance(target.owner, Instance):
            if profile_of(target.owner) is not None:
                return method(vm, scope, target.owner, target.name, call)
            return None
        if name == FIXTURE_VALUE and isinstance(target, Ext | Unknown):
            return self._asked_by_name(vm, scope, call)
        if name in PATCH_CALLS and isinstance(target, Ext | Unknown):
            return _patched(vm, scope, name, call)
        if not isinstance(target, Ext):
            return None
        if is_loader(target.name):
            return loaded(vm, scope, self.profiles, call)
        if target.name in MARKS:
            return marked(scope, call)
        if target.name == PARAMETER and len(call.args) == 1 and not call.open:
            return call.args[0]
        if target.name == FIXTURE_SERVERS:
            return self._launch(vm, scope, call, self._of_plugin(vm, scope, call))
        if starts_process(target.name):
            return self._launch(vm, scope, call, process_command(vm, scope, call))
        if is_engine(target.name):
            return self._launch(vm, scope, call, engine_command(vm, scope, call))
        if (made := of_arguments(scope, call)) is not None:
            return made
        if is_parser(target.name):
            return parsed_arguments(scope, call)
        field_name, _, done = target.name.rpartition(".")
        given = call.args[0] if call.args else call.keywords.get("value")
        # override() outside of `with` is entered by a stack of contexts, until that ends
        if done not in ("set", "override"):
            given = None
        if given is not None and _set_through(vm, scope, field_name, given, call.node):
            return NONE
        if done == "clear" and (variable := _field(field_name)):
            delete_key(vm, vm.environ, Const(variable, scope.place(call.node)))
            return NONE
        return None

    def attribute(
        self, vm: Machine, scope: Scope, owner: Instance, name: str, node: ast.expr
    ) -> Val | None:
        """What a profile tells."""
        return attribute(vm, scope, owner, name, node)

    def _asked_by_name(self, vm: Machine, scope: Scope, call: Call) -> Val | None:
        """``request.getfixturevalue(name)``, which may start a server."""
        given = call.args[0] if call.args else call.keywords.get("argname")
        if given is None or not is_const(given, str):
            vm.lost.setdefault(scope.text(call.node), scope.place(call.node))
            return None
        assert isinstance(given, Const)
        if given.value in SERVERS:
            self.hit.add(scope.place(call.node))
        if self.requested is not None:
            return self.requested(given.value, call.node)
        if given.value in SERVERS:
            reason = "for which test it is isn't known"
            arg = ast.copy_location(ast.arg(given.value), call.node)
            self.served(vm, scope, scope.unknown(call.node, reason), arg)
        return None

    def _of_plugin(self, vm: Machine, scope: Scope, call: Call) -> Command:
        """``dsv4_launch(profile, command=…, env=…)``."""
        given = call.args[0] if call.args else call.keywords.get("profile")
        if is_const(given or NONE, str):
            assert isinstance(given, Const)
            folder = self.profiles.of_project()
            given = profile_value(vm, scope, self.profiles, given.value, folder, call.node)
        command, env = call.keywords.get("command"), call.keywords.get("env")
        return self.server(vm, scope, given, call.node, command=command, env=env)

    def server(
        self,
        vm: Machine,
        scope: Scope,
        profile: Val | None,
        node: ast.expr,
        *,
        command: Val | None = None,
        env: Val | None = None,
    ) -> Command:
        """What the plugin starts a profile's server with; *env* goes over the profile's."""
        owner = profile if isinstance(profile, Instance) else None
        if owner is None or profile_of(owner) is None:
            unknown = unknown_of(profile or NONE, scope.text(node), scope.place(node))
            return plugin_command(vm, scope, splitting(unknown), unknown, node)
        words: Val = server_words(vm, scope, owner, node)
        if isinstance(command, Seq):
            where = scope.place(node)
            plain = [i for i in command.items if isinstance(i, Const)]
            start = server_start([(i.value, where) for i in plain])
            whole = start is not None and len(plain) == len(command.items)
            words = Seq(command.items[start:]) if whole else splitting(scope.unknown(node, _OWN))
        elif command is not None or self.overridden:
            words = splitting(scope.unknown(node, _OWN))
        made = launch_env(vm, scope, owner, vm.environ, node)
        if env is not None:
            merge_into(vm, scope, made, env, node)
        return plugin_command(vm, scope, words, made, node)

    def _launch(self, vm: Machine, scope: Scope, call: Call, command: Command | None) -> Val:
        if command is not None:
            self.hit.add(scope.place(call.node))
            if vm.mode.recording:
                self._record(vm, scope, call.node, command)
        return scope.unknown(call.node, "a process")

    def served(self, vm: Machine, scope: Scope, profile: Val, node: ast.arg) -> None:
        """Record the server that a fixture of the plugin starts for a test."""
        name = ast.copy_location(ast.Name(node.arg, ast.Load()), node)
        call = ast.copy_location(ast.Call(name, [], []), node)
        if vm.mode.recording:
            self._record(vm, scope, call, self.server(vm, scope, profile, name))

    def _record(self, vm: Machine, scope: Scope, node: ast.Call, command: Command) -> None:
        subject = self.subject(vm, scope, node) or vm.subject
        place = where = scope.place(node)
        end, symbol, notes = node.end_lineno or 1, self.unit.name, command.notes
        if subject is not None:
            self.launched.add(subject.where)
            notes += _unread_class(subject)
            where, end, symbol = subject.where, subject.end_line, subject.symbol or symbol
        key = (place, self.unit.name, subject.where if subject else None)
        count = self.unit.counts.get(key, 0)
        vm.put(self.unit.counts, key, count + 1)
        order = (where.line or 0, where.column or 0, self.unit.number)
        if where.path != self.main:
            order = (self.unit.line, 0, self.unit.number)
        env, args, taken = settled(command.env, command.args)
        notes += (*_taken(taken), *_refused(command))
        found = PathLaunch(
            where, end, symbol, env, args, notes, order=order, facts=command.facts,
            unit=self.unit.name, command=command.command,
        )  # fmt: skip
        vm.put(self.unit.found, (*key, count), found)

    def subject(self, vm: Machine, scope: Scope, node: ast.Call) -> Instance | None:
        """The entry of a list of launches that a call's arguments are taken from."""
        if not self.records:
            return None
        for inner in (n for a in (*node.args, *node.keywords) for n in ast.walk(a)):
            value: Val | None = None
            if isinstance(inner, ast.Name):
                value = scope.find(inner.id)
            elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                owner = scope.find(inner.value.id)
                if owner is not None and not isinstance(owner, Ext):
                    value = attribute_of(vm, scope, owner, inner.attr, inner)
            if isinstance(value, Instance) and value in self.records:
                return value
        return None

    def round(self, item: Val) -> Instance | None:
        """The entry of a list of launches that a loop is at."""
        candidates = item.items if isinstance(item, Seq) else (item,)
        return next((c for c in candidates if isinstance(c, Instance) and c in self.records), None)

    def made(self, vm: Machine, found: Instance, node: ast.Call) -> bool:
        """Keep what looks like the entry of a list of launches."""
        given = any(k.arg in ENV_KEYS or k.arg in ARGS_KEYS for k in node.keywords)
        if isinstance(found.cls, Ext) and _of_python(found.cls):
            return False
        if isinstance(found.cls, Ext):
            named = found.cls.shown.split(".")[-1] == ENTRY_CLASS
            if named and found.positional:
                found.attrs.setdefault("model_path", found.positional[0])
            given = named or any(k in found.attrs for k in (*ENV_KEYS, *ARGS_KEYS))
        elif not given and any(k in found.attrs for k in ARGS_KEYS[:3]):
            given = any(k in found.attrs for k in MODEL_KEYS)
        if given:
            vm.budget.make(16 * len(self.records))
            vm.set(self, "records", (*self.records, found))
        return given

    def copied(self, vm: Machine, value: Instance, copy: Instance) -> None:
        """Keep the copy of an entry as one."""
        if value in self.records:
            vm.set(self, "records", (*self.records, copy))

    def overrides(self, vm: Machine, scope: Scope, node: ast.Call) -> bool:
        """Set what ``envs.NAME.override(…)`` sets; monkeypatch's own context sets nothing yet."""
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr == "context":
            return last_name(func.value) in ("monkeypatch", "MonkeyPatch")
        if not isinstance(func, ast.Attribute) or func.attr != "override":
            return False
        values = [*node.args, *(k.value for k in node.keywords if k.arg == "value")]
        if not values or not isinstance(func.value, ast.Attribute):
            return False
        given = vm.evaluate(scope, values[0])
        owner = vm.evaluate(scope, func.value)
        return isinstance(owner, Ext) and _set_through(vm, scope, owner.name, given, node)

    @contextmanager
    def aside(self, vm: Machine) -> Iterator[None]:
        """Forget entries that an imported module makes."""
        before = self.records
        try:
            yield
        finally:
            self.records = before

    def entry(self, vm: Machine, record: Instance) -> PathLaunch:
        """An entry of a list of launches, where what launches it isn't in the file."""
        where = record.where
        command = entry_command(vm, Scope({}, None, SourceText(where.path, [])), record)
        env, args, taken = settled(command.env, command.args)
        return PathLaunch(
            where,
            record.end_line,
            record.symbol or self.unit.name,
            env,
            args,
            (*command.notes, *_taken(taken), Note(_UNLAUNCHED, where), *_unread_class(record)),
            entry=True,
            order=(where.line or 0, where.column or 0, self.unit.number),
            facts=command.facts,
            unit=self.unit.name,
        )

    def held(
        self, vm: Machine, scope: Scope, node: ast.Assign | ast.AnnAssign
    ) -> PathLaunch | None:
        """The settings that a module without a launch holds for others; *node* sets the first."""
        env, args = (scope.names.get(name) for name in HELD)
        if env is None or args is None or node.value is None:
            return None
        command = held_command(vm, scope, env, args, node.value)
        where = scope.place(node)
        notes = (*command.notes, Note(_HELD, where))
        end = node.end_lineno or node.lineno
        env_, args_, taken = settled(command.env, command.args)
        return PathLaunch(
            where, end, HELD[0], env_, args_, (*notes, *_taken(taken)), entry=True,
            order=(where.line or 0, where.column or 0, self.unit.number),
        )  # fmt: skip


def _of_python(cls: Ext) -> bool:
    """Whether a class is one of Python's own that no entry of a list of launches is of."""
    module, _, name = cls.name.partition(".")
    return module in sys.stdlib_module_names and not name.endswith("Namespace")


def _taken(profiles: Mapping[str, Location | None]) -> tuple[Note, ...]:
    """Which profiles settings are taken from."""
    return tuple(
        Note(f"takes its settings from {name}", where, profile=name)
        for name, where in profiles.items()
    )


def _refused(command: Command) -> tuple[Note, ...]:
    """What ends the test before the launch, as far as values of it come from there."""
    values = [e.value for e in command.env]
    values += [word for a in command.args for word in a.values]
    reasons = (v.reason for v in values if isinstance(v, Unknown))
    told = {r.where: r for r in reasons if isinstance(r, Refused)}
    return tuple(
        Note(f"it stops here, before a launch: {why}", where, refused=str(why))
        for where, why in told.items()
    )


def _is_launcher(vm: Machine, func: Func, name: str) -> bool:
    """Whether a function that was read is upstream's own launcher, not a helper around it."""
    if not name.endswith(LAUNCHERS) and not func.name.endswith(LAUNCHERS):
        return False
    module = func.scope.module
    upstream = module is not None and is_upstream_launcher(module.file, func.name)
    return upstream or not vm.reach.leads(func.node)


def _patched(vm: Machine, scope: Scope, name: str, call: Call) -> Val | None:
    """``monkeypatch.setenv(name, value)`` and the like; None where it's something else."""
    given = dict(zip(_PATCHES[name], call.args, strict=False)) | call.keywords
    owner = given.get("dic", vm.environ)
    key, value = given.get("name"), given.get("value", NONE)
    if not isinstance(owner, Map) or key is None or call.open:
        return None
    where = call.node.args[0] if call.node.args else call.node
    if name.startswith("del"):
        delete_key(vm, owner, key)
        return NONE
    if "prepend" in given:
        value = scope.unknown(call.node, "it is put before what is set")
    elif name == "setenv" and isinstance(value, Const):
        value = Const(str(value.value), value.where)
    put_item(vm, scope, owner, key, value, where)
    return NONE


_PATCHES = {
    "setenv": ("name", "value", "prepend"),
    "delenv": ("name", "raising"),
    "setitem": ("dic", "name", "value"),
    "delitem": ("dic", "name", "raising"),
}
_FIELD = re.compile(r"(?:.*\.)?envs\.([A-Z][A-Z0-9_]*)")


def _field(name: str) -> str | None:
    """The variable of one of SGLang's own fields: ``sglang.srt.environ.envs.NAME``."""
    found = _FIELD.fullmatch(name)
    return found[1] if found else None


def _set_through(vm: Machine, scope: Scope, name: str, value: Val, node: ast.Call) -> bool:
    """``envs.NAME.set(value)``: SGLang's own fields write ``str(value)`` to the environment."""
    variable = _field(name)
    if variable is None:
        return False
    where = scope.place(node)
    found: Val
    if isinstance(value, Const):
        found = Const(str(value.value), value.where or where)
    elif isinstance(value, Unknown):
        found = replace(value, splits=False)
    else:
        found = Unknown(as_shown(value), _SPELLED, location=where)
    put_item(vm, scope, vm.environ, Const(variable, where), found, node)
    return True


def _unread_class(found: Instance) -> tuple[Note, ...]:
    """That a class isn't read and may change what it is given."""
    if not isinstance(found.cls, Ext) or found.cls.shown.split(".")[-1] == "SimpleNamespace":
        return ()
    message = f"{found.cls.shown} isn't defined in what is read: it may change what it is given"
    return (Note(message, found.where),)
