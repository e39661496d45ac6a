"""What the ``conftest.py`` files around a test may change of its launches, without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env.guard.files import is_file, looked_at, read_bytes, real
from dsv4_env.lang.python.syntax.text import SourceText, count_tokens, decoded, parse_python
from dsv4_env.lang.python.syntax.trees import callee, last_name, walk_tree
from dsv4_env.lang.python.values.kinds import Const, MapEntry
from dsv4_env.model import Location, Unknown
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.readers.python.profiles import COMMAND, FIXTURE, FIXTURES, NAME, PACKAGE

_NAME = "conftest.py"
_PLUGINS = "pytest_plugins"
_REASON = "a conftest.py sets it"
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
# Calls to which the environment is given without being changed by them.
_READING = frozenset(
    "dict list set sorted len str print copy deepcopy bool isinstance launch_env model_path".split()
)
_OURS = FIXTURES | {COMMAND}


@dataclass(slots=True)
class Around:
    """What conftest.py files change: fixtures of the plugin, variables, and who knows what.

    *early* is set when they are imported, *late* by what runs before a test.
    """

    overrides: set[str] = field(default_factory=set)
    early: list[MapEntry] = field(default_factory=list)
    late: list[MapEntry] = field(default_factory=list)
    problems: list[tuple[str, Location]] = field(default_factory=list)


def around(file: Path, root: Path | None, text: str, budget: Budget) -> Around:
    """What the conftest.py files from a test's folder up to *root* change of its launches."""
    found = Around()
    here = real(file)
    top = real(root) if root is not None else here.parent
    folders = [here.parent, *here.parent.parents]
    folders = folders[: folders.index(top) + 1 if top in folders else 1]
    words = set(re.findall(r"\w+", text))
    for folder in reversed(folders):  # as pytest reads them
        place = folder / _NAME
        budget.step(Location(str(file), 1, 1))
        if place == here:
            continue
        looked_at(place)
        if is_file(place):
            _read(place, top, words, budget, found)
    return found


def _read(place: Path, root: Path, words: set[str], budget: Budget, found: Around) -> None:
    path = str(place)
    try:
        text = decoded(read_bytes(place, root=root), path)
        budget.step(Location(path, 1, 1), 3 * count_tokens(text, path))
        tree = parse_python(text, path)
    except Dsv4Error as exc:
        found.problems.append((f"{_NAME} can't be read: {exc}", Location(path, 1, 1)))
        return
    lines = SourceText(path, text.splitlines())
    every = [n for n in walk_tree(tree) if isinstance(n, _FUNCTIONS)]
    asked = {a.arg for f in every for a in (*f.args.args, *f.args.kwonlyargs)} | words
    outside = _aliases(tree)
    pending: list[tuple[ast.AST, bool]] = [(node, False) for node in tree.body]
    for name in _bound(tree):
        found.overrides |= {name} & _OURS
    while pending:
        node, late = pending.pop()
        if isinstance(node, _FUNCTIONS):
            name, always = _fixture(node)
            if name in _OURS:
                found.overrides.add(name)
            if name and not always and name not in asked:
                continue  # a fixture that nothing here asks for
            late = True
        for variable, value in _sets(node, outside):
            at = lines.place(node)
            if variable is None:
                found.problems.append((f"`{lines.text(node)[:80]}` may set any variable", at))
                continue
            given = lines.text(value) if value is not None else lines.text(node)
            held = Unknown(given, _REASON, location=at)
            (found.late if late else found.early).append(MapEntry(Const(variable, at), held, at))
        if problem := _more(node):
            found.problems.append((problem, lines.place(node)))
        pending += [(each, late) for each in ast.iter_child_nodes(node)]


