"""Imports: modules that lie below the root are read, never run; all others stay outside."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dsv4_env.guard.files import read_bytes
from dsv4_env.lang.python.interp.machine import Break, Continue, Machine, Raised, Return
from dsv4_env.lang.python.syntax.effects import FUNCTIONS, is_inert
from dsv4_env.lang.python.syntax.text import (
    SourceText,
    count_tokens,
    decoded,
    parsed_module,
    source_of,
)
from dsv4_env.lang.python.syntax.trees import KEPT, children, remembered, walk_tree
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
    path = _locate(vm, scope.module.file if scope.module else scope.source.path, name, level)
    if path is None:
        return None
    if path in vm.modules:
        return _applied(vm, vm.modules[path])
    vm.modules[path] = None  # a circle of imports finds nothing, as in Python
    read = _read(vm, path)
    if read is None:
        return None
    text, tree = read
    found = new_module(source_of(text, path, vm.budget), "." * level + name, path)
    vm.modules[path] = found
    before = vm.environ.log
    known = set(before)
    _follow_aside(vm, found, tree)
    found.sets = tuple(e for e in vm.environ.log if e not in known)
    vm.environ.log = before
    return _applied(vm, found)


def add_imports(vm: Machine, tree: ast.Module, path: str, *, everywhere: bool = False) -> None:
    """Add a file to the graph of what leads where, and all modules that it may import.

    Those that a module imports within a function are added where that is followed; with
    *everywhere*, they are, too.
    """
    vm.reach.add(tree, path)
    seen: set[str] = set()
    pending = [(path, _imported(tree, everywhere=True))]
    while pending:
        here, named = pending.pop()
        for name, level in named:
            found = _locate(vm, here, name, level)
            if found is not None and found not in seen:
                seen.add(found)
                read = _read(vm, found)
                if read:
                    pending.append((found, _imported(read[1], everywhere=everywhere)))


@remembered(2 * KEPT)
def _imported(tree: ast.Module, *, everywhere: bool) -> list[tuple[str, int]]:
    """The modules that one may import, within its functions only where it's asked *everywhere*."""
    nodes = walk_tree(tree) if everywhere else _at_import(tree)
    return list(dict.fromkeys(m for n in nodes for m in _modules_named(n)))


def _modules_named(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The modules that a statement may import, and how many dots stand before each."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, 0) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        yield module, node.level
        for alias in node.names:
            yield f"{module}.{alias.name}" if module else alias.name, node.level


def _at_import(tree: ast.Module) -> list[ast.AST]:
    """The statements of a module that run when it is imported."""
    found: list[ast.AST] = [*tree.body]
    for each in found:  # the list grows while it is gone over
        if not isinstance(each, FUNCTIONS):
            found += [c for c in children(each) if isinstance(c, ast.stmt | ast.ExceptHandler)]
    return found


def _read(vm: Machine, path: str) -> tuple[str, ast.Module] | None:
    """The text and tree of a module; None where it can't be read, or where there are too many."""
    if path in vm.texts:
        return vm.texts[path]
    vm.texts[path] = None
    assert vm.finder is not None
    try:
        text = decoded(read_bytes(Path(path), root=vm.finder.root), path)
        tokens = vm.tokens + count_tokens(text, path)
        if len(vm.texts) > _MAX_MODULES or tokens > _MAX_TOKENS:
            return None
        tree = parsed_module(text)
    except ReadError:
        return None
    vm.tokens = tokens
    vm.texts[path] = text, tree
    vm.reach.add(tree, path)
    return text, tree


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
    mode = vm.following(forking=False, recording=False, most=None, tail=False)
    try:
        with mode, vm.watch.aside(vm), suppress(Raised, Return, Break, Continue):
            vm.execute(found.scope, tree.body)
    finally:
        vm.trail = trail


def _locate(vm: Machine, importer: str, name: str, level: int) -> str | None:
    """The file of a module that a file imports; None where it isn't below the root."""
    if vm.finder is None or not vm.watch.enters(name):
        return None
    return vm.finder.find(vm.finder.folder_of(importer), name, level)
