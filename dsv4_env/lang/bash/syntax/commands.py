"""Simple commands with their assignments and redirections, ``[[ … ]]``, and lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from dsv4_env.lang.bash.syntax.braces import expand_braces
from dsv4_env.lang.bash.syntax.nodes import (
    Assign,
    Cond,
    CondExpr,
    Item,
    Lit,
    Node,
    Part,
    Redirect,
    Simple,
    SyntaxProblemError,
    Unsupported,
    Word,
)
from dsv4_env.lang.bash.syntax.scan import (
    Cursor,
    blanks,
    deeper,
    finished,
    here_body,
    parts_at,
    plain_at,
    subscript,
    word_at,
    words_at,
)

_EMPTY = re.compile(r"(?:[ \t\n]++|#[^\n]*+)++")
_TOKEN = re.compile(r"[^ \t\n\\'\"$`|&;()<>]+(?=[ \t\n|&;()<>]|\\\n|\Z)|[();&|]")
DECLARERS = frozenset({"export", "declare", "typeset", "local", "readonly"})
_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(\+?)=|(?=\[))")
_LITERAL = re.compile(r"[A-Za-z_]\w*\+?=\(", re.ASCII)
_REDIRECT = re.compile(
    r"(\d+|\{[A-Za-z_]\w*(?:\[[^]\s]*\])?\})?(<<<|<<-|<<|<>|<&|>>|>&|>\||&>>|&>|<(?!\()|>(?!\())",
    re.ASCII,
)
# A comment, even right behind the operator, or the descriptor of the next redirection.
_NO_TARGET = re.compile(r"#|(?:\d+|\{[A-Za-z_]\w*\})[<>]", re.ASCII)
_UNARY = frozenset(f"-{c}" for c in "abcdefghknoprstuvwxzGLNORS")
_BINARY = frozenset(
    ["==", "=", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"]
)


def skip_comment(c: Cursor) -> bool:
    """Step over a comment; whether there was one."""
    if c.text.startswith("#", c.pos) and c.pos < c.end:
        i = c.text.find("\n", c.pos, c.end)
        c.pos = c.end if i < 0 else i
        return True
    return False


def newline(c: Cursor) -> None:
    """Step over a line's end, and over the here-documents that begin behind it."""
    if c.pos < c.end:
        c.pos += 1
    pending, c.pending = c.pending, []
    for redirect, delimiter, quoted, tabs in pending:
        lines: list[str] = []
        while c.pos < c.end:
            i = c.text.find("\n", c.pos, c.end)
            line = c.text[c.pos : c.end if i < 0 else i]
            begin = c.pos
            c.pos = c.end if i < 0 else i + 1
            if tabs:
                begin += len(line) - len(line.lstrip("\t"))
                line = line.lstrip("\t")
            joined = [line]
            while not quoted and i >= 0 and (len(line) - len(line.rstrip("\\"))) % 2:
                i = c.text.find("\n", c.pos, c.end)
                line = c.text[c.pos : c.end if i < 0 else i]
                joined[-1] = joined[-1][:-1]
                joined.append(line)
                c.pos = c.end if i < 0 else i + 1
            line = "".join(joined)
            if line == delimiter:
                break
            after = line.find(")", len(delimiter)) if c.inside else -1
            if after >= 0 and line.startswith(delimiter) and not joined[1:]:
                c.pos = begin + len(delimiter)
                break
            lines.append(line + ("\n" if i >= 0 else ""))
        body = "".join(lines)
        if quoted:
            redirect.word = Word([Lit(body, True)], 0, len(body), body)
        else:
            redirect.word = here_body(body, c)


def skip_lines(c: Cursor) -> bool:
    """Skip blanks, comments and newlines; whether anything is left."""
    while c.pos < c.end:
        if not c.pending and (m := _EMPTY.match(c.text, c.pos, c.end)):
            c.pos = m.end()
        blanks(c)
        if c.pos >= c.end:
            break
        if c.text[c.pos] == "\n":
            newline(c)
        elif not skip_comment(c):
            return True
    return False


def peek(c: Cursor) -> str:
    """The plain word or operator at the cursor, "" where there is none."""
    m = _TOKEN.match(c.text, c.pos, c.end)
    return m[0] if m else ""


