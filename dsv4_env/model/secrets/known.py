"""The secrets of a run: what was given to a secret name is hidden wherever else it shows.

A script hands a token on: ``export OTHER=$HF_TOKEN``. Nothing in the second name says so. What a
run meets is only looked at when something is told: a command that hands values on tells nothing,
and reading must not pay for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dsv4_env.model.launch import LaunchConfig, Origin, Unknown, Value, text_of
from dsv4_env.model.secrets.forms import is_reference
from dsv4_env.model.secrets.names import is_plain, secret_name
from dsv4_env.model.secrets.text import named_spans, unquoted_text

_runs: list[list[object]] = []
_common: list[Callable[[], Collection[str]]] = []
_meetings: list[list[object]] = []


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


def _words() -> Collection[str]:
    """The words that any launch may hold."""
    return _common[-1]() if _common else ()


def meet(thing: object) -> None:
    """Remember a launch, a source's text, or a (name, value) that came from outside."""
    if _runs:
        _runs[-1].append(thing)
    for met in _meetings:
        met.append(thing)


@contextmanager
def meeting() -> Iterator[list[object]]:
    """Within it, what is met is told as well, for who has to meet it again later."""
    met: list[object] = []
    _meetings.append(met)
    try:
        yield met
    finally:
        _meetings.pop()


def _things() -> list[object] | None:
    """What the run has met so far; None where nothing is remembered."""
    return _runs[-1] if _runs else None


@dataclass(frozen=True, slots=True)
class Learned:
    """What things give to secret names, told once for who meets them again and again."""

    values: tuple[str, ...]


def learned(things: Iterable[object]) -> Learned:
    """What these things give to secret names, in their order."""
    return Learned(tuple(value for thing in things for value in values_of(thing)))


class Code(str):
    """A source in which what has no quotes is a name or a call rather than a value."""

    __slots__ = ()


_SHORTEST = 6  # characters: what is shorter is found in other words by chance
_LONGEST = 4096
_MOST = 500  # values of a run; each is looked for in all that is told
_WORD = re.compile(r"[a-z][a-z0-9_]*")
_STANDS_IN = re.compile(r"(?i)x+|\*+|empty|dummy|changeme|<[^<>]*>|\.+|your[-_ ].*")
# Words that are found in everything: a password that is one of them can't be looked for.
_COMMON = set(
    """sglang deepseek python python3 server secret secrets password passwd default string local
    localhost example testing openai docker vllm huggingface launch launch_server model models
    config token tokens export profile environment unknown reason""".split()
)


class RunSecrets:
    """The secrets among what a run has met, of which the first *seen* things were looked at."""

    def __init__(self, things: list[object]) -> None:
        self.things = things
        self.seen = 0
        self.values: dict[str, None] = {}

    def learn(self, value: str) -> None:
        """Remember what a secret name was given, where that can be looked for in other text."""
        if len(self.values) < _MOST:
            self.values.update(dict.fromkeys(_parts(value)))

    def look(self) -> None:
        """Look at what was met since the last time."""
        while self.seen < len(self.things):
            thing = self.things[self.seen]
            self.things[self.seen], self.seen = None, self.seen + 1
            for value in values_of(thing):
                self.learn(value)


_last = RunSecrets([])  # of the run that is asked about


def known_values() -> Collection[str]:
    """The secrets of the run that can be looked for."""
    global _last
    found = _things()
    if found is None:
        return ()
    if _last.things is not found:
        _last = RunSecrets(found)
    _last.look()
    return _last.values


def known_spans(text: str) -> list[tuple[int, int]]:
    """Where the secrets of the run stand in a text; the spans may overlap."""
    found: list[tuple[int, int]] = []
    for value in known_values():
        at = text.find(value)
        while at >= 0:
            found.append((at, at + len(value)))
            at = text.find(value, at + len(value))
    return sorted(found)


def _parts(value: str) -> Iterator[str]:
    """A value, its lines, and how JSON spells it: each that can be looked for."""
    value = value[:_LONGEST].strip()
    lines = [line.strip() for line in value.split("\n")] if "\n" in value else []
    for part in (value, *lines):
        if _distinct(part):
            yield part
            spelled = json.dumps(part, ensure_ascii=False)[1:-1]
            if spelled != part:
                yield spelled


def _distinct(value: str) -> bool:
    """Whether a value says of a text in which it stands that a secret stands there."""
    if len(value) < _SHORTEST or is_plain(value) or is_reference(value):
        return False
    if _STANDS_IN.fullmatch(value):
        return False
    return not (_WORD.fullmatch(value) and (value in _COMMON or value in _words()))


# What a source or a launch gives to secret names

_SOURCE = 2_000_000  # characters of a source that are looked at
_CODE = re.compile(r"(?s).*[$`()].*|.*:")
_PROSE = re.compile(r"[A-Za-z][a-z ]*")  # API_KEY: required
_LITERAL = re.compile(r"(?s)(\"\"\"|'''|\"|')(.*)\1")


def values_of(thing: object) -> Iterator[str]:
    """What a launch, a source or a (name, value) gives to secret names."""
    if isinstance(thing, LaunchConfig):
        yield from _of_launch(thing)
    elif isinstance(thing, Learned):
        yield from thing.values
    elif isinstance(thing, bytes):
        yield from _of_source(thing.decode(errors="surrogateescape"), code=False)
    elif isinstance(thing, str):
        yield from _of_source(thing, code=isinstance(thing, Code))
    elif isinstance(thing, tuple):
        yield from _of_value(*thing)


def _of_source(text: str, *, code: bool) -> Iterator[str]:
    """The literals that a source gives to secret names."""
    text = text[:_SOURCE]
    for start, end in named_spans(text):
        value = text[start:end].strip().rstrip(",;")
        literal = _LITERAL.fullmatch(value)
        if literal is not None:
            if "${" not in value and "$(" not in value:
                yield literal[2]
        elif not code:
            value = unquoted_text(value.partition(" #")[0])
            before = text[max(0, start - 9) : start].rstrip(" \t")
            said = before.endswith(":") and _PROSE.fullmatch(value)
            if not said and not _CODE.fullmatch(value):
                yield value


def _of_launch(config: LaunchConfig) -> Iterator[str]:
    for setting in config.env:
        yield from _of_value(setting.name, setting.value)
        yield from _of_setters(setting.name, setting.origin)
    for arg in config.args or ():
        for value in arg.values:
            yield from _of_value(arg.flag or "", value)
        if arg.flag is not None and not (arg.origin.value or "").startswith(arg.flag):
            yield from _of_setters(arg.flag, arg.origin)


def _of_setters(name: str, origin: Origin) -> Iterator[str]:
    for setter in origin.chain():
        if setter.value is not None:
            yield from _of_value(name, setter.value)


def _of_value(name: str, value: Value) -> Iterator[str]:
    """A value where its name, or one that it is taken from, is a secret's."""
    names = (name, *value.names) if isinstance(value, Unknown) else (name,)
    text = text_of(value)
    if text and any(secret_name(one, text) for one in names):
        yield text
