"""Brace expansion: textual, before anything else; quoted text and expansions are opaque."""

from __future__ import annotations

import itertools
import re
from typing import TypeAlias

from dsv4_env.lang.bash.syntax.nodes import CmdSub, Lit, Param, Part, Word
from dsv4_env.model.budget import Budget

MAX_WORDS = 10_000
MAX_BRACES = 500
QUOTES = "how bash reads the quotes in it isn't known"
MAX_TOKENS = 500_000  # characters of all the words that one stands for
_DIGITS = 18  # of a number: more aren't sure to fit
_SEQUENCE = re.compile(r"([-+]?\d+)\.\.([-+]?\d+)(?:\.\.([-+]?\d+))?")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([-+]?\d+))?")
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
# A word as single characters that may be active, and parts that never are.
_Token: TypeAlias = str | Part


class _TooManyError(Exception):
    """A word stands for more words than any command has."""


def expand_braces(word: Word, budget: Budget, *, empty: bool = False) -> list[Word]:
    """The words that a word stands for; *empty* ones count where a name stands before them."""
    if word.plain is None and any(isinstance(p, CmdSub) and _ticked(p) for p in word.parts):
        if any("{" in p.text for p in word.parts if isinstance(p, Lit | CmdSub)):
            return [Word(word.parts, word.pos, word.end, doubtful=QUOTES)]
    elif word.plain is not None or not any(
        isinstance(p, Lit) and not p.quoted and "{" in p.text for p in word.parts
    ):
        return [word]
    tokens: list[_Token] = []
    skip = 0  # bash skips ${…} by counting braces, whatever its expansion takes them for
    for part in word.parts:
        if isinstance(part, Lit) and not part.quoted:
            for ch in part.text:
                tokens.append(Lit(ch, False) if skip else ch)
                skip += ((ch == "{") - (ch == "}")) if skip else 0
        else:
            tokens.append(part)
            if isinstance(part, Param):
                bare = _QUOTED.sub("", part.text)
                skip = max(0, skip + bare.count("{") - bare.count("}"))
    budget.step(count=len(tokens) >> 3)
    if tokens.count("{") > MAX_BRACES:
        doubt = f"more than {MAX_BRACES} braces in a word"
        return [Word(word.parts, word.pos, word.end, doubtful=doubt)]
    try:
        found = _expand(tokens)
    except _TooManyError:
        doubt = f"brace expansion to more than {MAX_WORDS:,} words"
        return [Word(word.parts, word.pos, word.end, doubtful=doubt)]
    budget.step(count=4 * len(found))
    if len(found) == 1 and len(found[0]) == len(tokens):
        return [_word(found[0], word)]
    return [_word(t, word) for t in found if t or empty]


def _ticked(part: CmdSub) -> bool:
    """Whether a string, to brace expansion, ends at a quote within the backquotes in it."""
    return part.quoted and part.text[0] == "`" and '"' in part.text


def _word(tokens: list[_Token], word: Word) -> Word:
    parts: list[Part] = []
    text: list[str] = []
    for item in [*tokens, None]:
        if isinstance(item, str):
            text.append(item)
            continue
        if text:
            _join(parts, "".join(text))
            text = []
        if item is not None:
            parts.append(item)
    plain = None
    if all(isinstance(p, Lit) and (p.quoted or not re.search(r"[*?\[~]", p.text)) for p in parts):
        plain = "".join(p.text for p in parts if isinstance(p, Lit))
    return Word(parts, word.pos, word.end, plain)


def _join(parts: list[Part], text: str) -> None:
    """Put text behind parts; behind ``$A`` its first letters are a part of the name."""
    last = parts[-1] if parts else None
    if isinstance(last, Param) and not last.quoted and re.fullmatch(r"\$[A-Za-z_]\w*", last.text):
        more = re.match(r"\w*", text, re.ASCII)
        if more and more[0]:
            name = last.name + more[0]
            parts[-1] = Param(name, quoted=False, text=f"${name}")
            text = text[more.end() :]
    if text:
        parts.append(Lit(text, False))


def _expand(tokens: list[_Token]) -> list[list[_Token]]:
    start = 0
    while True:
        try:
            opening = tokens.index("{", start)
        except ValueError:
            return [tokens]
        depth, commas, close = 0, list[int](), -1
        for i in range(opening, len(tokens)):
            item = tokens[i]
            if item == "{":
                depth += 1
            elif item == "}":
                depth -= 1
                if depth == 0:
                    close = i
                    break
            elif item == "," and depth == 1:
                commas.append(i)
        if close < 0:
            start = opening + 1
            continue
        choices = _choices(tokens, opening, commas, close)
        if choices is None:
            start = opening + 1
            continue
        tails = _expand(tokens[close + 1 :])
        head = tokens[:opening]
        count = len(choices) * len(tails)
        size = len(head) * count + len(tails) * sum(map(len, choices))
        if count > MAX_WORDS or size + len(choices) * sum(map(len, tails)) > MAX_TOKENS:
            raise _TooManyError
        return [head + choice + tail for choice in choices for tail in tails]


def _choices(
    tokens: list[_Token], opening: int, commas: list[int], close: int
) -> list[list[_Token]] | None:
    if commas:
        edges = [opening, *commas, close]
        found: list[list[_Token]] = []
        for left, right in itertools.pairwise(edges):
            found += _expand(tokens[left + 1 : right])
        return found
    inner = tokens[opening + 1 : close]
    if all(isinstance(t, str) for t in inner):
        sequence = _sequence("".join(t for t in inner if isinstance(t, str)))
        return None if sequence is None else [list(s) for s in sequence]
    return None


def _sequence(text: str) -> list[str] | None:
    m = _SEQUENCE.fullmatch(text)
    if m:
        if max(len(m[1]), len(m[2]), len(m[3] or "")) > _DIGITS:
            raise _TooManyError  # beyond 64 bits, releases of bash differ
        first, last = int(m[1]), int(m[2])
        width = 0
        if any(re.match(r"[-+]?0\d", m[i]) for i in (1, 2)):
            width = max(len(m[1]), len(m[2]))
        return [_padded(n, width) for n in _range(first, last, m[3])]
    m = _LETTERS.fullmatch(text)
    if m:
        return [chr(n) for n in _range(ord(m[1]), ord(m[2]), m[3])]
    return None


def _padded(number: int, width: int) -> str:
    return f"{number:0{width}d}" if width else str(number)


def _range(first: int, last: int, step: str | None) -> range:
    size = abs(int(step)) if step else 1
    size = size or 1
    if abs(last - first) // size >= MAX_WORDS:
        raise _TooManyError
    return range(first, last + 1, size) if first <= last else range(first, last - 1, -size)
