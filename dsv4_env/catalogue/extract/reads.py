"""Variables that SGLang reads or sets outside ``Envs``: ``os.environ``, ``getenv``, helpers."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsv4_env.catalogue.checkout import ENVIRON
from dsv4_env.catalogue.entries import DIFFUSION_BOOL, LITERAL, OwnSetting, VariableReading
from dsv4_env.catalogue.extract.env import spelled_default
from dsv4_env.catalogue.extract.source import PackageSource
from dsv4_env.catalogue.extract.syntax import (
    CantResolve,
    SourceModule,
    dotted,
    fragments_at,
    walked,
    what_computes,
)
from dsv4_env.model import ENV_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dsv4_env.catalogue.extract.evaluate import Evaluator
    from dsv4_env.model.budget import Budget

_HELPERS = {"get_bool_env_var": "bool", "get_int_env_var": "int"}
# What may read or set a variable, behind a literal that is cheap to look for first.
_WORDS = [
    (literal, re.compile(pattern))
    for literal, pattern in (
        (b"environ", rb"environ(?<!srt\.environ)\b"),
        (b"getenv", rb"getenv\b"),
        (b"putenv", rb"putenv\b"),
        (b"get_bool_env_var", rb"get_bool_env_var\b"),
        (b"get_int_env_var", rb"get_int_env_var\b"),
        (b"set(", rb"envs\.\w+\.(?:is_)?set\("),
    )
]
_CPP = re.compile(rb'getenv\(\s*"(\w+)"\s*\)')
_MENTION = re.compile(rb"(SGL(?:ANG)?_[A-Z0-9]\w*)(?=([\"'])?)")


@dataclass(frozen=True, slots=True)
class _Helper:
    """A function that reads the variable which its argument names."""

    name: str
    file: str
    position: int
    parameter: str
    default: int | None


@dataclass(slots=True)
class Reads:
    """What the code outside environ.py does with variables."""

    readings: dict[str, dict[VariableReading, set[str]]] = field(default_factory=dict)
    settings: dict[str, set[OwnSetting]] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    unresolved: set[str] = field(default_factory=set)
    helpers: dict[_Helper, None] = field(default_factory=dict)

    def add(self, name: str, reading: VariableReading, file: str) -> None:
        """One more file that reads the variable in that way."""
        if ENV_NAME.fullmatch(name):
            self.readings.setdefault(name, {}).setdefault(reading, set()).add(_short(file))


def _short(file: str) -> str:
    return file.removeprefix("sglang/")


def is_test(file: str) -> bool:
    """Whether a file of the package belongs to tests."""
    return "/test/" in file or "/tests/" in file or file.rpartition("/")[2].startswith("test_")


def reads(source: PackageSource, evaluator: Evaluator) -> Reads:
    """Scan every file of the package; of its tests only the names that stand there as strings."""
    found = Reads()
    texts: dict[str, bytes] = {}
    mentioned: set[bytes] = set()
    literals: dict[bytes, set[str]] = {}
    for path in source.paths:
        if path == ENVIRON:
            continue
        text = source.read(path)
        tests = is_test(path)
        if b"SGL" in text:
            words = set(_MENTION.findall(text))
            if not tests:
                mentioned.update(word for word, _ in words)
            for word, quoted in words:
                if quoted:
                    literals.setdefault(word, set()).add(path)
        if tests or b"env" not in text:
            continue
        if not path.endswith(".py"):
            for match in _CPP.finditer(text):
                found.add(match[1].decode(), VariableReading("C++", "raw"), path)
            continue
        texts[path] = text
        places = _places(text)
        if places:
            _scan(found, path, text, places, evaluator, {})
    _follow(found, texts, evaluator)
    found.mentioned = {m.decode() for m in mentioned}
    for name in literals.keys() - {n.encode() for n in (*found.readings, *found.settings)}:
        for path in literals[name]:
            found.add(name.decode(), VariableReading(LITERAL, "raw", computed="unknown"), path)
    return found


def _places(text: bytes) -> list[int]:
    """Where the file may read or set a variable."""
    return sorted(
        {m.start() for literal, word in _WORDS if literal in text for m in word.finditer(text)}
    )


def _follow(found: Reads, texts: dict[str, bytes], evaluator: Evaluator) -> None:
    """Read the calls of helpers that were found; a private one is called in its own file only."""
    done: set[_Helper] = set()
    size = sum(map(len, texts.values())) // 10_000
    while todo := [h for h in found.helpers if h not in done]:
        done.update(todo)
        for helper in todo:
            if helper.name in _HELPERS or helper.file == ENVIRON:
                continue
            word = re.compile(rb"\b" + helper.name.encode() + rb"\s*\(")
            private = helper.name.startswith("_")
            evaluator.source.budget.step(None, 1 if private else size)
            for path in [helper.file] if private else texts:
                text = texts.get(path, b"")
                places = (
                    [m.start() for m in word.finditer(text)] if helper.name.encode() in text else []
                )
                if places:
                    _scan(found, path, text, places, evaluator, {helper.name: helper})


def _scan(
    found: Reads,
    path: str,
    text: bytes,
    places: list[int],
    evaluator: Evaluator,
    helpers: dict[str, _Helper],
) -> None:
    fragments = fragments_at(text, places, evaluator.source.budget)
    if fragments is None:
        found.unresolved.add(f"file {_short(path)}: not readable as Python")
        return
    module = evaluator.module(path, text)
    if module is None:
        return
    for fragment in fragments:
        for chain in _near(fragment.body, fragment.lines, evaluator.source.budget):
            _node(found, chain, module, evaluator, helpers)


def _near(
    body: Iterable[ast.AST], lines: frozenset[int], budget: Budget
) -> Iterator[list[ast.AST]]:
    """Every node that covers one of the lines, with the nodes around it, outermost first."""
    stack: list[list[ast.AST]] = [[n] for n in body]
    while stack:
        chain = stack.pop()
        node = chain[-1]
        budget.step(None, 1 + (len(lines) + len(chain)) // 10)
        first = getattr(node, "lineno", None)
        if first is not None:
            last = getattr(node, "end_lineno", None) or first
            if not any(first <= line <= last for line in lines):
                continue
        yield chain
        stack += [[*chain, child] for child in ast.iter_child_nodes(node)]


def _is_os(name: str, what: str) -> bool:
    return name.lstrip("_") in {f"os.{what}", what}


def _node(
    found: Reads,
    chain: list[ast.AST],
    module: SourceModule,
    evaluator: Evaluator,
    helpers: dict[str, _Helper],
) -> None:
    match chain[-1]:
        case ast.Subscript(value=owner, slice=key, ctx=ctx) if _is_os(dotted(owner), "environ"):
            if helpers:
                return
            if isinstance(ctx, ast.Load):
                _read(found, chain, key, None, module, evaluator)
            elif isinstance(ctx, ast.Store):
                statement = chain[-2]
                value = statement.value if isinstance(statement, ast.Assign) else None
                _set(found, chain, key, value, False, module, evaluator)
        case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[owner]) if (
            _is_os(dotted(owner), "environ") and not helpers
        ):
            for name in _names(key, chain, module, evaluator, found):
                found.add(name, VariableReading("os", "set"), module.path)
        case ast.Call(func=func, args=args, keywords=keywords):
            name = dotted(func)
            first = args[0] if args else None
            second = args[1] if len(args) > 1 else None
            if name.rpartition(".")[2] in helpers:
                _helper_call(found, chain, helpers[name.rpartition(".")[2]], module, evaluator)
            elif helpers:
                return
            elif _is_os(name, "getenv") or _is_os(name, "environ.get"):
                default = next((k.value for k in keywords if k.arg == "default"), second)
                if first is not None:
                    _read(found, chain, first, default, module, evaluator)
            elif name.rpartition(".")[2] in _HELPERS and first is not None:
                default = next((k.value for k in keywords if k.arg == "default"), second)
                _known_helper(
                    found, chain, name.rpartition(".")[2], first, default, module, evaluator
                )
            elif (
                _is_os(name, "environ.setdefault") or _is_os(name, "putenv")
            ) and first is not None:
                unset = not name.endswith("putenv")
                _set(found, chain, first, second, unset, module, evaluator)
            elif _is_os(name, "environ.update"):
                for k in keywords:
                    if k.arg:
                        _set(found, chain, ast.Constant(k.arg), k.value, False, module, evaluator)
                if isinstance(first, ast.Dict):
                    for each, value in zip(first.keys, first.values, strict=True):
                        if each is not None:
                            _set(found, chain, each, value, False, module, evaluator)
            elif name.startswith("envs.") and name.endswith(".is_set") and name.count(".") == 2:
                found.add(name.split(".")[1], VariableReading("is_set", "set"), module.path)
            elif name.startswith("envs.") and name.endswith(".set") and name.count(".") == 2:
                key = ast.Constant(name.split(".")[1])
                _set(found, chain, key, first, False, module, evaluator)


def _names(
    key: ast.expr, chain: list[ast.AST], module: SourceModule, evaluator: Evaluator, found: Reads
) -> list[str]:
    """The names that a key can be: a literal, a constant, the items of a literal loop."""
    if isinstance(key, ast.Constant):
        return [key.value] if isinstance(key.value, str) else []
    if isinstance(key, ast.Name):
        for outer in reversed(chain):
            loops: list[tuple[ast.expr, ast.expr]] = []
            match outer:
                case ast.For(
                    target=ast.Tuple(elts=[target, _]),
                    iter=ast.Call(func=ast.Attribute(value=items, attr="items"), args=[]),
                ):
                    loops = [(target, items)]
                case ast.For(target=target, iter=items):
                    loops = [(target, items)]
                case ast.ListComp() | ast.GeneratorExp() | ast.DictComp() | ast.SetComp():
                    loops = [(g.target, g.iter) for g in outer.generators]
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                    parameters = [a.arg for a in (*outer.args.posonlyargs, *outer.args.args)]
                    keywords = [a.arg for a in outer.args.kwonlyargs]
                    if key.id in (*parameters, *keywords):
                        _note_helper(found, outer, key.id, parameters, module)
                        return []
                    for s in walked(outer, evaluator.source.budget):
                        match s:
                            case ast.Assign(
                                targets=[ast.Name(id=n)], value=ast.Constant(value=str(text))
                            ) if n == key.id:
                                return [text]
            for target, items in loops:
                if isinstance(target, ast.Name) and target.id == key.id:
                    try:
                        return [v for v in evaluator.value(items, module) if isinstance(v, str)]
                    except (CantResolve, TypeError):
                        break
    try:
        value = evaluator.value(key, module)
        if isinstance(value, str):
            return [value]
    except CantResolve:
        pass
    found.unresolved.add(_computed(key, module))
    return []


def _computed(key: ast.expr, module: SourceModule) -> str:
    """What to say of a variable whose name can't be told: the file, and the expression."""
    shown = ast.unparse(key)
    shown = shown if len(shown) <= 40 else what_computes(key)
    return f"variable {shown} in {_short(module.path)}: its name is computed"


