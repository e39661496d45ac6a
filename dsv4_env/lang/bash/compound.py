"""Compound commands and lists: from their nodes of the tree to the commands evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dsv4_env.lang.bash.lines import skip_lines
from dsv4_env.lang.bash.scan import blanks, quoted_text, word_at, words_at
from dsv4_env.lang.bash.syntax import (
    AndOr,
    Block,
    Case,
    For,
    ForArith,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Redirect,
    Simple,
    While,
    Word,
)

if TYPE_CHECKING:
    import tree_sitter as ts

    from dsv4_env.lang.bash.tree import Converter


class Doubt(Exception):
    """The tree says something here that the text doesn't bear out."""


def redirected(node: Node, redirs: list[Redirect]) -> Node:
    """The command with redirections; those behind a pipeline or list are its last command's."""
    if isinstance(node, Pipeline):
        node.commands[-1] = redirected(node.commands[-1], redirs)
        return node
    if isinstance(node, AndOr):
        operator, last = node.rest[-1]
        node.rest[-1] = (operator, redirected(last, redirs))
        return node
    if isinstance(node, Simple) or (isinstance(node, Group) and not node.redirs):
        node.redirs += redirs
        return node
    return Group(node, False, redirs)


def _list(conv: Converter, node: ts.Node) -> list[Node]:
    flat: list[ts.Node] = []

    todo = [node]
    while todo:  # not by recursion: lists of thousands nest as deep as that
        one = todo.pop()
        if one.type == "list":
            todo += reversed(one.children)
        elif one.type != "comment":
            flat.append(one)
    if len(flat) % 2 == 0:
        raise Doubt
    *before, first = conv.statement(flat[0])  # lines that the tree has joined
    rest: list[tuple[str, Node]] = []
    more: list[Node] = []
    for index in range(1, len(flat), 2):
        operator, right = flat[index], flat[index + 1]
        if operator.type not in ("&&", "||") or more:
            raise Doubt
        command, *more = conv.statement(right)
        if isinstance(command, AndOr):
            rest += [(operator.type, command.first), *command.rest]
        else:
            rest.append((operator.type, command))
    return [*before, AndOr(first, rest), *more]


def _pipeline(conv: Converter, node: ts.Node) -> list[Node]:
    parts = [c for c in node.children if c.type not in ("|", "|&", "comment")]
    *before, first = conv.statement(parts[0])  # lines that the tree has joined
    commands: list[Node] = [first]
    more: list[Node] = []
    for part in parts[1:]:
        if more:
            raise Doubt
        command, *more = conv.statement(part)
        commands.append(command)
    bang = False
    if isinstance(commands[0], Pipeline):  # `! a | b`: the `!` is the whole pipeline's
        bang = commands[0].bang
        commands[:1] = commands[0].commands
    if any(isinstance(c, AndOr) for c in commands):
        raise Doubt
    return [*before, Pipeline(commands, bang, conv.of(node)), *more]


def _negated(conv: Converter, node: ts.Node) -> list[Node]:
    inner, *more = conv.statement(node.children[-1])
    if isinstance(inner, AndOr):  # the `!` belongs to the first pipeline only
        return [AndOr(_negate(conv, inner.first, node), inner.rest), *more]
    return [_negate(conv, inner, node), *more]


def _negate(conv: Converter, inner: Node, node: ts.Node) -> Node:
    if isinstance(inner, Pipeline):
        return Pipeline(inner.commands, not inner.bang, conv.of(node))
    return Pipeline([inner], True, conv.of(node))


def _group(conv: Converter, node: ts.Node) -> list[Node]:
    if conv.text.startswith("((", node.start_byte) and node.children[0].type == "((":
        return [conv.arithmetic(node)]
    body = conv.some(node.children[1:-1], node.children[0])
    return [Group(body, node.type == "subshell", [])]


def _if(conv: Converter, node: ts.Node) -> list[Node]:
    branches: list[tuple[Block, Block]] = []
    other: Block | None = None

    def branch(children: list[ts.Node]) -> list[ts.Node]:
        at = next((i for i, c in enumerate(children) if c.type == "then"), None)
        if at is None:
            raise Doubt
        body = [c for c in children[at + 1 :] if c.type not in _CLAUSES]
        branches.append((conv.some(children[1:at], children[0]), conv.some(body, children[at])))
        return [c for c in children[at + 1 :] if c.type in ("elif_clause", "else_clause")]

    for clause in branch([c for c in node.children if c.type != "fi"]):
        if clause.type == "elif_clause":
            branch(clause.children)
        else:
            other = conv.some(clause.children[1:], clause.children[0])
    return [If(branches, other)]


