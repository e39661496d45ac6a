"""The parts of a bash script: words, commands and compound commands, each with its place.

The tree is made once and never changed. It isn't frozen and has no equality, because making it
has to be quick and each node is itself only.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TypeAlias

from dsv4_env.model import Location


@dataclass(slots=True, eq=False, repr=False)
class Source:
    """A text that is run: the script, a file it sources, or a string given to a shell.

    *at* is the one place that all of it stands at, where it isn't a file of its own.
    """

    text: str
    path: str
    at: Location | None = None
    starts: list[int] = field(default_factory=list)

    def place(self, pos: int) -> Location:
        """Line and column of a position, both from 1."""
        if self.at is not None:
            return self.at
        if not self.starts:
            self.starts.append(0)
            find, i = self.text.find, -1
            while (i := find("\n", i + 1)) >= 0:
                self.starts.append(i + 1)
        line = bisect_right(self.starts, pos)
        return Location(self.path, line, pos - self.starts[line - 1] + 1)


CRLF = "CRLF line endings: bash takes the carriage return for a part of a line's last word"


def ends_in_crlf(text: str) -> bool:
    """Whether most lines of a script end in CRLF, which is no spelling of single values."""
    return 2 * text.count("\r\n") > text.count("\n")


@dataclass(slots=True, eq=False, repr=False)
class Lit:
    """Literal text; *quoted* text is never split, globbed or brace-expanded."""

    text: str
    quoted: bool


@dataclass(slots=True, eq=False, repr=False)
class Param:
    """``$name`` or ``${…}``.

    *kind* is "" (value), "#" (length), "!" (indirect), "*" (prefix) or "bad": what isn't a
    substitution is only refused where it's expanded.
    """

    name: str
    quoted: bool
    text: str
    kind: str = ""
    sub: Word | None = None
    op: str = ""
    arg: Word | None = None
    arg2: Word | None = None


@dataclass(slots=True, eq=False, repr=False)
class CmdSub:
    """A command substitution."""

    body: Block
    quoted: bool
    text: str


@dataclass(slots=True, eq=False, repr=False)
class Arith:
    """``$((…))``: the expression as a word that is expanded before it is evaluated."""

    expr: Word
    quoted: bool
    text: str


@dataclass(slots=True, eq=False, repr=False)
class ProcSub:
    """A process substitution."""

    body: Block
    text: str
    quoted: bool = False


Part: TypeAlias = Lit | Param | CmdSub | Arith | ProcSub


@dataclass(slots=True, eq=False, repr=False)
class Word:
    """A word: its parts and where it stands; *plain* is its text when there's nothing to do.

    *doubtful* says why it isn't known how bash expands its braces, "" where it is.
    """

    parts: list[Part]
    pos: int
    end: int
    plain: str | None = None
    doubtful: str = ""


@dataclass(slots=True, eq=False, repr=False)
class Item:
    """An element of an array literal: ``[sub]=value``, ``[sub]+=value`` or a word.

    *braced*: the words that an indexed array gets instead, where braces in it expand.
    """

    sub: Word | None
    append: bool
    words: list[Word]
    braced: list[Word] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Assign:
    """An assignment; *value* is a list for an array literal; *word* is the whole as an argument."""

    name: str
    sub: Word | None
    append: bool
    value: Word | list[Item]
    pos: int
    end: int
    text: str


@dataclass(slots=True, eq=False, repr=False)
class Redirect:
    """A redirection; the word of a here-document is its body."""

    op: str
    fd: str
    word: Word


@dataclass(slots=True, eq=False, repr=False)
class Simple:
    """A simple command."""

    assigns: list[Assign]
    words: list[Word | Assign]
    redirs: list[Redirect]
    pos: int
    end: int
    fixed: bool | None = None  # nothing in it depends on anything (found when first run)


@dataclass(slots=True, eq=False, repr=False)
class Block:
    """Commands one after the other."""

    items: list[Node]


@dataclass(slots=True, eq=False, repr=False)
class AndOr:
    """Pipelines joined by ``&&`` and ``||``."""

    first: Node
    rest: list[tuple[str, Node]]


@dataclass(slots=True, eq=False, repr=False)
class Background:
    """A command followed by ``&``."""

    body: Node


@dataclass(slots=True, eq=False, repr=False)
class Pipeline:
    """Commands joined by ``|``; *bang* negates the status."""

    commands: list[Node]
    bang: bool
    text: str


@dataclass(slots=True, eq=False, repr=False)
class Group:
    """``{ …; }`` or ``( … )``, with its redirections."""

    body: Node
    subshell: bool
    redirs: list[Redirect]


@dataclass(slots=True, eq=False, repr=False)
class If:
    """``if``: conditions with their bodies, and what else."""

    branches: list[tuple[Block, Block]]
    other: Block | None


@dataclass(slots=True, eq=False, repr=False)
class While:
    """``while`` and ``until``."""

    test: Block
    body: Block
    until: bool
    text: str
    body_pos: int


@dataclass(slots=True, eq=False, repr=False)
class For:
    """``for`` over words (None: the positional parameters) and ``select``."""

    name: str
    words: list[Word] | None
    body: Block
    select: bool
    text: str
    body_pos: int


@dataclass(slots=True, eq=False, repr=False)
class ForArith:
    """``for ((…; …; …))``."""

    init: Word
    test: Word
    step: Word
    body: Block
    text: str
    body_pos: int


@dataclass(slots=True, eq=False, repr=False)
class Case:
    """``case``: patterns, body and what ends it, per item."""

    subject: Word
    items: list[tuple[list[Word], Block, str]]
    pos: int


@dataclass(slots=True, eq=False, repr=False)
class Function:
    """A function definition."""

    name: str
    body: Node
    text: str


@dataclass(slots=True, eq=False, repr=False)
class Cond:
    """``[[ … ]]``: (operator, operands …) nested."""

    expr: CondExpr
    text: str


@dataclass(slots=True, eq=False, repr=False)
class CondExpr:
    """A node of a condition: and, or, not, or an operator with its words."""

    op: str
    left: CondExpr | Word | None
    right: CondExpr | Word | None = None


@dataclass(slots=True, eq=False, repr=False)
class ArithCmd:
    """``((…))``."""

    expr: Word
    text: str


@dataclass(slots=True, eq=False, repr=False)
class Unsupported:
    """Something that parses but isn't evaluated."""

    what: str
    text: str
    pos: int


Node: TypeAlias = (
    Simple
    | Block
    | AndOr
    | Background
    | Pipeline
    | Group
    | If
    | While
    | For
    | ForArith
    | Case
    | Function
    | Cond
    | ArithCmd
    | Unsupported
)


@dataclass(slots=True, eq=False, repr=False)
class SyntaxProblemError(Exception):
    """Where the text stops being bash, and what is the matter."""

    pos: int
    message: str
    limit: bool = False  # it may well be bash, but it's more than is read