def _note_helper(
    found: Reads, function: ast.AST, parameter: str, parameters: list[str], module: SourceModule
) -> None:
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        found.unresolved.add(_computed(ast.Name(parameter), module))
        return
    position = parameters.index(parameter) if parameter in parameters else -1
    default = next((i for i, p in enumerate(parameters) if p.startswith("default")), None)
    if parameters[:1] in (["self"], ["cls"]):
        position, default = position - 1, None if default is None else default - 1
    found.helpers[_Helper(function.name, module.path, position, parameter, default)] = None


def _spelling(
    node: ast.expr | None, module: SourceModule, evaluator: Evaluator
) -> tuple[str | None, str | None]:
    if node is None:
        return None, None
    try:
        return spelled_default(evaluator.value(node, module)), None
    except CantResolve:
        return None, what_computes(node)


def _read(
    found: Reads,
    chain: list[ast.AST],
    key: ast.expr,
    default: ast.expr | None,
    module: SourceModule,
    evaluator: Evaluator,
) -> None:
    names = _names(key, chain, module, evaluator, found)
    if not names:
        return
    text, computed = _spelling(default, module, evaluator)
    kind, values, fold, strip = use(chain)
    for name in names:
        reading = VariableReading("os", kind, text, computed, values, fold, strip)
        found.add(name, reading, module.path)


