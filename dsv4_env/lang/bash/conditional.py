"""The grammar of ``[[ … ]]``."""

from __future__ import annotations

from dsv4_env.lang.bash.lines import expect, peek, skip_lines
from dsv4_env.lang.bash.scan import Cursor, blanks, deeper, word_at
from dsv4_env.lang.bash.syntax import Cond, CondExpr, Node, SyntaxProblemError

_UNARY = frozenset(f"-{c}" for c in "abcdefghknoprstuvwxzGLNORS")


_BINARY = frozenset(
    ["==", "=", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"]
)


def conditional(c: Cursor) -> Node:
    """``[[ … ]]`` at the cursor."""
    start = c.pos
    c.pos += 2
    expr = _cond_or(c)
    skip_lines(c)
    if not c.text.startswith("]]", c.pos):
        raise SyntaxProblemError(c.pos, "']]' is missing")
    c.pos += 2
    return Cond(expr, c.text[start : c.pos])


def _cond_or(c: Cursor) -> CondExpr:
    left = _cond_and(c)
    skip_lines(c)
    if c.text.startswith("||", c.pos):
        c.pos += 2
        return CondExpr("or", left, _cond_or(c))
    return left


def _cond_and(c: Cursor) -> CondExpr:
    left = _cond_one(c)
    skip_lines(c)
    if c.text.startswith("&&", c.pos):
        c.pos += 2
        return CondExpr("and", left, _cond_and(c))
    return left


def _cond_one(c: Cursor) -> CondExpr:
    skip_lines(c)
    if c.text.startswith("(", c.pos):
        deeper(c)
        c.pos += 1
        inner = _cond_or(c)
        c.depth -= 1
        expect(c, ")")
        return inner
    keyword = peek(c)
    if keyword == "!":
        c.pos += 1
        deeper(c)
        inner = _cond_one(c)
        c.depth -= 1
        return CondExpr("not", inner)
    left = word_at(c)
    blanks(c)
    more = c.pos < c.end and c.text[c.pos] not in "\n&|)" and not c.text.startswith("]]", c.pos)
    if more and keyword in _UNARY and peek(c) not in _BINARY:
        return CondExpr(keyword, word_at(c))
    op = c.text[c.pos] if c.pos < c.end and c.text[c.pos] in "<>" else peek(c)
    if op in _BINARY or op in ("<", ">"):
        c.pos += len(op)
        blanks(c)
        return CondExpr(op, left, word_at(c, pattern=True, regex=op == "=~"))
    if c.pos < c.end and c.text[c.pos] not in "\n&|)" and not c.text.startswith("]]", c.pos):
        raise SyntaxProblemError(c.pos, f"conditional operator expected, {op!r} found")
    return CondExpr("-n", left)