def unexpected(c: Cursor, missing: str = "") -> SyntaxProblemError:
    """What stands at the cursor, as an error; of an end, behind the last that isn't blank."""
    found, pos = "end", c.pos
    if c.pos < c.end:
        found = repr(peek(c) or c.text[c.pos])
    else:
        pos = len(c.text[: c.end].rstrip())
        if missing:
            return SyntaxProblemError(pos, f"{missing!r} is missing")
    behind = f", {missing!r} is missing" if missing else ""
    return SyntaxProblemError(pos, f"unexpected {found}{behind}")


def expect(c: Cursor, keyword: str) -> None:
    """Step over a reserved word that has to be there."""
    skip_lines(c)
    if peek(c) != keyword:
        raise unexpected(c, keyword)
    c.pos += len(keyword)


def simple_command_at(c: Cursor) -> Node:
    """The simple command at the cursor."""
    start = end = c.pos
    node = Simple([], [], [], start, end)
    declarer = odd = False
    literal = True  # whether an array may stand here: behind a redirection, none may
    text = c.text
    while c.pos < c.end:
        ch = text[c.pos]
        if ch in "\n;|()#" or (ch == "&" and not text.startswith("&>", c.pos)):
            break
        if ch in "<>&0123456789{" and redirection(c, node.redirs):
            literal &= not node.assigns and not node.words
            end = c.pos
            blanks(c)
            continue
        if (not node.words or declarer) and (m := _ASSIGN.match(text, c.pos, c.end)):
            assign = _assign(c, m, literal=literal)
            if isinstance(assign, list):
                node.words += assign
            elif declarer:
                node.words += _braces(c, assign)
            else:
                node.assigns.append(assign)
                odd = odd or (assign.sub is not None and isinstance(assign.value, list))
        elif literal and (odd or _takes_arrays(node)) and (m := _LITERAL.match(text, c.pos, c.end)):
            c.pos = m.end() - 1
            _array(c)
            odd = True
        else:
            words = words_at(c)
            node.words += words
            if len(node.words) == len(words) and words:
                declarer = words[0].plain in DECLARERS
        end = c.pos
        blanks(c)
    if end == start:
        raise unexpected(c)
    node.end = end
    if odd:
        return Unsupported("an array here", text[start:end], start)
    names = [w.plain if isinstance(w, Word) else "" for w in node.words[:2]]
    if names == ["shopt", "-s"]:  # extglob changes how later lines are read
        c.extglob |= any(isinstance(w, Word) and w.plain == "extglob" for w in node.words)
    return node


def _takes_arrays(node: Simple) -> bool:
    """Whether it's a command that takes array literals without declaring them."""
    first = node.words[0] if node.words else None
    return isinstance(first, Word) and first.plain in ("alias", "eval", "let")


def redirection(c: Cursor, redirs: list[Redirect]) -> bool:
    """Read a redirection; whether there was one."""
    m = _REDIRECT.match(c.text, c.pos, c.end)
    if not m:
        return False
    start = c.pos
    c.pos = m.end()
    blanks(c)
    if _NO_TARGET.match(c.text, c.pos, c.end):
        raise unexpected(c)
    redirect = Redirect(m[2], m[1] or "", Word([], start, c.pos, ""))
    if m[2] in ("<<", "<<-"):
        delimiter = word_at(c)
        quoted = any(isinstance(p, Lit) and p.quoted for p in delimiter.parts)
        text = "".join(p.text for p in delimiter.parts)
        c.pending.append((redirect, text, quoted, m[2] == "<<-"))
    else:
        redirect.word = word_at(c)
    redirs.append(redirect)
    return True


def _assign(c: Cursor, m: re.Match[str], *, literal: bool) -> Assign | list[Word]:
    """The assignment at the cursor, or the words that it is where no ``=`` follows."""
    start, text = c.pos, c.text
    sub, append = None, bool(m[2])
    c.pos = m.end()
    if m[2] is None:
        sub = subscript(c)
        if text.startswith("+=", c.pos):
            append = True
            c.pos += 2
        elif text.startswith("=", c.pos):
            c.pos += 1
        else:
            return _subscripted(c, m[1], sub, start)
    value: Word | list[Item]
    value = _array(c) if literal and text.startswith("(", c.pos) else _value(c)
    return Assign(m[1], sub, append, value, start, c.pos, text[start : c.pos])


