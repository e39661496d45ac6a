"""Commands of a bash script: lists, pipelines and compound commands, by recursive descent.

Words and simple commands are read by :mod:`scan` and :mod:`commands`, in the same pass. As bash
does, a line is a unit: what stands before a syntax error on its line isn't run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from dsv4_env.lang.bash.syntax.commands import (
    conditional_at,
    expect,
    peek,
    redirection,
    simple_command_at,
    skip_comment,
    skip_lines,
    unexpected,
)
from dsv4_env.lang.bash.syntax.nodes import (
    AndOr,
    ArithCmd,
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
    Cursor,
    blanks,
    deeper,
    double_close,
    quoted_text,
    word_at,
    words_at,
)
from dsv4_env.model.budget import Budget, BudgetError

_NOTHING: frozenset[str] = frozenset()
# A reserved word that no command begins with ends the list before it, or is out of place.
_ENDS = frozenset("then elif else fi do done esac in } ]] )".split())
_NAME = re.compile(r"[^ \t\n\\'\"$`|&;()<>]+(?=(?:[ \t]|\\\n)*\()")
_STATEMENT = 4  # steps of reading one, beside its text
_MAX_PIPES = 3_000  # of one pipeline: following them takes the square


def parse(
    text: str,
    budget: Budget | None = None,
    *,
    narrow: bool = False,
    starts: list[int] | None = None,
) -> tuple[Block, SyntaxProblemError | None]:
    """All commands of a text up to its first syntax error, and that error.

    *narrow* says that the locale has no character but ASCII's. *starts* is given where each line of
    commands begins, however many lines of the text that takes.
    """
    budget = budget or Budget()
    items: list[Node] = []
    # The rest of the budget is for following what is read.
    most = budget.spent_steps + _share(budget)
    c = Cursor(text, 0, len(text), substituted, budget=budget, narrow=narrow, most=most)
    start = 0
    try:
        budget.step(count=len(text) >> 8)
        while skip_lines(c):
            start = c.pos
            if starts is not None:
                starts.append(start)
            line = _line(c)
            # An error in one of them drops the rest of the line.
            items += [Block(line)] if len(line) > 1 else line
    except SyntaxProblemError as problem:
        return Block(items), problem
    except RecursionError:
        return Block(items), SyntaxProblemError(start, "nested too deeply", limit=True)
    except BudgetError as error:
        return Block(items), SyntaxProblemError(start, error.found, limit=True)
    return Block(items), None


def _share(budget: Budget) -> int:
    return budget.steps * 9 // 40


def affordable(budget: Budget) -> int:
    """How many steps a text may take to be parsed to its end."""
    return min(_share(budget), budget.left)


def _line(c: Cursor) -> list[Node]:
    """The commands up to the end of a line."""
    found: list[Node] = []
    while True:
        found.append(_and_or(c))
        if not _separated(c, found, _NOTHING):
            break
        if c.pos >= c.end or c.text[c.pos] == "\n":
            break
    if c.pos < c.end and c.text[c.pos] != "\n":
        raise unexpected(c)
    skip_lines(c)  # bodies of here-documents, too
    return found


def substituted(c: Cursor) -> Block:
    """The commands up to a ``)`` that nothing opens, or to the text's end."""
    return _block(c, _NOTHING, empty=True)


def _block(c: Cursor, ends: frozenset[str], *, empty: bool = False, case: bool = False) -> Block:
    """The commands up to one of *ends* (in a *case*: up to ``;;`` as well), at least one."""
    deeper(c)
    items: list[Node] = []
    while skip_lines(c):
        if c.text[c.pos] == ")" or (case and c.text.startswith((";;", ";&"), c.pos)):
            break
        if ends and peek(c) in ends:
            break
        items.append(_and_or(c))
        separated = _separated(c, items, ends, case=case)
        if not separated and c.pos < c.end and c.text[c.pos] != "\n":
            break
    if not items and not empty:
        raise unexpected(c, max(ends, default="") if c.pos >= c.end else "")
    c.depth -= 1
    return Block(items)


