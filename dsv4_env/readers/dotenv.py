"""Files of variables: of python-dotenv, ``docker run --env-file``, systemd and GitHub's jobs.

Each is read as its own program reads it: python-dotenv 1.2 (``dotenv_values``), Docker 28,
``EnvironmentFile=`` of systemd 254 and later, and ``$GITHUB_ENV`` of actions/runner 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from dsv4_env.lang.docker import env_lines
from dsv4_env.lang.yaml import Lines, decode
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
from dsv4_env.model.budget import Budget, BudgetError, partial_note
from dsv4_env.model.errors import ReadError, did_you_mean, shortened
from dsv4_env.readers.embedded import join
from dsv4_env.readers.kind import NO_YAML, FileKind

Dialect = Literal["dotenv", "docker", "systemd", "github"]
_EACH = 12  # steps that reading one variable takes
_SHOWN = 50  # lines that notes tell one by one


@dataclass(frozen=True, slots=True)
class _Item:
    """A variable as it's found: its name, value, spelling and offset; *value* None: it has none."""

    name: str
    value: Value | None
    spelled: str
    offset: int


def read_all(
    data: str | bytes,
    path: str = "<env file>",
    *,
    dialect: Dialect | None = None,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """The variables of a file, as one LaunchConfig without arguments.

    Without a *dialect* it is GitHub's where a value stands between two delimiters, else dotenv's.
    Where the *budget* ends, those before are kept, and the launch is partial. Raises ReadError
    where the file isn't text, or where its program refuses it.
    """
    readers: dict[str, Callable[[_Reading], Iterator[_Item]]] = {
        "dotenv": _dotenv,
        "docker": _docker,
        "systemd": _systemd,
        "github": _github,
    }
    if dialect is not None and dialect not in readers:
        expected = "dotenv, docker, systemd or github"
        hint = did_you_mean(dialect, readers)
        raise ReadError(f"dialect {dialect}", where=path, expected=expected, hint=hint)
    text = decode(data, path, "a file of variables")
    dialect = dialect or ("github" if _is_delimited(text) else "dotenv")
    if dialect == "dotenv":  # Python reads every line's end as one character
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    reading = _Reading(Lines(path, text), budget or Budget())
    items: list[_Item] = []
    partial = False
    try:
        items.extend(readers[dialect](reading))  # what came before an error stays in the list
    except BudgetError as exc:
        partial = True
        reading.notes.append(partial_note(exc, reading.budget.place()))
    last = {i.name: i for i in items}
    env = mark_superseded(
        EnvVar(i.name, i.value, Origin("dotenv", reading.lines.place(i.offset), i.spelled))
        for i in items
        if i.value is not None
    )
    # A name that comes again without a value isn't set after all.
    env = tuple(replace(e, superseded=True) if last[e.name].value is None else e for e in env)
    config = LaunchConfig(
        path, "dotenv", env, None, location=Location(path, 1, 1),
        end_line=len(text.splitlines()) or 1, notes=reading.told(), partial=partial,
    )  # fmt: skip
    return [config]


@dataclass(slots=True)
class _Reading:
    """One file while it's read."""

    lines: Lines
    budget: Budget
    notes: list[Note] = field(default_factory=list)

    def step(self, offset: int, size: int = 0) -> Location:
        """Spend what a variable of so many characters takes; the place of its name."""
        place = self.lines.place(offset)
        self.budget.step(place, _EACH + (size >> 8))
        return place

    def note(self, message: str, offset: int) -> None:
        """Say something of a line."""
        self.budget.step(None, _EACH)
        self.notes.append(Note(message, self.lines.place(offset)))

    def told(self) -> tuple[Note, ...]:
        """What there is to say: of thousands of lines, of the first ones."""
        if len(self.notes) <= _SHOWN + 1:
            return tuple(self.notes)
        rest = self.notes[_SHOWN:]
        ending = [n for n in rest if n.opens]
        more = Note(f"{len(rest) - len(ending):,} further lines are alike", rest[0].location)
        return (*self.notes[:_SHOWN], more, *ending)


# --- python-dotenv -----------------------------------------------------------------------------

_START = re.compile(r"\S")
_BLANKS = re.compile(r"[^\S\n]*")
_KEY = re.compile(r"'(?P<quoted>[^']+)'|(?P<plain>[^\s=#'][^\s=#]*)")
# Possessive: what was read once is never read again, however the text ends.
_QUOTED = {q: re.compile(rf"{q}((?:[^{q}\\]++|\\.)*+){q}", re.S) for q in "'\""}
_COMMENT = re.compile(r"\s#")
_ENDING = re.compile(r"[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPES = {"'": r"\\([\\'])", '"': r"\\([\\'\"abfnrtv])"}
_CONTROL = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_NAME_END = re.compile(r"[}:]")


