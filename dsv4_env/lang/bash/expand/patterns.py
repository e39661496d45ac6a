"""Patterns of bash as regular expressions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from dsv4_env.model.budget import Budget

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "cntrl": "\\x00-\\x1f\\x7f",
    "print": " -~",
    "graph": "!-~",
    "word": "A-Za-z0-9_",
}
MAX_STEPS = 5_000_000
MAX_PATTERN = 2_000  # characters
_UNBOUNDED = re.compile(r"(?<!\\)[*+]|(?<!\\)\{\d")
_OPTIONAL = re.compile(r"(?<![\\(*+?}])\?")
_REPEATED = re.compile(r"\)[*+{]")
_PLAIN_REPEAT = re.compile(r"[^()]*\((?:\?:)?[^()|*+{?]*\)[*+{][^()]*")
_ERE_SAFE = re.compile(r"[A-Za-z0-9_ /:,=@%<>!#~'\"\-]")


class CannotTranslateError(ValueError):
    """The pattern means something that isn't surely the same in Python."""


def affordable(budget: Budget, regex: str, text: str, times: int = 1) -> None:
    """Raise CannotTranslateError where matching, *times* over, may take all day."""
    size = max(len(text), 1)
    many = len(_UNBOUNDED.findall(regex))
    optional = len(_OPTIONAL.findall(regex))
    if many * size.bit_length() + optional + size.bit_length() > 1_000:
        raise CannotTranslateError
    cost = times * size**many << optional
    if _REPEATED.search(regex) and not _PLAIN_REPEAT.fullmatch(regex):
        # What a repeated group repeats itself may be split between the rounds in any way.
        cost = max(cost, times * (1 + many + optional + regex.count("|")) ** min(size, 64))
    if cost > MAX_STEPS:
        raise CannotTranslateError
    budget.step(count=1 + (cost >> 7) + (times >> 3))


def glob(segments: Sequence[tuple[str, bool]], *, extended: bool, lazy: bool = False) -> str:
    """A pattern given as (text, quoted) pieces as a regular expression; quoted text is literal."""
    if sum(len(text) for text, _ in segments) > MAX_PATTERN:
        raise CannotTranslateError
    chars = [(ch, quoted) for text, quoted in segments for ch in text]
    return _glob(tuple(chars), extended, lazy)


@lru_cache(maxsize=512)
def _glob(chars: tuple[tuple[str, bool], ...], extended: bool, lazy: bool) -> str:
    regex, i = _translate(chars, 0, extended, lazy, "")
    if i < len(chars):
        raise CannotTranslateError
    return regex


def _translate(
    chars: tuple[tuple[str, bool], ...], i: int, extended: bool, lazy: bool, stop: str
) -> tuple[str, int]:
    out: list[str] = []
    while i < len(chars):
        ch, quoted = chars[i]
        if quoted:
            out.append(re.escape(ch))
        elif stop and ch in stop:
            break
        elif extended and ch in "?*+@!" and i + 1 < len(chars) and chars[i + 1] == ("(", False):
            piece, i = _group(chars, i, lazy)
            out.append(piece)
            continue
        elif ch == "*":
            if not out or out[-1] not in (".*", ".*?"):
                out.append(".*?" if lazy else ".*")
        elif ch == "?":
            out.append(".")
        elif ch == "[":
            found = _bracket(chars, i)
            if found is None:
                out.append(r"\[")
            else:
                out.append(found[0])
                i = found[1]
                continue
        elif ch == "\\":
            if i + 1 < len(chars):
                i += 1
                out.append(re.escape(chars[i][0]))
            else:  # bash itself isn't of one mind on a lone backslash
                raise CannotTranslateError
        else:
            out.append(re.escape(ch))
        i += 1
    return "".join(out), i


