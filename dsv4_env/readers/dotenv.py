"""Files of variables: those of python-dotenv, of ``docker run --env-file``, and of systemd.

Each is read as its own program reads it: python-dotenv 1.2 (``dotenv_values``), Docker 28, and
``EnvironmentFile=`` of systemd 254 and later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from dsv4_env.errors import ReadError, did_you_mean
from dsv4_env.model import (
    ENV_NAME,
    EnvVar,
    LaunchConfig,
    Location,
    Note,
    Origin,
    Unknown,
    Value,
    mark_superseded,
)
from dsv4_env.readers.shell_text import join
from dsv4_env.readers.yaml_source import Lines, decode

Dialect = Literal["dotenv", "docker", "systemd"]


@dataclass(frozen=True, slots=True)
class _Item:
    """A variable as it's found: its name, value, spelling and offset; *value* None: it has none."""

    name: str
    value: Value | None
    spelled: str
    offset: int


def read_all(
    data: str | bytes, path: str = "<env file>", *, dialect: Dialect = "dotenv"
) -> list[LaunchConfig]:
    """The variables of a file, as one LaunchConfig without arguments.

    Raises ReadError where the file isn't text, or where its program refuses it.
    """
    readers: dict[str, Callable[[Lines, list[Note]], Iterator[_Item]]] = {
        "dotenv": _dotenv,
        "docker": _docker,
        "systemd": _systemd,
    }
    if dialect not in readers:
        expected = "dotenv, docker or systemd"
        hint = did_you_mean(dialect, readers)
        raise ReadError(f"dialect {dialect}", where=path, expected=expected, hint=hint)
    text = decode(data, path, "a file of variables")
    if dialect == "dotenv":  # Python reads every line's end as one character
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = Lines(path, text)
    notes: list[Note] = []
    items = list(readers[dialect](lines, notes))
    last = {i.name: i for i in items}
    env = mark_superseded(
        EnvVar(i.name, i.value, Origin("dotenv", lines.place(i.offset), i.spelled))
        for i in items
        if i.value is not None
    )
    # A name that comes again without a value isn't set after all.
    env = tuple(replace(e, superseded=True) if last[e.name].value is None else e for e in env)
    config = LaunchConfig(
        path, "dotenv", env, None, location=Location(path, 1, 1),
        end_line=len(text.splitlines()) or 1, notes=tuple(notes),
    )  # fmt: skip
    return [config]


# --- python-dotenv -----------------------------------------------------------------------------

_BLANKS = re.compile(r"[^\S\n]*")
_KEY = re.compile(r"'(?P<quoted>[^']+)'|(?P<plain>[^\s=#'][^\s=#]*)")
_QUOTED = {q: re.compile(rf"{q}((?:[^{q}\\]|\\.)*){q}", re.S) for q in "'\""}
_ENDING = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPES = {"'": r"\\([\\'])", '"': r"\\([\\'\"abfnrtv])"}
_CONTROL = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_REFERENCE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")


def _dotenv(lines: Lines, notes: list[Note]) -> Iterator[_Item]:
    known: dict[str, Value] = {}
    text, pos = lines.text, 0
    while True:
        while pos < len(text) and text[pos].isspace():
            pos += 1
        if pos >= len(text):
            return
        item, pos, sound = _binding(text, pos)
        if not sound:
            notes.append(Note("python-dotenv skips this line", lines.place(pos)))
            end = text.find("\n", pos)
            pos = len(text) if end < 0 else end + 1
        elif item is not None and isinstance(item.value, str):
            value = _expanded(item.value, known, lines.place(item.offset))
            known[item.name] = value
            yield _Item(item.name, value, item.spelled, item.offset)
        elif item is not None:
            known[item.name] = ""
            notes.append(Note(f"{item.name} has no value, and isn't set", lines.place(item.offset)))
            yield item


def _binding(text: str, pos: int) -> tuple[_Item | None, int, bool]:
    """One binding: what it sets, where the next begins or what is wrong stands, if it's sound."""
    if m := re.compile(r"export[^\S\n]+").match(text, pos):
        pos = m.end()
    item: _Item | None = None
    if not text.startswith("#", pos):
        key = _KEY.match(text, pos)
        if key is None:
            return None, pos, False
        name, offset = key["quoted"] or key["plain"], pos
        pos = _skip(text, key.end())
        value: str | None = None
        start = pos
        if text.startswith("=", pos):
            start = _skip(text, pos + 1)
            commented = start > pos + 1 and text.startswith("#", start)
            pos = start
            if commented:
                value = ""
            elif (quote := text[pos : pos + 1]) and quote in "'\"":
                quoted = _QUOTED[quote].match(text, pos)
                if quoted is None:
                    return None, pos, False
                value = re.sub(_ESCAPES[quote], _escape, quoted[1])
                pos = quoted.end()
            else:
                end = text.find("\n", pos)
                end = len(text) if end < 0 else end
                value = re.sub(r"\s+#.*", "", text[pos:end]).rstrip()
                spelled = value
                pos = end
                item = _Item(name, value, spelled, offset)
        item = item or _Item(name, value, text[start:pos], offset)
    ending = _ENDING.match(text, pos)
    return item, ending.end() if ending else pos, ending is not None


