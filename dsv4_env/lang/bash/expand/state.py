"""What is known on one path through a script: variables, decisions taken, output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, TypeAlias

from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.expand.values import (
    ALWAYS,
    Alternatives,
    Key,
    Symbol,
    Text,
)
from dsv4_env.lang.bash.syntax.nodes import Assign, Function, Node, Simple, Source
from dsv4_env.model import Location, Note, RequiredInput
from dsv4_env.model.condition import Condition, Test

MAX_TEXT = 1_000_000  # characters of a value: what is longer is left unknown
MAX_SHOWN = 4_000  # of the text of a value that isn't known
MAX_DEFAULT = 20_000  # of its default
MAX_NOTES = 40  # of one path: more of them say nothing new
STATEMENT = 4  # steps of a command, beside its words
Items: TypeAlias = Mapping[int | str, Text]  # the elements of an array
# Where a descriptor leads: to the capture of that level, to one up to -level or elsewhere (not
# known), or to the file of that name.
Sink: TypeAlias = "int | tuple[str | int]"
Written: TypeAlias = tuple[Text | None, ...]  # what a file holds; None: what isn't known
# A piece of a word: text, and whether it's a literal ("L": may be a pathname pattern), quoted
# ("Q"), or an expansion ("E": is split too). None is where "$@" begins a new word.
Piece: TypeAlias = tuple[Text, str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A value given to a variable: when, where, and how that was spelled.

    Of paths that were made one, its *options*: which value was given to it on which of them, and
    whether it was exported there.
    """

    seq: int
    value: Text
    location: Location | None
    spelled: str
    before: Event | None = None
    options: tuple[tuple[Alternatives, Event, bool], ...] = ()

    def alike(self, other: Event) -> bool:
        """Whether two settings are alike, whatever was set before: comparing that may take long."""
        return self is other or _SETTING(self) == _SETTING(other)

    def __eq__(self, other: object) -> bool:
        one: object = self
        while one is not other:  # not by recursion: a loop may have set it a thousand times
            if not (isinstance(one, Event) and isinstance(other, Event) and one.alike(other)):
                return False
            one, other = one.before, other.before
        return True

    __hash__ = None  # type: ignore[assignment]


_SETTING = attrgetter(*(f.name for f in fields(Event) if f.name != "before"))


@dataclass(frozen=True, slots=True)
class Var:
    """A variable. *kind*: "s" scalar, "a" indexed, "A" associative, "" declared but unset.

    *items* are the elements of an array (None: nothing is known of them); an element that splits
    stands for any number of them. *maybe*: it may also be unset.
    """

    kind: str = ""
    value: Text = ""
    items: Items | None = None
    exported: bool = False
    readonly: bool = False
    integer: bool = False
    case: str = ""
    maybe: bool = False
    event: Event | None = None
    perhaps: Condition | None = None  # exported if this holds, where that isn't known
    vague: bool = False  # it may be readonly or an integer: what's assigned to it isn't known


@dataclass(frozen=True, slots=True)
class Undecided:
    """A test that can't be decided: what it is about, and how it is told.

    *solves* is (symbol, text): where the test holds, that is its value. *empty* is the symbol
    that a test for emptiness is about. *command*: it only says whether a command succeeded.
    """

    key: Key
    test: Test
    solves: tuple[Symbol, str] | None = None
    empty: Symbol | None = None
    command: bool = False
    success: bool = True  # the answer that says it succeeded


@dataclass(slots=True, eq=False, repr=False)
class ForkError(Exception):
    """An expansion needs a decision that hasn't been taken on this path."""

    condition: Undecided


@dataclass(slots=True, eq=False, repr=False)
class FatalError(Exception):
    """bash ends the shell here (``${V:?}``, an unset variable under ``set -u``).

    *discard*: it only drops the rest of the line that it's in (wrong arithmetic, readonly);
    *whole*: of the script's own line, whatever ``eval`` or sourced file it's in.
    """

    discard: bool = False
    readonly: bool = False
    whole: bool = False


def refusal(state: State) -> FatalError:
    """A wrong subscript or name: it drops the rest of the line, under ``set -e`` of the script."""
    return FatalError(discard="errexit" not in state.opts)


@dataclass(slots=True)
class Scope:
    """What a function call hides: the variables that are local to it as they were outside.

    Of them, *given* were set before the call (``A=1 f``), *declared* were made local in it all the
    same, and *escaped* were exported in it: bash lets them out.
    """

    outer: dict[str, Var | None] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    declared: frozenset[str] = frozenset()
    escaped: frozenset[str] = frozenset()
    opts: frozenset[str] | None = None  # the options to go back to (``local -``)

    def copy(self) -> Scope:
        """A copy that can change apart."""
        return replace(self, outer=self.outer.copy())


# What is said of a field of a state. Without a word it is shared by copies, paths on which it
# differs are told apart, and what the script does next depends on it.
_COPIED = {"copied": True}  # it is changed in place
_PAST = {"ahead": False}  # what the script does next doesn't depend on it
_JOINED = {"ahead": False, "apart": False}  # paths on which it differs can be made one


