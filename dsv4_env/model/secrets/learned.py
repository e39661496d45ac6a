"""What a source or a launch gives to secret names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dsv4_env.model import LaunchConfig, Origin, Unknown, Value, text_of
from dsv4_env.model.secrets.met import Code
from dsv4_env.model.secrets.names import secret_name
from dsv4_env.model.secrets.text import named_spans, unquoted

_LONGEST = 2_000_000  # characters of a source that are looked at
_CODE = re.compile(r"(?s).*[$`()].*|.*:")
_PROSE = re.compile(r"[A-Za-z][a-z ]*")  # API_KEY: required
_LITERAL = re.compile(r"(?s)(\"\"\"|'''|\"|')(.*)\1")


def values_of(thing: object) -> Iterator[str]:
    """What a launch, a source or a (name, value) gives to secret names."""
    if isinstance(thing, LaunchConfig):
        yield from _of_launch(thing)
    elif isinstance(thing, bytes):
        yield from _of_source(thing.decode(errors="surrogateescape"), code=False)
    elif isinstance(thing, str):
        yield from _of_source(thing, code=isinstance(thing, Code))
    elif isinstance(thing, tuple):
        yield from _of_value(*thing)


def _of_source(text: str, *, code: bool) -> Iterator[str]:
    """The literals that a source gives to secret names."""
    text = text[:_LONGEST]
    for start, end in named_spans(text):
        value = text[start:end].strip().rstrip(",;")
        literal = _LITERAL.fullmatch(value)
        if literal is not None:
            if "${" not in value and "$(" not in value:
                yield literal[2]
        elif not code:
            value = unquoted(value.partition(" #")[0])
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