def _skip(text: str, pos: int) -> int:
    m = _BLANKS.match(text, pos)
    return m.end() if m else pos


def _escape(m: re.Match[str]) -> str:
    return _CONTROL.get(m[1], m[1])


def _expanded(text: str, known: dict[str, Value], place: Location) -> Value:
    """``${NAME}`` and ``${NAME:-default}``: from the file, or else from outside."""
    pieces: list[Value] = []
    last = 0
    for m in _REFERENCE.finditer(text):
        pieces.append(text[last : m.start()])
        if m[1] in known:
            pieces.append(known[m[1]])
        elif not m[1]:  # nothing can set a variable without a name
            pieces.append(m[2] or "")
        else:
            why = "set outside the file, or its default" if m[2] else "set outside the file"
            pieces.append(Unknown(m[0], why, (m[1],), default=m[2] or "", location=place))
        last = m.end()
    return join([*pieces, text[last:]])


# --- docker run --env-file ---------------------------------------------------------------------


def _docker(lines: Lines, notes: list[Note]) -> Iterator[_Item]:
    """Every value as it stands: no quotes, no escapes, no comments behind it."""
    del notes
    for start, whole in zip(lines.starts, lines.text.split("\n"), strict=True):
        line = whole.removesuffix("\r")
        rest = line.lstrip()
        offset = start + len(line) - len(rest)
        if not rest or rest.startswith("#"):
            continue
        name, equals, value = rest.partition("=")
        if not name or re.search(r"\s", name):
            found = f"a variable's name with a blank, {name!r}" if name else "no variable's name"
            raise ReadError(found, where=lines.place(offset), expected="NAME=value or NAME")
        if equals:
            yield _Item(name, value, value, offset)
        else:
            why = "passed on from outside, where it's set there"
            place = lines.place(offset)
            yield _Item(name, Unknown(f"${{{name}}}", why, (name,), location=place), "", offset)


# --- EnvironmentFile= of systemd ---------------------------------------------------------------


@dataclass(slots=True)
class _Unit:
    """One assignment while it's read."""

    key: str = ""
    value: str = ""
    kept: int = 0  # what stays of the value when blanks at its end are dropped
    offset: int = 0
    start: int = 0
    doubtful: bool = False


def _systemd(lines: Lines, notes: list[Note]) -> Iterator[_Item]:
    """Quotes, backslashes and comments, but no variables in values."""
    for unit, end in _units(lines.text):
        name, place = unit.key.rstrip(" \t"), lines.place(unit.offset)
        spelled = lines.text[unit.start : end]
        if not ENV_NAME.fullmatch(name):
            notes.append(Note(f"systemd takes no variable called `{name}`", place))
        elif unit.doubtful:
            why = "systemd before 254 takes it for a part of the comment above"
            yield _Item(name, Unknown(unit.value, why, location=place), spelled, unit.offset)
        else:
            yield _Item(name, unit.value, spelled, unit.offset)


def _units(text: str) -> Iterator[tuple[_Unit, int]]:
    state, unit, doubtful = "before", _Unit(), False
    for i, ch in enumerate(text):
        newline = ch in "\n\r"
        if state == "before":
            if ch in "#;":
                state = "comment"
            elif ch not in " \t\n\r":
                state, unit = "key", _Unit(ch, offset=i, doubtful=doubtful)
        elif state == "key":
            if ch == "=":
                state, unit.start = "between", i + 1
            elif newline:
                state, doubtful = "before", False
            else:
                unit.key += ch
        elif state == "comment":
            doubtful = False
            state = "comment\\" if ch == "\\" else "before" if newline else state
        elif state == "comment\\":
            doubtful = newline
            state = "before" if newline else "comment"
        elif state in ("between", "value") and newline:
            yield _closed(unit, state), i
            state, doubtful = "before", False
        else:
            state = _value_state(state, unit, ch)
    if state not in ("before", "key", "comment", "comment\\"):
        yield _closed(unit, state), len(text)


def _closed(unit: _Unit, state: str) -> _Unit:
    if state == "value":
        unit.value = unit.value[: unit.kept]
    return unit


def _value_state(state: str, unit: _Unit, ch: str) -> str:
    """Take one character of a value; the state after it."""
    if state == "between":
        if ch in "'\"":
            return ch
        if ch == "\\":
            return "value\\"
        if ch in " \t":
            return state
        unit.value += ch
        unit.kept = len(unit.value)
        return "value"
    if state == "value":
        if ch == "\\":
            return "value\\"
        unit.value += ch
        if ch not in " \t":
            unit.kept = len(unit.value)
        return state
    if state == "value\\":
        if ch not in "\n\r":
            unit.value += ch
        unit.kept = len(unit.value)
        return "value"
    if state == '"\\':
        if ch in '"\\`$':
            unit.value += ch
        elif ch != "\n":
            unit.value += f"\\{ch}"
        return '"'
    if ch == state:
        return "between"
    if state == '"' and ch == "\\":
        return '"\\'
    unit.value += ch
    return state