@dataclass(eq=False, repr=False)  # no slots: a copy is made of all attributes at once
class State:
    """One path that the script may have taken so far."""

    vars: Layers[str, Var] = field(metadata=_COPIED | _PAST)  # compared by ``same`` itself
    params: list[Text] | None = field(metadata=_COPIED)  # None: the script's own, not known
    source: Source
    funcs: Layers[str, tuple[Function, Source]] = field(default_factory=Layers)
    aliases: Mapping[str, Text] = field(default_factory=dict)
    shared: frozenset[str] = frozenset()  # functions that are exported
    opts: frozenset[str] = frozenset()
    status: int | Undecided = field(default=0, metadata=_PAST)  # compared by ``same`` itself
    scopes: tuple[Scope, ...] = field(default=(), metadata=_COPIED)
    flow: tuple[str, int] | None = None
    # Commands recorded, by place and rounds.
    counts: dict[Key, int] = field(default_factory=dict, metadata=_COPIED | _PAST)
    required: tuple[RequiredInput, ...] = field(default=(), metadata=_JOINED)
    notes: tuple[Note, ...] = field(default=(), metadata=_JOINED)
    tested: int = 0  # > 0 where errexit doesn't count
    depth: int = 0
    rounds: tuple[int, ...] = field(default=(), metadata=_PAST)  # of the loops around
    loops: int = 0  # those that ``break`` can leave: of this function, in this shell
    sourced: int = 0  # > 0 where ``return`` ends a sourced file
    # What the innermost capture holds (of ``$(…)``, of a pipe); None in it: unknown output.
    out: list[Text | None] | None = field(default=None, metadata=_COPIED | _PAST)
    level: int = 0  # how many captures there are around
    fds: Mapping[str, Sink] = field(default_factory=dict)  # where descriptors lead that are heard
    spilled: frozenset[int] = frozenset()  # captures further out that were written to
    # What the script wrote into files, by their names.
    written: Layers[str | int, Written] = field(default_factory=Layers, metadata=_COPIED | _JOINED)
    stdin: Text | None = None
    inputs: Mapping[str, Text | None] = field(default_factory=dict)  # other descriptors to read
    piped: Node | None = None  # the command whose own this input is, by a pipe
    open: bool = True  # variables that nobody set may come from outside
    partial: bool = field(default=False, metadata=_PAST)
    cwd: Text | None = None
    havocked: bool = False  # something unknown may have set any variable
    zero: Text | None = None  # $0 of `bash -c`
    trap: tuple[Simple, Text, Location] | None = None  # what runs when the shell ends
    # What runs when a command fails; how many functions were being called when it was set.
    err: tuple[Simple, Text, Location, int] | None = None
    failing: bool = False  # a command has failed, and that hasn't run yet
    applied: list[Assign] | None = None  # assignments before a builtin, made already
    lent: dict[str, Var | None] = field(default_factory=dict)  # what those being made were before
    shifted: int = 0  # how many of the script's own arguments were dropped
    replaced: bool = False  # by `set`, outside functions: then `source FILE WORDS` keeps them
    given: Key = ()  # where the arguments come from instead, when that isn't known
    world: str = ""  # another machine or container, with variables of its own
    # What tells paths apart that are the same otherwise, and is put together where they meet.
    decided: Layers[Key, bool] = field(default_factory=Layers, metadata=_COPIED | _JOINED)
    alts: Alternatives = field(default=ALWAYS, metadata=_JOINED)
    settled: tuple[Alternatives, ...] = field(default=(), metadata=_JOINED)  # these hold, too
    solved: Layers[int, str] = field(default_factory=Layers, metadata=_COPIED | _JOINED)
    seq: int = field(default=0, metadata=_JOINED)
    unsaid: int = field(default=0, metadata=_JOINED)  # notes beyond the first MAX_NOTES
    # Outside variables that were read.
    asked: Layers[str, bool] = field(default_factory=Layers, metadata=_COPIED | _JOINED)
    # The status of the last substitution: within one command only.
    substituted: int | Undecided | None = field(default=None, metadata=_JOINED)

    def note(self, note: Note) -> None:
        """Say something on the commands that follow, once; of many notes the first are kept."""
        if note in self.notes:
            return
        if len(self.notes) < MAX_NOTES:
            self.notes = (*self.notes, note)
            return
        self.unsaid += 1
        if note.opens and not any(n.opens for n in self.notes):
            self.notes = (*self.notes[:-1], note)

    def copy(self) -> State:
        """A copy that can take another path."""
        new = State.__new__(State)
        known = new.__dict__
        known.update(self.__dict__)
        for name in _COPIES:
            value = known[name]
            if value is not None:
                known[name] = (
                    tuple(v.copy() for v in value) if type(value) is tuple else value.copy()
                )
        return new

    def same(self, other: State) -> bool:
        """Whether a script that goes on from here does the same as from the other state."""
        mine, others = self.vars, other.vars
        return (
            len(mine) == len(others)
            and all(_alike(mine.get(n), others.get(n)) for n in mine.differing(others))
            and _AHEAD(self) == _AHEAD(other)
            and (
                self.status == other.status
                or isinstance(self.status, Undecided) is isinstance(other.status, Undecided) is True
            )
        )

    def signature(self) -> tuple[Any, ...]:
        """All that keeps paths apart which differ in it, beside the variables."""
        return _APART(self)


_COPIES = tuple(f.name for f in fields(State) if f.metadata.get("copied"))
_APART = attrgetter(
    *(f.name for f in fields(State) if f.metadata.get("apart", True) and f.name != "vars")
)
_AHEAD = attrgetter(*(f.name for f in fields(State) if f.metadata.get("ahead", True)))


def _alike(one: Var | None, other: Var | None) -> bool:
    """Whether a variable is the same, whenever it was set."""
    if one is None or other is None or one is other:
        return one is other
    return replace(one, event=None) == replace(other, event=None)
