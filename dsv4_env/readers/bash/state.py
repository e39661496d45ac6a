"""What is known while a script is followed: variables, decisions taken, and the run as a whole."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dsv4_env.errors import ReadError
from dsv4_env.guard.files import is_within
from dsv4_env.model import Location, Note, RequiredInput, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dsv4_env.readers.bash.syntax import Assign, Block, Function, Simple, Source

MAX_WORDS = 10_000


MAX_TOTAL_WORDS = 100_000


MAX_SECONDS = 1.0


Key: TypeAlias = tuple[Any, ...]  # what a condition is about; same key, same answer


@dataclass(frozen=True, slots=True)
class Event:
    """A value given to a variable: when, where, and how that was spelled."""

    seq: int
    value: Value
    location: Location | None
    spelled: str
    before: Event | None = None


@dataclass(frozen=True, slots=True)
class Var:
    """A variable. *kind*: "s" scalar, "a" indexed, "A" associative, "" declared but unset.

    *items* are the elements of an array (None: nothing is known of them); an element that splits
    stands for any number of them. *maybe*: it may also be unset.
    """

    kind: str = ""
    value: Value = ""
    items: dict[int | str, Value] | None = None
    exported: bool = False
    readonly: bool = False
    integer: bool = False
    case: str = ""
    maybe: bool = False
    event: Event | None = None
    perhaps: str = ""  # exported if this holds, where that isn't known
    vague: bool = False  # it may be readonly or an integer: what's assigned to it isn't known


@dataclass(frozen=True, slots=True)
class Condition:
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

    condition: Condition


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


Path1: TypeAlias = frozenset[tuple[Key, bool]]


@dataclass(slots=True, eq=False, repr=False)
class State:
    """One way that the script may have gone so far."""

    vars: dict[str, Var]
    params: list[Value] | None  # None: the script's own, which aren't known
    source: Source
    funcs: dict[str, tuple[Function, Source]] = field(default_factory=dict)
    opts: frozenset[str] = frozenset()
    status: int | Condition = 0
    # What locals were outside; "=NAME": set before the call, "-NAME": and local, "!NAME": let out.
    scopes: tuple[dict[str, Var | None], ...] = ()
    decided: dict[Key, bool] = field(default_factory=dict)
    alts: frozenset[Path1] = frozenset([frozenset()])
    solved: dict[int, str] = field(default_factory=dict)
    flow: tuple[str, int] | None = None
    counts: dict[Key, int] = field(default_factory=dict)  # launches by command and rounds
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
    asked: set[str] = field(default_factory=set)  # outside variables that were read
    tainted: bool = False  # something unknown may have set any variable
    substituted: int | Condition | None = None  # the status of the last substitution
    zero: Value | None = None  # $0 of `bash -c`
    trap: tuple[Simple, Value, Location] | None = None  # what runs when the shell ends
    applied: list[Assign] | None = None  # assignments before a builtin, made already
    lent: dict[str, Var | None] = field(default_factory=dict)  # what those being made were before
    shifted: int = 0  # how many of the script's own arguments were dropped
    replaced: bool = False  # by `set`, outside functions: then `source FILE WORDS` keeps them
    given: Key = ()  # where the arguments come from instead, when that isn't known
    world: str = ""  # another machine or container, with variables of its own

    def copy(self) -> State:
        """A copy that can go another way."""
        new = replace(self)
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
            mine.keys() == others.keys()
            and all(
                v is others[n] or replace(v, event=None) == replace(others[n], event=None)
                for n, v in mine.items()
            )
            and (self.params, self.shifted, self.given)
            == (other.params, other.shifted, other.given)
            and (self.funcs, self.opts, self.flow) == (other.funcs, other.opts, other.flow)
            and (self.scopes, self.stdin, self.cwd) == (other.scopes, other.stdin, other.cwd)
            and self.trap == other.trap
            and (
                self.status == other.status
                or isinstance(self.status, Condition) is isinstance(other.status, Condition) is True
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


@dataclass(slots=True, eq=False, repr=False)
class Run:
    """The run as a whole: what was given, what was found, what is used up."""

    inputs: Mapping[str, str]
    facts: Mapping[str, str]
    closed: bool
    root: Path | None
    execute: Callable[[Run, Any, list[State]], list[State]]
    launches: list[Any] = field(default_factory=list)
    conditions: dict[Key, Condition] = field(default_factory=dict)
    exits: set[tuple[Key, bool]] = field(default_factory=set)
    cache: dict[Key, Any] = field(default_factory=dict)
    parsed: dict[str, tuple[Block, Any]] = field(default_factory=dict)
    path: str = ""  # of the script
    pure: int = 0  # > 0 inside a substitution: forks are taken by the command around it
    skipped: list[Note] = field(default_factory=list)  # commands that can't be followed
    words: int = 0
    deadline: float = 0.0
    steps: int = 0
    outside: dict[str, Unknown] = field(default_factory=dict)
    where: dict[Key, Location] = field(default_factory=dict)
    parts: dict[int, tuple[Value, ...]] = field(default_factory=dict)  # what a join is made of
    paths: dict[int, Path] = field(default_factory=dict)  # Unknowns that name known places
    contents: dict[int, str] = field(default_factory=dict)  # Unknowns that name files of known text
    solid: set[int] = field(default_factory=set)  # ids of Unknowns that are surely not empty

    def located(self, value: Value, state: State) -> Path | None:
        """The file that a path names, where that's known: relative ones are below the root."""
        if isinstance(value, str):
            if value.startswith("/"):
                return Path(value)
            return None if self.root is None or state.cwd is not None else self.root / value
        known = self.paths.get(id(value))
        if known is not None:
            return known
        pieces = self.parts.get(id(value), ())
        if (
            len(pieces) > 1
            and isinstance(pieces[0], Unknown)
            and all(isinstance(p, str) for p in pieces[1:])
        ):
            folder = self.paths.get(id(pieces[0]))
            rest = "".join(str(p) for p in pieces[1:])
            if folder is not None and rest.startswith("/"):
                return Path(f"{folder}{rest}")
        return None

    def below_root(self, path: Path) -> bool:
        """Whether a file lies below the folder that may be read from."""
        return self.root is not None and is_within(path, self.root)

    def tick(self, state: State, pos: int, words: int = 1) -> None:
        """Count work done, and stop where it's too much."""
        self.words += words
        self.steps += 1
        if words > MAX_WORDS or self.words > MAX_TOTAL_WORDS:
            limit = MAX_WORDS if words > MAX_WORDS else MAX_TOTAL_WORDS
            raise ReadError(
                f"the script expands to more than {limit:,} words",
                where=state.source.place(pos),
                expected="a launch script",
            )
        if self.steps % 64 == 0 and time.monotonic() > self.deadline:
            raise self.late(state.source.place(pos))

    def late(self, where: Location | None = None) -> ReadError:
        """The error of a script that takes too long."""
        return ReadError(
            f"the script takes more than {MAX_SECONDS:g} s to evaluate",
            where=where or self.path,
            expected="a launch script",
        )

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
    ) -> Unknown:
        """The Unknown of a key: the same object for the same key, so that it can be told again."""
        full = (text, splits, *key)
        found = self.cache.get(full)
        if found is None:
            found = Unknown(text, reason, names, default, splits, location)
            self.cache[full] = found
        assert isinstance(found, Unknown)
        return found

    def derived(
        self, text: str, parts: Sequence[Value], *, default: str | None = None, splits: bool = False
    ) -> Unknown:
        """An Unknown made of others: it is the same again when it's made of the same."""
        unknowns = [p for p in parts if isinstance(p, Unknown)]
        key = ("of", *(p if isinstance(p, str) else id(p) for p in parts))
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
        )

    def join(self, pieces: Sequence[Value], *, splits: bool = False) -> Value:
        """The pieces one after the other."""
        if len(pieces) == 1:
            only = pieces[0]
            if isinstance(only, str) or only.splits == splits:
                return only
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
        whole = None if default is None else "".join(default)
        found = self.derived("".join(text), pieces, default=whole, splits=splits)
        if any(isinstance(p, str) and p for p in pieces):
            self.solid.add(id(found))
        self.parts[id(found)] = tuple(pieces)
        return found
