"""What is known while a script is followed: variables, decisions taken, and the run as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dsv4_env.guard.files import is_within
from dsv4_env.lang.bash.layers import Layers
from dsv4_env.model import Location, Note, RequiredInput, Unknown, Value
from dsv4_env.model.budget import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dsv4_env.lang.bash.syntax import Assign, Block, Function, Simple, Source

MAX_TEXT = 1_000_000  # characters of a value: what is longer is left unknown
MAX_SHOWN = 4_000  # of the text of a value that isn't known
MAX_DEFAULT = 20_000  # of its default
MAX_NOTES = 40  # of one way: more of them say nothing new
STATEMENT = 4  # steps of a command, beside its words

Items: TypeAlias = Mapping[int | str, Value]  # the elements of an array
Key: TypeAlias = tuple[Any, ...]  # what a condition is about; same key, same answer


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


@dataclass(eq=False, repr=False)  # no slots: a copy is made of all attributes at once
class State:
    """One way that the script may have gone so far."""

    vars: Layers[str, Var]
    params: list[Value] | None  # None: the script's own, which aren't known
    source: Source
    funcs: Layers[str, tuple[Function, Source]] = field(default_factory=Layers)
    opts: frozenset[str] = frozenset()
    status: int | Condition = 0
    # What locals were outside; "=NAME": set before the call, "-NAME": and local, "!NAME": let out.
    scopes: tuple[dict[str, Var | None], ...] = ()
    decided: Layers[Key, bool] = field(default_factory=Layers)
    alts: frozenset[Path1] = frozenset([frozenset()])
    solved: Layers[int, str] = field(default_factory=Layers)
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
    asked: Layers[str, bool] = field(default_factory=Layers)  # outside variables that were read
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
    unsaid: int = 0  # notes beyond the first MAX_NOTES

    def note(self, note: Note) -> None:
        """Say something on the launches that follow, once; of many notes the first are kept."""
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


def _alike(one: Var | None, other: Var | None) -> bool:
    """Whether a variable is the same, whenever it was set."""
    if one is None or other is None or one is other:
        return one is other
    return replace(one, event=None) == replace(other, event=None)


@dataclass(slots=True, eq=False, repr=False)
class Run:
    """The run as a whole: what was given, what was found, what is used up."""

    inputs: Mapping[str, str]
    facts: Mapping[str, str]
    closed: bool
    root: Path | None
    execute: Callable[[Run, Any, list[State]], list[State]]
    budget: Budget = field(default_factory=Budget)
    launches: list[Any] = field(default_factory=list)
    conditions: dict[Key, Condition] = field(default_factory=dict)
    order: dict[Key, int] = field(default_factory=dict)  # which of them was met first
    exits: set[tuple[Key, bool]] = field(default_factory=set)
    cache: dict[Key, Any] = field(default_factory=dict)
    parsed: dict[str, tuple[Block, Any]] = field(default_factory=dict)
    path: str = ""  # of the script
    rough: bool = False  # it's the second reading, after one that took too much
    forks: int = 0  # decisions taken for the command that is being followed
    pure: int = 0  # > 0 inside a substitution: forks are taken by the command around it
    skipped: list[Note] = field(default_factory=list)  # commands that can't be followed
    guards: dict[int, bool] = field(default_factory=dict)  # functions that check variables
    followed: dict[int, int] = field(default_factory=dict)  # calls since little is left
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
        count = self.followed[id(what)] = self.followed.get(id(what), 0) + 1
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

    def place(self, at: object) -> Location | None:
        """The place that a key of the budget stands for."""
        from dsv4_env.lang.bash.syntax import Source

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
    ) -> Unknown:
        """The Unknown of a key: the same object for the same key, so that it can be told again."""
        if len(text) > MAX_SHOWN:
            text = f"{text[:MAX_SHOWN]}…"
        full = (text, splits, *key)
        found = self.cache.get(full)
        if found is None:
            self.budget.step(count=4)
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
        self.budget.step(count=(len(parts) + sum(len(p.names) for p in unknowns)) >> 4)
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
        found = self.derived("".join(text), pieces, default=whole, splits=splits)
        if any(isinstance(p, str) and p for p in pieces):
            self.solid.add(id(found))
        self.parts[id(found)] = tuple(pieces)
        return found

    def made(self, size: int, pieces: Sequence[Value] = ()) -> None:
        """Count text before it is made; *pieces* are what it is made of."""
        if size > 64:
            plain = all(not isinstance(p, str) or p.isascii() for p in pieces)
            self.budget.make(size if plain else 4 * size)

    def long(self, pieces: Sequence[Value], *, splits: bool = False) -> Unknown:
        """A text too long to be made: it isn't known."""
        first = next((p if isinstance(p, str) else p.text for p in pieces if p), "")[:60]
        key = ("long", *((len(p), hash(p)) if isinstance(p, str) else id(p) for p in pieces))
        reason = f"a text of more than {MAX_TEXT:,} characters"
        return self.unknown(f"{first}…", reason, key, splits=splits)
