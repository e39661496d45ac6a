"""Brace expansion: textual, before anything else; quoted text and expansions are opaque."""

from __future__ import annotations

import itertools
import re
from typing import TypeAlias

from dsv4_env.late import regexp
from dsv4_env.readers.bash.syntax import CmdSub, Lit, Param, Part, SyntaxProblemError, Word

MAX_WORDS = 10_000
MAX_BRACES = 500
_SEQUENCE = regexp(r"([-+]?\d+)\.\.([-+]?\d+)(?:\.\.([-+]?\d+))?")
_LETTERS = regexp(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.([-+]?\d+))?")
_QUOTED = regexp(r"""\\.|'[^']*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)

# A word as single characters that may be active, and parts that never are.
_Token: TypeAlias = str | Part


def expand_braces(word: Word, *, empty: bool = False) -> list[Word]:
    """The words that a word stands for; *empty* ones count where a name stands before them."""
    if word.plain is None and any(isinstance(p, CmdSub) and _ticked(p) for p in word.parts):
        if any("{" in p.text for p in word.parts if isinstance(p, Lit | CmdSub)):
            return [Word(word.parts, word.pos, word.end, doubtful=True)]
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
    if tokens.count("{") > MAX_BRACES:
        raise SyntaxProblemError(word.pos, f"more than {MAX_BRACES} braces in a word", limit=True)
    found = _expand(tokens, word.pos)
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


def _expand(tokens: list[_Token], pos: int) -> list[list[_Token]]:
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
        choices = _choices(tokens, opening, commas, close, pos)
        if choices is None:
            start = opening + 1
            continue
        tails = _expand(tokens[close + 1 :], pos)
        if len(choices) * len(tails) > MAX_WORDS:
            raise SyntaxProblemError(
                pos, f"brace expansion to more than {MAX_WORDS:,} words", limit=True
            )
        head = tokens[:opening]
        return [head + choice + tail for choice in choices for tail in tails]


def _choices(
    tokens: list[_Token], opening: int, commas: list[int], close: int, pos: int
) -> list[list[_Token]] | None:
    if commas:
        edges = [opening, *commas, close]
        found: list[list[_Token]] = []
        for left, right in itertools.pairwise(edges):
            found += _expand(tokens[left + 1 : right], pos)
        return found
    inner = tokens[opening + 1 : close]
    if all(isinstance(t, str) for t in inner):
        sequence = _sequence("".join(t for t in inner if isinstance(t, str)), pos)
        return None if sequence is None else [list(s) for s in sequence]
    return None


def _sequence(text: str, pos: int) -> list[str] | None:
    m = _SEQUENCE.fullmatch(text)
    if m:
        first, last = int(m[1]), int(m[2])
        width = 0
        if any(re.match(r"[-+]?0\d", m[i]) for i in (1, 2)):
            width = max(len(m[1]), len(m[2]))
        return [_padded(n, width) for n in _range(first, last, m[3], pos)]
    m = _LETTERS.fullmatch(text)
    if m:
        return [chr(n) for n in _range(ord(m[1]), ord(m[2]), m[3], pos)]
    return None


def _padded(number: int, width: int) -> str:
    return f"{number:0{width}d}" if width else str(number)


def _range(first: int, last: int, step: str | None, pos: int) -> range:
    size = abs(int(step)) if step else 1
    size = size or 1
    if abs(last - first) // size >= MAX_WORDS:
        raise SyntaxProblemError(
            pos, f"brace expansion to more than {MAX_WORDS:,} words", limit=True
        )
    return range(first, last + 1, size) if first <= last else range(first, last - 1, -size)
