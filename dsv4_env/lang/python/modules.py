"""Imports: modules that lie below the root are read, never run; all others stay outside."""

from __future__ import annotations

import ast
import os
import posixpath
import re
import sys
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from dsv4_env.guard.files import looked_at, read_bytes, real
from dsv4_env.lang.python import scan
from dsv4_env.lang.python.run import KEPT, Break, Continue, Raised, Return, Run, find_reaching
from dsv4_env.lang.python.text import decoded
from dsv4_env.lang.python.trees import reading, remembered
from dsv4_env.lang.python.values import Ext, Module, Scope, Source, Val, source
from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError

MAX_MODULES = 40
MAX_TOKENS = 250_000  # names, numbers and signs of all modules together
MAX_OWN = 110_000  # of one
_TOKEN = re.compile(r"#[^\n]*+|\w++|[^\s\w]")
# SGLang itself, where the root is its repository: what a server is made of launches none, and
# reading it takes longer than all else.
_RUNTIME = re.compile(r"sglang\.(?!test\b)|sglang$")


def tokens(text: str, path: str) -> int:
    """How many names, numbers and signs a text has, comments left out.

    Raises ReadError where there are more than any test or launcher has: Python's parser makes
    hundreds of bytes of each.
    """
    if len(text) < MAX_OWN:
        return len(text) >> 2
    found = sum(not m[0].startswith("#") for m in _TOKEN.finditer(text))
    if found > MAX_OWN:
        expected = f"a Python file of at most {MAX_OWN:,} of them"
        raise ReadError(f"{found:,} names, numbers and signs", where=path, expected=expected)
    return found


