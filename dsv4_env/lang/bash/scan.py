"""Words of a bash script: quoting, expansions and their exact extents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dsv4_env.lang.bash import dollar
from dsv4_env.lang.bash.braces import expand_braces
from dsv4_env.lang.bash.syntax import Block, Lit, Part, Redirect, SyntaxProblemError, Word
from dsv4_env.model.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_NESTING = 50


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_RUN = re.compile(r"[^ \t\n\\'\"$`|&;()<>]+")


_DQ_RUN = re.compile(r'[^"\\$`]+')


_HERE_RUN = re.compile(r"[^\\$`]+")


_BLANKS = re.compile(r"(?:[ \t]|\\\n)+")


_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./=-]+(?=[ \t\n;)]|\Z)")


_ACTIVE = re.compile(r"[*?~{(]|\[.")


@dataclass(slots=True, eq=False, repr=False)
class Cursor:
    """Where the reading of a text is. *parse_until* reads commands up to a closing ``)``."""

    text: str
    pos: int
    end: int
    parse_until: Callable[[Cursor], Block]
    extglob: bool = False
    pending: list[tuple[Redirect, str, bool, bool]] = field(default_factory=list)
    depth: int = 0
    budget: Budget = field(default_factory=Budget)


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
    run = _run_for(stops)
    while c.pos < end:
        if len(parts) & 255 == 255:
            c.budget.step(count=128)
        m = run.match(text, c.pos, end)
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
            dollar.expansion(c, parts, quoted=False)
        elif ch == "`":
            dollar.backquoted(c, parts, quoted=False)
        elif ch in "<>":
            if text.startswith("(", c.pos + 1) and not stops:
                dollar.process_substitution(c, parts)
            elif stops or regex:
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


_RUNS: dict[str, re.Pattern[str]] = {"": _RUN}


def _run_for(stops: str) -> re.Pattern[str]:
    run = _RUNS.get(stops)
    if run is None:
        run = _RUNS[stops] = re.compile(rf"[^\\'\"$`<>()@?*+!{re.escape(stops)}]+")
    return run


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
    c = Cursor(text, 0, len(text), around.parse_until, budget=around.budget)
    parts: list[Part] = []
    _inside(c, parts, _HERE_RUN, "")
    return finished(parts, 0, c.end)


def quoted_text(c: Cursor, text: str, pos: int) -> Word:
    """Text whose expansions are done as in double quotes (arithmetic)."""
    inner = Cursor(text, 0, len(text), c.parse_until, depth=c.depth, budget=c.budget)
    parts: list[Part] = []
    _inside(inner, parts, _HERE_RUN, "")
    return finished(parts, pos, pos + len(text))


def _inside(c: Cursor, parts: list[Part], run: re.Pattern[str], stop: str) -> None:
    text, end = c.text, c.end
    special = '$`\\\n"' if stop == '"' else "$`\\\n"
    while c.pos < end:
        if len(parts) & 255 == 255:
            c.budget.step(count=128)
        m = run.match(text, c.pos, end)
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
            dollar.expansion(c, parts, quoted=True)
        else:
            dollar.backquoted(c, parts, quoted=True)
