"""Lines of a script: comments, here-documents, reserved words."""

from __future__ import annotations

import re

from dsv4_env.lang.bash.scan import Cursor, blanks, here_body
from dsv4_env.lang.bash.syntax import Lit, SyntaxProblemError, Word

_TOKEN = re.compile(r"[^ \t\n\\'\"$`|&;()<>]+(?=[ \t\n|&;()<>]|\\\n|\Z)|[();&|]")


def comment(c: Cursor) -> bool:
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
            c.pos = c.end if i < 0 else i + 1
            if tabs:
                line = line.lstrip("\t")
            while not quoted and i >= 0 and (len(line) - len(line.rstrip("\\"))) % 2:
                i = c.text.find("\n", c.pos, c.end)
                following = c.text[c.pos : c.end if i < 0 else i]
                if following == delimiter:  # it isn't one then, though the tree takes it for one
                    raise SyntaxProblemError(c.pos, "a here-document without an end")
                line = line[:-1] + following
                c.pos = c.end if i < 0 else i + 1
            if line == delimiter:
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
        blanks(c)
        if c.pos >= c.end:
            break
        if c.text[c.pos] == "\n":
            newline(c)
        elif not comment(c):
            return True
    return False


def peek(c: Cursor) -> str:
    """The plain word or operator at the cursor, "" where there is none."""
    m = _TOKEN.match(c.text, c.pos, c.end)
    return m[0] if m else ""


def expect(c: Cursor, keyword: str) -> None:
    """Step over a reserved word that has to be there."""
    skip_lines(c)
    if peek(c) != keyword:
        raise SyntaxProblemError(c.pos, f"unexpected {peek(c) or 'end'!r}, {keyword!r} is missing")
    c.pos += len(keyword)
