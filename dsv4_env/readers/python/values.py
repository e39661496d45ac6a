"""What an expression may be: a constant, an unknown, or something that is followed."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from dsv4_env.model import Location, Unknown

_NEWLINE = re.compile(r"\r\n|\r|\n")
MAX_TEXT = 200_000
MAX_ITEMS = 20_000


@dataclass(slots=True, eq=False)
class Source:
    """A file's text and where its nodes stand."""

    path: str
    lines: list[str]
    texts: dict[int, str] = field(default_factory=dict)

    def column(self, line: int, offset: int) -> int:
        """The column, in characters from 1, of a byte offset within a line."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        if text.isascii():
            return offset + 1
        return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")) + 1

    def place(self, node: ast.AST) -> Location:
        """Where a node begins."""
        line: int = getattr(node, "lineno", 1)
        return Location(self.path, line, self.column(line, getattr(node, "col_offset", 0)))

    def text(self, node: ast.AST) -> str:
        """A node as Python spells it; made once, for nodes are met again and again."""
        found = self.texts.get(id(node))
        if found is None:
            found = self.texts[id(node)] = ast.unparse(node)
        return found


def source(text: str, path: str) -> Source:
    """The lines of a text, as Python counts them."""
    return Source(path, _NEWLINE.split(text))


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
class Entry:
    """One setting of a key; without a key, *value* is what may have set any."""

    key: Const | None
    value: Val
    where: Location | None = None


@dataclass(slots=True, eq=False)
class Map:
    """A dict as all that was set in it, in order.

    *inherits*: it began as a copy of the process's environment, *seen* being what the file had
    set there by then, *gone* what was deleted from it.
    """

    log: tuple[Entry, ...] = ()
    inherits: bool = False
    seen: frozenset[Entry] = frozenset()
    gone: frozenset[Any] = frozenset()
    where: Location | None = None


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a module, class or call."""

    names: dict[str, Val]
    parent: Scope | None
    source: Source
    module: Module | None = None
    kind: str = "module"
    qualname: str = ""
    func: Func | None = None
    first: Val | None = None
    globals: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Module:
    """A module that was read."""

    name: str
    scope: Scope
    file: str = ""
    sets: tuple[Entry, ...] = ()


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
    owner: Class | None = None
    opaque: bool = False
    generator: bool = False


@dataclass(slots=True, eq=False)
class Class:
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


@dataclass(slots=True, eq=False)
class Bound:
    """A method with its first argument."""

    func: Func
    first: Val


@dataclass(slots=True, eq=False)
class Method:
    """A method of a value that Python itself defines."""

    owner: Val
    name: str


@dataclass(slots=True, eq=False)
class Super:
    """``super()`` within a method."""

    after: Class
    first: Val


@dataclass(slots=True, eq=False)
class Instance:
    """An object: of a class that was read, or (Ext) one of which only the arguments are known."""

    cls: Class | Ext
    attrs: dict[str, Val]
    where: Location
    end_line: int
    positional: tuple[Val, ...] = ()
    symbol: str | None = None


Val: TypeAlias = (
    Const | Unknown | Ext | Seq | Map | Module | Func | Class | Bound | Method | Super | Instance
)


class NotKnown(Exception):  # noqa: N818 - it steers
    """The value can't be told."""


NONE = Const(None)


# Fields that hold no nodes, or only those that stand for an operator.
_PLAIN = frozenset(
    "arg asname attr conversion ctx id is_async kind level lineno module op ops rest simple tag "
    "type_comment".split()
)


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a kind of node that may hold nodes: most kinds of leaves have none."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        held = () if kind is ast.Constant else tuple(f for f in kind._fields if f not in _PLAIN)
        self[kind] = held
        return held


_FIELDS = _Fields()


# What has lists with other things among the nodes: None for what isn't there, and plain names.
_MIXED = frozenset({ast.Dict, ast.arguments, ast.Global, ast.Nonlocal, ast.MatchClass})