def _while(conv: Converter, node: ts.Node) -> list[Node]:
    body = node.children[-1]
    test = conv.some(node.children[1:-1], node.children[0])
    until = node.children[0].type == "until"
    return [While(test, _do(conv, body), until, _first_line(conv, node), node.start_byte)]


def _first_line(conv: Converter, node: ts.Node) -> str:
    return conv.of(node).split("\n", 1)[0]


def _do(conv: Converter, node: ts.Node) -> Block:
    if node.type not in ("do_group", "compound_statement"):
        raise Doubt
    return conv.some(node.children[1:-1], node.children[0])


def _for(conv: Converter, node: ts.Node) -> list[Node]:
    name = node.child_by_field_name("variable")
    body = node.child_by_field_name("body")
    assert name is not None
    assert body is not None
    words: list[Word] | None = None
    for child in node.children:
        if child.type == "ERROR":  # `for x in; do`
            words = []
        elif child.type == "in":
            words = []
            c = conv.cursor(child.end_byte, body.start_byte)
            blanks(c)
            while c.pos < c.end and conv.text[c.pos] not in "\n;#":
                words += words_at(c)
                blanks(c)
    select = node.children[0].type == "select"
    return [
        For(conv.of(name), words, _do(conv, body), select, _first_line(conv, node), node.start_byte)
    ]


def _for_arith(conv: Converter, node: ts.Node) -> list[Node]:
    body = node.child_by_field_name("body")
    marks = {c.type: c for c in node.children if c.type in ("((", "))")}
    if body is None or len(marks) != 2:
        raise Doubt
    start, end = marks["(("].end_byte, marks["))"].start_byte
    parts = conv.text[start:end].split(";")
    if len(parts) != 3:
        raise Doubt
    c = conv.cursor(start, end)
    init, test, step = (quoted_text(c, part, start) for part in parts)
    return [ForArith(init, test, step, _do(conv, body), _first_line(conv, node), node.start_byte)]


def _case(conv: Converter, node: ts.Node) -> list[Node]:
    c = conv.cursor(node.children[0].end_byte, node.end_byte)
    blanks(c)
    subject = word_at(c)
    items = [_case_item(conv, item) for item in node.children if item.type == "case_item"]
    return [Case(subject, items, node.start_byte)]


def _case_item(conv: Converter, item: ts.Node) -> tuple[list[Word], Block, str]:
    c = conv.cursor(item.start_byte, item.end_byte)
    skip_lines(c)  # before a backslash, the grammar takes the line's end along
    if conv.text.startswith("(", c.pos):
        c.pos += 1
    patterns: list[Word] = []
    while True:
        blanks(c)
        patterns.append(word_at(c))
        blanks(c)
        if not conv.text.startswith("|", c.pos):
            break
        c.pos += 1
    if not conv.text.startswith(")", c.pos):
        raise Doubt
    c.pos += 1
    inside = [n for n in item.children if n.start_byte >= c.pos]
    ends = inside.pop().type if inside and inside[-1].type in (";;", ";&", ";;&") else ""
    return patterns, conv.block(inside), ends


def _function(conv: Converter, node: ts.Node) -> list[Node]:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if name is None or body is None:
        raise Doubt
    conv.depth += 1
    inner = conv.one(body)
    conv.depth -= 1
    if body.end_byte < node.end_byte:
        c = conv.cursor(body.end_byte, node.end_byte)
        inner = conv.with_redirects(c, inner)
        if c.pos != c.end or c.pending:
            raise Doubt
    return [Function(conv.of(name), inner, conv.of(node))]


_CLAUSES = frozenset({"elif_clause", "else_clause"})
COMPOUND: dict[str, Callable[[Converter, ts.Node], list[Node]]] = {
    "c_style_for_statement": _for_arith,
    "case_statement": _case,
    "compound_statement": _group,
    "for_statement": _for,
    "function_definition": _function,
    "if_statement": _if,
    "list": _list,
    "negated_command": _negated,
    "pipeline": _pipeline,
    "subshell": _group,
    "while_statement": _while,
}