def _known_helper(
    found: Reads,
    chain: list[ast.AST],
    helper: str,
    key: ast.expr,
    default: ast.expr | None,
    module: SourceModule,
    evaluator: Evaluator,
) -> None:
    text, computed = _spelling(default, module, evaluator)
    if default is None:
        text = "false" if _HELPERS[helper] == "bool" else "0"
    via = DIFFUSION_BOOL if _of_diffusion(helper, module) else helper
    for name in _names(key, chain, module, evaluator, found):
        found.add(name, VariableReading(via, _HELPERS[helper], text, computed), module.path)


def _of_diffusion(helper: str, module: SourceModule) -> bool:
    """Whether it is the function of that name in ``multimodal_gen``, which takes other words."""
    if not module.path.startswith("sglang/multimodal_gen/") or helper != "get_bool_env_var":
        return False
    origin = module.statement(helper)
    return not (
        isinstance(origin, ast.ImportFrom) and (origin.module or "").startswith("sglang.srt")
    )


def _helper_call(
    found: Reads, chain: list[ast.AST], helper: _Helper, module: SourceModule, evaluator: Evaluator
) -> None:
    call = chain[-1]
    assert isinstance(call, ast.Call)
    keywords = {k.arg: k.value for k in call.keywords}
    key = keywords.get(helper.parameter)
    if key is None and 0 <= helper.position < len(call.args):
        key = call.args[helper.position]
    default = keywords.get("default")
    if default is None and helper.default is not None and helper.default < len(call.args):
        default = call.args[helper.default]
    if key is None:
        return
    text, computed = _spelling(default, module, evaluator)
    if default is None:
        computed = helper.name
    for name in _names(key, chain, module, evaluator, found):
        found.add(name, VariableReading(helper.name, "raw", text, computed), module.path)