def walk(node: ast.AST) -> list[ast.AST]:
    """All nodes below a node and itself, in no order that means anything (ast.walk, but quick)."""
    found = [node]
    fields = _FIELDS
    for each in found:  # the list grows while it is gone over
        for name in fields[each.__class__]:
            value = getattr(each, name, None)
            if value.__class__ is list:
                if value:
                    mixed = each.__class__ in _MIXED
                    found += [v for v in value if isinstance(v, ast.AST)] if mixed else value
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, in the order of its fields."""
    found: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            mixed = node.__class__ in _MIXED
            found += [v for v in value if isinstance(v, ast.AST)] if mixed else value
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def const(value: Any, where: Location | None = None) -> Const | Unknown:
    """A constant, unless it grew out of all proportion."""
    if isinstance(value, str | bytes) and len(value) > MAX_TEXT:
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


def shown(value: Val) -> str:
    """How a value reads within another's text."""
    if isinstance(value, Const):
        return str(value.value)
    if isinstance(value, Unknown):
        return "{" + value.text + "}"
    return "{" + (value.shown if isinstance(value, Ext) else "…") + "}"


def default_of(value: Val) -> str | None:
    """What a value is, as text, when nothing outside is set; None where that isn't known."""
    if isinstance(value, Const):
        return str(value.value)
    return value.default if isinstance(value, Unknown) and not value.splits else None


def joined(parts: list[Val], where: Location | None) -> Const | Unknown:
    """Parts put together as one text: known when all are, else with what is known filled in."""
    if all(isinstance(p, Const) for p in parts):
        return const("".join(shown(p) for p in parts), where)
    found = [p for p in parts if not isinstance(p, Const)]
    unknowns = [unknown_of(p, "…", where) for p in found]
    names = tuple(dict.fromkeys(n for u in unknowns for n in u.names))
    defaults = [default_of(p) for p in parts]
    default = None if None in defaults else "".join(d for d in defaults if d is not None)
    text = "".join(shown(p) for p in parts)[:MAX_TEXT]
    return Unknown(text, unknowns[0].reason, names, default, location=where)


def moved(value: Const | Unknown, where: Location | None) -> Const | Unknown:
    """The same value at another place."""
    if isinstance(value, Const):
        return Const(value.value, where)
    return replace(value, location=where)


def python_value(value: Val) -> Any:
    """The value as Python has it; raises NotKnown where any part isn't known."""
    if isinstance(value, Const):
        return value.value
    if isinstance(value, Seq):
        if value.kind == "set" and len(value.items) > 1:
            raise NotKnown  # neither the order nor, before it is made, how many there are
        items = [python_value(i) for i in value.items]
        return tuple(items) if value.kind == "tuple" else items
    if isinstance(value, Map) and not value.inherits:
        return {k: python_value(e.value) for k, e in current(value).items()}
    raise NotKnown


def current(found: Map) -> dict[Any, Entry]:
    """Key to the setting that counts, in the order of a dict; NotKnown where any may be set."""
    settings: dict[Any, Entry] = {}
    for entry in found.log:
        if entry.key is None:
            raise NotKnown
        settings[entry.key.value] = entry
    return settings


def looked_up(found: Map, key: Any) -> Entry | None:
    """The last setting of a key, or of what may have set it; None where nothing sets it."""
    for entry in reversed(found.log):
        if entry.key is None or _same(entry.key.value, key):
            return entry
    return None


def without(found: Map, key: Any) -> tuple[Entry, ...]:
    """The settings but those of a key."""
    return tuple(e for e in found.log if e.key is None or not _same(e.key.value, key))


def _same(a: Any, b: Any) -> bool:
    return bool(a == b)


def truth(value: Val) -> bool | None:
    """Whether a value is true; None where that can't be told."""
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, Seq):
        if any(not (isinstance(i, Unknown) and i.splits) for i in value.items):
            return True
        return None if value.items else False
    if isinstance(value, Map):
        if value.inherits or any(e.key is None for e in value.log):
            return True if any(e.key for e in value.log) else None
        return bool(value.log)
    return None if isinstance(value, Unknown | Ext | Instance) else True
