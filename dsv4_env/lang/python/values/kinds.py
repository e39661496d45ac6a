"""What an expression may be: a constant, an unknown, or something that is followed."""

from __future__ import annotations

import ast
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias, TypeGuard

from dsv4_env.lang.python.syntax.text import SourceText
from dsv4_env.lang.python.syntax.trees import callee
from dsv4_env.model import Location, Unknown
from dsv4_env.model.budget import Budget

MAX_LENGTH = 200_000
MAX_ITEMS = 20_000
MAX_SETTINGS = 100_000  # of one dict, with those that later ones win over
MAX_BITS = 14_000  # of a number: Python writes out none of more than 4,300 digits
MAX_LEVELS = 40  # of lists in lists


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A known number, string, None or the like, and the literal it comes from."""

    value: Any
    where: Location | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ext:
    """Something that isn't in the files read: ``os.environ``, an imported name, a builtin."""

    name: str
    shown: str
    where: Location | None = None


@dataclass(slots=True, eq=False)
class Seq:
    """A list, tuple or set; an Unknown that *splits* stands for any number of items."""

    items: tuple[Val, ...]
    kind: str = "list"
    where: Location | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MapEntry:
    """One setting of a key; without a key, *value* is what may have set any."""

    key: Const | None
    value: Val
    where: Location | None = None


class Log:
    """The settings of a dict, in order; one more is added in no time, and changes no other log.

    Logs that go on with each other share their list, of which each has a beginning.
    """

    __slots__ = ("_every", "_places", "_size")

    def __init__(self, entries: Iterable[MapEntry] = ()) -> None:
        self._every: list[MapEntry] = list(entries)
        self._size = len(self._every)
        self._places: dict[Any, list[int]] | None = None

    def and_more(self, *entries: MapEntry) -> Log:
        """These settings, and further ones."""
        if self._size != len(self._every):
            return Log([*self, *entries])
        found = Log.__new__(Log)
        self._every += entries
        found._every, found._places, found._size = self._every, self._places, len(self._every)
        if found._places is not None:
            _note_places(found._places, entries, self._size)
        return found

    def last(self, key: Any) -> MapEntry | None:
        """The last setting of a key, or of what may have set it; None where nothing sets it."""
        if self._places is None:
            self._places = {}
            _note_places(self._places, self._every, 0)
        found = -1
        for each in (key, _ANY):
            places = self._places.get(each, ())
            at = bisect_left(places, self._size)
            found = max(found, places[at - 1] if at else -1)
        return self._every[found] if found >= 0 else None

    def __iter__(self) -> Iterator[MapEntry]:
        return islice(self._every, self._size)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, at: int) -> MapEntry:
        return self._every[at if at >= 0 else self._size + at]


_ANY = object()  # what stands for any key


def _note_places(places: dict[Any, list[int]], entries: Iterable[MapEntry], first: int) -> None:
    for at, entry in enumerate(entries, first):
        places.setdefault(_ANY if entry.key is None else entry.key.value, []).append(at)


NOTHING = Log()


@dataclass(slots=True, eq=False)
class Map:
    """A dict as all that was set in it, in order.

    *inherits*: it began as a copy of the process's environment, *seen* being what the file had
    set there by then, *gone* what was deleted from it.
    """

    log: Log = field(default_factory=Log)
    inherits: bool = False
    seen: frozenset[MapEntry] = frozenset()
    gone: frozenset[Any] = frozenset()
    where: Location | None = None

    def settings(self) -> dict[Any, MapEntry]:
        """Key to the setting that counts, in the order of a dict; NotKnown where any may be set."""
        found: dict[Any, MapEntry] = {}
        for entry in self.log:
            if entry.key is None:
                raise NotKnown
            found[entry.key.value] = entry
        return found

    def without(self, key: Any) -> Log:
        """The settings but those of a key."""
        return Log(e for e in self.log if e.key is None or e.key.value != key)


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, class or call."""

    names: dict[str, Val]
    parent: Scope | None
    source: SourceText
    module: ReadModule | None = None
    kind: str = "module"
    qualname: str = ""
    func: Func | None = None
    first: Val | None = None
    globals: set[str] = field(default_factory=set)

    def place(self, node: ast.AST) -> Location:
        """Where a node of its file begins."""
        return self.source.place(node)

    def text(self, node: ast.AST) -> str:
        """A node of its file as Python spells it."""
        return self.source.text(node)

    def unknown(self, node: ast.AST, reason: str, *parts: Val) -> Unknown:
        """A node that can't be known, with the outside variables that its parts name."""
        names = tuple(dict.fromkeys(n for p in parts if isinstance(p, Unknown) for n in p.names))
        return Unknown(self.text(node), reason, names, location=self.place(node))

    def find(self, name: str) -> Val | None:
        """What a name is bound to: here, in the functions around, or in the module."""
        at: Scope | None = self
        while at is not None:
            if name in at.names and (at is self or at.kind != "class"):
                return at.names[name]
            at = at.parent
        return None

    def limited(self, items: Sequence[Val], node: ast.expr) -> tuple[Val, ...]:
        """The items, or one unknown for all when there are absurdly many."""
        if len(items) > MAX_ITEMS:
            return (splitting(self.unknown(node, "too long a list to follow")),)
        return tuple(items)

    def inner(self, kind: str, qualname: str) -> Scope:
        """A scope within this one, of the same file."""
        return Scope({}, self, self.source, self.module, kind, qualname)


