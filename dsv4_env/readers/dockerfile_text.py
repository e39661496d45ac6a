"""The lines and words of a Dockerfile: continuations, heredocs, quotes and variables."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dsv4_env.lang.yaml import Lines
from dsv4_env.model import Location, Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError
from dsv4_env.readers.shell_text import Text, join

_DIRECTIVE = re.compile(r"#[ \t]*([A-Za-z]\w*)[ \t]*=[ \t]*(.*?)[ \t\r]*$")
_INSTRUCTION = re.compile(r"[ \t]*([A-Za-z]+)(?:[ \t\r]+|$)")
_HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+?])([^{}$\\'\"]*))?\})")


@dataclass(frozen=True, slots=True)
class Line:
    """An instruction, or a part of one, and where each of its characters stands."""

    word: str
    text: str
    offsets: array[int]
    lines: Lines
    escape: str

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.lines.place(self.offsets[0] if self.offsets else 0)

    def cut(self, start: int, end: int) -> Line:
        """A part of it."""
        text, offsets = self.text[start:end], self.offsets[start:end]
        return Line(self.word, text, offsets, self.lines, self.escape)


_EACH = 8  # steps that reading one instruction takes
_PLAIN = re.compile(r"[^$'\"\\`]+")


def logical_lines(lines: Lines, budget: Budget) -> Iterator[Line]:
    """The instructions, with continued lines joined and comments left out."""
    physical = list(zip(lines.starts, lines.text.split("\n"), strict=True))
    escape = _escape([t for _, t in physical])
    ending = re.compile(rf"{re.escape(escape)}[ \t]*\r?$")
    i = 0
    while i < len(physical):
        pieces: list[str] = []
        offsets = array("l")
        continued = True
        while continued and i < len(physical):
            start, line = physical[i]
            i += 1
            if line.lstrip().startswith("#") or not line.strip():
                if not offsets:
                    break
                continue  # within a continued line, comments and empty lines don't count
            end = ending.search(line)
            continued = end is not None
            kept = line[: end.start()] if end else line.rstrip("\r")
            pieces.append(kept)
            offsets.extend(range(start, start + len(kept)))
        text = "".join(pieces)
        if not text.strip():
            continue
        budget.step(lines.place(offsets[0]), _EACH + len(pieces) + (len(text) >> 8))
        m = _INSTRUCTION.match(text)
        if m is None:
            where = lines.place(offsets[0])
            raise ReadError(f"`{text[:40]}`", where=where, expected="an instruction of Docker's")
        word, rest = m[1].upper(), text[m.end() :].rstrip()
        places = offsets[m.end() : m.end() + len(rest)] or offsets[:1]
        found = Line(word, rest, places, lines, escape)
        if word in ("RUN", "COPY", "ADD"):
            for heredoc in _HEREDOC.finditer(rest):
                while i < len(physical):
                    body = physical[i][1].rstrip("\r")
                    i += 1
                    if (body.lstrip("\t") if heredoc[1] else body) == heredoc[3]:
                        break
        yield found


def _escape(lines: list[str]) -> str:
    """The character that continues a line, which a directive at the top may change."""
    for line in lines:
        m = _DIRECTIVE.match(line)
        if m is None:
            break
        if m[1].lower() == "escape" and m[2] in ("`", "\\"):
            return m[2]
    return "\\"


def assignments(
    line: Line,
    known: Mapping[str, Value],
    budget: Budget,
    *,
    bare: bool = False,
    empty: bool = False,
) -> Iterator[tuple[Line, Value | None, str]]:
    """What ENV or ARG sets: name, value and spelling; *bare*: names may come without a value."""
    budget.step(line.location, len(line.text) >> 2)  # each character is looked at
    words = list(_split(line))
    if not words:
        raise ReadError(f"{line.word} sets nothing", where=line.location, expected="NAME=value")
    if not bare and "=" not in words[0].text:  # the old form: ENV NAME the rest
        name = words[0]
        start = len(name.text)
        while start < len(line.text) and line.text[start] in " \t":
            start += 1
        rest = line.cut(start, len(line.text))
        if not rest.text:
            raise ReadError(f"ENV {name.text}", where=line.location, expected="NAME=value")
        yield name, expand(rest, known, line.escape, budget, empty=empty).value, rest.text
        return
    for word in words:
        budget.step(line.location, _EACH)
        at = word.text.find("=")
        name = word if at < 0 else word.cut(0, at)
        if at < 0 and bare:
            yield name, None, ""
        elif at <= 0:
            raise ReadError(f"`{word.text}`"[:80], where=word.location, expected="NAME=value")
        else:
            rest = word.cut(at + 1, len(word.text))
            yield name, expand(rest, known, line.escape, budget, empty=empty).value, rest.text


def _split(line: Line) -> Iterator[Line]:
    """The words of a line, with their quotes."""
    text, start, quote, i = line.text, -1, "", 0
    while i < len(text):
        ch = text[i]
        if not quote and ch in " \t\r":
            if start >= 0:
                yield line.cut(start, i)
            start = -1
        else:
            start = i if start < 0 else start
            if ch == line.escape and quote != "'":
                i += 1
            elif quote:
                quote = "" if ch == quote else quote
            elif ch in "'\"":
                quote = ch
        i += 1
    if start >= 0:
        yield line.cut(start, len(text))


def expand(
    line: Line, known: Mapping[str, Value], escape: str, budget: Budget, *, empty: bool = False
) -> Text:
    """A word without its quotes, and with its variables filled in.

    *empty*: a variable that isn't known here isn't set, as no base image can have set it.
    """
    text = line.text
    pieces: list[Value] = []
    at = line.location
    quote, i = "", 0
    while i < len(text):
        if plain := _PLAIN.match(text, i):
            pieces.append(plain[0])
            i = plain.end()
            continue
        ch = text[i]
        step = 1
        if ch == escape and quote != "'":
            following = text[i + 1 : i + 2]
            step = 2
            if quote and following not in ('"', "$", escape):
                pieces.append(ch)
            pieces.append(following)
        elif ch == quote:
            quote = ""
        elif not quote and ch in "'\"":
            quote = ch
        elif ch == "$" and quote != "'":
            place = line.lines.place(line.offsets[i])
            budget.step(at, 2)
            m = _VARIABLE.match(text, i)
            if m is None:
                rest = text[i : i + 2]
                if len(rest) > 1 and (rest[1] in "{?#*@!-$" or rest[1].isdigit()):
                    why = "a variable that is written in an unusual way"
                    unknown = Unknown(text, why, location=place)
                    return Text(((unknown, line.offsets[:1] or [0]),), line.lines)
                pieces.append(ch)
            else:
                pieces.append(_variable(m, known, place, empty=empty))
                step = m.end() - i
        else:
            pieces.append(ch)
        i += step
    return Text(((join(pieces, budget, at), line.offsets or [0]),), line.lines)


def _variable(m: re.Match[str], known: Mapping[str, Value], at: Location, *, empty: bool) -> Value:
    name, operator, word = m[1] or m[2], m[3] or "", m[4] or ""
    if name in known or empty:
        value = known.get(name)
        if not operator:
            return "" if value is None else value
        if isinstance(value, Unknown):
            return Unknown(m[0], value.reason, value.names, location=at)
        counts = value is not None and (bool(value) or ":" not in operator)
        if operator.endswith("+"):
            return word if counts else ""
        if counts:
            return value or ""
        return word if operator.endswith("-") else Unknown(m[0], "it isn't set", location=at)
    default: str | None = {"-": word, "+": "", "?": None, "": ""}[operator[-1:]]
    if name == "PATH":  # Docker has one of its own where the image has none
        default = None
    why = "set in the base image, or not at all"
    return Unknown(m[0], why, (name,), default=default, location=at)