def parse(text: str, path: str) -> ast.Module:
    """The tree of a text; raises ReadError where Python can't parse it."""
    expected = "a file that Python can parse"
    reading(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as exc:
        column = exc.offset if exc.offset and exc.offset > 0 else 1
        where = Location(path, exc.lineno or 1, column)
        raise ReadError(f"syntax error: {exc.msg}", where=where, expected=expected) from None
    except (RecursionError, MemoryError):
        lines = text.split("\n")
        longest = max(range(len(lines)), key=lambda at: len(lines[at]))
        where = Location(path, longest + 1, 1)
        raise ReadError("nested too deeply", where=where, expected=expected) from None
    except ValueError as exc:
        raise ReadError(f"not Python: {exc}", where=path, expected=expected) from None


@remembered(KEPT)
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


def optional(run: Run, scope: Scope, node: ast.Try) -> int | None:
    """Which statement of a try imports what may be missing, where its handlers just go on.

    None where nothing but further imports follows: no launch gets a condition by those.
    """
    for handler in node.handlers:
        named = {n.id for n in ast.walk(handler.type or handler) if isinstance(n, ast.Name)}
        if not named & {"ImportError", "ModuleNotFoundError"}:
            return None
        if not all(scan.inert(s) for s in handler.body):
            return None
    for at, each in enumerate(node.body):
        rest = node.body[at + 1 :]
        if all(scan.inert(s) or isinstance(s, ast.Import | ast.ImportFrom) for s in rest):
            return None
        names: list[tuple[str, int]] = []
        if isinstance(each, ast.Import):
            names = [(alias.name, 0) for alias in each.names]
        elif isinstance(each, ast.ImportFrom):
            names = [(each.module or "", each.level)]
        for name, level in names:
            own = name.partition(".")[0] in sys.stdlib_module_names and not level
            if not own and load(run, scope, name, level) is None:
                return at
    return None


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
        text = decoded(read_bytes(path, root=run.root), key)
        run.tokens += tokens(text, key)
        if run.tokens > MAX_TOKENS:
            return None
        tree = _imported(text)
    except ReadError:
        return None
    found = module(source(text, key, run.budget), "." * level + name, key)
    run.modules[key] = found
    find_reaching(run, tree)
    scan.find_relevant(run, tree, key)
    run.unseen.append(tree)
    before = run.environ.log
    known = set(before)
    _follow(run, found, tree)
    found.sets = tuple(e for e in run.environ.log if e not in known)
    run.environ.log = before
    return _applied(run, found)


def _applied(run: Run, found: Module | None) -> Module | None:
    """What a module's import sets in the environment, set on this way too."""
    if not found or not found.sets:
        return found
    run.spend(len(run.environ.log) >> 3)
    known = set(run.environ.log)
    if more := [e for e in found.sets if e not in known]:
        run.set(run.environ, "log", run.environ.log.and_more(*more))
    return found


def module(text: Source, name: str, file: str) -> Module:
    """An empty module."""
    scope = Scope({}, None, text)
    found = Module(name, scope, file)
    scope.module = found
    return found


def _follow(run: Run, found: Module, tree: ast.Module) -> None:
    """Follow a module on the side: on one way, and for good."""
    from dsv4_env.lang.python.statements import run_body

    before = run.trail, run.forking, run.recording, run.unit, run.records, run.most
    run.trail, run.forking, run.recording, run.most = [], False, False, None
    try:
        run_body(run, found.scope, tree.body)
    except (Raised, Return, Break, Continue):
        pass
    finally:
        run.trail, run.forking, run.recording, run.unit, run.records, run.most = before


def _locate(run: Run, scope: Scope, name: str, level: int) -> Path | None:
    root = run.root
    if root is None:
        return None
    here = real(scope.module.file if scope.module else scope.source.path).parent
    for place in places(str(root), str(here), name, level):
        looked_at(place)
        if os.path.isfile(place) and (whole := real(place)).is_relative_to(root):  # noqa: PTH113  # a path for each takes longer than all the rest
            return whole
    return None


def places(root: str, here: str, name: str, level: int) -> Iterator[str]:
    """Where a module may lie that a file of the folder *here* imports, the first that is there.

    *level* is the number of dots before its *name*. Both folders are whole, without links.
    """
    if (not name and not level) or _RUNTIME.match(name):
        return
    inner = "/".join(["", *name.split(".")]) if name else ""
    for base in bases(root, here, level):
        target = (base.rstrip("/") + inner) or "/"
        yield f"{target}.py"
        yield f"{target}/__init__.py"


@lru_cache(maxsize=256)
def bases(root: str, here: str, level: int) -> tuple[str, ...]:
    """The folders in which a module is looked for."""
    if level:
        for _ in range(level - 1):
            here = posixpath.dirname(here)
        return (here,)
    above = [str(p) for p in Path(here).parents if p.is_relative_to(root)]
    found = dict.fromkeys([here, *above, root])
    return (*found, *(posixpath.join(f, "python") for f in found))


_IMPORT = re.compile(rb"\bimport\b[\s\\]*(\(?)")
_LISTED = {b"(": re.compile(rb"(?:[^)#]|#[^\n]*)*"), b"": re.compile(rb"(?:[^\n\\;]|\\\s)*")}
_MODULE_NAME = re.compile(rb"[\w.\x80-\xff]+")
_FURTHEST = 1000  # bytes that a module's name, and the blanks around it, may take
_TIMES = 4  # how often each byte may be gone over: more than any file needs that is no trap


def imports(data: bytes) -> set[tuple[str, int]] | None:
    """The modules that a file may import, and more: by name, and by how many dots before it.

    Told by the bytes alone, much sooner than by a tree, so comments and texts count, too. None
    where they don't tell.
    """
    found: set[tuple[str, int]] = set()
    left = _TIMES * len(data)
    inside = 0  # where the last parentheses end
    for match in _IMPORT.finditer(data):
        listed = _LISTED[match[1]].match(data, match.end())
        assert listed is not None
        left -= listed.end() - listed.start()
        line = data.rfind(b"\n", 0, match.start()) + 1
        left -= match.start() - line
        remark = data.find(b"#", line, match.start()) >= 0
        if left < 0 or (match.start() < inside and not remark):
            return None
        if match[1] and not remark:
            inside = listed.end()
        names = [_text(n) for n in _MODULE_NAME.findall(re.sub(rb"#[^\n]*", b"", listed[0]))]
        found.update((n, 0) for n in names)
        start = data.rfind(b"from", max(0, match.start() - _FURTHEST), match.start())
        if start < 0:
            continue
        module = _text(b"".join(data[start + 4 : match.start()].replace(b"\\", b" ").split()))
        level = len(module) - len(module.lstrip("."))
        module = module[level:]
        found.add((module, level))
        found.update((f"{module}.{n}" if module else n, level) for n in names)
    return found


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
