"""From the tree of tree-sitter-bash to the commands that are evaluated.

The tree gives the statements, how they nest and where they end; :mod:`commands` reads their
words. The grammar sometimes joins or splits statements without marking an error (two lines of
assignments become one command), so the text between nodes is checked: where it can't be
explained, the statement is unsupported, and what it may do is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from dsv4_env.lang.bash.syntax.commands import (
    conditional_at,
    newline,
    redirection,
    simple_command_at,
    skip_lines,
)
from dsv4_env.lang.bash.syntax.grammar import (
    TooMuchError,
    joined_remarks,
    opened,
    rooted,
    shown_text,
    sound,
)
from dsv4_env.lang.bash.syntax.nodes import (
    AndOr,
    ArithCmd,
    Assign,
    Background,
    Block,
    Case,
    For,
    ForArith,
    Function,
    Group,
    If,
    Lit,
    Node,
    Pipeline,
    Redirect,
    Simple,
    SyntaxProblemError,
    Unsupported,
    While,
    Word,
)
from dsv4_env.lang.bash.syntax.scan import (
    MAX_NESTING,
    Cursor,
    blanks,
    quoted_text,
    word_at,
    words_at,
)
from dsv4_env.model.budget import Budget, BudgetError

if TYPE_CHECKING:
    import tree_sitter as ts

_CLAUSES = frozenset({"elif_clause", "else_clause"})
_RESERVED = frozenset(
    "if then elif else fi while until do done for select case esac in function coproc "
    "{ } [[ ]]".split()
)
_SIMPLE = frozenset(
    "command declaration_command test_command unset_command variable_assignment "
    "variable_assignments file_redirect".split()
)
_HERE = frozenset({"heredoc_body", "heredoc_end", "heredoc_start", "heredoc_content"})
_NO_COMMAND = _HERE | {"comment"}
_NOTHING = _NO_COMMAND | {";", "\n"}
_MAX_ROUNDS = 20
MAX_LINES = 200_000
_LINE = re.compile(r"(?m)^[ \t]*[^ \t\n]")
_SLICE = 128
_UNCLEAR = re.compile(r"<<|\bcase\b|#")  # there, where a substitution ends depends on what follows
_STATEMENT = 4  # steps of reading one, beside its text


class Doubt(Exception):
    """The tree says something here that the text doesn't bear out."""


def with_redirections(node: Node, redirs: list[Redirect]) -> Node:
    """The command with redirections; those behind a pipeline or list are its last command's."""
    if isinstance(node, Pipeline):
        node.commands[-1] = with_redirections(node.commands[-1], redirs)
        return node
    if isinstance(node, AndOr):
        operator, last = node.rest[-1]
        node.rest[-1] = (operator, with_redirections(last, redirs))
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
    both = [c.type == "|&" for c in node.children if c.type in ("|", "|&")]
    *before, first = conv.statement(parts[0])  # lines that the tree has joined
    commands: list[Node] = [first]
    more: list[Node] = []
    for part in parts[1:]:
        if more:
            raise Doubt
        command, *more = conv.statement(part)
        commands.append(command)
    for i, error_too in enumerate(both):
        if error_too:  # behind the redirections of its own
            merged = Redirect(">&", "2", Word([Lit("1", False)], 0, 0, "1"))
            commands[i] = with_redirections(commands[i], [merged])
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


def parse(text: str, budget: Budget | None = None) -> tuple[Block, SyntaxProblemError | None]:
    """All commands of a text up to its first syntax error."""
    budget = budget or Budget()
    breaks: frozenset[int] = frozenset()
    stage = rounds = 0
    cut: SyntaxProblemError | None = None  # what stands behind it isn't read
    if text.count("\n") > MAX_LINES:
        starts = islice(_LINE.finditer(joined_remarks(text)), MAX_LINES, None)
        if (first := next(starts, None)) is not None:
            much = f"more than {MAX_LINES:,} lines"
            cut = SyntaxProblemError(first.start(), much, limit=True)
            text = text[: first.start()]
    while True:
        try:
            block, problem = Converter(text, budget, breaks, stage).program()
        except RecursionError:
            return Block([]), SyntaxProblemError(0, "nested too deeply", limit=True)
        except _Unexplained:
            stage += 1
        except _Joined as joined:
            rounds += 1
            if rounds > _MAX_ROUNDS or joined.ends <= breaks:
                return Block([]), SyntaxProblemError(
                    min(joined.ends), "lines that can't be told apart"
                )
            breaks |= joined.ends
        except TooMuchError as much:
            end = text.rfind("\n", 0, much.pos - (much.pos >> 3)) + 1
            problem = SyntaxProblemError(end, "it takes too many steps to parse", limit=True)
            rounds += 1
            if not end or rounds > 2:
                return Block([]), cut or problem
            text, cut = text[:end], problem
        else:
            return block, problem or cut


