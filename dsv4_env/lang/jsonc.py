"""JSON with comments and trailing commas, as VS Code's settings are: nodes with positions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dsv4_env.lang.yaml import MAX_DEPTH, MAX_NODES, Lines, Mapping, Node, Scalar, Sequence, decode
from dsv4_env.model import Location
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError

_TOKEN = re.compile(
    r"[ \t\r\n]++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/"
    r'|(?P<text>"(?:[^"\\\n]++|\\[^\n])*+")|(?P<mark>[{}\[\],:])|(?P<word>[-+.\w]++)'
)


def parse(data: str | bytes, path: str, what: str, budget: Budget) -> Node:
    """The value of such a file; of a key given twice the last counts, as it does there.

    Raises ReadError with a place for what isn't JSON, and for 100 levels or 100,000 values.
    """
    text = decode(data, path, what)
    budget.step(Location(path, 1, 1), len(text) // 4)
    reading = _Reading(Lines(path, text), what, budget)
    node = reading.value(0)
    if reading.kind:
        raise reading.error("more behind the end")
    return node


@dataclass(slots=True)
class _Reading:
    """A file while it's read; *kind* is that of the token at *start*, empty at the end."""

    lines: Lines
    what: str
    budget: Budget
    kind: str = ""
    start: int = 0
    end: int = 0
    nodes: int = 0

    def __post_init__(self) -> None:
        self.next()

    def next(self) -> None:
        """Go on to the next token."""
        text = self.lines.text
        while self.end < len(text):
            found = _TOKEN.match(text, self.end)
            if found is None:
                self.start = self.end
                raise self.error(self.unclosed())
            self.start, self.end = found.span()
            self.kind = found.lastgroup or ""
            if self.kind:
                self.budget.step(None)
                return
        self.kind, self.start = "", self.end

    def error(self, problem: str) -> ReadError:
        """Say what is wrong with the token."""
        if not self.kind and self.nodes > 1:
            problem = "it breaks off here"
        return ReadError(
            f"JSON syntax: {problem}", where=self.lines.place(self.start), expected=self.what
        )

    def unclosed(self) -> str:
        """What is wrong with what is no token."""
        rest = self.lines.text[self.start :]
        if rest.startswith("/*"):
            return "a comment that isn't closed"
        if not rest.startswith('"'):
            return "what JSON doesn't have"
        return "a text that isn't closed" if "\n" in rest.strip() else "it breaks off in this text"

    def mark(self) -> str:
        """The bracket, comma or colon that is next, empty for anything else."""
        return self.lines.text[self.start] if self.kind == "mark" else ""

    def take(self, mark: str) -> None:
        """Go over a mark that has to be there."""
        if self.mark() != mark:
            raise self.error(f"no {mark} here")
        self.next()

    def value(self, depth: int) -> Node:
        """The value that is next."""
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise self.error("nested too deeply" if depth > MAX_DEPTH else "too many values")
        start = self.start
        if self.mark() == "[":
            items = [self.value(depth + 1) for _ in self.items("]")]
            return Sequence(items, start, self.lines)
        if self.mark() != "{":
            return self.scalar()
        values: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        for _ in self.items("}"):
            if self.kind != "text":
                raise self.error("a key that isn't text")
            key = self.scalar()
            self.take(":")
            values[key.text], keys[key.text] = self.value(depth + 1), key
        return Mapping(values, keys, start, self.lines)

    def items(self, end: str) -> Iterator[None]:
        """Stop at each item up to the bracket that ends them."""
        self.next()
        while self.mark() != end:
            yield
            if self.mark() != end:
                self.take(",")
        self.next()

    def scalar(self) -> Scalar:
        """The text, number or word that is next."""
        raw = self.lines.text[self.start : self.end]
        if self.kind not in ("text", "word"):
            raise self.error("no value here")
        try:
            text = json.loads(raw, strict=False) if self.kind == "text" else raw
        except ValueError:
            raise self.error("a text that isn't JSON's") from None
        style = '"' if self.kind == "text" else ""
        found = Scalar(text, self.start, self.end, style, self.lines)
        self.next()
        return found
