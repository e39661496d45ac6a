"""What Docker Compose makes of the texts of its file: interpolation, numbers and command lines.

Sources: docs.docker.com, "Interpolation"; compose-go 2 and the go-shellwords 1 it splits with.
"""

from __future__ import annotations

import re
from array import array
from collections import abc
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from dsv4_env.lang.yaml import Scalar
from dsv4_env.model import Location, Note, Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.readers.shell_text import Text, join

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_STOPS = ";&|<>"
MAX_DEPTH = 50


@dataclass(slots=True)
class _Interpolation:
    """One scalar while its ``${…}`` are filled in."""

    text: str
    inputs: Mapping[str, str]
    budget: Budget
    closing: dict[int, int | None]  # where what begins at a ``${`` ends

    def dollar(self, at: int, end: int, place: Location, depth: int) -> tuple[Value, int]:
        """What a ``$`` stands for, and where the text goes on behind it."""
        text, inputs = self.text, self.inputs
        self.budget.step(place, 2)
        if text.startswith("$$", at):
            return "$", at + 2
        if m := _NAME.match(text, at + 1, end):
            return _variable(text[at : m.end()], m[0], inputs, place), m.end()
        if not text.startswith("{", at + 1) or not (m := _NAME.match(text, at + 2, end)):
            return _refused(text[at : at + 1], place), at + 1
        name, i = m[0], m.end()
        if text.startswith("}", i):
            return _variable(text[at : i + 1], name, inputs, place), i + 1
        operator = _OPERATOR.match(text, i, end)
        close = self.closing.get(at)
        close = None if close is None or close >= end else close
        if operator is None or close is None or depth > MAX_DEPTH:
            stop = end if close is None else close + 1
            return _refused(text[at:stop], place), stop
        self.budget.make(close - at, place)
        spelled = text[at : close + 1]
        argument = self.within(operator.end(), close, place, depth + 1)
        return _operated(spelled, name, operator[0], argument, inputs, place), close + 1

    def within(self, at: int, end: int, place: Location, depth: int) -> Value:
        """The text between two places."""
        pieces: list[Value] = []
        while at < end:
            if self.text[at] == "$":
                value, at = self.dollar(at, end, place, depth)
                pieces.append(value)
            else:
                stop = self.text.find("$", at, end)
                stop = end if stop < 0 else stop
                pieces.append(self.text[at:stop])
                at = stop
        return join(pieces, self.budget, place)


def interpolate(node: Scalar, inputs: Mapping[str, str], budget: Budget) -> Text:
    """A scalar with its ``${…}`` filled in; what depends on the outside is Unknown."""
    text, offsets = node.text, node.offsets()
    if "$" not in text:
        return Text(((text, offsets or [node.start]),), node.lines)
    work = _Interpolation(text, inputs, budget, _closings(text))
    parts: list[tuple[Value, abc.Sequence[int]]] = []
    known, places = list[str](), array("l")
    i = 0
    while i < len(text):
        if text[i] != "$":
            stop = text.find("$", i)
            stop = len(text) if stop < 0 else stop
            known.append(text[i:stop])
            places.extend(offsets[i:stop])
            i = stop
            continue
        value, end = work.dollar(i, len(text), node.lines.place(offsets[i]), 0)
        if isinstance(value, str):
            budget.make(len(value), node.location)
            known.append(value)
            places.extend([offsets[i]] * len(value))
        else:
            if places:
                parts.append(("".join(known), places))
                known, places = [], array("l")
            parts.append((value, [offsets[i]]))
        i = end
    if places or not parts:
        parts.append(("".join(known), places or [node.start]))
    return Text(tuple(parts), node.lines)


_BRACE = re.compile(r"\$\{|\}")


def _closings(text: str) -> dict[int, int | None]:
    """For each ``${`` the brace that closes it, None where none does."""
    found: dict[int, int | None] = {}
    opened: list[int] = []
    for m in _BRACE.finditer(text):
        if m[0] != "}":
            found[m.start()] = None
            opened.append(m.start())
        elif opened:
            found[opened.pop()] = m.start()
    return found


def _refused(text: str, place: Location) -> Unknown:
    return Unknown(text, "Compose refuses it: `$` itself is written `$$`", location=place)


def _variable(text: str, name: str, inputs: Mapping[str, str], place: Location) -> Value:
    if name in inputs:
        return inputs[name]
    reason = "set outside the Compose file, or empty"
    return Unknown(text, reason, (name,), default="", location=place)


