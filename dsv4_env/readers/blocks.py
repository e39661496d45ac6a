"""Blocks of code within a page or a notebook: the launches of each, with the places of the page.

A page's reader is a person: what stands for a value there (``<node0-ip>``, ``{{PORT}}``) is a
placeholder, and what stands for more words (``[options]``, ``...``) may be any.
"""

from __future__ import annotations

import ast
import re
import warnings
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from dsv4_env.lang.yaml import Lines
from dsv4_env.model import LaunchConfig, Location, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import embedded, python
from dsv4_env.readers.embedded import PlacedText
from dsv4_env.readers.kind import FileKind

SHELLS = frozenset({"sh", "bash", "shell", "zsh", "console", "shell-session", "shellsession"})
PYTHONS = frozenset({"python", "python3", "py", "ipython", "pycon"})
DOCUMENTS = frozenset({"yaml", "yml"})
_PROMPT = re.compile(
    r"[ \t]*(?:\([\w.-]+\)[ \t]*)?(?:[\w.-]++@[\w.-][^\s$#]*+\$|\[[^\]\n]*+\]\$|root@[^\s#]*+#|\$)"
    r"[ \t]+"
)
_GOES_ON = re.compile(r"[ \t]*>[ \t]")
_NAMES = re.compile(r"[A-Za-z_]\w*")
_CHEVRONS = re.compile(r"[ \t]*(?:>>>|\.\.\.)(?:[ ]|$)")
_PLACEHOLDER = re.compile(
    r"(?P<more>(?<=\s)(?:[\[<][a-z _-]*(?:args|arguments|flags|options)(?:[.]{3})?[\]>]"
    r"|\.\.\.|…)(?=\s|$))"
    r"|(?<=[\s=/\"])\[[A-Za-z][A-Za-z_ -]+\](?=[\s:/\"]|$)"
    r"|(?<![<$])<(?=[A-Za-z0-9_.])[^<>\n'\"`$;&()]{0,78}[\w.|)…]>(?!>)"
    r"|\{\{[ ]?\w+[ ]?\}\}"
)
_FILLED = re.compile(rf"{_PLACEHOLDER.pattern}|(?<![$\w{{]){{[A-Za-z_][\w.]*(?:\[[^\]\n]*\])?}}")
_STEPS = 4  # of a block
_PYTHON = 300  # and of one of Python that is followed, beside what is followed in it


@dataclass(slots=True, eq=False)
class Block:
    """A block's text, and where each of its characters stands in the file of *lines*."""

    text: str
    offsets: Sequence[int]
    lines: Lines

    def place(self, line: int, column: int | None) -> Location:
        """The place in the file of a place in the text."""
        starts = Lines("", self.text).starts
        at = starts[min(line, len(starts)) - 1] + (column or 1) - 1
        return self.lines.place(self._offset(at))

    def _offset(self, at: int) -> int:
        if not self.offsets:
            return 0
        return self.offsets[max(0, min(at, len(self.offsets) - 1))]

    def kept(self, spans: Sequence[tuple[int, int]]) -> Block:
        """The parts of it between these places."""
        offsets = array("l")
        for start, end in spans:
            offsets.extend(self.offsets[start:end])
        return Block("".join(self.text[s:e] for s, e in spans), offsets, self.lines)


