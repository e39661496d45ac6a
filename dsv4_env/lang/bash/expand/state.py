"""What is known on one path through a script: variables, decisions taken, output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.syntax.nodes import Assign, Function, Simple, Source
from dsv4_env.model import Location, Note, RequiredInput, Unknown, Value

MAX_TEXT = 1_000_000  # characters of a value: what is longer is left unknown
MAX_SHOWN = 4_000  # of the text of a value that isn't known
MAX_DEFAULT = 20_000  # of its default
MAX_NOTES = 40  # of one way: more of them say nothing new
STATEMENT = 4  # steps of a command, beside its words
Items: TypeAlias = Mapping[int | str, Value]  # the elements of an array
Key: TypeAlias = tuple[Any, ...]  # what a condition is about; same key, same answer
# A piece of a word: text, and whether it\'s a literal ("L": may be a pathname pattern), quoted
# ("Q"), or an expansion ("E": is split too). None is where "$@" begins a new word.
Piece: TypeAlias = tuple[Value, str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """A value given to a variable: when, where, and how that was spelled."""

    seq: int
    value: Value
    location: Location | None
    spelled: str
    before: Event | None = None

    def __eq__(self, other: object) -> bool:
        one: object = self
        while one is not other:  # not by recursion: a loop may have set it a thousand times
            if not isinstance(one, Event) or not isinstance(other, Event):
                return False
            if (one.seq, one.location, one.spelled) != (other.seq, other.location, other.spelled):
                return False
            if one.value != other.value:
                return False
            one, other = one.before, other.before
        return True

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Var:
    """A variable. *kind*: "s" scalar, "a" indexed, "A" associative, "" declared but unset.

    *items* are the elements of an array (None: nothing is known of them); an element that splits
    stands for any number of them. *maybe*: it may also be unset.
    """

    kind: str = ""
    value: Value = ""
    items: Items | None = None
    exported: bool = False
    readonly: bool = False
    integer: bool = False
    case: str = ""
    maybe: bool = False
    event: Event | None = None
    perhaps: str = ""  # exported if this holds, where that isn't known
    vague: bool = False  # it may be readonly or an integer: what's assigned to it isn't known


@dataclass(frozen=True, slots=True)
class Undecided:
    """A test that can't be decided: what it is about, and how a reader is told of it.

    *solves* is (Unknown, text): where the test holds, that is its value. *about* is the variable
    that a test for emptiness is about. *command*: it only says whether a command succeeded.
    """

    key: Key
    true: str
    false: str
    solves: tuple[Unknown, str] | None = None
    empty: Unknown | None = None
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


def refused(state: State) -> FatalError:
    """A wrong subscript or name: it drops the rest of the line, under ``set -e`` of the script."""
    return FatalError(discard="errexit" not in state.opts)


PathCondition: TypeAlias = frozenset[tuple[Key, bool]]


@dataclass(eq=False, repr=False)  # no slots: a copy is made of all attributes at once
class State:
    """One way that the script may have gone so far."""

    vars: Layers[str, Var]
    params: list[Value] | None  # None: the script's own, which aren't known
    source: Source
    funcs: Layers[str, tuple[Function, Source]] = field(default_factory=Layers)
    opts: frozenset[str] = frozenset()
    status: int | Undecided = 0
    # What locals were outside; "=NAME": set before the call, "-NAME": and local, "!NAME": let out.
    scopes: tuple[dict[str, Var | None], ...] = ()
    decided: Layers[Key, bool] = field(default_factory=Layers)
    alts: frozenset[PathCondition] = frozenset([frozenset()])
    solved: Layers[int, str] = field(default_factory=Layers)
    flow: tuple[str, int] | None = None
    counts: dict[Key, int] = field(default_factory=dict)  # commands recorded, by place and rounds
    required: tuple[RequiredInput, ...] = ()
    notes: tuple[Note, ...] = ()
    seq: int = 0
    tested: int = 0  # > 0 where errexit doesn't count
    depth: int = 0
    rounds: tuple[int, ...] = ()  # of the loops around, the innermost last
    loops: int = 0  # those that ``break`` can leave: of this function, in this shell
    sourced: int = 0  # > 0 where ``return`` ends a sourced file
    out: list[Value | None] | None = None  # captured output; None in it: unknown output
    stdin: Value | None = None
    piped: int = 0  # id of the simple command whose own this input is, by a pipe
    open: bool = True  # variables that nobody set may come from outside
    partial: bool = False
    cwd: Value | None = None
    asked: Layers[str, bool] = field(default_factory=Layers)  # outside variables that were read
    tainted: bool = False  # something unknown may have set any variable
    substituted: int | Undecided | None = None  # the status of the last substitution
    zero: Value | None = None  # $0 of `bash -c`
    trap: tuple[Simple, Value, Location] | None = None  # what runs when the shell ends
    applied: list[Assign] | None = None  # assignments before a builtin, made already
    lent: dict[str, Var | None] = field(default_factory=dict)  # what those being made were before
    shifted: int = 0  # how many of the script's own arguments were dropped
    replaced: bool = False  # by `set`, outside functions: then `source FILE WORDS` keeps them
    given: Key = ()  # where the arguments come from instead, when that isn't known
    world: str = ""  # another machine or container, with variables of its own
    unsaid: int = 0  # notes beyond the first MAX_NOTES

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
        """A copy that can go another way."""
        new = State.__new__(State)
        new.__dict__.update(self.__dict__)
        new.vars = self.vars.copy()
        new.decided = self.decided.copy()
        new.solved = self.solved.copy()
        new.counts = self.counts.copy()
        new.asked = self.asked.copy()
        if self.out is not None:
            new.out = self.out.copy()
        if self.scopes:
            new.scopes = tuple(s.copy() for s in self.scopes)
        if self.params is not None:
            new.params = self.params.copy()
        return new

    def same(self, other: State) -> bool:
        """Whether a script that goes on from here does the same as from the other state."""
        mine, others = self.vars, other.vars
        return (
            len(mine) == len(others)
            and all(_alike(mine.get(n), others.get(n)) for n in mine.differing(others))
            and (self.params, self.shifted, self.given)
            == (other.params, other.shifted, other.given)
            and (self.funcs, self.opts, self.flow) == (other.funcs, other.opts, other.flow)
            and (self.scopes, self.stdin, self.cwd) == (other.scopes, other.stdin, other.cwd)
            and self.trap == other.trap
            and (
                self.status == other.status
                or isinstance(self.status, Undecided) is isinstance(other.status, Undecided) is True
            )
        )

    def signature(self) -> tuple[Any, ...]:
        """All that has a bearing on what comes later, but for the decisions."""
        return (
            self.vars,
            self.params,
            self.shifted,
            self.given,
            self.funcs,
            self.opts,
            self.status,
            self.scopes,
            self.flow,
            self.counts,
            self.out,
            self.open,
            self.required,
            self.notes,
            self.partial,
            self.cwd,
            self.trap,
        )


def _alike(one: Var | None, other: Var | None) -> bool:
    """Whether a variable is the same, whenever it was set."""
    if one is None or other is None or one is other:
        return one is other
    return replace(one, event=None) == replace(other, event=None)
