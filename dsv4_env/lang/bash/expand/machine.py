"""The machine that follows a script: what was given, what was found, what is used up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dsv4_env.guard.files import is_within
from dsv4_env.lang.bash.expand.state import (
    MAX_DEFAULT,
    MAX_SHOWN,
    MAX_TEXT,
    STATEMENT,
    Event,
    Piece,
    State,
    Undecided,
)
from dsv4_env.lang.bash.expand.values import (
    ALWAYS,
    Alternatives,
    Argv,
    Key,
    Option,
    Symbol,
    Text,
    identity,
)
from dsv4_env.lang.bash.syntax.nodes import Block, Node, Source, Word
from dsv4_env.lang.bash.syntax.reach import Outline
from dsv4_env.model import Location, Note, RequiredInput, lost_launch
from dsv4_env.model.budget import Budget
from dsv4_env.model.condition import Condition


def _none(_name: str) -> bool:
    return False


def _any(_text: str) -> bool:
    return True


class Question(NamedTuple):
    """A command whose output somebody may know: its words, and where it stands.

    *variable* is the value of one that the script itself sets, None of any other; *located* is the
    file that a word names, where that's known.
    """

    words: Sequence[Text]
    place: Location
    variable: Callable[[str], Text | None]
    located: Callable[[Text], Path | None]
    spend: Callable[[int], object]


class Answer(NamedTuple):
    """What a command prints; None: not known, and *reason* says why."""

    text: str | None
    reason: str = ""


def _unanswered(_question: Question) -> Answer | None:
    return None


def _as_it_is(_text: str, place: Location) -> Location:
    return place


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Watch:
    """Which commands are looked for.

    *length* says how many of the words, from the given one on, name the command that is looked
    for: None where it's another. *mention* stands in every text that may hold one. *answer* gives
    the output of commands, and *whence* the place that is told of what a text sets, which a command
    at a place runs.
    """

    length: Callable[[Sequence[tuple[Text, Location | None]], int], int | None]
    mention: str
    told: Callable[[str], bool]  # whether a text says such a command, for sure
    variable: Callable[[str], bool] = _none  # whether a variable counts for them, wherever it's set
    hint: Callable[[str], bool] = _any  # whether a text may hold a part of its words
    answer: Callable[[Question], Answer | None] = _unanswered
    whence: Callable[[str, Location], Location] = _as_it_is


class Given(NamedTuple):
    """A value that a variable is given: with what must hold for it, and *on* which paths."""

    name: str
    event: Event
    condition: Condition | None = None
    on: Alternatives = ALWAYS


@dataclass(slots=True, eq=False, repr=False)
class Invocation:
    """A command that is watched for, on one path through the script."""

    key: Key
    alts: Alternatives
    settled: tuple[Alternatives, ...]
    env: list[Given]
    command: Argv
    args: Argv
    location: Location
    end_line: int | None
    notes: tuple[Note, ...]
    required: tuple[RequiredInput, ...]
    partial: bool


@dataclass(slots=True, eq=False, repr=False)
class Machine:
    """The run as a whole: what was given, what was found, what is used up."""

    watch: Watch
    inputs: Mapping[str, str]
    facts: Mapping[str, str]
    root: Path | None
    budget: Budget = field(default_factory=Budget)
    invocations: list[Invocation] = field(default_factory=list)
    keys: dict[Alternatives, frozenset[Key]] = field(default_factory=dict)  # of their tests
    conditions: dict[Key, Undecided] = field(default_factory=dict)
    order: dict[Key, int] = field(default_factory=dict)  # which of them was met first
    exits: set[tuple[Key, bool]] = field(default_factory=set)
    symbols: dict[Key, Symbol] = field(default_factory=dict)
    parsed: dict[str, tuple[Block, Any]] = field(default_factory=dict)
    root_given: bool = True  # else it's the script's own folder
    narrow: bool = False  # the locale has no character but ASCII's
    rough: bool = False  # it's the second reading, after one that took too much
    aside: bool = False  # what is followed is limited already
    whole: int = 0  # > 0 where what commands print and return matters
    apart: int = 0  # paths that were left when it was last tried to make them one
    forks: int = 0  # decisions taken for the command that is being followed
    pure: int = 0  # > 0 inside a substitution: forks are taken by the command around it
    skipped: list[Note] = field(default_factory=list)  # commands that can't be followed
    lost: list[Note] = field(default_factory=list)  # commands that it can't say more of
    writes: dict[str | int, tuple[Location, Text]] = field(default_factory=dict)  # files written
    used: set[str | int] = field(default_factory=set)  # those of them that were followed
    running: list[str | int] = field(default_factory=list)  # the files that are being run
    guards: dict[Node, bool] = field(default_factory=dict)  # functions that check variables
    followed: dict[object, int] = field(default_factory=dict)  # calls since little is left
    outside: dict[str, Symbol] = field(default_factory=dict)
    where: dict[Key, Location] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)  # why outputs aren't known that were asked for
    outline: Outline = field(init=False)

    def __post_init__(self) -> None:
        self.outline = Outline(self.watch.hint, lambda steps: self.budget.step(count=steps))

    # Words, arithmetic and commands need each other: each asks the machine for the others, which
    # the interpreter brings together.

    def pieces(self, state: State, word: Word, *, assignment: bool = False) -> list[Piece]:
        """The parts of a word, expanded."""
        raise NotImplementedError

    def number(self, state: State, code: str, text: str) -> Text:
        """The value of an arithmetic expression, which is spelled *text*."""
        raise NotImplementedError

    def execute(self, node: Node, states: list[State]) -> list[State]:
        """The states after a command, for each it may begin in."""
        raise NotImplementedError

    def ended(self, states: list[State]) -> list[State]:
        """The states after what runs when a shell ends."""
        raise NotImplementedError

    def located(self, value: Text, state: State) -> Path | None:
        """The file that a path names, where that's known: relative ones are below the root."""
        if isinstance(value, str):
            if value.startswith("/"):
                return Path(value)
            folder = self.root if state.cwd is None else self.located(state.cwd, state)
            return None if folder is None else folder / value
        return value.named_file()

    def below_root(self, path: Path) -> bool:
        """Whether a file lies below the folder that may be read from."""
        return self.root is not None and is_within(path, self.root)

    def tick(self, state: State, pos: int, words: int = 1) -> None:
        """Count a command of so many words."""
        self.budget.step((state.source, pos), STATEMENT + 2 * words)

    def spent(self) -> float:
        """How much of the budget is used up, between 0 and 1."""
        budget = self.budget
        return max(budget.spent_steps / budget.steps, budget.spent_bytes / budget.made)

    def tired(self) -> bool:
        """Whether so little is left that the rest is followed roughly: what differs is unknown."""
        return self.rough or self.spent() > 0.85

    def most(self, limit: int) -> int:
        """A limit of size, which is a small one where little of the budget is left."""
        return limit // 50 if self.tired() else limit

    def follows(self, what: object, state: State) -> bool:
        """Whether a function or a text is still followed: where little is left, a few times."""
        if not self.tired():
            return True
        count = self.followed[what] = self.followed.get(what, 0) + 1
        return count <= 4 and state.depth < 8

    def ordered(self) -> dict[Key, int]:
        """The conditions by the order they were met in."""
        fresh: list[Key] = []
        if len(self.order) < len(self.conditions):
            for key in reversed(self.conditions):
                if key in self.order:
                    break
                fresh.append(key)
        for key in reversed(fresh):
            self.order[key] = len(self.order)
        return self.order

    def lose(self, what: str, place: Location) -> None:
        """Say of a command that is watched for that it can't be followed."""
        note = lost_launch(what, place)
        if note not in self.lost:
            self.lost.append(note)

    def place(self, at: object) -> Location | None:
        """The place that a key of the budget stands for."""
        if isinstance(at, tuple) and len(at) == 2 and isinstance(at[0], Source):
            return at[0].place(at[1])
        return None

    def unknown(
        self,
        text: str,
        reason: str,
        key: Key,
        *,
        names: tuple[str, ...] = (),
        default: str | None = None,
        splits: bool = False,
        location: Location | None = None,
        parts: tuple[Text, ...] = (),
        path: Path | None = None,
        content: str | None = None,
        filled: bool = False,
        options: tuple[Option, ...] = (),
        shuffled: tuple[tuple[Text, ...], ...] = (),
    ) -> Symbol:
        """The symbol of a key: the same for the same key, so that it can be told again."""
        if len(text) > MAX_SHOWN:
            text = f"{text[:MAX_SHOWN]}…"
        full = (text, splits, *key)
        found = self.symbols.get(full)
        if found is None:
            self.budget.step(count=4)
            number = len(self.symbols)
            optional = bool(options) or any(isinstance(p, Symbol) and p.optional for p in parts)
            known = (splits, location, number, parts, path, content, filled, options, optional)
            found = Symbol(text, reason, names, default, *known, shuffled)
            self.symbols[full] = found
        return found

    def derived(
        self,
        text: str,
        sources: Sequence[Text],
        *,
        default: str | None = None,
        splits: bool = False,
        path: Path | None = None,
    ) -> Symbol:
        """A symbol made of others: it is the same again when it's made of the same."""
        return self._made_of("of", text, sources, default, splits, path=path)

    def _made_of(
        self,
        how: str,
        text: str,
        sources: Sequence[Text],
        default: str | None,
        splits: bool,
        *,
        path: Path | None = None,
        parts: tuple[Text, ...] = (),
        filled: bool = False,
    ) -> Symbol:
        unknowns = [p for p in sources if isinstance(p, Symbol)]
        key = (how, *map(identity, sources))
        self.budget.step(count=(len(sources) + sum(len(p.names) for p in unknowns)) >> 4)
        names = tuple(dict.fromkeys(n for p in unknowns for n in p.names))
        first = unknowns[0] if unknowns else None
        return self.unknown(
            text,
            first.reason if first is not None else "not all of it is known",
            key,
            names=names,
            default=default,
            splits=splits,
            location=first.location if first is not None else None,
            parts=parts,
            path=path,
            filled=filled,
        )

    def unlike(self, value: Symbol, text: str, default: str | None) -> Symbol:
        """A symbol as another one was, but for its text and default: a part of it alone."""
        key = ("part", value.number, default)
        return self.unknown(
            text,
            value.reason,
            key,
            names=value.names,
            default=default,
            splits=value.splits,
            location=value.location,
        )

    def join(self, pieces: Sequence[Text], *, splits: bool = False) -> Text:
        """The pieces one after the other."""
        if len(pieces) == 1:
            only = pieces[0]
            if isinstance(only, str) or only.splits == splits:
                return only
        self.budget.step(count=len(pieces) >> 1)
        size = sum(len(p if isinstance(p, str) else p.default or p.text) for p in pieces)
        self.made(size, pieces)
        if size > 1_000 and size > self.most(MAX_TEXT):
            return self.long(pieces, splits=splits)
        text: list[str] = []
        default: list[str] | None = []
        known = True
        for piece in pieces:
            if isinstance(piece, str):
                text.append(piece)
                if default is not None:
                    default.append(piece)
            else:
                known = False
                text.append(piece.text)
                if piece.default is None:
                    default = None
                elif default is not None:
                    default.append(piece.default)
        if known:
            return "".join(text)
        if default is not None and size > MAX_DEFAULT:
            default = None
        whole = None if default is None else "".join(default)
        filled = any(isinstance(p, str) and p for p in pieces)
        parts = tuple(pieces)
        return self._made_of(
            "join", "".join(text), parts, whole, splits, parts=parts, filled=filled
        )

    def made(self, size: int, pieces: Sequence[Text] = ()) -> None:
        """Count text before it is made; *pieces* are what it is made of."""
        if size > 64:
            plain = all(not isinstance(p, str) or p.isascii() for p in pieces)
            self.budget.make(size if plain else 4 * size)

    def long(self, pieces: Sequence[Text], *, splits: bool = False) -> Symbol:
        """A text too long to be made: it isn't known."""
        first = next((p if isinstance(p, str) else p.text for p in pieces if p), "")[:60]
        key = ("long", *((len(p), hash(p)) if isinstance(p, str) else p.number for p in pieces))
        reason = f"a text of more than {MAX_TEXT:,} characters"
        return self.unknown(f"{first}…", reason, key, splits=splits)