@dataclass(slots=True)
class Blocks:
    """What the blocks of one file launch, as they are read one after the other.

    *options* are those of the Python reader.
    """

    path: str
    reader: str
    budget: Budget
    options: Mapping[str, Any] = field(default_factory=dict)
    found: list[LaunchConfig] = field(default_factory=list)
    problems: list[ReadError] = field(default_factory=list)
    imports: dict[str, Block] = field(default_factory=dict)  # names that blocks before it import

    def shell(self, block: Block, name: str, *, sure: bool = True, filled: bool = False) -> None:
        """Read a block of commands; where that isn't *sure*, what is no script is none.

        *filled*: names in braces are filled in, as IPython does.
        """
        self.budget.step(None, _STEPS)
        if not embedded.mentions((block.text,)):
            return
        block = _commands(block)
        script = PlacedText(tuple(_parts(block, filled=filled)), block.lines, whole=True)
        try:
            self.found += embedded.read_script(
                script, (), name=name, reader=self.reader, budget=self.budget
            )
        except BudgetError:
            raise
        except ReadError as exc:
            if sure:
                self.problems.append(exc)

    def python(self, block: Block, name: str) -> None:
        """Read a block of Python, with what blocks before it import."""
        self.budget.step(None, _STEPS)
        block = _dedented(_chevrons(block))
        self.budget.step(None, len(block.text) >> 4)
        names = dict.fromkeys(_NAMES.findall(block.text))
        before = dict.fromkeys(b for n in names if (b := self.imports.get(n)))
        if "import" in block.text:
            self.imports |= _imports(block)
        if not embedded.mentions((block.text,)) or not python.KIND.hit(block.text.encode()):
            return
        self.budget.step(None, _PYTHON)
        if before and parses(block.text):
            block = joined([*before, block], block.lines)
        for config in self._moved(block, python.read_all, self.options):
            self.found.append(replace(config, name=name, reader=self.reader))

    def document(self, block: Block, kinds: Sequence[FileKind]) -> None:
        """Read a block of YAML as the first of these kinds that its bytes say it is."""
        self.budget.step(None, _STEPS)
        if not embedded.mentions((block.text,)):
            return
        data = block.text.encode(errors="surrogateescape")
        kind = next((k for k in kinds if k.by_content("block.yaml", data)), None)
        if kind is not None:
            for config in self._moved(block, kind.read, {}):
                self.found.append(replace(config, reader=self.reader))

    def _moved(
        self, block: Block, read: Callable[..., list[LaunchConfig]], options: Mapping[str, Any]
    ) -> list[LaunchConfig]:
        """What a reader finds in a block, with the places of the page."""
        moved = _Moved(self.path, block)
        try:
            found = read(block.text, self.path, budget=self.budget, **options)
        except BudgetError:
            raise
        except ReadError as exc:
            where = moved.text(exc.where or self.path)
            self.problems.append(
                ReadError(moved.text(exc.found), where=where, expected=exc.expected, hint=exc.hint)
            )
            return []
        return list(map(moved.launch, found))

    def launches(self, ended: BudgetError | None) -> list[LaunchConfig]:
        """All that was found, in order; what of a launch's page isn't read is told with it.

        Raises the first problem where nothing was found.
        """
        found = self.found
        if found or ended is None:
            found = embedded.with_unread(found, self.problems, self.path, ": this block isn't read")
        found.sort(key=lambda c: _where(c))
        return found if ended is None else kept(found, ended, self.budget.place(), self.path)


def _where(config: LaunchConfig) -> tuple[int, int]:
    place = config.location
    return (place.line or 0, place.column or 0) if place else (0, 0)


def joined(blocks: Iterable[Block], lines: Lines) -> Block:
    """Blocks as one, each of whole lines."""
    offsets = array("l")
    texts: list[str] = []
    for block in blocks:
        if not block.text:
            continue
        texts.append(block.text)
        offsets.extend(block.offsets)
        if not block.text.endswith("\n"):
            texts.append("\n")
            offsets.append(offsets[-1])
    return Block("".join(texts), offsets, lines)


def _imports(block: Block) -> Iterator[tuple[str, Block]]:
    """The names that a block imports at its top, and the statements that do."""
    tree = parsed(block.text)
    starts = Lines("", block.text).starts
    for node in tree.body if tree else ():
        if isinstance(node, ast.Import | ast.ImportFrom):
            end = node.end_lineno or node.lineno
            stop = starts[end] if end < len(starts) else len(block.text)
            part = block.kept([(starts[node.lineno - 1], stop)])
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0], part


def parses(text: str) -> bool:
    """Whether a text is Python."""
    return parsed(text) is not None


