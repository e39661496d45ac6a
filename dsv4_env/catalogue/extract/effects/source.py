"""The functions of SGLang's source that the resolution of arguments is made of, by their names."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue.extract.effects.values import Function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsv4_env.catalogue.extract.source import PackageSource

Names = dict[str, tuple[str, Any]]  # a name to ("function", Function), ("from", (module, name)), …


@dataclass(slots=True)
class Sources:
    """Modules of the package, parsed once each when they are asked for."""

    package: PackageSource
    _modules: dict[str, Names] = field(default_factory=dict)

    def path(self, module: str) -> str | None:
        """The file of a module inside the package; None where there is none."""
        base = module.replace(".", "/")
        for candidate in (f"{base}.py", f"{base}/__init__.py"):
            if candidate in self.package.files:
                return candidate
        return None

    def names(self, module: str) -> Names:
        """What the names at the top of a module stand for."""
        known = self._modules.get(module)
        if known is None:
            known = self._modules[module] = {}  # while it's being read: for modules in a circle
            path = self.path(module)
            if path is not None:
                tree = ast.parse(self.package.read(path))
                self._collect(module, tree.body, known)
        return known

    def _collect(self, module: str, body: list[ast.stmt], names: Names) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef):
                names[node.name] = ("function", Function(module, node))
            elif isinstance(node, ast.ClassDef):
                names[node.name] = ("class", (module, node))
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = ("from", (node.module or "", alias.name))
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    names[bound] = ("module", alias.name if alias.asname else bound)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                if isinstance(node.targets[0], ast.Name):
                    names[node.targets[0].id] = ("value", (module, node.value))
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is not None:
                    names[node.target.id] = ("value", (module, node.value))
            elif isinstance(node, (ast.If, ast.Try)):
                self._collect(module, node.body, names)

    def find(self, module: str, name: str, depth: int = 0) -> tuple[str, Any] | None:
        """What a name of a module is, through imports; None where that isn't known."""
        found = self.names(module).get(name)
        if found is None:
            inner = f"{module}.{name}"
            return ("module", inner) if self.path(inner) else None
        if found[0] == "from" and depth < 6:
            target, original = found[1]
            if self.path(target) is None:
                return None
            return self.find(target, original, depth + 1)
        return found

    def providers(self, architecture: str) -> Iterator[Function]:
        """The functions that are registered for an architecture, in the order of registration."""
        modules = [
            "sglang.srt.arg_groups.overrides",
            *sorted(
                p.removesuffix(".py").replace("/", ".")
                for p in self.package.paths
                if p.startswith("sglang/srt/arg_groups/model_overrides/")
            ),
        ]
        for module in modules:
            if self.path(module) is None:
                continue
            for kind, value in self.names(module).values():
                if kind == "function" and value.module == module:
                    for decorator in value.node.decorator_list:
                        if _registers(decorator, architecture):
                            yield value


def _registers(decorator: ast.expr, architecture: str) -> bool:
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Name):
        return False
    if decorator.func.id in ("_register_for", "register_model_override"):
        return any(isinstance(a, ast.Constant) and a.value == architecture for a in decorator.args)
    if decorator.func.id == "register_model_override_predicate" and decorator.args:
        test = decorator.args[0]
        if isinstance(test, ast.Lambda) and len(test.args.args) == 1:
            return _mentions(test.body, test.args.args[0].arg, architecture)
    return False


def _mentions(test: ast.expr, name: str, architecture: str) -> bool:
    """Whether a test of the name of an architecture holds: ``"X" in arch``, with and/or."""
    if isinstance(test, ast.BoolOp):
        found = [_mentions(v, name, architecture) for v in test.values]
        return all(found) if isinstance(test.op, ast.And) else any(found)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return not _mentions(test.operand, name, architecture)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(left, ast.Constant) and isinstance(right, ast.Name) and right.id == name:
            return str(left.value) in architecture
        if isinstance(left, ast.Name) and left.id == name:
            try:
                value = ast.literal_eval(right)
            except ValueError:
                return False
            return architecture == value or (
                isinstance(value, (tuple, list, set)) and architecture in value
            )
    return False
