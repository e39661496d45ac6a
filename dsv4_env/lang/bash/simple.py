"""Simple commands: words, assignments and redirections."""

from __future__ import annotations

import re
from dataclasses import replace

from dsv4_env.lang.bash.braces import expand_braces
from dsv4_env.lang.bash.dollar import subscript
from dsv4_env.lang.bash.lines import skip_lines
from dsv4_env.lang.bash.scan import Cursor, blanks, finished, plain_at, word_at, words_at
from dsv4_env.lang.bash.syntax import (
    Assign,
    Item,
    Lit,
    Node,
    Redirect,
    Simple,
    SyntaxProblemError,
    Word,
)

DECLARERS = frozenset({"export", "declare", "typeset", "local", "readonly"})


_ASSIGN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(\+?)=|(?=\[))")


_REDIRECT = re.compile(
    r"(\d+|\{[A-Za-z_]\w*\})?(<<<|<<-|<<|<>|<&|>>|>&|>\||&>>|&>|<(?!\()|>(?!\())", re.ASCII
)


def simple_command(c: Cursor) -> Node:
    """The simple command at the cursor."""
    start = end = c.pos
    node = Simple([], [], [], start, end)
    declarer = False
    text = c.text
    while c.pos < c.end:
        ch = text[c.pos]
        if ch in "\n;|)#" or (ch == "&" and not text.startswith("&>", c.pos)):
            break
        if ch in "<>&0123456789{" and redirection(c, node.redirs):
            pass
        elif (not node.words or declarer) and (m := _ASSIGN.match(text, c.pos, c.end)):
            assign = _assign(c, m)
            if assign is None:
                node.words += words_at(c)
            elif declarer:
                node.words += _braces(c, assign)
            else:
                node.assigns.append(assign)
        else:
            if ch == "(":
                raise SyntaxProblemError(c.pos, "unexpected '('")
            words = words_at(c)
            node.words += words
            if len(node.words) == len(words) and words:
                declarer = words[0].plain in DECLARERS
        end = c.pos
        blanks(c)
    if end == start:
        found = repr(text[c.pos]) if c.pos < c.end else "end"
        raise SyntaxProblemError(c.pos, f"unexpected {found}")
    node.end = end
    names = [w.plain if isinstance(w, Word) else "" for w in node.words[:2]]
    if names == ["shopt", "-s"]:  # extglob changes how later lines are read
        c.extglob |= any(isinstance(w, Word) and w.plain == "extglob" for w in node.words)
    return node


def redirection(c: Cursor, redirs: list[Redirect]) -> bool:
    """Read a redirection; whether there was one."""
    m = _REDIRECT.match(c.text, c.pos, c.end)
    if not m:
        return False
    start = c.pos
    c.pos = m.end()
    blanks(c)
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


def _assign(c: Cursor, m: re.Match[str]) -> Assign | None:
    start, text = c.pos, c.text
    sub, append = None, bool(m[2])
    c.pos = m.end()
    if m[2] is None:
        try:
            sub = subscript(c)
        except SyntaxProblemError:
            c.pos = start
            return None
        if text.startswith("+=", c.pos):
            append = True
            c.pos += 2
        elif text.startswith("=", c.pos):
            c.pos += 1
        else:
            c.pos = start
            return None
    value: Word | list[Item]
    value = _array(c) if text.startswith("(", c.pos) and sub is None else _value(c)
    return Assign(m[1], sub, append, value, start, c.pos, text[start : c.pos])


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
        if c.text[c.pos] == "[":
            sub = subscript(c)
            if c.text.startswith("+=", c.pos):
                append = True
                c.pos += 2
            elif c.text.startswith("=", c.pos):
                c.pos += 1
            else:
                sub, c.pos = None, at
        if sub is not None:
            value = _value(c)
            items.append(Item(sub, append, [value], _braced(c, at)))
        else:
            items.append(Item(None, False, words_at(c)))


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
