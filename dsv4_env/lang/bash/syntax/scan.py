"""Words of a bash script: quoting, what a ``$`` or a backquote begins, and their exact extents."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dsv4_env.lang.bash.syntax.braces import expand_braces
from dsv4_env.lang.bash.syntax.nodes import (
    Arith,
    Block,
    CmdSub,
    Lit,
    Param,
    Part,
    ProcSub,
    Redirect,
    SyntaxProblemError,
    Unsupported,
    Word,
)
from dsv4_env.model.budget import Budget

MAX_NESTING = 50
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RUN = re.compile(r"[^ \t\n\\'\"$`|&;()<>]+")
_DQ_RUN = re.compile(r'[^"\\$`]+')
_HERE_RUN = re.compile(r"[^\\$`]+")
_BLANKS = re.compile(r"(?:[ \t]|\\\n)+")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=-]+(?=[ \t\n;)]|\Z)")
_ACTIVE = re.compile(r"[*?~{(]|\[.")
_RUNS: dict[str, re.Pattern[str]] = {"": _RUN}
_OPS = re.compile(r":[-=?+]|[-=?+]|##?|%%?|/[/#%]?|\^\^?|,,?|~~?|:|@[A-Za-z]")
_LENGTH = re.compile(r"#(?:[A-Za-z_]\w*(?:\[|\})|\d+\}|[@*?$!#-]\})", re.ASCII)
_PARAM = re.compile(r"[A-Za-z_]\w*|\d+|[@*#?$!-]", re.ASCII)
_SIMPLE_PARAM = re.compile(r"[A-Za-z_]\w*|[0-9@*#?$!-]", re.ASCII)
_ESCAPE = re.compile(
    r"\\(?:([abeEfnrtv\\'\"?])|([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})"
    r"|U([0-9A-Fa-f]{1,8})|c(.))",
    re.DOTALL,
)
_PAIRED = re.compile(r"""\\.|[()]|"(?:[^"\\]++|\\.)*+"|'[^']*+'|`[^`]*+`|['"`]""", re.DOTALL)
_NAMED = dict(zip("abeEfnrtv\\'\"?", "\a\b\x1b\x1b\f\n\r\t\v\\'\"?", strict=True))


@dataclass(slots=True, eq=False, repr=False)
class Cursor:
    """Where the reading of a text is. *parse_until* reads commands up to a closing ``)``.

    *narrow*: the locale has no character but ASCII's, so that ``\\u…`` stays as it is.
    """

    text: str
    pos: int
    end: int
    parse_until: Callable[[Cursor], Block]
    extglob: bool = False
    pending: list[tuple[Redirect, str, bool, bool]] = field(default_factory=list)
    depth: int = 0
    budget: Budget = field(default_factory=Budget)
    narrow: bool = False
    most: int = 0  # steps of the budget that may be spent when all is read
    closed: bool = False  # the last command ends with a reserved word or a bracket
    inside: bool = False  # of a substitution, whose ) may end a here-document, too

    def within(self, text: str) -> Cursor:
        """A cursor over a text that is a part of this one's, in other words."""
        return replace(self, text=text, pos=0, end=len(text), pending=[])


def deeper(c: Cursor) -> None:
    """Count one level of nesting, up to the limit."""
    c.depth += 1
    if c.depth > MAX_NESTING:
        raise SyntaxProblemError(c.pos, f"nested more than {MAX_NESTING} deep", limit=True)


def blanks(c: Cursor) -> None:
    """Skip blanks and line continuations."""
    if c.pos < c.end and c.text[c.pos] in " \t\\" and (m := _BLANKS.match(c.text, c.pos, c.end)):
        c.pos = m.end()


def words_at(c: Cursor) -> list[Word]:
    """The words that the one at the cursor is after brace expansion."""
    plain = plain_at(c)
    if plain is not None:
        return [plain]
    word = word_at(c)
    return expand_braces(word, c.budget) if word.parts else []


def plain_at(c: Cursor) -> Word | None:
    """The word at the cursor where it's nothing but plain text."""
    m = _PLAIN.match(c.text, c.pos, c.end)
    if m is None:
        return None
    text = m[0]
    c.pos = m.end()
    return Word([Lit(text, False)], m.start(), c.pos, text)


def word_at(c: Cursor, *, pattern: bool = False, regex: bool = False) -> Word:
    """The word at the cursor; *pattern*: ``@(…)`` counts, *regex*: so do bare parentheses."""
    start = c.pos
    parts: list[Part] = []
    parts_at(c, parts, "", pattern=pattern, regex=regex)
    if c.pos == start:
        raise SyntaxProblemError(c.pos, "a word is missing")
    return finished(parts, start, c.pos)


def finished(parts: list[Part], start: int, end: int) -> Word:
    """A word of parts, with neighbouring literals joined."""
    joined: list[Part] = []
    texts: list[str] = []  # of the literals that make one
    for i, part in enumerate(parts):
        if not isinstance(part, Lit):
            joined.append(part)
            continue
        following = parts[i + 1] if i + 1 < len(parts) else None
        same = isinstance(following, Lit) and following.quoted == part.quoted
        if same or texts:
            texts.append(part.text)
        if not same:
            joined.append(Lit("".join(texts), part.quoted) if texts else part)
            texts = []
    plain = None
    if all(isinstance(p, Lit) and (p.quoted or not _ACTIVE.search(p.text)) for p in joined):
        plain = "".join(p.text for p in joined if isinstance(p, Lit))
    return Word(joined, start, end, plain)


def parts_at(
    c: Cursor, parts: list[Part], stops: str, *, pattern: bool = False, regex: bool = False
) -> None:
    """Read parts of a word up to a metacharacter, or (inside ``${…}``) to one of *stops*."""
    text, end = c.text, c.end
    vm = _run_for(stops)
    while c.pos < end:
        if len(parts) & 255 == 255:
            c.budget.step(count=128)
        m = vm.match(text, c.pos, end)
        if m:
            parts.append(Lit(m[0], False))
            c.pos = m.end()
            if c.pos >= end:
                return
        ch = text[c.pos]
        if stops:
            if ch in stops:
                return
        elif ch in " \t\n;&|" and not (regex and ch == "|"):
            return
        if ch == "\\":
            if c.pos + 1 >= end:
                c.pos += 1  # a backslash at the very end is nothing
            elif text[c.pos + 1] == "\n":
                c.pos += 2
            else:
                parts.append(Lit(text[c.pos + 1], True))
                c.pos += 2
        elif ch == "'":
            close = text.find("'", c.pos + 1, end)
            if close < 0:
                raise SyntaxProblemError(c.pos, "no closing '")
            parts.append(Lit(text[c.pos + 1 : close], True))
            c.pos = close + 1
        elif ch == '"':
            double_quoted(c, parts)
        elif ch == "$":
            expansion(c, parts, quoted=False)
        elif ch == "`":
            backquoted(c, parts, quoted=False)
        elif ch in "<>":
            if text.startswith("(", c.pos + 1) and not stops:
                process_substitution(c, parts)
            elif stops:
                parts.append(Lit(ch, False))
                c.pos += 1
            else:
                return
        elif ch == "(" and (regex or ((pattern or c.extglob) and _extended(parts))):
            parts.append(Lit("(", False))
            c.pos += 1
            deeper(c)
            parts_at(c, parts, ")", pattern=pattern, regex=regex)
            c.depth -= 1
            if c.pos >= end:
                raise SyntaxProblemError(c.pos, "no closing )")
            parts.append(Lit(")", False))
            c.pos += 1
        elif ch in "()" and not stops:
            return
        else:
            parts.append(Lit(ch, False))
            c.pos += 1