def _subscripted(c: Cursor, name: str, sub: Word, start: int) -> list[Word]:
    """The words that ``name[sub]…`` is, its brackets read."""
    parts: list[Part] = [Lit(f"{name}[", False), *sub.parts, Lit("]", False)]
    parts_at(c, parts, "")
    return expand_braces(finished(parts, start, c.pos), c.budget)


def _braces(c: Cursor, assign: Assign) -> list[Word | Assign]:
    """``export A={1,2}`` assigns twice: there, an assignment is a word first."""
    if isinstance(assign.value, list) or assign.value.plain is not None:
        return [assign]
    values = expand_braces(assign.value, c.budget, empty=True)
    if len(values) == 1 or assign.sub is not None:
        return [replace(assign, value=v) for v in values]
    head = Lit(f"{assign.name}{'+' * assign.append}=", False)
    return [finished([head, *v.parts], assign.pos, assign.end) for v in values]


def _value(c: Cursor) -> Word:
    ends = c.pos >= c.end or c.text[c.pos] in " \t\n;&|()<>"
    if ends and not c.text.startswith(("<(", ">("), c.pos):
        return Word([], c.pos, c.pos, "")
    return plain_at(c) or word_at(c)


def _array(c: Cursor) -> list[Item]:
    start = c.pos
    c.pos += 1
    items: list[Item] = []
    while True:
        if not skip_lines(c):
            raise SyntaxProblemError(start, "no closing )")
        if c.text[c.pos] == ")":
            c.pos += 1
            return items
        sub, append, at = None, False, c.pos
        words: list[Word] = []
        if c.text[c.pos] == "[":
            sub = subscript(c)
            if c.text.startswith("+=", c.pos):
                append = True
                c.pos += 2
            elif c.text.startswith("=", c.pos):
                c.pos += 1
            else:
                words, sub = _subscripted(c, "", sub, at), None
        if sub is not None:
            value = _value(c)
            items.append(Item(sub, append, [value], _braced(c, at)))
        else:
            items.append(Item(None, False, words or words_at(c)))


def _braced(c: Cursor, start: int) -> list[Word] | None:
    """What ``[sub]=value``, which ends here, is where braces in it expand: words, no element."""
    end = c.pos
    if "{" not in c.text[start:end]:
        return None
    c.pos = start
    word = word_at(c)
    inside, c.pos = c.pos == end, end
    words = expand_braces(word, c.budget) if inside else [word]
    changed = len(words) != 1 or _spelled(words[0]) != _spelled(word)
    return words if changed else None


def _spelled(word: Word) -> str:
    return "".join(p.text for p in word.parts)


def conditional_at(c: Cursor) -> Node:
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
    return _joined(c, "||", "or", lambda c: _joined(c, "&&", "and", _cond_one))


def _joined(c: Cursor, operator: str, op: str, operand: Callable[[Cursor], CondExpr]) -> CondExpr:
    """Operands with an operator between them, the last two joined first."""
    found = [operand(c)]
    while skip_lines(c) and c.text.startswith(operator, c.pos):
        c.pos += 2
        c.budget.step()
        found.append(operand(c))
    right = found.pop()
    while found:
        right = CondExpr(op, found.pop(), right)
    return right


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
    if keyword == "]]":
        raise SyntaxProblemError(left.pos, "an operand is missing before ']]'")
    if keyword in _UNARY:
        operand = _operand(c)
        skip_lines(c)
        return CondExpr(keyword, operand)
    op = c.text[c.pos] if c.pos < c.end and c.text[c.pos] in "<>" else peek(c)
    if op in _BINARY or op in ("<", ">"):
        c.pos += len(op)
        blanks(c)
        return CondExpr(op, left, _operand(c, pattern=True, regex=op == "=~"))
    if c.pos < c.end and c.text[c.pos] not in "&|)" and not c.text.startswith("]]", c.pos):
        raise SyntaxProblemError(c.pos, f"conditional operator expected, {op!r} found")
    return CondExpr("-n", left)


def _operand(c: Cursor, *, pattern: bool = False, regex: bool = False) -> Word:
    if peek(c) == "]]" or c.text.startswith("#", c.pos):
        raise SyntaxProblemError(c.pos, "an operand is missing")
    return word_at(c, pattern=pattern, regex=regex)