@dataclass(slots=True, eq=False)
class ReadModule:
    """A module that was read."""

    name: str
    scope: Scope
    file: str = ""
    sets: tuple[MapEntry, ...] = ()


FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(slots=True, eq=False)
class Func:
    """A function, with its defaults.

    *opaque*: a decorator may change what it returns; *generator*: it yields.
    """

    node: FunctionNode
    scope: Scope
    name: str
    defaults: dict[str, Val]
    kind: str = ""
    owner: ClassValue | None = None
    opaque: bool = False
    generator: bool = False

    @property
    def qualified_name(self) -> str:
        """What objects that are made within it are named after."""
        return f"{self.owner.name}.{self.name}" if self.owner else self.name


@dataclass(slots=True, eq=False)
class ClassValue:
    """A class; *bases* that weren't read are Ext or Unknown."""

    name: str
    node: ast.ClassDef
    bases: tuple[Val, ...]
    scope: Scope
    mro: tuple[Val, ...] = ()
    fields: tuple[str, ...] | None = None

    @property
    def names(self) -> dict[str, Val]:
        """The attributes of the class itself."""
        return self.scope.names

    def attribute(self, name: str) -> Val | None:
        """An attribute through the bases; an Ext where a base that wasn't read comes first."""
        return mro_attribute(self.mro, name)


@dataclass(slots=True, eq=False)
class BoundMethod:
    """A method with its first argument."""

    func: Func
    first: Val


@dataclass(slots=True, eq=False)
class BuiltinMethod:
    """A method of a value that Python itself defines."""

    owner: Val
    name: str


@dataclass(slots=True, eq=False)
class Super:
    """``super()`` within a method."""

    after: ClassValue
    first: Val


@dataclass(slots=True, eq=False)
class Instance:
    """An object: of a class that was read, or (Ext) one of which only the arguments are known."""

    cls: ClassValue | Ext
    attrs: dict[str, Val]
    where: Location
    end_line: int
    positional: tuple[Val, ...] = ()
    symbol: str | None = None


_Called: TypeAlias = Func | ClassValue | BoundMethod | BuiltinMethod
Val: TypeAlias = Const | Unknown | Ext | Seq | Map | ReadModule | Super | Instance | _Called


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call with what is called and given, *spread* by each ``**``.

    *open*: that may bring arguments that aren't known.
    """

    node: ast.Call
    target: Val
    args: list[Val]
    keywords: dict[str, Val]
    spread: dict[ast.keyword, Val] = field(default_factory=dict)
    open: bool = False

    @property
    def name(self) -> str:
        """The last name of what is called."""
        return callee(self.node)


class NotKnown(Exception):  # noqa: N818 - it steers
    """The value can't be told."""


NONE = Const(None)


def mro_attribute(mro: tuple[Val, ...], name: str) -> Val | None:
    """The first of some classes that has the attribute."""
    for cls in mro:
        if isinstance(cls, Ext):
            return Ext(cls.name, cls.shown)  # without a place: the base, not an attribute of it
        if not isinstance(cls, ClassValue):
            return cls
        if name in cls.names:
            return cls.names[name]
    return None


def const(value: Any, where: Location | None = None) -> Const | Unknown:
    """A constant, unless it grew out of all proportion."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        return Unknown("…", "too large a number to follow", location=where)
    if isinstance(value, str | bytes) and len(value) > MAX_LENGTH:
        return Unknown("…", "too long a text to follow", location=where)
    return Const(value, where)


def unknown_of(value: Val, text: str, where: Location | None) -> Unknown:
    """A value that isn't a constant, said as an Unknown."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Ext):
        module = value.name.rpartition(".")[0]
        reason = f"imported from {module}, which isn't read" if module else "not defined here"
        return Unknown(value.shown, reason, location=where or value.where)
    return Unknown(text, "not a string", location=where)


def splitting(value: Unknown) -> Unknown:
    """The same, standing for any number of items."""
    return Unknown(value.text, value.reason, value.names, splits=True, location=value.location)


def splits(value: Val) -> TypeGuard[Unknown]:
    """Whether a value stands for any number of items."""
    return isinstance(value, Unknown) and value.splits


def is_const(value: Val, kind: Any) -> TypeGuard[Const]:
    """Whether a value is known, and of a kind: ``is_const(value, int | float)``."""
    return isinstance(value, Const) and isinstance(value.value, kind)


def may_be_text(value: Val) -> bool:
    """Whether a value is text, or may be as it isn't known."""
    return is_const(value, str) or isinstance(value, Unknown)


def as_shown(value: Val) -> str:
    """How a value reads within another's text."""
    if isinstance(value, Const):
        return str(value.value)
    if isinstance(value, Unknown):
        return "{" + value.text + "}"
    return "{" + (value.shown if isinstance(value, Ext) else "…") + "}"


