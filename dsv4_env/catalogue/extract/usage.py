"""What code does with the text of a variable that it reads, as far as one expression shows."""

from __future__ import annotations

import ast


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