_CONDITIONS = (ast.If, ast.IfExp, ast.For, ast.While, ast.ExceptHandler, ast.Match)


def _set(
    found: Reads,
    chain: list[ast.AST],
    key: ast.expr,
    value: ast.expr | None,
    only_if_unset: bool,
    module: SourceModule,
    evaluator: Evaluator,
) -> None:
    names = _names(key, chain, module, evaluator, found)
    text, computed = _spelling(value, module, evaluator)
    text = None if computed else text
    tests = [n.test for n in chain if isinstance(n, (ast.If, ast.IfExp))]
    for name in names:
        absent = any(tests_absence(t, name) for t in tests)
        conditional = any(isinstance(n, _CONDITIONS) for n in chain)
        found.settings.setdefault(name, set()).add(
            OwnSetting(_short(module.path), text, only_if_unset or absent, conditional)
        )


def use(chain: list[ast.AST]) -> tuple[str, tuple[str, ...], bool, bool]:
    """What becomes of the text that is read: kind, compared values, lower-cased, stripped."""
    fold = strip = False
    node, outer = chain[-1], chain[:-1]
    while len(outer) >= 2 and isinstance(outer[-1], ast.Attribute):
        call, method = outer[-2], outer[-1].attr
        if not (isinstance(call, ast.Call) and call.func is outer[-1] and not call.args):
            break
        if method not in {"lower", "strip"}:
            break
        fold, strip = fold or method == "lower", strip or method == "strip"
        node, outer = call, outer[:-2]
    parent = outer[-1] if outer else None
    match parent:
        case ast.Call(func=ast.Name(id="int" | "float" as kind), args=[only]) if only is node:
            return kind, (), False, False
        case ast.Compare(
            left=left, ops=[ast.Eq() | ast.NotEq()], comparators=[ast.Constant(value=str(text))]
        ) if left is node:
            return "one of", (text,), fold, strip
        case ast.Compare(
            left=left,
            ops=[ast.In() | ast.NotIn()],
            comparators=[ast.Tuple(elts=elts) | ast.List(elts=elts) | ast.Set(elts=elts)],
        ) if left is node:
            texts = [e.value for e in elts if isinstance(e, ast.Constant)]
            if len(texts) == len(elts) and all(isinstance(t, str) for t in texts):
                return "one of", tuple(sorted(map(str, texts))), fold, strip
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) if test is node:
            return ("raw" if strip else "nonempty"), (), False, False
        case ast.UnaryOp(op=ast.Not()):
            return ("raw" if strip else "nonempty"), (), False, False
        case ast.Call(func=ast.Name(id="bool"), args=[only]) if only is node:
            return ("raw" if strip else "nonempty"), (), False, False
    return "raw", (), False, False


def tests_absence(test: ast.expr, name: str) -> bool:
    """Whether a condition asks that the variable isn't set."""
    for node in ast.walk(test):
        match node:
            case ast.Compare(left=ast.Constant(value=text), ops=[ast.NotIn()]) if text == name:
                return True
            case ast.Compare(
                left=ast.Call(args=[ast.Constant(value=text), *_]), ops=[ast.Is()]
            ) if text == name:
                return True
    return False
