"""The state of a reading: what can be undone, what it may spend, and which values are the same."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dsv4_env.lang.python.syntax.text import SourceText
from dsv4_env.lang.python.values.kinds import Const, Ext, Map, Seq, Val
from dsv4_env.model import Location, Unknown
from dsv4_env.model.budget import Budget


class Identity:
    """A value as a key: it equals itself alone, and stays as long as the key does."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


class Notebook(dict[Any, Any]):
    """A table of the reading itself, which nothing that is read can see or change."""


_MISSING = object()


@dataclass(slots=True, eq=False)
class Store:
    """What is stored, undoably: *environ* is the process's environment, *given* what it is."""

    environ: Map
    given: Mapping[str, str]
    budget: Budget
    at: tuple[SourceText, ast.AST] | None = None  # the statement that is followed
    trail: list[tuple[Any, Any, Any]] = field(default_factory=list)
    keys: dict[Identity, Hashable] = field(default_factory=dict)

    def set(self, obj: Any, name: str, value: Any) -> None:
        """Set an attribute, undoably."""
        self.trail.append((obj, name, getattr(obj, name)))
        setattr(obj, name, value)

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Set an item, undoably."""
        self.trail.append((table, key, table.get(key, _MISSING)))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        """Delete an item, undoably."""
        if key in table:
            self.trail.append((table, key, table.pop(key)))

    def undo(self, mark: int) -> None:
        """Go back to how things were when the trail was *mark* long."""
        while len(self.trail) > mark:
            obj, name, old = self.trail.pop()
            if not isinstance(obj, dict):
                setattr(obj, name, old)
            elif old is _MISSING:
                obj.pop(name, None)
            else:
                obj[name] = old

    def restore(self, obj: Map, snapshot: Map) -> None:
        """Set all fields of a dict to those of a copy that was made of it, undoably."""
        for each in fields(snapshot):
            self.set(obj, each.name, getattr(snapshot, each.name))

    def changed_since(self, mark: int) -> dict[tuple[Identity, Any], Any]:
        """The lists, dicts and names that were changed since the trail was *mark* long."""
        self.spend((len(self.trail) - mark) >> 1)
        found: dict[tuple[Identity, Any], Any] = {}
        for obj, name, _ in self.trail[mark:]:
            if isinstance(obj, dict):
                if not isinstance(obj, Notebook):
                    found[Identity(obj), name] = obj
            elif isinstance(obj, Map | Seq):
                found[Identity(obj), None] = obj
        return found

    def spend(self, count: int) -> None:
        """Count what is done at one go, where it isn't little."""
        if count:
            self.budget.step(self.at, count)

    def place(self) -> Location | None:
        """The statement that cost the most."""
        most = self.budget.most(tuple)
        if not isinstance(most, tuple):
            return None
        source, node = most
        found: Location = source.place(node)
        return found

    def key_of(self, value: Val) -> Hashable:
        """What a value is the same as, so that one question gets one answer."""
        if isinstance(value, Const):
            if isinstance(value.value, str | bytes):
                return ("const", type(value.value), value.value)
            return ("const", repr(value.value))
        if isinstance(value, Ext):
            return ("ext", value.name)
        itself = Identity(value)
        return self.keys.get(itself, itself)

    def keyed(self, value: Unknown, key: Hashable) -> Unknown:
        """An unknown that is the same as others of that key."""
        self.keys[Identity(value)] = key
        return value