def _separated(c: Cursor, items: list[Node], ends: frozenset[str], *, case: bool = False) -> bool:
    """Step over ``;`` or ``&``, which is put to the command before it; whether there was one."""
    text = c.text
    blanks(c)
    found = False
    if c.pos < c.end and text[c.pos] in ";&":
        if not text.startswith((";;", ";&", "&&"), c.pos):
            if text[c.pos] == "&":
                items[-1] = Background(items[-1])
            c.pos += 1
            blanks(c)
            found = True
        elif not case or text.startswith("&&", c.pos):
            raise unexpected(c)
    skip_comment(c)
    over = found or c.pos >= c.end or text[c.pos] in "\n;)"
    # Behind a compound command, a reserved word may end the list without a separator.
    if not over and not (c.closed and peek(c) in ends):
        raise unexpected(c)
    return found


def _and_or(c: Cursor) -> Node:
    """Pipelines joined by ``&&`` and ``||``."""
    first = _pipeline(c)
    rest: list[tuple[str, Node]] = []
    while True:
        blanks(c)
        operator = c.text[c.pos : min(c.pos + 2, c.end)]
        if operator not in ("&&", "||"):
            return AndOr(first, rest) if rest else first
        c.pos += 2
        skip_lines(c)
        rest.append((operator, _pipeline(c)))


def _pipeline(c: Cursor) -> Node:
    """Commands joined by pipes; ``!`` and ``time`` before them are the whole pipeline's."""
    start, bang, marked = c.pos, False, False
    while True:
        word = peek(c)
        if _negates(c):
            bang = not bang
        elif word != "time":
            break
        marked = True
        c.pos += len(word)
        blanks(c)
        while word == "time" and peek(c) in ("-p", "--"):  # what is timed is run as it is
            c.pos += 2
            blanks(c)
    if marked and (c.pos >= c.end or c.text[c.pos] in "\n#" or _ends_list(c)):
        commands: list[Node] = [Simple([], [], [], start, c.pos)]
    else:
        commands = [_command(c)]
    end = c.pos
    while True:
        blanks(c)
        if not c.text.startswith("|", c.pos) or c.text.startswith("||", c.pos) or c.pos >= c.end:
            break
        c.pos += 1
        if c.text.startswith("&", c.pos):
            c.pos += 1
            commands[-1] = _both(commands[-1], c.pos)
        skip_lines(c)
        if _negates(c):
            raise unexpected(c)
        commands.append(_command(c))
        end = c.pos
        if len(commands) > _MAX_PIPES:
            much = f"more than {_MAX_PIPES:,} commands joined by pipes"
            raise SyntaxProblemError(start, much, limit=True)
    if len(commands) == 1 and not bang:
        return commands[0]
    return Pipeline(commands, bang, c.text[start:end])


def _negates(c: Cursor) -> bool:
    return peek(c) == "!" and not (c.extglob and c.text.startswith("(", c.pos + 1))


def _ends_list(c: Cursor) -> bool:
    return c.text[c.pos] == ";" and not c.text.startswith((";;", ";&"), c.pos)


def _both(node: Node, pos: int) -> Node:
    """``a |& b`` is ``a 2>&1 | b``."""
    return _redirected(node, [Redirect(">&", "2", Word([Lit("1", False)], pos, pos, "1"))])


def _command(c: Cursor) -> Node:
    """One command with its redirections."""
    start, text = c.pos, c.text
    word = peek(c)
    c.closed = False
    convert = _COMPOUND.get(word)
    if convert is not None:
        node = convert(c)
        c.closed = True
        return _redirections(c, node) if word not in _WITHOUT else node
    if word in _ENDS:
        raise unexpected(c)
    name = _NAME.match(text, c.pos, c.end)
    if name and (node_or_none := _named(c, name)) is not None:
        return node_or_none
    simple = simple_command_at(c)
    if isinstance(simple, Simple) and text.startswith("(", c.pos) and c.pos < c.end:
        if len(simple.words) == 1 and not simple.assigns and not simple.redirs:
            named = text[start : simple.end]
            _parentheses(c)
            _body(c)  # bash refuses the name when it gets there
            c.closed = True
            return Unsupported(f"a function named {named[:40]!r}", text[start : c.pos], start)
        raise unexpected(c)
    _paid(c, start)
    return simple