def _run_for(stops: str) -> re.Pattern[str]:
    vm = _RUNS.get(stops)
    if vm is None:
        vm = _RUNS[stops] = re.compile(rf"[^\\'\"$`<>()@?*+!{re.escape(stops)}]+")
    return vm


def _extended(parts: list[Part]) -> bool:
    last = parts[-1] if parts else None
    return isinstance(last, Lit) and not last.quoted and last.text[-1:] in tuple("?*+@!")


def double_quoted(c: Cursor, parts: list[Part]) -> None:
    """Read a double-quoted string."""
    start = c.pos
    c.pos += 1
    before = len(parts)
    _inside(c, parts, _DQ_RUN, '"')
    if c.pos >= c.end:
        raise SyntaxProblemError(start, 'no closing "')
    c.pos += 1
    if len(parts) == before:
        parts.append(Lit("", True))


def here_body(text: str, around: Cursor) -> Word:
    """The body of a here-document whose delimiter isn't quoted."""
    c = around.within(text)
    parts: list[Part] = []
    try:
        _inside(c, parts, _HERE_RUN, "")
    except SyntaxProblemError as problem:  # bash only sees it when it gets there
        if problem.limit:
            raise
        parts = [_unreadable("this here-document", text, c, quoted=True)]
    return finished(parts, 0, c.end)


