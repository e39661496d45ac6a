"""What is asked of the disk while something is worked out, written down so that it's asked again.

Whoever opens a file, or looks whether one is there, asks through a function of ``guard`` that is a
:func:`question`. Within :func:`writing_down` each is kept with a digest of what came of it: when
all would be answered alike, what was made of the answers still holds.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from dsv4_env.model.errors import Dsv4Error

_P = ParamSpec("_P")
_T = TypeVar("_T")

Question = tuple[Callable[..., Any], tuple[Any, ...], tuple[tuple[str, Any], ...]]
"""A function of ``guard`` with what it was given."""


@dataclass(frozen=True, slots=True)
class Place:
    """What an answer hangs on: a path; *listed*: what is in that folder."""

    path: str
    listed: bool = False


@dataclass(slots=True, eq=False)
class Trail:
    """The questions that were asked, each with what came of it.

    *torn*: one was answered in two ways, as something changed meanwhile.
    """

    answers: dict[Question, Hashable] = field(default_factory=dict)
    torn: bool = False

    def add(self, question: Question, answer: Hashable) -> None:
        """Write down what came of a question."""
        if self.answers.setdefault(question, answer) != answer:
            self.torn = True

    def add_all(self, answers: dict[Question, Hashable]) -> None:
        """Write down what came of many: quicker than one by one."""
        both = self.answers.keys() & answers.keys()
        if any(self.answers[question] != answers[question] for question in both):
            self.torn = True
        self.answers |= answers


_TRAILS: ContextVar[tuple[Trail, ...]] = ContextVar("trails", default=())


@contextlib.contextmanager
def writing_down() -> Iterator[Trail]:
    """Within it, every question is written down; also for those who began to do so before."""
    trail = Trail()
    token = _TRAILS.set((*_TRAILS.get(), trail))
    try:
        yield trail
    finally:
        _TRAILS.reset(token)


@contextlib.contextmanager
def told_elsewhere() -> Iterator[None]:
    """Within it nothing is written down: a question that is asked besides says all of it."""
    token = _TRAILS.set(())
    try:
        yield
    finally:
        _TRAILS.reset(token)


def is_written_down() -> bool:
    """Whether somebody wants to know what is asked."""
    return bool(_TRAILS.get())


def question(
    ask: Callable[_P, _T], about: Callable[..., Iterable[Place]] | None = None
) -> Callable[_P, _T]:
    """Make a question of a function whose answer depends on the disk alone.

    What it asks itself isn't written down: its answer says all of it. *about* says on what places
    the answer hangs, where that isn't the path that it is given first.
    """

    @functools.wraps(ask)
    def asked(*args: _P.args, **options: _P.kwargs) -> _T:
        trails = _TRAILS.get()
        if not trails:
            return ask(*args, **options)
        key: Question = (asked, args, tuple(options.items()))
        token = _TRAILS.set(())
        try:
            answer = ask(*args, **options)
        except Dsv4Error as exc:
            _tell(trails, key, _of_error(exc))
            raise
        except BaseException:
            for trail in trails:
                trail.torn = True
            raise
        finally:
            _TRAILS.reset(token)
        _tell(trails, key, _digest(answer))
        return answer

    _ABOUT[asked] = about or _itself
    return asked


_ABOUT: dict[Callable[..., Any], Callable[..., Iterable[Place]]] = {}


def _itself(path: object, *_: object, **__: object) -> Iterable[Place]:
    return (Place(str(path)),)


def places_of(asked: Question) -> Iterable[Place]:
    """The places that the answer to a question hangs on."""
    ask, args, options = asked
    return _ABOUT[ask](*args, **dict(options))


def ask_again(asked: Question) -> Hashable:
    """What comes of a question now, as a trail has it."""
    ask, args, options = asked
    token = _TRAILS.set(())
    try:
        return _digest(ask(*args, **dict(options)))
    except Dsv4Error as exc:
        return _of_error(exc)
    finally:
        _TRAILS.reset(token)


def add_answers(answers: dict[Question, Hashable]) -> None:
    """Write down questions that were asked before, of which it's known what comes of them."""
    for trail in _TRAILS.get():
        trail.add_all(answers)


def _tell(trails: tuple[Trail, ...], key: Question, answer: Hashable) -> None:
    for trail in trails:
        trail.add(key, answer)


def _digest(answer: Any) -> Hashable:
    if isinstance(answer, bytes):
        import hashlib  # OpenSSL takes a tenth of a start: only for who answers again and again

        return len(answer), hashlib.blake2b(answer, digest_size=16).digest()
    found: Hashable = answer
    return found


def _of_error(exc: Dsv4Error) -> Hashable:
    return type(exc), exc.found, exc.where, exc.expected, exc.hint


# What a folder holds: asked name by name, since what else comes and goes there doesn't matter


@partial(question, about=lambda folder, name: (Place(f"{folder}/{name}"),))
def holds_name(folder: str, name: str) -> bool:
    """Whether a folder has something of a name, which may be a file, a folder or a link."""
    return name in names_of(folder)


def names_of(folder: str) -> frozenset[str]:
    """The names in a folder, none where it isn't there: for those who ask :func:`holds_name` of it.

    Nothing of it is written down.
    """
    known = _LISTED.get()
    if known is None:
        return _names(folder)
    if folder not in known:
        known[folder] = _names(folder)
    return known[folder]


@partial(question, about=lambda folder, _: (Place(folder, listed=True),))
def names_ending(folder: str, end: str) -> tuple[str, ...]:
    """The names in a folder that end in *end*, sorted; none where it isn't there.

    What Emacs puts beside a file that is being edited, ``.#NAME``, isn't among them.
    """
    found = (name for name in names_of(folder) if name.endswith(end))
    return tuple(sorted(name for name in found if not is_mark(name)))


def is_mark(name: str) -> bool:
    """Whether a name is that of a link to nowhere by which Emacs marks a file as being edited."""
    return name.startswith(".#")


def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder or "/"))  # noqa: PTH208  # names alone
    except OSError:
        return frozenset()


_LISTED: ContextVar[dict[str, frozenset[str]] | None] = ContextVar("listed", default=None)


@contextlib.contextmanager
def listing_once() -> Iterator[None]:
    """Within it, each folder is listed once."""
    token = _LISTED.set({})
    try:
        yield
    finally:
        _LISTED.reset(token)
