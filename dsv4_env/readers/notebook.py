"""Jupyter notebooks: what their cells launch, run from the top.

The cells of Python are one program, as they share what they set; each ``!command`` and each cell
that ``%%bash`` begins is a shell of its own, whose environment the cells before it may have set.

Sources: nbformat 4.5; IPython, "Built-in magic commands" and "System commands".
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dsv4_env.lang import jsonc, markdown
from dsv4_env.lang.yaml import Lines, Mapping, Scalar, Sequence
from dsv4_env.model import LaunchConfig, Location, Note
from dsv4_env.model.budget import Budget, BudgetError
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import python
from dsv4_env.readers.blocks import PYTHONS, SHELLS, Block, Blocks, joined, line_spans, parses
from dsv4_env.readers.kind import FileKind

_KIND = "a Jupyter notebook"
_EACH = 8  # steps that a cell takes
_SHELL_CELL = re.compile(r"\s*%%(?:(?:script\s+)?(?:bash|sh|zsh)\b|!|sx\b|system\b)[^\n]*\n")
_OTHER_CELL = re.compile(r"\s*%%(?!capture\b|time\b|timeit\b|prun\b|python3?\b)\w")
_MAGIC = re.compile(
    r"(?P<indent>[ \t]*)(?:(?P<target>[A-Za-z_][\w, ]*=[ \t]*)?(?P<bang>!!?|%(?:sx|system)[ \t])"
    r"|[A-Za-z_][\w, ]*=[ \t]*%[A-Za-z]|%)"
)
_ENV_MAGIC = re.compile(r"[ \t]*%(?:set_)?env\b")
_ENVIRONMENT = re.compile(r"%(?:set_)?env\b|\bos\.environ\b|\bputenv\b|\benvs\.")


def read_all(
    data: str | bytes,
    path: str = "<notebook>",
    *,
    budget: Budget | None = None,
    root: Path | None = None,
    profiles: Path | None = None,
    sglang: str | None = None,
) -> list[LaunchConfig]:
    """Every launch of a notebook's cells, in order; each is called after its cell, from 1.

    *root*, *profiles* and *sglang* are as :func:`python.read_all` takes them. Raises ReadError
    where the data has no cells, or where none of those that name a server can be read.
    """
    budget = budget or Budget()
    options: dict[str, Any] = {"root": root, "profiles": profiles, "sglang": sglang}
    reading = _Reading(path, Blocks(path, "notebook", budget, options))
    ended: BudgetError | None = None
    try:
        top = jsonc.parse(data, path, _KIND, budget)
        if not isinstance(top, Mapping) or not isinstance(top.get("cells"), Sequence):
            raise ReadError("no cells", where=path, expected=_KIND)
        told = top.text("metadata", "language_info", "name") or top.text(
            "metadata", "kernelspec", "language"
        )
        reading.language = (told or "python").lower()
        for cell in top.sequence("cells"):
            if isinstance(cell, Mapping):
                reading.take(cell)
        reading.end(top.lines)
    except BudgetError as exc:
        ended = exc
    return [reading.named(c) for c in reading.blocks.launches(ended)]


@dataclass(slots=True)
class _Reading:
    """A notebook while it's read; the *program* is its Python, *starts* are its cells'."""

    path: str
    blocks: Blocks
    language: str = "python"
    starts: list[tuple[int, int]] = field(default_factory=list)
    program: list[Block] = field(default_factory=list)
    set_at: Location | None = None
    magic_at: Location | None = None

    def take(self, cell: Mapping) -> None:
        """Read a cell, or keep it for the program."""
        self.blocks.budget.step(None, _EACH)
        self.starts.append((cell.location.line or 0, cell.location.column or 0))
        block = _source(cell)
        text = block.text
        if cell.text("cell_type") == "markdown":
            for fence in markdown.fences(Lines("", text), self.blocks.budget):
                if fence.language in SHELLS:
                    offsets = array("l", (block.offsets[i] for i in fence.offsets))
                    self.blocks.shell(Block(fence.text, offsets, block.lines), self.path)
        elif cell.text("cell_type") != "code":
            return
        elif m := _SHELL_CELL.match(text):
            self.shell(block.kept([(m.end(), len(text))]))
        elif _OTHER_CELL.match(text):
            return
        elif self.language in SHELLS:
            self.shell(block)
        elif self.language in PYTHONS:
            self.python(block)

    def shell(self, block: Block, *, filled: bool = False) -> None:
        """Read a script, or one command, in the environment that the kernel has by then.

        *filled*: names of Python in braces are filled in.
        """
        before = len(self.blocks.found)
        self.blocks.shell(block, self.path, filled=filled)
        if self.set_at is None:
            return
        self.say(before, Note("what cells before it set isn't known here", self.set_at, opens=True))

    def say(self, before: int, note: Note) -> None:
        """Say something of the launches that were found since there were so many *before*."""
        found = self.blocks.found
        found[before:] = [replace(c, notes=(*c.notes, note)) for c in found[before:]]

    def python(self, block: Block) -> None:
        """Read the commands of a cell, and keep its Python."""
        text = block.text
        pieces: list[tuple[int, int | str]] = []
        spans = list(line_spans(text))
        number = 0
        while number < len(spans):
            start, end = spans[number]
            number += 1
            m = _MAGIC.match(text, start, end)
            if m is None:
                pieces.append((start, end))
                continue
            while text[end - 3 : end].rstrip("\r\n").endswith("\\") and number < len(spans):
                end = spans[number][1]
                number += 1
            if m["bang"]:
                self.shell(block.kept([(m.end(), end)]), filled=True)
            elif _ENV_MAGIC.match(text, start, end):
                self.magic_at = self.magic_at or block.lines.place(block.offsets[start])
            made = f"{m['target']}get_ipython()" if m["target"] else "pass"
            pieces.append((start, m["indent"] + made + "\n" * text.count("\n", start, end)))
        if self.set_at is None and (set_here := _ENVIRONMENT.search(text)):
            self.set_at = block.lines.place(block.offsets[set_here.start()])
        kept = _with(block, pieces)
        if parses(kept.text):
            self.program.append(kept)
        elif python.KIND.hit(text.encode()):
            where = block.lines.place(block.offsets[0])
            self.blocks.problems.append(ReadError("no Python", where=where, expected="a cell"))

    def end(self, lines: Lines) -> None:
        """Read the program."""
        before = len(self.blocks.found)
        self.blocks.python(joined(self.program, lines), self.path)
        if self.magic_at is not None:
            self.say(before, Note("what %env sets isn't counted", self.magic_at, opens=True))

    def named(self, config: LaunchConfig) -> LaunchConfig:
        """A launch, called after its cell."""
        place = config.location
        if place is None or place.path != self.path:
            return config
        number = bisect_right(self.starts, (place.line or 0, place.column or 0))
        return replace(config, name=f"{self.path} cell {number}")


def _source(cell: Mapping) -> Block:
    """The text of a cell: one text, or its lines."""
    source = cell.get("source")
    nodes = source.items if isinstance(source, Sequence) else [source]
    offsets = array("l")
    texts: list[str] = []
    for node in nodes:
        if isinstance(node, Scalar):
            texts.append(node.text)
            offsets.extend(node.offsets())
    return Block("".join(texts), offsets, cell.lines)


def _with(block: Block, pieces: list[tuple[int, int | str]]) -> Block:
    """A block of its own parts, and of texts that stand at a place of it."""
    offsets = array("l")
    texts: list[str] = []
    for start, what in pieces:
        text = what if isinstance(what, str) else block.text[start:what]
        texts.append(text)
        if isinstance(what, str):
            offsets.extend([block.offsets[start]] * len(text))
        else:
            offsets.extend(block.offsets[start:what])
    return Block("".join(texts), offsets, block.lines)


KIND = FileKind(
    "notebook",
    "a notebook",
    read_all,
    summary=_KIND,
    takes=("profiles", "root", "sglang"),
    named=r"[^/]+\.ipynb",
    related=True,
    hit=python.KIND.hit,
    editable=True,
)
