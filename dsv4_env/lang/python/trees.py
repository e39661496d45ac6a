"""What is told of trees once and asked for again: the tests of a folder import the same modules.

Each answer keeps its tree alive, so all of them are forgotten where the texts get long.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any, TypeVar

T = TypeVar("T")

_MOST = 1_000_000  # characters of texts: a tree takes fifty times as much
_caches: list[_lru_cache_wrapper[Any]] = []
_read = 0  # characters since they were last forgotten


def remembered(size: int) -> Callable[[Callable[[Any], T]], Callable[[Hashable], T]]:
    """Keep the last *size* answers of a function of trees, until :func:`reading` forgets them."""

    def wrapped(function: Callable[[Any], T]) -> Callable[[Hashable], T]:
        cache = lru_cache(maxsize=size)(function)
        _caches.append(cache)
        return cache

    return wrapped


def reading(text: str) -> None:
    """Count a text of which a tree is made; where they get too many, forget what was told."""
    global _read
    _read += len(text)
    if _read > _MOST:
        for cache in _caches:
            cache.cache_clear()
        _read = len(text)