def _operated(
    text: str, name: str, operator: str, argument: Value, inputs: Mapping[str, str], place: Location
) -> Value:
    counts = name in inputs and (bool(inputs[name]) or ":" not in operator)
    unset, other = None, argument
    names: tuple[str, ...] = (name,)
    if isinstance(argument, Unknown):
        names = tuple(dict.fromkeys((name, *argument.names)))
        unset = argument.default
    else:
        unset = argument
    if operator.endswith("-"):
        if name in inputs:
            return inputs[name] if counts else other
        reason = "set outside the Compose file, or its default"
        return Unknown(text, reason, names, default=unset, location=place)
    if operator.endswith("+"):
        if name in inputs:
            return other if counts else ""
        reason = "depends on what is set outside the Compose file"
        return Unknown(text, reason, names, default="", location=place)
    if counts:
        return inputs[name]
    return Unknown(text, "Compose demands it from outside", (name,), location=place)


def environment_value(node: Scalar, inputs: Mapping[str, str], budget: Budget) -> Value:
    """The value of a variable given as ``NAME: value``; unquoted numbers are written anew."""
    text = node.text
    if not node.plain or "$" in text:
        return interpolate(node, inputs, budget).value
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower()
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,17})", text):
        return "0" if text == "-0" else text
    if re.fullmatch(r"-?(?:0|[1-9]\d*)\.\d+", text):
        number = repr(float(text)).removesuffix(".0")
        if "e" not in number and "n" not in number and number != "-0":
            return number
    if re.match(r"[-+]?\.?\d|[-+]?\.(?:inf|nan)", text, re.I) and _odd_number(text):
        why = "an unquoted number or date, which Compose writes in its own way"
        return Unknown(text, why, location=node.location)
    return text


def _odd_number(text: str) -> bool:
    return bool(
        re.fullmatch(
            r"[-+]?[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?|[-+]?0[xXoObB][0-9a-fA-F_]+"
            r"|[-+]?\.(?:inf|nan)|\d{4}-\d\d?-\d\d?.*",
            text,
            re.I,
        )
    )


_Part: TypeAlias = tuple[Value, abc.Sequence[int]]


@dataclass(slots=True)
class _Splitter:
    """Splits a command line as Compose does: quotes and backslashes, but no shell."""

    words: list[list[_Part]] = field(default_factory=list)
    word: list[_Part] | None = None
    known: list[str] | None = None  # the text that the word ends with
    places: array[int] = field(default_factory=lambda: array("l"))
    quote: str = ""
    escaped: bool = False
    stopped: int | None = None

    def add(self, value: Value, place: int) -> None:
        if self.word is None:
            self.word = []
        if isinstance(value, str):
            if self.known is None:
                self.known, self.places = [], array("l", [] if value else [place])
            self.known.append(value)
            if value:
                self.places.append(place)
        else:
            self.close_text()
            self.word.append((value, [place]))

    def close_text(self) -> None:
        """The text that the word ends with is whole."""
        if self.known is not None and self.word is not None:
            self.word.append(("".join(self.known), self.places))
        self.known = None

    def feed(self, ch: str, place: int) -> bool:
        """Take a character; False where the command line ends."""
        if self.escaped:
            self.escaped = False
            self.add({"t": "\t", "n": "\n"}.get(ch, ch), place)
        elif ch == "\\" and self.quote != "'":
            self.escaped = True
        elif self.quote:
            if ch == self.quote:
                self.quote = ""
                self.add("", place)
            else:
                self.add(ch, place)
        elif ch in " \t\r\n":
            self.end()
        elif ch in "'\"":
            self.quote = ch
        elif ch in _STOPS:
            self.stopped = place
            return False
        else:
            self.add(ch, place)
        return True

    def end(self) -> None:
        self.close_text()
        if self.word is not None:
            self.words.append(self.word)
            self.word = None


def split(text: Text, notes: list[Note], budget: Budget) -> list[Text] | None:
    """A command line as words, None where Compose refuses it or how it's split isn't known."""
    budget.step(text.location, sum(len(v) for v, _ in text.parts if isinstance(v, str)) >> 1)
    splitter = _Splitter()
    for value, offsets in text.parts:
        if isinstance(value, Unknown):
            if splitter.escaped:
                return None
            known = value if splitter.quote else replace(value, splits=True)
            splitter.add(known, offsets[0])
            continue
        for i, ch in enumerate(value):
            if not splitter.quote and not splitter.escaped and ch in "`()":
                notes.append(Note("Compose runs no shell, and refuses this", text.location))
                return None
            if not splitter.feed(ch, offsets[min(i, len(offsets) - 1)]):
                break
        if splitter.stopped is not None:
            splitter.close_text()
            word = splitter.word
            if word and isinstance(word[0][0], str) and word[0][0].isdigit():
                splitter.word = None
            notes.append(
                Note("Compose runs no shell, and drops this", text.lines.place(splitter.stopped))
            )
            break
    splitter.end()
    if splitter.quote or splitter.escaped:
        notes.append(Note("Compose refuses this: a quote isn't closed", text.location))
        return None
    return [Text(tuple(w), text.lines) for w in splitter.words]
