"""What is looked for in a Python file: calls that launch, and entries of lists of launches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dsv4_env.lang.python.interp.machine import Machine, Watch
from dsv4_env.lang.python.interp.targets import attribute_of
from dsv4_env.lang.python.syntax.text import SourceText
from dsv4_env.lang.python.values.kinds import (
    NONE,
    BoundMethod,
    Call,
    Const,
    Ext,
    Func,
    Instance,
    MapEntry,
    Scope,
    Seq,
    Val,
    as_shown,
)
from dsv4_env.lang.python.values.store import Notebook
from dsv4_env.model import Location, Note, Unknown
from dsv4_env.readers.python.commands import (
    ARGS_KEYS,
    ENTRY_CLASS,
    ENV_KEYS,
    LAUNCHER,
    MODEL_KEYS,
    Command,
    entry_command,
    is_runtime,
    launcher_command,
    process_command,
    starts_process,
)
from dsv4_env.readers.python.found import FoundLaunch, FoundLaunches

_UNLAUNCHED = "nothing in this file launches this entry: what does may add settings of its own"


@dataclass(slots=True, eq=False)
class Unit:
    """What is followed by itself, as a test runner would run it, and the launches met in it."""

    name: str | None = None
    line: int = 0
    number: int = 0
    found: FoundLaunches = field(default_factory=Notebook)
    counts: Notebook = field(default_factory=Notebook)  # of launches at one place


@dataclass(slots=True, eq=False)
class LaunchWatch(Watch):
    """The launches that are met; *main* is the file itself."""

    main: str
    unit: Unit = field(default_factory=Unit)
    records: tuple[Instance, ...] = ()  # what may be entries of lists of launches
    launched: set[Location] = field(default_factory=set)  # entries that are
    hit: set[ast.Call] = field(default_factory=set)

    harmless = frozenset(
        "kill_process_tree write_github_step_summary is_in_ci popen_with_error".split()
    )

    def enters(self, module: str) -> bool:
        """Whether a module may launch: all but SGLang's own."""
        return not is_runtime(module)

    def met(self) -> bool:
        """Whether a server was launched on this path."""
        return bool(self.unit.found)

    def call(self, vm: Machine, scope: Scope, call: Call) -> Val | None:
        """Record a call that launches; set what one of SGLang's own fields sets."""
        target, name = call.target, call.name
        if isinstance(target, Func | BoundMethod):
            func = target.func if isinstance(target, BoundMethod) else target
            if not _is_launcher(vm, func, name):
                return None
            return self._launch(vm, scope, call, launcher_command(vm, scope, call, func))
        if name.endswith(LAUNCHER):
            return self._launch(vm, scope, call, launcher_command(vm, scope, call, None))
        if not isinstance(target, Ext):
            return None
        if starts_process(target.name):
            return self._launch(vm, scope, call, process_command(vm, scope, call))
        if name == "set" and call.args:
            field_name = target.name.removesuffix(".set")
            if _set_through(vm, scope, field_name, call.args[0], call.node):
                return NONE
        return None

    def _launch(self, vm: Machine, scope: Scope, call: Call, command: Command | None) -> Val:
        if command is not None:
            self.hit.add(call.node)
            if vm.mode.recording:
                self._record(vm, scope, call.node, command)
        return scope.unknown(call.node, "a process")

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
        found = FoundLaunch(where, end, symbol, command.env, command.args, notes, order=order)
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
        """Set what ``envs.NAME.override(…)`` sets."""
        func = node.func
        if not isinstance(func, ast.Attribute) or func.attr != "override" or not node.args:
            return False
        if not isinstance(func.value, ast.Attribute):
            return False
        given = vm.evaluate(scope, node.args[0])
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

    def entry(self, vm: Machine, record: Instance) -> FoundLaunch:
        """An entry of a list of launches, where what launches it isn't in the file."""
        where = record.where
        command = entry_command(vm, Scope({}, None, SourceText(where.path, [])), record)
        return FoundLaunch(
            where,
            record.end_line,
            record.symbol or self.unit.name,
            command.env,
            command.args,
            (*command.notes, Note(_UNLAUNCHED, where), *_unread_class(record)),
            entry=True,
            order=(where.line or 0, where.column or 0, self.unit.number),
        )


def _is_launcher(vm: Machine, func: Func, name: str) -> bool:
    """Whether a function that was read is upstream's own launcher, not a helper around it."""
    if not name.endswith(LAUNCHER) and not func.name.endswith(LAUNCHER):
        return False
    module = func.scope.module
    upstream = module is not None and module.name.startswith("sglang.")
    return upstream or not vm.reach.leads(func.node)


def _set_through(vm: Machine, scope: Scope, name: str, value: Val, node: ast.Call) -> bool:
    """``envs.NAME.set(value)``: SGLang's own fields write to the process's environment."""
    words = name.split(".")
    if len(words) < 2 or words[-2] != "envs" or not re.fullmatch(r"[A-Z][A-Z0-9_]+", words[-1]):
        return False
    where = scope.place(node)
    reason = "set through SGLang's own fields, which spell it themselves"
    found = Unknown(as_shown(value), reason, location=where)
    entry = MapEntry(Const(words[-1]), found, where)
    vm.set(vm.environ, "log", vm.environ.log.and_more(entry))
    return True


def _unread_class(found: Instance) -> tuple[Note, ...]:
    """That a class isn't read and may change what it is given."""
    if not isinstance(found.cls, Ext) or found.cls.shown.split(".")[-1] == "SimpleNamespace":
        return ()
    message = f"{found.cls.shown} isn't defined in what is read: it may change what it is given"
    return (Note(message, found.where),)