def _fixture(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, bool]:
    """The name of a fixture and whether it is for all tests; an empty one of other functions."""
    for each in node.decorator_list:
        if last_name(each) == "fixture":
            keywords = each.keywords if isinstance(each, ast.Call) else []
            given = {k.arg: k.value for k in keywords}
            name = given.get("name")
            always = given.get("autouse")
            called = name.value if isinstance(name, ast.Constant) else node.name
            never = isinstance(always, ast.Constant) and not always.value
            return str(called), always is not None and not never
    return "", False


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that a module imports or sets, the plugin's own left out."""
    for node in walk_tree(tree):
        if isinstance(node, ast.ImportFrom) and not _is_ours(node.module or ""):
            yield from (a.asname or a.name for a in node.names)
    for node in tree.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name):
                yield target.id


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE


def _aliases(tree: ast.Module) -> set[str]:
    """What the environment is called."""
    found = {"environ"}
    for node in walk_tree(tree):
        if isinstance(node, ast.Assign) and last_name(node.value) in found:
            if not isinstance(node.value, ast.Call):
                found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            found |= {a.asname for a in node.names if a.name == "environ" and a.asname}
    return found


def _is_outside(node: ast.AST | None, outside: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return node.value == "os.environ"
    return isinstance(node, ast.Name | ast.Attribute) and last_name(node) in outside


Set = tuple[str | None, ast.expr | None]  # a variable, None where any may be; and its value


def _sets(node: ast.AST, outside: set[str]) -> Iterator[Set]:
    """The variables that a statement or an expression sets by itself; what it takes away isn't."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for each in (t for target in targets for t in ast.walk(target)):
            if isinstance(each, ast.Subscript) and _is_outside(each.value, outside):
                yield _text(each.slice), node.value
        if isinstance(node, ast.AugAssign) and _is_outside(node.target, outside):
            yield from _pairs(node.value)
    if not isinstance(node, ast.Call):
        return
    name, args = callee(node), node.args
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    values = {k.arg: k.value for k in node.keywords}
    if name == "setenv":
        first = args[0] if args else values.get("name")
        yield _text(first), args[1] if len(args) > 1 else values.get("value")
    elif name == "load_dotenv":
        yield None, None
    elif _is_outside(owner, outside):
        if name == "setdefault":
            yield _text(args[0] if args else None), args[1] if len(args) > 1 else None
        elif name in ("update", "__ior__"):
            for each in args:
                yield from _pairs(each)
            yield from values.items()
    elif args and _is_outside(args[0], outside):
        if name == "dict" and owner is not None:
            yield from _patched(args[1:], values)
        elif isinstance(args[0], ast.Constant):  # a text, which only patch.dict takes for it
            return
        elif name in ("setitem", "__setitem__"):
            yield _text(args[1] if len(args) > 1 else None), args[2] if len(args) > 2 else None
        elif name not in _READING and name != "delitem":
            yield None, None


def _patched(args: Sequence[ast.expr], values: dict[str | None, ast.expr]) -> Iterator[Set]:
    """What ``patch.dict(os.environ, …)`` sets."""
    for each in (*args[:1], values.get("values")):
        if each is not None:
            yield from _pairs(each)
    yield from ((k, value) for k, value in values.items() if k not in ("values", "clear"))


def _pairs(node: ast.expr) -> Iterator[Set]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield _text(key), value
    else:
        yield None, node


def _text(node: ast.AST | None) -> str | None:
    """A constant text; None of all else."""
    known = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if known else None  # type: ignore[union-attr]


def _more(node: ast.AST) -> str | None:
    """What in a conftest.py may bring fixtures and marks that stand elsewhere."""
    if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
        module = "." * node.level + (node.module or "")
        return None if _is_ours(module) else f"fixtures of {module} may change the launch"
    if isinstance(node, ast.Assign) and any(last_name(t) == _PLUGINS for t in node.targets):
        texts = [n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
        others = [str(t) for t in texts if not _is_ours(str(t)) and t != "pytester"]
        return f"fixtures of {', '.join(others)} may change the launch" if others else None
    if isinstance(node, _FUNCTIONS) and node.name.startswith("pytest_"):
        names = {last_name(n) for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)}
        names |= {str(n.value) for n in ast.walk(node) if isinstance(n, ast.Constant)}
        if names & {FIXTURE, NAME}:
            return f"{node.name} may say which profile it is"
    return None
