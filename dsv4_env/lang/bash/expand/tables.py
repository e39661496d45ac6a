"""Tables that many paths through a script share: a copy costs what has changed, not what there is.

A script of ten thousand lines has as many variables, and each command at which paths part needs
a copy of them. The copies share all that was there before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping
from itertools import islice
from math import isqrt
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")
_GONE: Any = object()
_FEW = 16  # changes beside what is shared, at least, before all is put together anew


class Layers(MutableMapping[K, V]):
    """A table in two layers: one that is shared and never changed, and what differs from it.

    None can't be a value.
    """

    __slots__ = ("_base", "_most", "_of", "_size", "_sum", "_top")

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        self._base: dict[K, V] = dict(items or {})
        self._top: dict[K, V] = {}
        self._sum: list[int] = []  # the digest of what is shared, once it was asked for
        self._of: Callable[[V], object] | None = None
        self._size = len(self._base)
        self._most = max(_FEW, isqrt(self._size))

    def __getitem__(self, key: K) -> V:
        found = self._top.get(key)
        if found is None:
            return self._base[key]
        if found is _GONE:
            raise KeyError(key)
        return found

    def get(self, key: K, default: Any = None) -> V | Any:
        """The value of a key, or *default*."""
        found = self._top.get(key)
        if found is None:
            return self._base.get(key, default)
        return default if found is _GONE else found

    def __contains__(self, key: object) -> bool:
        top: dict[Any, Any] = self._top
        found = top.get(key)
        return key in self._base if found is None else found is not _GONE

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self:
            self._size += 1
        self._top[key] = value

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        self._size -= 1
        if key in self._base:
            self._top[key] = _GONE
        else:
            del self._top[key]

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[K]:
        base, top = self._base, self._top
        if not top:
            yield from base
            return
        for key in base:
            if top.get(key) is not _GONE:
                yield key
        for key in list(top):
            if key not in base:
                yield key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Layers):
            return NotImplemented
        if self._size != other._size:
            return False
        for key in self.differing(other):
            mine, others = self.get(key, _GONE), other.get(key, _GONE)
            if mine is not others and mine != others:
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Layers[K, V]:
        """A copy that shares what there is."""
        if len(self._top) > self._most:
            self._fold()
        new: Layers[K, V] = Layers.__new__(Layers)
        new._base, new._sum, new._top = self._base, self._sum, self._top.copy()
        new._size, new._most, new._of = self._size, self._most, self._of
        return new

    def plus(self, key: K, value: V) -> Layers[K, V]:
        """A copy with one more."""
        new = self.copy()
        new[key] = value
        return new

    def _fold(self) -> None:
        total = [self._total(self._of)] if self._of is not None and self._sum else []
        base = self._base | self._top
        for key, value in self._top.items():
            if value is _GONE:
                del base[key]
        self._base, self._sum, self._top = base, total, {}
        self._most = max(_FEW, isqrt(len(base)))

    def changes(self) -> Collection[V]:
        """The values that differ from what is shared: what comparing and copying costs."""
        return [v for v in self._top.values() if v is not _GONE]

    def digest(self, of: Callable[[V], object]) -> int:
        """A number that is the same for the same content; *of* stands for a value."""
        self._of = of
        if len(self._top) > self._most and self._sum:
            self._fold()
        if not self._sum:
            self._sum.append(sum(hash((k, of(v))) for k, v in self._base.items()))
        return self._total(of)

    def _total(self, of: Callable[[V], object]) -> int:
        total = self._sum[0]
        for key, value in self._top.items():
            old = self._base.get(key)
            if old is not None:
                total -= hash((key, of(old)))
            if value is not _GONE:
                total += hash((key, of(value)))
        return total

    def differing(self, other: Layers[K, V]) -> list[K]:
        """The keys that may have another value in the other table, in a fixed order."""
        if self._base is other._base:
            return list(self._top | other._top)
        return list(dict.fromkeys((*self, *other)))


def _mark(key: object, value: object) -> int:
    return hash((key, value if isinstance(value, str) else getattr(value, "text", "")))


class Elements(Mapping[int | str, V]):
    """The elements of an array. What is appended to the newest version, the older ones don't see.

    *highest* is the greatest index, -1 where there is none; *ragged* says that one of the elements
    may be any number of words.
    """

    __slots__ = ("_items", "_size", "digest", "highest", "ragged")

    def __init__(self, items: Mapping[int | str, V]) -> None:
        self._items: dict[int | str, V] = dict(items)
        self._size = len(self._items)
        self.highest = max((k for k in self._items if isinstance(k, int)), default=-1)
        self.ragged = any(getattr(v, "splits", False) for v in self._items.values())
        self.digest = sum(_mark(k, v) for k, v in self._items.items())

    def _own(self) -> dict[int | str, V]:
        if self._size != len(self._items):  # a newer version has more
            self._items = dict(islice(self._items.items(), self._size))
        return self._items

    def __getitem__(self, key: int | str) -> V:
        return self._own()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._own()

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int | str]:
        return iter(self._own())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Elements):
            if self._size != other._size:
                return False
            return self._items is other._items or self._own() == other._own()
        return self._own() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def plus(self, key: int | str, value: V) -> Elements[V]:
        """The elements with one more, or with one replaced."""
        items = self._own()
        new: Elements[V] = Elements.__new__(Elements)
        fresh = key not in items
        new._items = items if fresh else dict(items)
        new._items[key] = value
        new._size = self._size + fresh
        new.digest = self.digest + _mark(key, value) - (0 if fresh else _mark(key, items[key]))
        new.highest = max(self.highest, key) if isinstance(key, int) else self.highest
        splits = bool(getattr(value, "splits", False))
        if fresh or not self.ragged:
            new.ragged = self.ragged or splits
        else:
            new.ragged = any(getattr(v, "splits", False) for v in new._items.values())
        return new