def _dotenv(reading: _Reading) -> Iterator[_Item]:
    known: dict[str, Value] = {}
    text, pos = reading.lines.text, 0
    while True:
        start = _START.search(text, pos)
        if start is None:
            return
        pos = start.start()
        item, pos, sound = _binding(text, pos)
        if not sound:
            reading.note("python-dotenv skips this line", pos)
            end = text.find("\n", pos)
            pos = len(text) if end < 0 else end + 1
        elif item is not None and isinstance(item.value, str):
            value = _expanded(item.value, known, item.offset, reading)
            known[item.name] = value
            yield _Item(item.name, value, item.spelled, item.offset)
        elif item is not None:
            known[item.name] = ""
            reading.note(f"{shortened(item.name, 200)} has no value, and isn't set", item.offset)
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
                comment = _COMMENT.search(text, pos, end)
                value = text[pos : comment.start() if comment else end].rstrip()
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


def _references(text: str) -> Iterator[tuple[int, int, str, str | None]]:
    """Each ``${NAME}`` and ``${NAME:-default}``: where it begins and ends, its name and default.

    Each character is looked at once for what ends a name, and once for what ends a default.
    """
    at = text.find("${")
    name_end = brace = -1
    while at >= 0:
        if name_end < at + 2:
            found = _NAME_END.search(text, at + 2)
            if found is None:
                return
            name_end = found.start()
        end = name_end
        default: str | None = None
        if text.startswith(":-", end):
            if brace < end:
                brace = text.find("}", end)
                if brace < 0:
                    brace = len(text)
            end = brace
            default = text[name_end + 2 : end]
        if text.startswith("}", end):
            yield at, end + 1, text[at + 2 : name_end], default
            at = end - 1
        elif end >= len(text):
            return
        at = text.find("${", at + 2)


def _expanded(text: str, known: dict[str, Value], offset: int, reading: _Reading) -> Value:
    """``${NAME}`` and ``${NAME:-default}``: from the file, or else from outside."""
    place = reading.step(offset, len(text))
    pieces: list[Value] = []
    last = 0
    for start, end, name, default in _references(text):
        reading.budget.step(place)
        pieces.append(text[last:start])
        if name in known:
            pieces.append(known[name])
        elif not name:  # nothing can set a variable without a name
            pieces.append(default or "")
        else:
            why = "set outside the file, or its default" if default else "set outside the file"
            spelled = text[start:end]
            pieces.append(Unknown(spelled, why, (name,), default=default or "", location=place))
        last = end
    return join([*pieces, text[last:]], reading.budget, place)


# --- docker run --env-file ---------------------------------------------------------------------


def _docker(reading: _Reading) -> Iterator[_Item]:
    """Every value as it stands: no quotes, no escapes, no comments behind it."""
    for line in env_lines(reading.lines.text):
        if line.wrong:
            found = f"{line.wrong}, {shortened(line.name, 200)!r}" if line.name else line.wrong
            where = reading.lines.place(line.offset)
            raise ReadError(found, where=where, expected="NAME=value or NAME")
        place = reading.step(line.offset, len(line.name) + len(line.value or ""))
        value: Value | None = line.value
        if value is None:
            why = "passed on from outside, where it's set there"
            value = Unknown(f"${{{line.name}}}", why, (line.name,), location=place)
        yield _Item(line.name, value, line.value or "", line.offset)


# --- $GITHUB_ENV -------------------------------------------------------------------------------

_DELIMITED = re.compile(r"^[A-Za-z_]\w*<<(\S+\r?)$", re.M)


def _is_delimited(text: str) -> bool:
    """Whether the first value that seems to begin with a delimiter ends with it, too."""
    first = _DELIMITED.search(text)
    if first is None:
        return False
    return f"\n{first[1]}\n" in f"{text[first.end() :]}\n"


def _github(reading: _Reading) -> Iterator[_Item]:
    """``NAME=value``, or ``NAME<<DELIMITER`` and the lines up to the delimiter.

    A runner on Linux ends a line at LF alone: a CR before it belongs to the value
    (``ReadLine`` of actions/runner's FileCommandManager).
    """
    lines = reading.lines
    at, whole = 0, lines.text.split("\n")
    while at < len(whole):
        line, offset = whole[at], lines.starts[at]
        at += 1
        if not line:
            continue
        place = reading.step(offset, len(line))
        plain, long = line.find("="), line.find("<<")
        name, value = line[: max(plain, 0)], line[plain + 1 :]
        if long >= 0 and (plain < 0 or long < plain):
            name, delimiter = line[:long], line[long + 2 :]
            end = next((i for i in range(at, len(whole)) if whole[i] == delimiter), None)
            if end is None or not delimiter:
                raise ReadError("no end of the value", where=place, expected=f"a line {delimiter}")
            value = "\n".join(whole[at:end])
            reading.budget.step(place, (end - at) >> 2)
            at = end + 1
        if not name:
            raise ReadError("no variable's name", where=place, expected="NAME=value")
        yield _Item(name, value, value, offset)


