"""What a process that is asked again and again has worked out, kept while it still holds.

A command that answers once works everything out. One that waits for the next change keeps a
:class:`Kept` and answers within its :meth:`Kept.round`: what :func:`kept` made before comes back
if every question that it put to the disk (see :mod:`dsv4_env.guard.asked`) is answered as it was,
by the bytes of files rather than by their times. A round asks each question once.
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dsv4_env.guard.asked import (
    Question,
    Trail,
    add_answers,
    ask_again,
    listing_once,
    writing_down,
)
from dsv4_env.guard.files import collects, looked_at, looking
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.secrets import Learned, learned, meet, meeting

_T = TypeVar("_T")
_MOST = 4_000  # answers


@dataclass(slots=True, eq=False)
class _Answer:
    """What was made of what was *given*: a value or an error, and what else came of making it."""

    given: object
    value: Any
    error: Dsv4Error | None
    asked: dict[Question, Hashable]
    looked: frozenset[str]
    met: list[object]
    secrets: Learned | None = None


@dataclass(slots=True, eq=False)
class Kept:
    """The answers of one process. Each takes the place of the one made by the same name before."""

    _answers: OrderedDict[Hashable, _Answer] = field(default_factory=OrderedDict)
    _now: dict[Question, Hashable] = field(default_factory=dict)
    _around: tuple[object, ...] = ()

    @contextlib.contextmanager
    def round(self) -> Iterator[Trail]:
        """Within it :func:`kept` keeps; it gives all that is asked of the disk in it.

        Where the environment or the current folder is another one, all is forgotten.
        """
        around = (os.getcwd(), dict(os.environ))  # noqa: PTH109  # as text
        if around != self._around:
            self._answers.clear()
        self._around = around
        self._now.clear()
        token = _KEPT.set(self)
        try:
            with listing_once(), writing_down() as trail:
                yield trail
        finally:
            _KEPT.reset(token)

    def answer(self, name: Hashable, given: object, make: Callable[[], _T]) -> _T:
        """What *make* gives: as it was made before, where that still holds."""
        found = self._answers.get(name)
        if found is not None and found.given == given and self._holds(found):
            self._answers.move_to_end(name)
            add_answers(found.asked)
            if found.secrets is None:
                found.secrets, found.met = learned(found.met), []
            meet(found.secrets)
            for path in found.looked:
                looked_at(path)
        else:
            found = self._made(name, given, make)
        if found.error is not None:
            raise copy.copy(found.error)  # who catches it may add to what it says
        value: _T = found.value
        return value

    def _made(self, name: Hashable, given: object, make: Callable[[], Any]) -> _Answer:
        value, error = None, None
        with writing_down() as trail, meeting() as met, looking(collects()) as looked:
            try:
                value = make()
            except Dsv4Error as exc:
                error = exc.with_traceback(None)
        for path in looked:
            looked_at(path)
        found = _Answer(given, value, error, trail.answers, frozenset(looked), met)
        self._answers.pop(name, None)
        if not trail.torn:
            self._answers[name] = found
            if len(self._answers) > _MOST:
                self._answers.popitem(last=False)
        return found

    def _holds(self, found: _Answer) -> bool:
        now = self._now
        for question, answer in found.asked.items():
            if question not in now:
                now[question] = ask_again(question)
            if now[question] != answer:
                return False
        return True


_KEPT: ContextVar[Kept | None] = ContextVar("kept", default=None)


def is_keeping() -> bool:
    """Whether this is a round of a process that keeps what it works out."""
    return _KEPT.get() is not None


def kept(name: Hashable, given: object, make: Callable[[], _T]) -> _T:
    """What *make* gives, as it was made before by that *name* where that still holds.

    It depends on what is *given*, on the disk as far as *make* asks it through ``guard``, and on
    nothing else. What it gives must not be changed by anyone.
    """
    store = _KEPT.get()
    return make() if store is None else store.answer((name, collects()), given, make)
