"""Imports: modules that lie below the root are read, never run; all others stay outside."""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache
from pathlib import Path

from dsv4_env.errors import ReadError
from dsv4_env.model import Location
from dsv4_env.readers import looked_at
from dsv4_env.readers.python import scan
from dsv4_env.readers.python.run import KEPT, Break, Continue, Raised, Return, Run, find_reaching
from dsv4_env.readers.python.text import decoded
from dsv4_env.readers.python.values import Ext, Module, Scope, Source, Val, source

MAX_MODULES = 40
# SGLang itself, where the root is its repository: what a server is made of launches none, and
# reading it takes longer than all else.
_RUNTIME = re.compile(r"sglang\.(?!test\b)|sglang$")


def parse(text: str, path: str) -> ast.Module:
    """The tree of a text; raises ReadError where Python can't parse it."""
    expected = "a file that Python can parse"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as exc:
        column = exc.offset if exc.offset and exc.offset > 0 else 1
        where = Location(path, exc.lineno or 1, column)
        raise ReadError(f"syntax error: {exc.msg}", where=where, expected=expected) from None
    except (RecursionError, MemoryError):
        raise ReadError("nested too deeply", where=path, expected=expected) from None
    except ValueError as exc:
        raise ReadError(f"not Python: {exc}", where=path, expected=expected) from None


@lru_cache(maxsize=KEPT)
def _imported(text: str) -> ast.Module:
    """The tree of a module: the tests of a folder import the same few."""
    return parse(text, "")


def bind_import(run: Run, scope: Scope, node: ast.Import | ast.ImportFrom) -> None:
    """Bind what an import statement names."""
    where = scope.source.place(node)
    if isinstance(node, ast.Import):
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            found = load(run, scope, alias.name, 0) if alias.asname or "." not in name else None
            value: Val = found if found and found.name == name else Ext(name, name, where)
            run.put(scope.names, alias.asname or name, value)
        return
    base = load(run, scope, node.module or "", node.level)
    full = "." * node.level + (node.module or "")
    for alias in node.names:
        if alias.name == "*":
            for key, value in (base.scope.names if base else {}).items():
                if not key.startswith("_"):
                    run.put(scope.names, key, value)
            continue
        bound: Val | None = base.scope.names.get(alias.name) if base else None
        if bound is None:
            inner = f"{node.module}.{alias.name}" if node.module else alias.name
            bound = load(run, scope, inner, node.level)
        if bound is None:
            bound = Ext(f"{full}.{alias.name}", alias.asname or alias.name, where)
            if bound.name == "os.environ":
                bound = run.environ
        run.put(scope.names, alias.asname or alias.name, bound)


def load(run: Run, scope: Scope, name: str, level: int) -> Module | None:
    """The module of that name, followed once, or None where it isn't below the root."""
    path = _locate(run, scope, name, level)
    if path is None:
        return None
    key = str(path)
    if key in run.modules:
        return _applied(run, run.modules[key])
    if len(run.modules) >= MAX_MODULES:
        return None
    run.modules[key] = None  # a circle of imports finds nothing, as in Python
    try:
        text = decoded(path.read_bytes(), key)
        tree = _imported(text)
    except (OSError, ReadError):
        return None
    found = module(source(text, key), "." * level + name, key)
    run.modules[key] = found
    find_reaching(run, tree)
    scan.find_relevant(run, tree, key)
    before = run.environ.log
    _follow(run, found, tree)
    found.sets = tuple(e for e in run.environ.log if e not in before)
    run.environ.log = before
    return _applied(run, found)


def _applied(run: Run, found: Module | None) -> Module | None:
    """What a module's import sets in the environment, set on this way too."""
    more = tuple(e for e in found.sets if e not in run.environ.log) if found else ()
    if more:
        run.set(run.environ, "log", (*run.environ.log, *more))
    return found


def module(text: Source, name: str, file: str) -> Module:
    """An empty module."""
    scope = Scope({}, None, text)
    found = Module(name, scope, file)
    scope.module = found
    return found


def _follow(run: Run, found: Module, tree: ast.Module) -> None:
    """Follow a module on the side: on one way, and for good."""
    from dsv4_env.readers.python.statements import run_body

    before = run.trail, run.forking, run.recording, run.unit, run.records
    run.trail, run.forking, run.recording = [], False, False
    try:
        run_body(run, found.scope, tree.body)
    except (Raised, Return, Break, Continue):
        pass
    finally:
        run.trail, run.forking, run.recording, run.unit, run.records = before


def _locate(run: Run, scope: Scope, name: str, level: int) -> Path | None:
    root = run.root
    if root is None or (not name and not level) or _RUNTIME.match(name):
        return None
    here = Path(scope.module.file if scope.module else scope.source.path).resolve().parent
    parts = name.split(".") if name else []
    if level:
        for _ in range(level - 1):
            here = here.parent
        bases = [here]
    else:
        bases = [here, *(p for p in here.parents if p.is_relative_to(root)), root]
        bases += [b / "python" for b in bases]
    for base in bases:
        target = base.joinpath(*parts)
        for path in (target.with_name(target.name + ".py"), target / "__init__.py"):
            looked_at(path)
            if path.is_file() and (whole := path.resolve()).is_relative_to(root):
                return whole
    return None