# --- EnvironmentFile= of systemd ---------------------------------------------------------------


@dataclass(slots=True)
class _Unit:
    """One assignment while it's read; *value* is in pieces, the last of which may be blanks."""

    key: str = ""
    value: list[str] = field(default_factory=list)
    kept: int = 0  # how many pieces stay when blanks at its end are dropped
    offset: int = 0
    start: int = 0
    doubtful: bool = False

    def add(self, text: str, *, blank: bool = False) -> None:
        """Go on with a piece of the value."""
        if text:
            self.value.append(text)
        if not blank:
            self.kept = len(self.value)


def _systemd(reading: _Reading) -> Iterator[_Item]:
    """Quotes, backslashes and comments, but no variables in values."""
    lines = reading.lines
    for unit, end in _units(reading):
        name = unit.key.rstrip(" \t")
        place = reading.step(unit.offset, end - unit.offset)
        spelled, value = lines.text[unit.start : end], "".join(unit.value)
        if not ENV_NAME.fullmatch(name):
            reading.note(f"systemd takes no variable called `{shortened(name, 200)}`", unit.offset)
        elif unit.doubtful:
            why = "systemd before 254 takes it for a part of the comment above"
            yield _Item(name, Unknown(value, why, location=place), spelled, unit.offset)
        else:
            yield _Item(name, value, spelled, unit.offset)


# What each state reads in one go; every other character stands for itself.
_RUNS = {
    "before": re.compile(r"[ \t\n\r]+"),
    "key": re.compile(r"[^=\n\r]+"),
    "comment": re.compile(r"[^\\\n\r]+"),
    "between": re.compile(r"[ \t]+"),
    "value": re.compile(r"[^\\\n\r \t]+"),
    "blanks": re.compile(r"[ \t]+"),
    "'": re.compile(r"[^']+"),
    '"': re.compile(r'[^"\\]+'),
}


def _units(reading: _Reading) -> Iterator[tuple[_Unit, int]]:
    text, i = reading.lines.text, 0
    state, unit, doubtful = "before", _Unit(), False
    while i < len(text):
        reading.budget.step(unit.start or None)
        run = _RUNS[state].match(text, i) if state in _RUNS else None
        if run is None and state == "value":
            run = _RUNS["blanks"].match(text, i)
        if run is not None:
            i = run.end()
            if state == "comment":
                doubtful = False
            elif state == "key":
                unit.key += run[0]  # once for a key: what ends the run ends the key
            elif state not in ("before", "between"):
                unit.add(run[0], blank=state == "value" and run[0][0] in " \t")
            continue
        ch = text[i]
        newline = ch in "\n\r"
        if state == "before":
            if ch in "#;":
                state = "comment"
            else:
                state, unit = "key", _Unit(ch, offset=i, doubtful=doubtful)
        elif state == "key":
            if ch == "=":
                state, unit.start = "between", i + 1
            else:
                state, doubtful = "before", False
        elif state == "comment":
            doubtful = False
            state = "comment\\" if ch == "\\" else "before"
        elif state == "comment\\":
            doubtful = newline
            state = "before" if newline else "comment"
        elif state in ("between", "value") and newline:
            yield _closed(unit, state), i
            state, doubtful = "before", False
        else:
            state = _value_state(state, unit, ch)
        i += 1
    if state not in ("before", "key", "comment", "comment\\"):
        yield _closed(unit, state), len(text)


def _closed(unit: _Unit, state: str) -> _Unit:
    if state == "value":
        del unit.value[unit.kept :]
    return unit


def _value_state(state: str, unit: _Unit, ch: str) -> str:
    """Take one character of a value that its state doesn't just go on with; the state after it."""
    if state == "between":
        if ch in "'\"":
            return ch
        if ch == "\\":
            return "value\\"
        unit.add(ch)
        return "value"
    if state == "value":  # a backslash: all others are read in one go
        return "value\\"
    if state == "value\\":
        unit.add("" if ch in "\n\r" else ch)
        return "value"
    if state == '"\\':
        if ch in '"\\`$':
            unit.add(ch)
        elif ch != "\n":
            unit.add(f"\\{ch}")
        return '"'
    return "between" if ch == state else '"\\'


KIND = FileKind(
    "dotenv",
    ".env",
    read_all,
    summary="a file of variables",
    takes=("dialect",),
    named=NO_YAML + r"(?:\.env(?:\.[^/]+)?|[^/]+\.env|[^/]*env[_-]?file|env\.list)",
    related=True,
    hit=lambda data: re.search(rb"\b(?:SGLANG|AITER)_\w", data) is not None,
    word="variables",
    editable=True,
)