def default_text(value: Val) -> str | None:
    """What a value is, as text, when nothing outside is set; None where that isn't known."""
    if isinstance(value, Const):
        return str(value.value)
    return value.default if isinstance(value, Unknown) and not value.splits else None


def _length(value: Val) -> int:
    """How many characters a value's text and default have."""
    if isinstance(value, Const):
        return len(value.value) if isinstance(value.value, str) else 32
    if isinstance(value, Unknown):
        return len(value.text) + len(value.default or "") + 8 * len(value.names)
    return 8


def joined_text(parts: list[Val], where: Location | None, budget: Budget) -> Const | Unknown:
    """Parts put together as one text: known when all are, else with what is known filled in."""
    size = sum(map(_length, parts))
    budget.make(size)
    if size > 2 * MAX_LENGTH:
        return Unknown("…", "too long a text to follow", location=where)
    if all(isinstance(p, Const) for p in parts):
        return const("".join(as_shown(p) for p in parts), where)
    found = [p for p in parts if not isinstance(p, Const)]
    unknowns = [unknown_of(p, "…", where) for p in found]
    names = tuple(dict.fromkeys(n for u in unknowns for n in u.names))
    defaults = [default_text(p) for p in parts]
    default = None if None in defaults else "".join(d for d in defaults if d is not None)
    text = "".join(as_shown(p) for p in parts)[:MAX_LENGTH]
    return Unknown(text, unknowns[0].reason, names, default, location=where)


def python_value(value: Val, budget: Budget) -> Any:
    """The value as Python has it; raises NotKnown where any part isn't known, or it is too large.

    What several lists share is made for each of them, so its size is told before.
    """
    if isinstance(value, Const):
        return value.value
    size, levels = _measured(value, {}, budget, 0)
    if size > MAX_LENGTH or levels > MAX_LEVELS:
        raise NotKnown
    budget.make(8 * size)
    return _written_out(value)


def _measured(
    value: Val, known: dict[Val, tuple[int, int]], budget: Budget, level: int
) -> tuple[int, int]:
    """How large a value is when written out, and how many levels it has."""
    if isinstance(value, Const):
        return _length(value) + 4, 0
    if not isinstance(value, Seq | Map) or level > MAX_LEVELS:
        return (0, 0) if level <= MAX_LEVELS else (0, MAX_LEVELS + 1)
    found = known.get(value)
    if found is None:
        known[value] = 0, MAX_LEVELS + 1  # a list within itself
        inner = value.items if isinstance(value, Seq) else [e.value for e in value.log]
        budget.step(None, 1 + (len(inner) >> 1))
        each = [_measured(v, known, budget, level + 1) for v in inner]
        size = 4 + sum(s for s, _ in each)
        if isinstance(value, Map):
            size += sum(_length(e.key) + 4 for e in value.log if e.key)
        found = known[value] = size, 1 + max((n for _, n in each), default=0)
    return found


def _written_out(value: Val) -> Any:
    if isinstance(value, Const):
        return value.value
    if isinstance(value, Seq):
        if value.kind == "set" and len(value.items) > 1:
            raise NotKnown  # neither the order nor, before it is made, how many there are
        items = [_written_out(i) for i in value.items]
        return tuple(items) if value.kind == "tuple" else items
    if isinstance(value, Map) and not value.inherits:
        return {k: _written_out(e.value) for k, e in value.settings().items()}
    raise NotKnown


def wrapped(value: Any, where: Any) -> Val:
    """What Python gave, as a value."""
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return Seq(tuple(wrapped(v, where) for v in value), kind, where)
    if isinstance(value, dict):
        entries = (MapEntry(Const(k, where), wrapped(v, where), where) for k, v in value.items())
        return Map(Log(entries), where=where)
    return const(value, where)


def json_text(args: list[Val], keywords: dict[str, Val], budget: Budget) -> str:
    """``json.dumps``; raises NotKnown, TypeError or ValueError."""
    allowed = {"indent", "separators", "sort_keys", "ensure_ascii"}
    if set(keywords) - allowed or len(args) != 1:
        raise NotKnown
    named = {k: python_value(v, budget) for k, v in keywords.items()}
    indent = named.get("indent")
    given = [indent if isinstance(indent, str) else "", *(named.get("separators") or ())]
    if (isinstance(indent, int) and indent > _WIDEST) or any(len(g) > _WIDEST for g in given):
        raise NotKnown
    return json.dumps(python_value(args[0], budget), **named)


_WIDEST = 16  # characters that come before or after each item


def truth_of(value: Val) -> bool | None:
    """Whether a value is true; None where that can't be told."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Seq):
        if not all(map(splits, value.items)):
            return True
        return None if value.items else False
    if isinstance(value, Map):
        if value.inherits or any(e.key is None for e in value.log):
            return True if any(e.key for e in value.log) else None
        return len(value.log) > 0
    return None if isinstance(value, Unknown | Ext | Instance) else True