def _paid(c: Cursor, start: int) -> None:
    """Spend what reading a command took, up to a part of the budget."""
    c.budget.step(count=_STATEMENT + (c.pos - start >> 6))
    if c.budget.spent_steps > c.most:
        raise SyntaxProblemError(start, "it takes too many steps to read", limit=True)


def _redirections(c: Cursor, node: Node) -> Node:
    """The compound command with the redirections behind it."""
    redirs: list[Redirect] = []
    blanks(c)
    while c.pos < c.end and redirection(c, redirs):
        c.closed = False
        blanks(c)
    return _redirected(node, redirs) if redirs else node


def _redirected(node: Node, redirs: list[Redirect]) -> Node:
    if isinstance(node, Simple | Group):
        return replace(node, redirs=[*node.redirs, *redirs])
    return Group(node, False, redirs)


# -- compound commands -----------------------------------------------------------------------------


def _keyword(c: Cursor) -> int:
    """Step over the reserved word at the cursor; where it stood."""
    start = c.pos
    c.pos += len(peek(c))
    _paid(c, start)
    return start


def _first_line(c: Cursor, start: int) -> str:
    end = c.text.find("\n", start, c.pos)
    return c.text[start : c.pos if end < 0 else end]


def _enclosed(c: Cursor, opening: str, closing: str) -> Block:
    expect(c, opening)
    body = _block(c, frozenset({closing}))
    expect(c, closing)
    return body


def _group(c: Cursor) -> Node:
    _paid(c, c.pos)
    return Group(_enclosed(c, "{", "}"), False, [])


def _parenthesis(c: Cursor) -> Node:
    """``((…))`` or ``( … )``."""
    start = c.pos
    _paid(c, start)
    if c.text.startswith("((", start):
        close = double_close(c, start + 2)
        if close >= 0:
            c.pos = close + 2
            expr = quoted_text(c, c.text[start + 2 : close], start + 2)
            return ArithCmd(expr, c.text[start : c.pos])
    return Group(_enclosed(c, "(", ")"), True, [])


def _if(c: Cursor) -> Node:
    branches: list[tuple[Block, Block]] = []
    other: Block | None = None
    while True:
        _keyword(c)
        test = _block(c, _THEN)
        expect(c, "then")
        branches.append((test, _block(c, _BRANCHES)))
        if peek(c) != "elif":
            break
    if peek(c) == "else":
        _keyword(c)
        other = _block(c, _FI)
    expect(c, "fi")
    return If(branches, other)


_THEN, _FI = frozenset({"then"}), frozenset({"fi"})
_BRANCHES = frozenset({"elif", "else", "fi"})
_DO = frozenset({"do"})


def _while(c: Cursor) -> Node:
    until = peek(c) == "until"
    start = _keyword(c)
    test = _block(c, _DO)
    body = _enclosed(c, "do", "done")
    return While(test, body, until, _first_line(c, start), start)


def _for(c: Cursor) -> Node:
    select = peek(c) == "select"
    start = _keyword(c)
    blanks(c)
    if not select and c.text.startswith("((", c.pos):
        return _for_arith(c, start)
    at = c.pos
    word_at(c)
    name = c.text[at : c.pos]
    words: list[Word] | None = None
    broken = _broken(c)
    if not broken and c.text.startswith(";", c.pos):
        c.pos += 1
        broken = _broken(c) or True
    elif peek(c) == "in":
        c.pos += 2
        words = []
        blanks(c)
        while c.pos < c.end and c.text[c.pos] not in "\n;#":
            words += words_at(c)
            blanks(c)
        skip_comment(c)
        if c.pos >= c.end:
            raise unexpected(c)
        c.pos += c.text[c.pos] == ";"
        broken = True
    return For(name, words, _loop(c, braces=broken), select, _first_line(c, start), start)


def _broken(c: Cursor) -> bool:
    """Step over blanks and ends of lines; whether there was one of these."""
    blanks(c)
    before = c.pos
    skip_lines(c)
    return c.pos > before


def _loop(c: Cursor, *, braces: bool) -> Block:
    skip_lines(c)
    if braces and peek(c) == "{":
        return _enclosed(c, "{", "}")
    return _enclosed(c, "do", "done")