def parsed(text: str) -> ast.Module | None:
    """A text as Python, None where it's none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def line_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each line of a text begins and ends, with its newline."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield start, end
        start = end


def _commands(block: Block) -> Block:
    """What somebody types: of a session with its prompts, not what is printed."""
    text = block.text
    first = next(
        (s for s, e in line_spans(text) if (line := text[s:e].strip()) and line[0] != "#"), None
    )
    if first is None or not _PROMPT.match(text, first):
        return block
    spans: list[tuple[int, int]] = []
    goes_on = False
    for start, end in line_spans(text):
        at = start
        if m := _PROMPT.match(text, start, end):
            at = m.end()
        elif not goes_on:
            continue
        elif m := _GOES_ON.match(text, start, end):
            at = m.end()
        spans.append((at, end))
        goes_on = text[at:end].rstrip("\r\n").endswith("\\")
    return block.kept(spans)


def _chevrons(block: Block) -> Block:
    """The code of a session of Python, without what is printed."""
    text = block.text
    if not text.lstrip().startswith(">>>"):
        return block
    found = [(m.end(), e) for s, e in line_spans(text) if (m := _CHEVRONS.match(text, s, e))]
    return block.kept(found)


def _dedented(block: Block) -> Block:
    """A block without the indentation that all its lines have."""
    text = block.text
    spans = list(line_spans(text))
    indents = [text[s:e][: -len(text[s:e].lstrip())] for s, e in spans if text[s:e].strip()]
    if not indents or not min(indents, key=len):
        return block
    common = min(indents, key=len)
    if not all(i.startswith(common) for i in indents):
        return block
    return block.kept([(s + (len(common) if text[s:e].strip() else 0), e) for s, e in spans])


def _parts(block: Block, *, filled: bool) -> Iterator[tuple[Value, Sequence[int]]]:
    """The text of a script, with what stands for a value, or for more words, unknown."""
    text, offsets = block.text, block.offsets
    last = 0
    for m in (_FILLED if filled else _PLACEHOLDER).finditer(text):
        if m.start() > last:
            yield text[last : m.start()], offsets[last : m.start()]
        place = block.lines.place(offsets[m.start()])
        more = m["more"] is not None
        reason = "left out here" if more else "a placeholder"
        reason = "Python fills it in" if filled and m[0][0] == "{" else reason
        yield (
            Unknown(m[0], reason, splits=more, location=place),
            offsets[m.start() : m.start() + 1],
        )
        last = m.end()
    if last < len(text) or not last:
        yield text[last:], offsets[last:]


@dataclass(slots=True)
class _Moved:
    """Places of a block's text, as those of the file that it stands in."""

    path: str
    block: Block
    starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = Lines("", self.block.text).starts

    def text(self, said: str) -> str:
        """A text that may tell such a place."""
        if self.path not in said:
            return said
        return re.sub(
            rf"{re.escape(self.path)}:(\d+)(?::(\d+))?",
            lambda m: str(self.block.place(int(m[1]), int(m[2]) if m[2] else None)),
            said,
        )

    def launch(self, config: LaunchConfig) -> LaunchConfig:
        """A launch, with all its places."""
        end = config.end_line
        if end is not None and end <= len(self.starts):
            begin = self.starts[end - 1]
            stop = self.starts[end] - 1 if end < len(self.starts) else len(self.block.text)
            last = len(self.block.text[begin:stop].rstrip())
            end = self.block.place(end, max(1, last)).line
        moved: LaunchConfig = self.any(config)
        return replace(
            moved,
            end_line=end,
            notes=tuple(n.mapped(self.text) for n in moved.notes),
        )

    def any(self, value: Any) -> Any:
        """Anything that a launch is made of."""
        if type(value) is Location:
            if value.path != self.path or value.line is None:
                return value
            return self.block.place(value.line, value.column)
        if isinstance(value, tuple) and value:
            return tuple(map(self.any, value))
        if is_dataclass(value) and not isinstance(value, type | Path):
            changed = {
                f.name: new
                for f in fields(value)
                if f.init and (new := self.any(old := getattr(value, f.name))) is not old
            }
            return replace(value, **changed) if changed else value
        return value