def quoted_text(c: Cursor, text: str, pos: int) -> Word:
    """Text whose expansions are done as in double quotes (arithmetic)."""
    inner = c.within(text)
    parts: list[Part] = []
    _inside(inner, parts, _HERE_RUN, "")
    return finished(parts, pos, pos + len(text))


def _inside(c: Cursor, parts: list[Part], vm: re.Pattern[str], stop: str) -> None:
    text, end = c.text, c.end
    special = '$`\\\n"' if stop == '"' else "$`\\\n"
    while c.pos < end:
        if len(parts) & 255 == 255:
            c.budget.step(count=128)
        m = vm.match(text, c.pos, end)
        if m:
            parts.append(Lit(m[0], True))
            c.pos = m.end()
            if c.pos >= end:
                return
        ch = text[c.pos]
        if ch == stop:
            return
        if ch == "\\":
            following = text[c.pos + 1 : c.pos + 2] if c.pos + 1 < end else ""
            if following == "\n":
                pass
            elif following and following in special:
                parts.append(Lit(following, True))
            else:
                parts.append(Lit("\\" + following, True))
            c.pos += 2
        elif ch == "$":
            expansion(c, parts, quoted=True)
        else:
            backquoted(c, parts, quoted=True)


def expansion(c: Cursor, parts: list[Part], *, quoted: bool) -> None:
    """Read what the ``$`` at the cursor begins."""
    text, start = c.text, c.pos
    m = _SIMPLE_PARAM.match(text, start + 1, c.end)
    if m:
        c.pos = m.end()
        parts.append(Param(m[0], quoted, text[start : c.pos]))
        return
    ch = text[start + 1 : start + 2] if start + 1 < c.end else ""
    deeper(c)
    if ch == "{":
        parts.append(_braced(c, quoted=quoted))
    elif ch == "(":
        close = double_close(c, start + 3) if text.startswith("(", start + 2) else -1
        if close >= 0:
            c.pos = close + 2
            expr = quoted_text(c, text[start + 3 : close], start + 3)
            parts.append(Arith(expr, quoted, text[start : c.pos]))
        else:
            parts.append(_substitution(c, start, quoted=quoted))
    elif ch == "[":
        close = text.find("]", start, c.end)
        if close < 0:
            raise SyntaxProblemError(start, "no closing ]")
        c.pos = close + 1
        expr = quoted_text(c, text[start + 2 : close], start + 2)
        parts.append(Arith(expr, quoted, text[start : c.pos]))
    elif ch == "'" and not quoted:
        c.pos = start + 2
        parts.append(Lit(_ansi_c(c, start), True))
    elif ch == '"' and not quoted:
        c.pos += 1
        double_quoted(c, parts)
    else:
        parts.append(Lit("$", quoted))
        c.pos += 1
    c.depth -= 1


def _substitution(c: Cursor, start: int, *, quoted: bool) -> CmdSub:
    """``$(…)``."""
    c.pos = start + 2
    depth, pending = c.depth, c.pending
    try:
        body = _commands(c)
    except SyntaxProblemError as problem:
        # What may be arithmetic isn't parsed before it's expanded.
        close = _closing(c, start + 2) if c.text.startswith("(", start + 2) else -1
        if problem.limit or close < 0:
            raise
        c.pos, c.depth, c.pending = close + 1, depth, pending
        text = c.text[start : c.pos]
        return _unreadable("a substitution with a syntax error", text, c, quoted=quoted)
    return CmdSub(body, quoted, c.text[start : c.pos])


def _commands(c: Cursor) -> Block:
    """Commands up to the ``)`` that closes them; here-documents pending outside wait."""
    outer, c.pending = c.pending, []
    around, c.inside = c.inside, True
    try:
        body = c.parse_until(c)
    finally:
        c.inside = around
    if not c.text.startswith(")", c.pos) or c.pos >= c.end:
        raise SyntaxProblemError(c.pos, "no closing )")
    c.pos += 1
    c.pending = outer + c.pending
    return body


def process_substitution(c: Cursor, parts: list[Part]) -> None:
    """Read ``<(…)`` or ``>(…)``."""
    start = c.pos
    deeper(c)
    c.pos += 2
    body = _commands(c)
    c.depth -= 1
    parts.append(ProcSub(body, c.text[start : c.pos]))