def _for_arith(c: Cursor, start: int) -> Node:
    at = c.pos + 2
    close = double_close(c, at)
    if close < 0:
        raise SyntaxProblemError(c.pos, "no closing ))")
    parts = c.text[at:close].split(";")
    if len(parts) != 3:
        raise SyntaxProblemError(at, "three expressions expected")
    c.pos = close + 2
    init, test, step = (quoted_text(c, part, at) for part in parts)
    blanks(c)
    if c.text.startswith(";", c.pos):
        c.pos += 1
    body = _loop(c, braces=True)
    return ForArith(init, test, step, body, _first_line(c, start), start)


def _case(c: Cursor) -> Node:
    start = _keyword(c)
    blanks(c)
    subject = word_at(c)
    expect(c, "in")
    items: list[tuple[list[Word], Block, str]] = []
    while True:
        skip_lines(c)
        if peek(c) == "esac":
            break
        at = c.pos
        if c.text.startswith("(", c.pos):
            c.pos += 1
        patterns: list[Word] = []
        while True:
            blanks(c)
            patterns.append(word_at(c))
            blanks(c)
            if not c.text.startswith("|", c.pos):
                break
            c.pos += 1
        if not c.text.startswith(")", c.pos):
            raise unexpected(c)
        c.pos += 1
        _paid(c, at)
        body = _block(c, _ESAC, empty=True, case=True)
        end = next((e for e in (";;&", ";;", ";&") if c.text.startswith(e, c.pos)), "")
        c.pos += len(end)
        items.append((patterns, body, end))
        if not end:
            break
    expect(c, "esac")
    return Case(subject, items, start)


_ESAC = frozenset({"esac"})


def _named(c: Cursor, name: re.Match[str]) -> Node | None:
    """A function definition without ``function``, None where it's something else."""
    start, word = c.pos, name[0]
    glob = c.extglob and word[-1] in "?*+@!" and c.text.startswith("(", name.end())
    if glob or "=" in word or "[" in word:
        return None
    c.pos = name.end()
    _parentheses(c)
    return _function(c, word, start)


def _parentheses(c: Cursor) -> None:
    blanks(c)
    c.pos += 1
    blanks(c)
    if not c.text.startswith(")", c.pos) or c.pos >= c.end:
        raise unexpected(c)
    c.pos += 1


def _function_keyword(c: Cursor) -> Node:
    start = _keyword(c)
    blanks(c)
    at = c.pos
    word_at(c)
    name = c.text[at : c.pos]
    blanks(c)
    if c.text.startswith("(", c.pos) and re.compile(r"\([ \t]*\)").match(c.text, c.pos, c.end):
        _parentheses(c)
    return _function(c, name, start)


def _function(c: Cursor, name: str, start: int) -> Node:
    body = _body(c)
    c.closed = True
    return Function(name, body, c.text[start : c.pos])


def _body(c: Cursor) -> Node:
    """A compound command with its redirections."""
    skip_lines(c)
    if peek(c) not in _COMPOUND or peek(c) in _WITHOUT:
        raise unexpected(c)
    deeper(c)
    body = _command(c)
    c.depth -= 1
    return body


def _coproc(c: Cursor) -> Node:
    """``coproc [name] command``: what it does to its own pipes isn't followed."""
    start = _keyword(c)
    blanks(c)
    if peek(c) not in _COMPOUND:
        at = c.pos
        if c.pos < c.end and c.text[c.pos] not in "\n;&|()<>":
            word_at(c)
            blanks(c)
        if (peek(c) in _ENDS and "=" not in c.text[at : c.pos]) or c.text.startswith("!", at):
            raise unexpected(c)
        if peek(c) not in _COMPOUND:
            c.pos = at
    deeper(c)
    _command(c)
    c.depth -= 1
    return Unsupported("coproc", c.text[start : c.pos], start)


_COMPOUND: dict[str, Callable[[Cursor], Node]] = {
    "{": _group,
    "(": _parenthesis,
    "if": _if,
    "while": _while,
    "until": _while,
    "for": _for,
    "select": _for,
    "case": _case,
    "[[": conditional_at,
    "function": _function_keyword,
    "coproc": _coproc,
}
_WITHOUT = frozenset({"function", "coproc"})  # redirections behind them are the body's
