"""Literal expressions of SGLang's source, evaluated across its files without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue.extract.syntax import CantResolve, SourceModule, bound_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsv4_env.catalogue.extract.source import PackageSource


@dataclass(slots=True)
class Evaluator:
    """Evaluates literal expressions across the files of one source; runs nothing."""

    source: PackageSource
    _modules: dict[str, SourceModule | None] = field(default_factory=dict)

    def module(self, path: str, text: bytes | None = None) -> SourceModule | None:
        """The file at *path* (*text*, where it was read already), None where there is none."""
        if path not in self._modules:
            if text is None and path in self.source.files:
                text = self.source.read(path)
            self._modules[path] = None if text is None else SourceModule(self.source, path, text)
        return self._modules[path]

    def value(
        self,
        node: ast.expr,
        module: SourceModule,
        names: Mapping[str, Any] | None = None,
        depth: int = 0,
    ) -> Any:
        """The value of *node*; *names* are known locals. Raises CantResolve."""
        self.source.budget.step()
        if depth > 30:
            raise CantResolve
        names = names or {}

        def go(inner: ast.expr) -> Any:
            return self.value(inner, module, names, depth + 1)

        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=elts):
                return self._items(elts, go)
            case ast.Tuple(elts=elts):
                return tuple(self._items(elts, go))
            case ast.Set(elts=elts):
                return _do(lambda: set(self._items(elts, go)))
            case ast.Dict(keys=keys, values=values):
                if None in keys:
                    raise CantResolve
                pairs = zip(keys, values, strict=True)
                return _do(lambda: {go(k): _maybe(go, v) for k, v in pairs if k})
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _do(lambda: -go(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _do(lambda: _computed(op, go(left), go(right)))
            case ast.Name(id=name):
                if name in names:
                    return _known(names[name])
                return self._global(name, module, depth)
            case ast.Attribute(value=inner, attr=attr):
                return _attribute(self, go(inner), attr, depth)
            case ast.Subscript(value=inner, slice=index):
                return _do(lambda: _known(go(inner)[go(index)]))
            case ast.ListComp(elt=elt, generators=[ast.comprehension(ifs=[]) as loop]):
                if not isinstance(loop.target, ast.Name):
                    raise CantResolve
                return [
                    self.value(elt, module, {**names, loop.target.id: item}, depth + 1)
                    for item in _iterate(self, go(loop.iter), depth)
                ]
            case ast.Call(func=func, args=args, keywords=[]):
                return self._call(func, [go(a) for a in args], module, names, depth)
        raise CantResolve

    def _items(self, elts: list[ast.expr], go: Any) -> list[Any]:
        found: list[Any] = []
        for e in elts:
            if isinstance(e, ast.Starred):
                found += _iterate(self, go(e.value), 0)
            else:
                found.append(go(e))
        return found

    def _call(
        self,
        func: ast.expr,
        args: list[Any],
        module: SourceModule,
        names: Mapping[str, Any],
        depth: int,
    ) -> Any:
        match func, args:
            case ast.Name(id="list" | "tuple" | "set" | "frozenset" | "sorted" as name), [] | [_]:
                items = _iterate(self, args[0], depth) if args else []
                return _do(lambda: _BUILT_IN[name](items))
            case ast.Name(id="str" | "int" | "float" | "bool" | "dict" as name), [] | [_]:
                return _do(lambda: _BUILT_IN[name](*args))
            case ast.Attribute(value=inner, attr="keys" | "values" | "copy" as attr), []:
                mapping = self.value(inner, module, names, depth + 1)
                if attr == "copy" and isinstance(mapping, (list, dict, set)):
                    return mapping
                if isinstance(mapping, dict) and attr != "copy":
                    return (
                        list(mapping) if attr == "keys" else [_known(v) for v in mapping.values()]
                    )
            case ast.Attribute(value=inner, attr="lower" | "upper" | "strip" as attr), []:
                text = self.value(inner, module, names, depth + 1)
                if isinstance(text, str):
                    return getattr(text, attr)()
            case ast.Name(id=name), []:
                found, where = self.lookup(name, module)
                if isinstance(found, ast.FunctionDef) and not found.args.args:
                    return self._returned(found, where, depth)
        raise CantResolve

    def _returned(self, function: ast.FunctionDef, module: SourceModule, depth: int) -> Any:
        """What a function without arguments returns at its end.

        A guarded return before it (a registry that was loaded already) answers the same for
        SGLang as it ships; anything but imports, guards and assignments isn't followed.
        """
        names: dict[str, Any] = {}
        for statement in function.body:
            match statement:
                case ast.Expr(value=ast.Constant()) | ast.If(orelse=[]) | ast.Import():
                    continue
                case ast.ImportFrom(names=aliases):
                    for a in aliases:
                        names[a.asname or a.name] = self._imported(statement, a.name, module, depth)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    names[name] = _maybe(lambda v: self.value(v, module, names, depth + 1), value)
                case ast.Return(value=ast.expr() as value):
                    return self.value(value, module, names, depth + 1)
                case _:
                    break
        raise CantResolve

    def _global(self, name: str, module: SourceModule, depth: int) -> Any:
        statement, where = self.lookup(name, module)
        match statement:
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self.value(value, where, None, depth + 1)
            case ast.ClassDef():
                return SourceClass(statement, where)
        raise CantResolve

    def lookup(self, name: str, module: SourceModule) -> tuple[ast.stmt, SourceModule]:
        """The statement that defines a module-level name and its file, through imports."""
        for _ in range(8):
            statement = module.statement(name)
            if isinstance(statement, ast.ImportFrom):
                alias = next(a for a in statement.names if (a.asname or a.name) == name)
                target = self._target(statement, module)
                if target is None:
                    break
                name, module = alias.name, target
                continue
            if statement is None:
                break
            return statement, module
        raise CantResolve

    def _target(self, statement: ast.ImportFrom, module: SourceModule) -> SourceModule | None:
        base = module.path.split("/")[: -statement.level] if statement.level else []
        dotted = "/".join([*base, *(statement.module or "").split(".")]).rstrip("/")
        return self.module(f"{dotted}.py") or self.module(f"{dotted}/__init__.py")

    def _imported(
        self, statement: ast.ImportFrom, name: str, module: SourceModule, depth: int
    ) -> Any:
        target = self._target(statement, module)
        return _maybe(lambda n: self._global(n, target, depth + 1), name) if target else _UNKNOWN


@dataclass(frozen=True, slots=True)
class SourceClass:
    """A class of the source: its attributes can be asked for, it is never made."""

    node: ast.ClassDef
    module: SourceModule

    def attribute(self, name: str) -> ast.expr | None:
        """The expression that the class body gives a name."""
        for s in self.node.body:
            if name in bound_names(s) and isinstance(s, (ast.Assign, ast.AnnAssign)):
                return s.value
        return None

    @property
    def is_enum(self) -> bool:
        """Whether it derives from one of Python's enumerations."""
        return any(_last(b).endswith(("Enum", "Flag")) for b in self.node.bases)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enumeration."""

    name: str
    value: Any


_UNKNOWN = object()
_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Div: lambda a, b: a / b,
    ast.LShift: lambda a, b: a << b if b < 128 else _UNKNOWN,
    ast.Pow: lambda a, b: a**b if abs(b) < 128 else _UNKNOWN,
    ast.BitOr: lambda a, b: a | b,
}
_BUILT_IN: dict[str, Any] = {
    t.__name__: t for t in (list, tuple, set, frozenset, sorted, str, int, float, bool, dict)
}


_LARGEST = 100_000  # items of a sequence, and bits of a number: a stranger may ask for more


def _computed(op: ast.operator, a: Any, b: Any) -> Any:
    """What an operator makes of two values, where it is of no unheard-of size."""
    size = _size(a) + _size(b)
    match op:
        case ast.Mult() if isinstance(a, _SIZED):
            size = len(a) * max(b, 1)
        case ast.Mult() if isinstance(b, _SIZED):
            size = len(b) * max(a, 1)
        case ast.LShift() if isinstance(b, int):
            size += b
        case ast.Pow() if isinstance(b, int):
            size = _size(a) * abs(b)
    return _OPERATORS[type(op)](a, b) if size <= _LARGEST else _UNKNOWN


_SIZED = (str, bytes, list, tuple, set, frozenset, dict)


def _size(value: Any) -> int:
    """The bits of a whole number, the items of a sequence, 1 of anything else."""
    if isinstance(value, int):
        return value.bit_length()
    return len(value) if isinstance(value, _SIZED) else 1


def _known(value: Any) -> Any:
    if value is _UNKNOWN:
        raise CantResolve
    return value


def _do(action: Any) -> Any:
    try:
        return _known(action())
    except (TypeError, ValueError, KeyError, IndexError, ArithmeticError, AttributeError):
        raise CantResolve from None


def _maybe(action: Any, argument: Any) -> Any:
    try:
        return action(argument)
    except CantResolve:
        return _UNKNOWN


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _attribute(evaluator: Evaluator, owner: Any, name: str, depth: int) -> Any:
    if isinstance(owner, Member) and name in {"name", "value"}:
        return getattr(owner, name)
    if isinstance(owner, SourceClass):
        node = owner.attribute(name)
        if node is not None:
            local = {
                n: _maybe(lambda v: evaluator.value(v, owner.module, None, depth + 1), s.value)
                for s in owner.node.body
                if isinstance(s, ast.Assign) and s.value is not node
                for n in bound_names(s)
            }
            value = evaluator.value(node, owner.module, local, depth + 1)
            return Member(name, value) if owner.is_enum else value
    raise CantResolve


def _iterate(evaluator: Evaluator, value: Any, depth: int) -> list[Any]:
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        return [_known(v) for v in items]
    if isinstance(value, SourceClass) and value.is_enum:
        return [
            _attribute(evaluator, value, n, depth)
            for s in value.node.body
            if isinstance(s, ast.Assign)
            for n in bound_names(s)
            if not n.startswith("_")
        ]
    raise CantResolve
