"""What a run has met that may hold secrets; it is looked at when something is told, not before.

Reading must not pay for it: a command that hands values on tells nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

_runs: list[list[object]] = []
_common: list[Callable[[], Collection[str]]] = []


@contextmanager
def session(common: Callable[[], Collection[str]] = tuple) -> Iterator[None]:
    """Remember what is met from here on, and forget it at the end.

    *common* gives words that any launch may hold, so that none is looked for as a secret.
    """
    _runs.append([])
    _common.append(common)
    try:
        yield
    finally:
        _runs.pop()
        _common.pop()


def words() -> Collection[str]:
    """The words that any launch may hold."""
    return _common[-1]() if _common else ()


def meet(thing: object) -> None:
    """Remember a launch, a source's text, or a (name, value) that came from outside."""
    if _runs:
        _runs[-1].append(thing)


def things() -> list[object] | None:
    """What the run has met so far; None where nothing is remembered."""
    return _runs[-1] if _runs else None


class Code(str):
    """A source in which what has no quotes is a name or a call rather than a value."""

    __slots__ = ()
