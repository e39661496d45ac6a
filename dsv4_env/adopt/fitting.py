"""Lines that an edit made too long, broken as black breaks them."""

from __future__ import annotations

import ast
import io
import tokenize

from dsv4_env.adopt.code import WIDTH, Code, Part, parts_of
from dsv4_env.lang.python.syntax.trees import walk_tree
from dsv4_env.writeback.edits import Edit, applied

_MOST = 200  # lines that are broken


def fitted(text: str, before: str, path: str) -> str:
    """A text whose lines that *before* hadn't are no longer than black lets them be, if it can."""
    known = set(before.splitlines())
    tried: set[str] = set()
    for _ in range(_MOST):
        lines = text.splitlines()
        fresh = [n for n, t in enumerate(lines) if t not in known | tried]
        at = next((n for n in fresh if len(lines[n]) > WIDTH or _alone(lines, n)), None)
        if at is None:
            return text
        tried.add(lines[at])
        code = Code(text, path)
        edit = _broken(code, at) if len(lines[at]) > WIDTH else _joined(code, at)
        if edit is not None:
            text = applied(text, [edit])
    return text


def _alone(lines: list[str], number: int) -> bool:
    """Whether a line is all that stands between brackets, and would fit on the line of those."""
    if not 0 < number < len(lines) - 1:
        return False
    before, after = lines[number - 1].rstrip(), lines[number + 1].strip()
    inner = lines[number].strip()
    size = len(before) + len(inner) + len(after)
    ends = before[-1:] in ("(", "[", "{") and after[:1] in (")", "]", "}")
    return ends and size <= WIDTH and bool(inner) and inner[-1] != "," and "#" not in inner


def _joined(code: Code, number: int) -> Edit | None:
    """The edit that puts a line between brackets onto the line of those."""
    for node in walk_tree(code.tree):
        if not isinstance(node, ast.Call | ast.Dict | ast.List):
            continue
        start, end = code.span(node)
        if code.line_of(end) != number + 1 or code.line_of(start) > number - 1:
            continue
        parts = parts_of(code, node)
        if parts and {code.line_of(p) for x in parts for p in (x.start, x.end)} == {number}:
            opening = code.starts[number] - len(code.newline)
            return Edit(opening, end - 1, code.text[parts[0].start : parts[-1].end])
    return None


def _broken(code: Code, number: int) -> Edit | None:
    """The edit that breaks a line (from 0) at the brackets that hold the most of it."""
    best: tuple[int, Edit] | None = None
    for node in walk_tree(code.tree):
        if not isinstance(node, ast.Call | ast.Dict | ast.List | ast.Tuple):
            continue
        start, end = code.span(node)
        if not code.line_of(start) <= number <= code.line_of(end):
            continue
        if isinstance(node, ast.Tuple) and code.text[start] != "(":
            continue
        parts = parts_of(code, node)
        if not parts or {code.line_of(p) for x in parts for p in (x.start, x.end)} != {number}:
            continue
        size = parts[-1].end - parts[0].start
        edit = _edit(code, node, parts, number)
        if edit is not None and (best is None or size > best[0]):
            best = size, edit
    return best[1] if best else None


def _edit(code: Code, node: ast.expr, parts: list[Part], number: int) -> Edit | None:
    end = code.span(node)[1]
    opening = code.span(node)[0]
    if isinstance(node, ast.Call):
        opening = code.text.index("(", code.span(node.func)[1])
    inner = code.text[opening + 1 : end - 1]
    if "#" in inner and _has_comment(f"({inner}\n)"):
        return None  # it stays where it is
    newline = code.newline
    line = code.line(number)
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    items = [code.text[p.start : p.end] for p in parts]
    if code.line_of(opening) == number == code.line_of(end - 1):
        whole = f"{indent}    {', '.join(items)}"
        if len(whole) <= WIDTH and parts[-1].comma is None:
            body = f"{whole}{newline}"
        else:
            body = "".join(f"{indent}    {item},{newline}" for item in items)
        if code.text.startswith(" or ", end):  # which begins a line of its own then
            return Edit(opening + 1, end + 1, f"{newline}{body}{indent}){newline}{indent}")
        return Edit(opening + 1, end - 1, f"{newline}{body}{indent}")
    if len(parts) > 1 and code.line_of(opening) < number < code.line_of(end - 1):
        body = f",{newline}{indent}".join(items)
        stop = parts[-1].end if parts[-1].comma is None else parts[-1].comma + 1
        return Edit(parts[0].start, stop, f"{body},")
    return None


def _has_comment(text: str) -> bool:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return any(token.type == tokenize.COMMENT for token in tokens)
