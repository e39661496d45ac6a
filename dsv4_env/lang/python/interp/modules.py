"""Imports: modules that lie below the root are read, never run; all others stay outside."""

from __future__ import annotations

import ast
import os
import sys
from contextlib import suppress
from pathlib import Path

from dsv4_env.guard.files import looked_at, read_bytes, real
from dsv4_env.lang.python.interp.machine import Break, Continue, Machine, Raised, Return
from dsv4_env.lang.python.syntax.effects import is_inert
from dsv4_env.lang.python.syntax.imports import module_places
from dsv4_env.lang.python.syntax.text import (
    SourceText,
    count_tokens,
    decoded,
    parsed_module,
    source_of,
)
from dsv4_env.lang.python.values.kinds import Ext, ReadModule, Scope, Val
from dsv4_env.model.errors import ReadError

_MAX_MODULES = 40
_MAX_TOKENS = 250_000  # names, numbers and signs of all modules together


def bind_import(vm: Machine, scope: Scope, node: ast.Import | ast.ImportFrom) -> None:
    """Bind what an import statement names."""
    where = scope.place(node)
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            whole = alias.asname or "." not in name
            found = load_module(vm, scope, alias.name, 0) if whole else None
            value: Val = found if found and found.name == name else Ext(name, name, where)
            vm.put(scope.names, alias.asname or name, value)
        return
    base = load_module(vm, scope, node.module or "", node.level)
    full = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            for key, value in (base.scope.names if base else {}).items():
                if not key.startswith("_"):
                    vm.put(scope.names, key, value)
            continue
        bound: Val | None = base.scope.names.get(alias.name) if base else None
        if bound is None:
            inner = f"{node.module}.{alias.name}" if node.module else alias.name
            bound = load_module(vm, scope, inner, node.level)
        if bound is None:
            bound = Ext(f"{full}.{alias.name}", alias.asname or alias.name, where)
            if bound.name == "os.environ":
                bound = vm.environ
        vm.put(scope.names, alias.asname or alias.name, bound)


def optional_import(vm: Machine, scope: Scope, node: ast.Try) -> int | None:
    """Which statement of a try imports what may be missing, where its handlers just go on.

    None where nothing but further imports follows: no launch gets a condition by those.
    """
    for handler in node.handlers:
        named = {n.id for n in ast.walk(handler.type or handler) if isinstance(n, ast.Name)}
        if not named & {"ImportError", "ModuleNotFoundError"}:
            return None
        if not all(is_inert(s) for s in handler.body):
            return None
    for at, each in enumerate(node.body):
        rest = node.body[at + 1 :]
        if all(is_inert(s) or isinstance(s, ast.Import | ast.ImportFrom) for s in rest):
            return None
        names: list[tuple[str, int]] = []
        if isinstance(each, ast.Import):
            names = [(alias.name, 0) for alias in each.names]
        elif isinstance(each, ast.ImportFrom):
            names = [(each.module or "", each.level)]
        for name, level in names:
            own = name.partition(".")[0] in sys.stdlib_module_names and not level
            if not own and load_module(vm, scope, name, level) is None:
                return at
    return None


def load_module(vm: Machine, scope: Scope, name: str, level: int) -> ReadModule | None:
    """The module of that name, followed once, or None where it isn't below the root."""
    path = _locate(vm, scope, name, level)
    if path is None:
        return None
    key = str(path)
    if key in vm.modules:
        return _applied(vm, vm.modules[key])
    if len(vm.modules) >= _MAX_MODULES:
        return None
    vm.modules[key] = None  # a circle of imports finds nothing, as in Python
    try:
        text = decoded(read_bytes(path, root=vm.root), key)
        vm.tokens += count_tokens(text, key)
        if vm.tokens > _MAX_TOKENS:
            return None
        tree = parsed_module(text)
    except ReadError:
        return None
    found = new_module(source_of(text, key, vm.budget), "." * level + name, key)
    vm.modules[key] = found
    vm.reach.add(tree, key)
    before = vm.environ.log
    known = set(before)
    _follow_aside(vm, found, tree)
    found.sets = tuple(e for e in vm.environ.log if e not in known)
    vm.environ.log = before
    return _applied(vm, found)


def _applied(vm: Machine, found: ReadModule | None) -> ReadModule | None:
    """What a module's import sets in the environment, set on this path too."""
    if not found or not found.sets:
        return found
    vm.spend(len(vm.environ.log) >> 3)
    known = set(vm.environ.log)
    if more := [e for e in found.sets if e not in known]:
        vm.set(vm.environ, "log", vm.environ.log.and_more(*more))
    return found


def new_module(text: SourceText, name: str, file: str) -> ReadModule:
    """An empty module."""
    scope = Scope({}, None, text)
    found = ReadModule(name, scope, file)
    scope.module = found
    return found


def _follow_aside(vm: Machine, found: ReadModule, tree: ast.Module) -> None:
    """Follow a module on the side: on one path, and for good."""
    trail, vm.trail = vm.trail, []
    mode = vm.following(forking=False, recording=False, most=None)
    try:
        with mode, vm.watch.aside(vm), suppress(Raised, Return, Break, Continue):
            vm.execute(found.scope, tree.body)
    finally:
        vm.trail = trail


def _locate(vm: Machine, scope: Scope, name: str, level: int) -> Path | None:
    root = vm.root
    if root is None or not vm.watch.enters(name):
        return None
    here = real(scope.module.file if scope.module else scope.source.path).parent
    for place in module_places(str(root), str(here), name, level):
        looked_at(place)
        if os.path.isfile(place) and (whole := real(place)).is_relative_to(root):  # noqa: PTH113  # a path for each takes longer than all the rest
            return whole
    return None
