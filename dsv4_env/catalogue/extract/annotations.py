"""The fields of SGLang's records, and what their annotations say of an argument."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsv4_env.catalogue.extract.env import spelled_default
from dsv4_env.catalogue.extract.syntax import SourceModule, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Field:
    """A field of the record that the parser fills: its annotation, default and file."""

    name: str
    annotation: ast.expr
    default: ast.expr | None
    module: SourceModule


def fields_of(record: ast.ClassDef, module: SourceModule) -> Iterator[Field]:
    """The annotated fields of a class."""
    for s in record.body:
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name):
            yield Field(s.target.id, s.annotation, s.value, module)


def noted_when_given(module: SourceModule, fields: dict[str, Field]) -> set[str]:
    """Arguments of which SGLang remembers that they were given."""
    texts = {module.path: module.text} | {f.module.path: f.module.text for f in fields.values()}
    noted = {
        m[1].decode()
        for text in texts.values()
        for m in re.finditer(rb"\b_(\w+)_explicitly_set\b", text)
    }
    loose = [set(given.split("_")) for given in noted if given not in fields]
    return {n for n in fields if n in noted or any(w <= set(n.split("_")) for w in loose)}


def shape(node: ast.expr) -> tuple[str, list[str | None] | None, bool, bool]:
    """(type function, literal values, is a list, is a boolean) of an annotation."""
    inner = _without_none(node)
    match inner:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            items = values.elts if isinstance(values, ast.Tuple) else [values]
            found = [spelled_default(v.value) for v in items if isinstance(v, ast.Constant)]
            first = items[0].value if items and isinstance(items[0], ast.Constant) else ""
            return _function(type(first).__name__), found, False, False
        case ast.Subscript(value=ast.Name(id="List" | "list"), slice=item):
            return _function(dotted(item)), None, True, False
        case ast.Name(id="List" | "list"):
            return "str", None, False, False
        case ast.Name(id=name):
            return _function(name), None, False, name == "bool"
    return "str", None, False, False


def _function(name: str) -> str:
    return name if name in {"int", "float"} else "str"


def _without_none(node: ast.expr) -> ast.expr:
    """X of ``Optional[X]``, ``X | None`` and ``Union[X, None]``; other unions as they are."""
    match node:
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return inner
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=elts)):
            some = [e for e in elts if not (isinstance(e, ast.Constant) and e.value is None)]
            return some[0] if len(some) == 1 and len(elts) > 1 else node
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return left
    return node
