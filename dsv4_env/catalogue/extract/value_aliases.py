"""Deprecated values that SGLang replaces before anything reads them (``compressed``: ``dsv4``)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from dsv4_env.catalogue.checkout import SERVER_ARGS
from dsv4_env.catalogue.extract.syntax import fragments_at, walked

if TYPE_CHECKING:
    from dsv4_env.catalogue.extract.evaluate import Evaluator
    from dsv4_env.model.budget import Budget

_HANDLER = b"handle_deprecated_args("


def value_aliases(evaluator: Evaluator) -> tuple[dict[str, dict[str, str]], list[str]]:
    """({dest: {old value: new value}}, what couldn't be resolved).

    Only the step that SGLang itself calls the handling of deprecated arguments counts, since it
    runs first; a value with further consequences there (another argument changes with it) isn't
    an alias and is listed as unresolved.
    """
    found: dict[str, dict[str, str]] = {}
    unclear: list[str] = []
    budget = evaluator.source.budget
    for function in _handlers(evaluator):
        tables = {
            s.targets[0].id: s.value
            for s in walked(function, budget)
            if isinstance(s, ast.Assign)
            and isinstance(s.targets[0], ast.Name)
            and isinstance(s.value, ast.Dict)
        }
        for node in walked(function, budget):
            match node:
                case ast.For(target=ast.Name(id=loop), iter=ast.Tuple(elts=elts), body=body):
                    pairs = _replaced(body, loop, tables, budget)
                    for old, new in pairs.items():
                        if _spreads(function, node, old, new, budget):
                            unclear.append(f"value {old}: becomes {new}, with other changes")
                            continue
                        for e in elts:
                            if isinstance(e, ast.Constant):
                                found.setdefault(str(e.value), {})[old] = new
                case ast.If(
                    test=ast.Compare(
                        left=ast.Attribute(attr=dest),
                        ops=[ast.In()],
                        comparators=[ast.Name(id=table)],
                    )
                ) if table in tables and _looks_up(node, table, budget):
                    found.setdefault(dest, {}).update(_strings(tables[table]))
    return found, sorted(set(unclear))


def _handlers(evaluator: Evaluator) -> list[ast.FunctionDef]:
    found = []
    budget = evaluator.source.budget
    for path in evaluator.source.paths:
        if path == SERVER_ARGS or path.startswith("sglang/srt/arg_groups/"):
            module = evaluator.module(path)
            text = module.text if module else b""
            place = text.find(b"def " + _HANDLER)
            if place < 0:
                place = text.find(b"def _" + _HANDLER)
            for fragment in (fragments_at(text, [place], budget) or ()) if place >= 0 else ():
                found += [
                    n
                    for s in fragment.body
                    for n in walked(s, budget)
                    if isinstance(n, ast.FunctionDef) and n.name.endswith("handle_deprecated_args")
                ]
    return found


def _strings(table: ast.Dict) -> dict[str, str]:
    pairs = zip(table.keys, table.values, strict=True)
    return {
        str(k.value): str(v.value)
        for k, v in pairs
        if isinstance(k, ast.Constant) and isinstance(v, ast.Constant)
    }


def _replaced(
    body: list[ast.stmt], loop: str, tables: dict[str, ast.Dict], budget: Budget
) -> dict[str, str]:
    """What a loop over arguments replaces: one compared value, or those of a table."""
    pairs: dict[str, str] = {}
    for s in body:
        match s:
            case ast.If(
                test=ast.Compare(ops=[ast.Eq()], comparators=[ast.Constant(value=str(old))]),
                body=inner,
            ):
                for i in inner:
                    match i:
                        case (
                            ast.Expr(
                                value=ast.Call(
                                    func=ast.Name(id="setattr"),
                                    args=[_, ast.Name(id=name), ast.Constant(value=str(new))],
                                )
                            )
                            | ast.Assign(
                                targets=[ast.Subscript(slice=ast.Name(id=name))],
                                value=ast.Constant(value=str(new)),
                            )
                        ) if name == loop:
                            pairs[old] = new
            case ast.If(test=ast.Compare(ops=[ast.In()], comparators=[ast.Name(id=table)])) if (
                table in tables and _looks_up(s, table, budget)
            ):
                pairs.update(_strings(tables[table]))
    return pairs


def _looks_up(node: ast.AST, table: str, budget: Budget) -> bool:
    return any(
        isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name) and n.value.id == table
        for n in walked(node, budget)
    )


def _spreads(function: ast.FunctionDef, loop: ast.For, old: str, new: str, budget: Budget) -> bool:
    """Whether the step asks for the value again: then more than a name changes with it."""
    inside = set(walked(loop, budget))
    return any(
        isinstance(n, ast.Compare)
        and n not in inside
        and any(isinstance(c, ast.Constant) and c.value in {old, new} for c in walked(n, budget))
        for n in walked(function, budget)
    )