def _group(chars: tuple[tuple[str, bool], ...], i: int, lazy: bool) -> tuple[str, int]:
    kind = chars[i][0]
    i += 2
    choices: list[str] = []
    while True:
        piece, i = _translate(chars, i, True, lazy, "|)")
        choices.append(piece)
        if i >= len(chars):
            raise CannotTranslateError
        i += 1
        if chars[i - 1] == (")", False):
            break
    if kind == "!":  # what follows decides how much it takes: not a regular expression
        raise CannotTranslateError
    body = "(?:" + "|".join(choices) + ")"
    return body + {"?": "?", "*": "*", "+": "+", "@": ""}[kind], i


def _bracket(chars: tuple[tuple[str, bool], ...], i: int) -> tuple[str, int] | None:
    i += 1
    negated = i < len(chars) and chars[i] in (("!", False), ("^", False))
    if negated:
        i += 1
    body: list[str] = []
    first = True
    while i < len(chars):
        ch, quoted = chars[i]
        if ch == "]" and not quoted and not first:
            inner = "".join(body)
            return f"[{'^' if negated else ''}{inner}]", i + 1
        first = False
        if ch == "[" and not quoted and i + 1 < len(chars) and chars[i + 1][0] in ":.=":
            text = "".join(c for c, _ in chars[i:])
            m = re.match(r"\[:([a-z]+):\]", text)
            if not m or m[1] not in _CLASSES:
                raise CannotTranslateError
            body.append(_CLASSES[m[1]])
            i += m.end()
            continue
        if ch == "/" and not quoted:
            pass
        if ch == "\\" and not quoted:
            i += 1
            if i >= len(chars):
                return None
            body.append(_class_escape(chars[i][0]))
        elif ch == "-" and not quoted and body and i + 1 < len(chars) and chars[i + 1][0] != "]":
            body.append("-")
            low, high = chars[i - 1][0], chars[i + 1][0]
            if low > high or ord(high) > 126:
                raise CannotTranslateError
        else:
            body.append(_class_escape(ch))
        i += 1
    return None


def _class_escape(ch: str) -> str:
    return "\\" + ch if ch in "\\]^-[&~|" else ch


def ere(segments: Sequence[tuple[str, bool]]) -> re.Pattern[str]:
    """A POSIX extended regular expression; only those that Python surely takes the same way.

    Alternation is leftmost-longest in POSIX, so it's taken only where nothing is captured from.
    """
    if sum(len(text) for text, _ in segments) > MAX_PATTERN:
        raise CannotTranslateError
    out: list[str] = []
    chars = [(ch, quoted) for text, quoted in segments for ch in text]
    i = 0
    while i < len(chars):
        ch, quoted = chars[i]
        if quoted or _ERE_SAFE.match(ch):
            out.append(re.escape(ch))
        elif ch == "$":
            out.append(r"\Z")
        elif ch in "^.()+*?|":
            if ch in "+*?" and (not out or out[-1] in ("+", "*", "?", "(", "|", "^")):
                raise CannotTranslateError
            out.append(ch)
        elif ch == "{":
            text = "".join(c for c, _ in chars[i:])
            m = re.match(r"\{\d{1,3}(,\d{0,3})?\}", text)
            if not m or not out:
                raise CannotTranslateError
            out.append(m[0])
            i += m.end()
            continue
        elif ch == "[":
            text = "".join(c for c, _ in chars[i:])
            if "\\" in text.split("]", 1)[0]:
                raise CannotTranslateError
            negated = text.startswith("[^")
            start = [("[", False), *([("!", False)] if negated else [])]
            rest = chars[i + (2 if negated else 1) :]
            found = _bracket((*start, *rest), 0)
            if found is None or text.startswith("[!"):
                raise CannotTranslateError
            out.append(found[0])
            i += found[1]
            continue
        elif ch == "\\" and i + 1 < len(chars) and not chars[i + 1][0].isalnum():
            i += 1
            out.append(re.escape(chars[i][0]))
        else:
            raise CannotTranslateError
        i += 1
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        raise CannotTranslateError from None