def backquoted(c: Cursor, parts: list[Part], *, quoted: bool) -> None:
    """Read a substitution in backquotes."""
    start = c.pos
    deeper(c)
    i, inner = start + 1, []
    while i < c.end and c.text[i] != "`":
        if c.text[i] == "\\" and i + 1 < c.end:
            i += 1
            if c.text[i] not in ('$`\\"' if quoted else "$`\\"):
                inner.append("\\")
        inner.append(c.text[i])
        i += 1
    if i >= c.end:
        raise SyntaxProblemError(start, "no closing `")
    code = "".join(inner)
    sub = c.within(code)
    c.pos = i + 1
    c.depth -= 1
    text = c.text[start : c.pos]
    try:
        body = c.parse_until(sub)
        if sub.pos < sub.end:
            raise SyntaxProblemError(start, "unexpected )")
        parts.append(CmdSub(body, quoted, text))
    except SyntaxProblemError as problem:  # bash only sees it when it gets there
        if problem.limit:
            raise SyntaxProblemError(start, problem.message, limit=True) from None
        parts.append(_unreadable("a substitution with a syntax error", text, c, quoted=quoted))


def _unreadable(what: str, text: str, c: Cursor, *, quoted: bool) -> CmdSub:
    """What bash fails at only when it expands it, so that nothing is known of its value."""
    return CmdSub(Block([Unsupported(what, text, c.pos)]), quoted, text)


def double_close(c: Cursor, i: int) -> int:
    """Where the ``))`` of an arithmetic expression is, or -1 where it isn't one."""
    close = _closing(c, i)
    return close if 0 <= close < c.end - 1 and c.text[close + 1] == ")" else -1


def _closing(c: Cursor, i: int) -> int:
    """Where the ``)`` is that nothing opens from a position on, or -1."""
    depth = 0
    for m in _PAIRED.finditer(c.text, i, c.end):
        ch = m[0]
        if ch == "(":
            depth += 1
        elif ch == ")":
            if depth == 0:
                return m.start()
            depth -= 1
        elif len(ch) == 1 and ch in "'\"`":
            return -1
    return -1


def _braced(c: Cursor, *, quoted: bool) -> Param:
    """``${…}``, the cursor on its ``$``."""
    start = c.pos
    c.pos += 2
    found = _parameter(c, quoted=quoted)
    if found is None or not c.text.startswith("}", c.pos):
        found = Param("", quoted, "", "bad")
        _brace_word(c, "}", quoted=quoted)
    if c.pos >= c.end:
        raise SyntaxProblemError(start, "no closing }")
    c.pos += 1
    found.text = c.text[start : c.pos]
    return found


def _parameter(c: Cursor, *, quoted: bool) -> Param | None:
    """What stands between the braces, as far as it can be read."""
    text, kind = c.text, ""
    if _LENGTH.match(text, c.pos, c.end):
        kind = "#"
        c.pos += 1
    elif text.startswith("!", c.pos) and _PARAM.match(text, c.pos + 1, c.end):
        kind = "!"
        c.pos += 1
    m = _PARAM.match(text, c.pos, c.end)
    if not m:
        return None
    found = Param(m[0], quoted, "", kind)
    c.pos = m.end()
    if text.startswith("[", c.pos):
        found.sub = subscript(c)
    if kind == "!" and found.sub is None and re.compile(r"[*@]\}").match(text, c.pos, c.end):
        found.kind, found.op = "*", text[c.pos]
        c.pos += 1
    op = _OPS.match(text, c.pos, c.end)
    if op and not text.startswith("}", c.pos):
        found.op = op[0]
        c.pos = op.end()
        _operands(c, found, quoted=quoted)
    return found


def _operands(c: Cursor, found: Param, *, quoted: bool) -> None:
    op = found.op
    if op[0] == "@":
        return
    if op == ":":
        found.arg = _brace_word(c, "}:", quoted=True)
        if c.text.startswith(":", c.pos):
            c.pos += 1
            found.arg2 = _brace_word(c, "}", quoted=True)
    elif op[0] == "/":
        start = c.pos
        leading = op == "//" and c.text.startswith("/", c.pos)  # ${x////-}: the pattern is /
        c.pos += leading
        found.arg = _brace_word(c, "/}", quoted=False)
        if leading:
            found.arg = finished([Lit("/", False), *found.arg.parts], start, c.pos)
        if c.text.startswith("/", c.pos):
            c.pos += 1
            found.arg2 = _brace_word(c, "}", quoted=False)
    elif op[0] in "#%^,~":
        found.arg = _brace_word(c, "}", quoted=False)
    else:
        found.arg = _brace_word(c, "}", quoted=quoted)