class _Joined(Exception):
    """The grammar has missed the ends of lines."""

    def __init__(self, ends: set[int]) -> None:
        self.ends = ends


class _Unexplained(Exception):
    """The grammar has joined what isn't one: in a plainer form of the text it may not."""


class Converter:
    """Turns one text's tree into commands."""

    def __init__(
        self, text: str, budget: Budget, breaks: frozenset[int] = frozenset(), stage: int = 0
    ) -> None:
        self.text = text
        self.budget = budget
        self.returns = "\r" in text
        self.extglob = False
        self.depth = 0
        self.reached = 0  # the end of what was read as a simple command
        self.root, self.last = rooted(shown_text(text, breaks), stage, budget)
        self.most = budget.spent_steps + budget.steps * 9 // 40  # the rest is for following it

    def cursor(self, start: int, end: int) -> Cursor:
        """A cursor over a part of the text."""
        return Cursor(
            self.text,
            start,
            end,
            self.substitution,
            self.extglob,
            depth=self.depth,
            budget=self.budget,
        )

    def carriage(self, nodes: list[ts.Node]) -> None:
        """Raise where a reserved word has a carriage return behind it: to bash it is none."""
        for node in nodes:
            if node.child_count == 0:
                if node.type in _RESERVED and self.text.startswith("\r", node.end_byte):
                    raise SyntaxProblemError(node.end_byte, "unexpected carriage return")
            else:
                self.carriage(node.children)

    def program(self) -> tuple[Block, SyntaxProblemError | None]:
        """All commands, and the first syntax error."""
        items: list[Node] = []
        joined: set[int] = set()
        children = self.root.children
        for statement in self.groups(opened(children) if self.root.has_error else children):
            bad = [n for n in statement if self.root.has_error and not sound(n)]
            if bad:
                return Block(items), self.problem(bad[0])
            try:
                line = self.items(statement)
            except (RecursionError, BudgetError) as error:
                start = statement[0].start_byte
                much = error.found if isinstance(error, BudgetError) else "nested too deeply"
                return Block(items), SyntaxProblemError(start, much, limit=True)
            except SyntaxProblemError as problem:
                if joined:
                    break
                return Block(items), problem
            except _Joined as more:
                joined |= more.ends  # those of the lines that follow are found in the same round
                continue
            # An error drops the rest of its line; where there are more, the tree joined lines.
            together = len(line) > 1 and len(line) == sum(
                n.is_named and n.type not in _NO_COMMAND for n in statement
            )
            items += [Block(line)] if together else line
        if joined:
            raise _Joined(joined)
        return Block(items), None

    def problem(self, node: ts.Node) -> SyntaxProblemError:
        """The first error below a node."""
        while True:
            if node.is_missing:
                return SyntaxProblemError(node.start_byte, f"{node.type!r} is missing")
            if node.type == "ERROR":
                word = self.text[node.start_byte : node.end_byte].split("\n", 1)[0].strip()[:20]
                return SyntaxProblemError(node.start_byte, f"unexpected {word!r}")
            inner = next((c for c in node.children if not sound(c)), None)
            if inner is None:
                return SyntaxProblemError(node.start_byte, "bash syntax error")
            node = inner

    def groups(self, nodes: list[ts.Node]) -> Iterator[list[ts.Node]]:
        """Top-level statements, each with the ``;`` or ``&`` behind it, line by line.

        As bash does, a line is a unit: what stands before an error on its line isn't run.
        """
        line: list[ts.Node] = []
        for node in nodes:
            broken = node.type == ";" and self.text[node.start_byte] == "\n"  # see ``shown``
            if line and (broken or "\n" in self.text[line[-1].end_byte : node.start_byte]):
                yield line
                line = []
            if not broken:
                line.append(node)
        if line:
            yield line

    # -- statements ------------------------------------------------------------------------

    def block(self, nodes: list[ts.Node]) -> Block:
        """The commands of nodes, one level deeper."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            start = nodes[0].start_byte if nodes else 0
            raise SyntaxProblemError(start, f"nested more than {MAX_NESTING} deep")
        items = self.items(nodes)
        self.depth -= 1
        return Block(items)

    def some(self, nodes: list[ts.Node], after: ts.Node) -> Block:
        """The commands of nodes, where bash wants at least one."""
        block = self.block(nodes)
        if not block.items:
            raise SyntaxProblemError(after.end_byte, f"no command after {after.type!r}")
        return block

    def items(self, nodes: list[ts.Node]) -> list[Node]:
        """The commands of nodes, with ``&`` put to what stands before it."""
        if self.returns:
            self.carriage(nodes)
        items: list[Node] = []
        end: int | None = None  # of the statement before, while nothing separates it
        for node in nodes:
            kind = node.type
            takes = 1 if kind in _NOTHING else _STATEMENT
            self.budget.step(count=takes + (node.end_byte - node.start_byte >> 6))
            if self.budget.spent_steps > self.most:
                much = "it takes too many steps to read"
                raise SyntaxProblemError(node.start_byte, much, limit=True)
            if kind in _NOTHING:
                end = None if kind != "comment" else end
                continue
            if kind == "&":
                if not items or end is None:
                    raise SyntaxProblemError(node.start_byte, "unexpected '&'")
                items[-1] = Background(items[-1])
                end = None
                continue
            if not sound(node):
                raise self.problem(node)
            if not node.is_named:
                raise SyntaxProblemError(node.start_byte, f"unexpected {self.of(node)!r}")
            try:
                separated = end is None or "\n" in self.text[end : node.start_byte]
                if not separated or node.start_byte < self.reached:
                    raise Doubt
                items += self.statement(node)
            except Doubt:
                if not self.last:
                    raise _Unexplained from None
                what = f"this {kind.replace('_', ' ')}"
                items.append(Unsupported(what, self.of(node), node.start_byte))
            end = node.end_byte
        return items

    def statement(self, node: ts.Node) -> list[Node]:
        """The commands that a node is; several where the tree joined lines."""
        kind = node.type
        if kind in _SIMPLE:
            return self.simple(node)
        if kind == "redirected_statement":
            return self.redirected(node)
        convert = COMPOUND.get(kind)
        if convert is None:
            return [Unsupported(kind.replace("_", " "), self.of(node), node.start_byte)]
        return convert(self, node)

    def one(self, node: ts.Node) -> Node:
        """The one command that a node is."""
        found = self.statement(node)
        if len(found) != 1:
            raise Doubt
        return found[0]

    def simple(self, node: ts.Node) -> list[Node]:
        """Simple commands from the text: the tree may have joined several lines."""
        start, end = node.start_byte, node.end_byte
        if self.text.startswith("((", start):
            return [self.arithmetic(node)]
        # The grammar may end a command too early: to it, a carriage return is blank.
        c = self.cursor(start, len(self.text))
        first = self.command(c)
        self.reached = max(self.reached, c.pos)
        c.end = max(end, c.pos)
        return [first, *self.more(c)]

    def more(self, c: Cursor) -> list[Node]:
        """The commands on further lines, up to the cursor's end."""
        found: list[Node] = []
        joined: set[int] = set()
        while True:
            blanks(c)
            end, pending = self.line_end(c.pos), bool(c.pending)
            over = c.pos >= c.end
            if not over and self.text[c.pos] not in "\n#":
                if joined:
                    raise _Joined(joined)
                raise Doubt
            if over or not skip_lines(c):
                if joined:
                    raise _Joined(joined)
                return found
            if not pending:
                joined.add(end)
            self.budget.step(count=_STATEMENT)
            try:
                found.append(self.command(c))
            except SyntaxProblemError:
                if joined:
                    raise _Joined(joined) from None
                raise

    def command(self, c: Cursor) -> Node:
        """One simple command (or ``[[ … ]]``) at the cursor."""
        if self.text.startswith("[[", c.pos) and self.text[c.pos + 2 : c.pos + 3] in tuple(" \t\n"):
            return conditional_at(c)
        command = simple_command_at(c)
        if not isinstance(command, Simple):
            return command
        while command.words and _plain(command.words[0]) == "time":
            del command.words[0]  # reserved: what follows is timed and run as it is
            while command.words and _plain(command.words[0]) in ("-p", "--"):
                del command.words[0]
        first = command.words[0] if command.words else None
        if (
            isinstance(first, Word)
            and first.plain in _RESERVED
            and self.text.startswith(first.plain or "", first.pos)
        ):
            raise SyntaxProblemError(first.pos, f"unexpected {first.plain!r}")
        self.extglob |= c.extglob
        return command

    def arithmetic(self, node: ts.Node) -> Node:
        """``((…))``."""
        start, end = node.start_byte, node.end_byte
        if not self.text.endswith("))", start, end):
            raise Doubt
        c = self.cursor(start, end)
        expr = quoted_text(c, self.text[start + 2 : end - 2], start + 2)
        return ArithCmd(expr, self.text[start:end])

    def redirected(self, node: ts.Node) -> list[Node]:
        """A command with redirections, here-documents among them."""
        body = node.child_by_field_name("body")
        here = [c for c in node.children if c.type == "heredoc_redirect"]
        plain = body is None or (
            body.type in _SIMPLE and not self.text.startswith(("[[", "(("), body.start_byte)
        )
        c = self.cursor(node.start_byte, node.end_byte)
        if plain and not here:
            return self.simple(node)
        before: list[Node] = []
        if plain:
            first = self.command(c)
        else:
            assert body is not None
            *before, first = self.statement(body)
            c.pos = body.end_byte
            first = self.with_redirects(c, first)
        blanks(c)
        if not here and c.pos != c.end:
            raise Doubt
        if not here:
            return [*before, first]
        self.here_end(here[0])
        self.budget.step(count=_STATEMENT)
        if len(here) > 1 or self.text.count("<<", c.pos, self.line_end(c.pos)):
            raise Doubt
        first = self.tail(c, here[0], first)
        if c.pos < c.end and self.text[c.pos] != "\n":
            raise Doubt
        newline(c)
        return [*before, first, *self.more(c)]

    def here_end(self, here: ts.Node) -> None:
        """Raise where what the grammar takes for a here-document's end isn't alone on its line."""
        for child in here.children:
            after = self.text[child.end_byte : child.end_byte + 1]
            if child.type == "heredoc_end" and not child.is_missing and after not in ("", "\n"):
                raise SyntaxProblemError(child.end_byte, "a here-document without an end")

    def line_end(self, pos: int) -> int:
        """Where the line of a position ends."""
        end = self.text.find("\n", pos)
        return len(self.text) if end < 0 else end

    def with_redirects(self, c: Cursor, node: Node) -> Node:
        """The node with the redirections at the cursor."""
        redirs: list[Redirect] = []
        blanks(c)
        while c.pos < c.end and redirection(c, redirs):
            blanks(c)
        return with_redirections(node, redirs) if redirs else node

    def tail(self, c: Cursor, here: ts.Node, first: Node) -> Node:
        """What follows a here-document's delimiter on its line: ``| cmd`` or ``&& cmd``."""
        operator = ""
        for child in here.children:
            if child.start_byte < c.pos and child.type not in ("&&", "||", "pipeline"):
                continue
            if child.type in ("&&", "||"):
                operator = child.type
            elif child.type == "pipeline":
                commands = [self.one(n) for n in child.children if n.type not in ("|", "|&")]
                if operator:
                    first = AndOr(first, [(operator, Pipeline(commands, False, ""))])
                else:
                    text = self.text[here.start_byte : child.end_byte]
                    first = Pipeline([first, *commands], False, text)
                c.pos, operator = child.end_byte, ""
            elif operator and child.is_named:
                first = AndOr(first, [(operator, self.one(child))])
                c.pos, operator = child.end_byte, ""
        blanks(c)
        return first

    def of(self, node: ts.Node) -> str:
        """A node's text."""
        return self.text[node.start_byte : node.end_byte]

    # -- command substitution ----------------------------------------------------------------------

    def substitution(self, c: Cursor) -> Block:
        """The commands of ``$(…)`` or ``<(…)``, the cursor behind the ``(``; or of a whole text."""
        if c.pos == 0:
            block, problem = parse(c.text, self.budget)
            if problem is not None:
                raise problem
            c.pos = c.end
            return block
        start = c.pos - 2
        if c.text is self.text:
            node = self.substituted(start)
            if node is not None:
                if not sound(node):
                    raise self.problem(node)
                c.pos = node.end_byte - 1
                return self.block(node.children[1:-1])
        inner, node = self.apart(c.text, start, c.end)
        if node is None or not sound(node):
            raise SyntaxProblemError(start, "a substitution that can't be read")
        c.pos = start + node.end_byte - 1
        inner.depth = c.depth
        return inner.block(node.children[1:-1])

    def apart(self, text: str, start: int, end: int) -> tuple[Converter, ts.Node | None]:
        """A substitution within a text that isn't commands (a here-document's body).

        Only as much of the text is parsed as it takes, lest many substitutions take the square.
        """
        size = _SLICE
        while True:
            piece = text[start : min(end, start + size)]
            try:
                inner = Converter(piece, self.budget)
            except TooMuchError:
                raise SyntaxProblemError(start, "it takes too many steps", limit=True) from None
            node = inner.substituted(0)
            if start + size >= end or (
                node is not None
                and sound(node)
                and node.end_byte < len(piece)
                and not _UNCLEAR.search(piece)
            ):
                return inner, node
            size *= 4

    def substituted(self, start: int) -> ts.Node | None:
        """The substitution whose ``$(`` or ``<(`` stands at a position."""
        node = self.root.descendant_for_byte_range(start, start + 1)
        while node is not None and node.start_byte == start:
            if node.type in ("command_substitution", "process_substitution"):
                return node
            node = node.parent
        return None


def _plain(word: Word | Assign) -> str | None:
    return word.plain if isinstance(word, Word) else None