def _brace_word(c: Cursor, stops: str, *, quoted: bool) -> Word:
    start, parts = c.pos, list[Part]()
    if not quoted:
        parts_at(c, parts, stops)
        return finished(parts, start, c.pos)
    vm = re.compile(rf"[^'\"\\$`{re.escape(stops)}]+")
    nested = 0
    string = 0  # where single quotes end: they stay, but what they hold ends nothing
    while c.pos < c.end:
        ch = c.text[c.pos]
        if c.pos < string and ch in stops:
            parts.append(Lit(ch, True))
            c.pos += 1
            continue
        if ch == "'" and c.pos >= string:
            string = c.text.find("'", c.pos + 1, c.end) + 1
            if not string:
                raise SyntaxProblemError(c.pos, "no closing '")
        if ch == "?" and ":" in stops:
            nested += 1
        if ch in stops and not (ch == ":" and nested):
            break
        if ch == ":":
            nested -= 1
        if ch == '"':
            double_quoted(c, parts)
        elif ch == "$" and c.pos >= string and c.text[c.pos + 1 : c.pos + 2] in ("'", '"'):
            expansion(c, parts, quoted=False)
        elif ch == "\\" and c.text[c.pos + 1 : c.pos + 2] == "}":
            parts.append(Lit("}", True))
            c.pos += 2
        elif ch in "\\$`":
            before = c.end
            _one_inside(c, parts)
            c.end = before
        else:
            m = vm.match(c.text, c.pos, c.end)
            size = 1 if m is None or ":" in stops else len(m[0])
            parts.append(Lit(c.text[c.pos : c.pos + size], True))
            c.pos += size
    return finished(parts, start, c.pos)


def _one_inside(c: Cursor, parts: list[Part]) -> None:
    ch = c.text[c.pos]
    if ch == "$":
        expansion(c, parts, quoted=True)
    elif ch == "`":
        backquoted(c, parts, quoted=True)
    else:
        following = c.text[c.pos + 1 : c.pos + 2]
        if following != "\n":
            keep = following if following in tuple('$`\\"') else "\\" + following
            parts.append(Lit(keep, True))
        c.pos += 2


def subscript(c: Cursor) -> Word:
    """``[…]`` at the cursor."""
    start, depth = c.pos, 0
    c.pos += 1
    parts: list[Part] = []
    while True:
        parts_at(c, parts, "[]")
        if c.pos >= c.end:
            raise SyntaxProblemError(start, "no closing ]")
        ch = c.text[c.pos]
        c.pos += 1
        if ch == "]" and depth == 0:
            return finished(parts, start + 1, c.pos - 1)
        depth += 1 if ch == "[" else -1
        parts.append(Lit(ch, False))


def unescape(text: str, *, narrow: bool = False) -> str:
    """The text with the escapes of ``$'…'`` done; it ends at a NUL as in bash.

    *narrow* is as in :class:`Cursor`: bash then writes the escape of another character anew.
    """
    raw = bytearray()

    def plain(piece: str) -> None:
        raw.extend(piece.encode("utf-8", "surrogateescape"))

    done = 0
    for m in _ESCAPE.finditer(text):
        plain(text[done : m.start()])
        done = m.end()
        named, octal, hexa, short, long, control = m.groups()
        if named:
            plain(_NAMED[named])
        elif octal or hexa:
            code = int(octal, 8) & 255 if octal else int(hexa, 16)
            raw.append(code)
        elif control:
            plain(chr(ord(control.upper()) & 31) if control != "?" else "\x7f")
        else:
            number = int(short or long, 16)
            if narrow and number > 0x7F:
                plain(f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}")
                continue
            plain(chr(number) if number < 0x110000 else "")
        if 0 in raw:
            return raw[: raw.index(0)].decode("utf-8", "surrogateescape")
    plain(text[done:])
    return raw.decode("utf-8", "surrogateescape")


def _ansi_c(c: Cursor, start: int) -> str:
    m = re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL).match(c.text, c.pos, c.end)
    if m is None or m.end() >= c.end:
        raise SyntaxProblemError(start, "no closing '")
    c.pos = m.end() + 1
    return unescape(m[0], narrow=c.narrow)
