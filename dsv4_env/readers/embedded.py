"""Commands and shell texts that stand within another file, read by the bash reader.

The variables that the other file sets are written before the text as assignments, and what isn't
known there becomes a variable that nobody sets, so that the bash reader follows it as any variable
from outside; in the result both are turned back into what stands in the file, with its places.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from dsv4_env.lang.yaml import Lines
from dsv4_env.model import (
    ENV_NAME,
    EnvVar,
    LaunchConfig,
    Location,
    Note,
    Origin,
    ServerArg,
    Unknown,
    Value,
    mark_superseded,
)
from dsv4_env.model.budget import Budget
from dsv4_env.model.condition import Condition
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.model.quoting import sh
from dsv4_env.readers import bash
from dsv4_env.readers.launcher import grouped, launcher_length, names_a_server
from dsv4_env.readers.taken import of_file

_SHELL = re.compile(r"(?:.*/)?(?:ba|da|z|k|a)?sh")
_STARTER = re.compile(r"(?:.*/)?(?:python[\d.]*|sglang|(?:ba|da|z|k|a)?sh|env|numactl|torchrun)")
_ENTRY = re.compile(r".*\.sh|(?=.*entry).*|(?:.*/)?(?:gosu|su-exec|setpriv|runuser)")
_INIT = re.compile(r"(?:.*/)?(?:tini|dumb-init|catatonit)(?:-static)?")


_NOTES = 50  # of a launch
_EACH = 8  # steps that one setting or word of a launch takes
_WRITTEN = 18  # and one that is written into a script; reading it there takes as many again
# What bash sets by itself, whatever its environment holds.
_OWN = re.compile(
    r"_|BASH\w*|DIRSTACK|EPOCH\w+|E?UID|FUNCNAME|GROUPS|IFS|LINENO|OPT(IND|ERR)|PPID"
    r"|PIPESTATUS|P(WD|S4)|OLDPWD|RANDOM|SECONDS|SHELLOPTS|SHLVL|SRANDOM"
)
_ASSIGNED = re.compile(
    r"(?<!\w)([A-Za-z_]\w*+)(?:\+?=|\[)|\b(?:read|for|getopts)\b[^\n;]*?\b([A-Za-z_]\w*)"
)
_BASE = "DSV4_ENV_UNKNOWN"
_TOLD = 20  # settings that a shell can't hold: more of them tell nobody anything
_READING = 450  # steps that the shortest script takes, beside what is read in it
_EXPANSION = re.compile(
    r"(?<!\\)(?:\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)(?:(:?-)([^{}$`\"'\\]*))?\}|\$\([^()'\"\\]*\))"
)
_HEREDOC = re.compile(r"<<(-?)[ \t]*(['\"\\]?)([A-Za-z_]\w*)['\"]?")
_DEFERRED = re.compile(r"(?:^|\s)-[a-zA-Z]*c\s+\Z")


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A text of which parts may be unknown, and where in its file each character stands.

    An unknown part has one place; the places of a part may be fewer than its characters, the
    last then holds for the rest. *whole*: in a script, an unknown part lies within one word.
    """

    parts: tuple[tuple[Value, Sequence[int]], ...]
    lines: Lines
    whole: bool = False

    @property
    def value(self) -> Value:
        """The text as one value."""
        return join([v for v, _ in self.parts])

    @property
    def location(self) -> Location:
        """Where it begins."""
        return self.lines.place(self.parts[0][1][0] if self.parts and self.parts[0][1] else 0)


@dataclass(frozen=True, slots=True)
class FileSetting:
    """A variable that a file sets for a command; *spelled* is its value as it stands there."""

    name: str
    value: Value
    location: Location
    spelled: str


def join(
    pieces: Iterable[Value], budget: Budget | None = None, at: Location | None = None
) -> Value:
    """The pieces one after the other; what the text takes is spent before it is made."""
    values = [p for p in pieces if p != ""]
    if budget is not None and len(values) > 1:
        budget.make(sum(map(size, values)), at)
    unknown = [v for v in values if isinstance(v, Unknown)]
    if not unknown:
        return "".join(v for v in values if isinstance(v, str))
    defaults = [v if isinstance(v, str) else v.default for v in values]
    known = [d for d in defaults if d is not None]
    return replace(
        unknown[0],
        text="".join(v if isinstance(v, str) else v.text for v in values),
        names=tuple(dict.fromkeys(n for v in unknown for n in v.names)),
        default="".join(known) if len(known) == len(defaults) else None,
    )


def size(value: Value) -> int:
    """How many characters a value holds, with what it is when nothing is set."""
    if isinstance(value, str):
        return len(value)
    return len(value.text) + len(value.default or "") + 8 * len(value.names)


def with_unread(
    found: Iterable[LaunchConfig], problems: Iterable[ReadError], path: str, what: str = ""
) -> list[LaunchConfig]:
    """Launches that are told what of their file isn't read; *what* ends each note.

    Raises the first problem where nothing was found.
    """
    launches, wrong = list(found), list(problems)
    if wrong and not launches:
        raise wrong[0]
    notes = few(Note(f"{p.where}: {shortened(p.found)}{what}", Location(path)) for p in wrong)
    return [replace(c, notes=few((*c.notes, *notes))) for c in launches]


def few(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The first of many notes, and how many more there are: nobody reads hundreds."""
    told = list(notes)
    left = told[_NOTES:]
    if len(left) < 2:
        return tuple(told)
    opens = any(n.opens for n in left)
    return (*told[:_NOTES], Note(f"{len(left):,} more notes like these", left[0].location, opens))


def settings_env(settings: Iterable[FileSetting], reader: str) -> tuple[EnvVar, ...]:
    """Settings as the environment of a launch."""
    return mark_superseded(
        EnvVar(s.name, s.value, Origin(reader, s.location, s.spelled)) for s in settings
    )


def mentions(texts: Iterable[str]) -> bool:
    """Whether a launch of a server can come of these texts: a quick look before reading."""
    return any("sglang" in t or names_a_server(t.encode("utf-8", "replace")) for t in texts)


def read_script(
    script: PlacedText,
    settings: Sequence[FileSetting],
    *,
    name: str,
    reader: str,
    options: Sequence[str] = (),
    args: Sequence[PlacedText] = (),
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """The launches of a shell text; *options* are those of ``set``, *args* its arguments."""
    budget = budget or Budget()
    budget.step(script.location, _WRITTEN * (len(settings) + len(args)))
    writer = _Writer(script.lines, reader, name, budget)
    notes = writer.settings(settings)
    for option in options:
        writer.add(f"set {option}\n", script.location)
    writer.add("set --", script.location)
    for arg in args:
        writer.add(" ", arg.location)
        writer.word(arg)
    writer.add("\n", script.location)
    writer.script(script)
    return [replace(c, notes=(*c.notes, *notes)) for c in writer.read()]


def read_words(
    words: Sequence[PlacedText],
    settings: Sequence[FileSetting],
    *,
    name: str,
    reader: str,
    budget: Budget | None = None,
    file: PlacedText | None = None,
) -> list[LaunchConfig]:
    """The launches of a command given as words; ``bash -c`` and its like are read as a script.

    *file* is the text of the script that they run (:func:`script_file`), where that is known.
    """
    if not words:
        return []
    budget = budget or Budget()
    words = _without_init(words)
    if file is not None:
        at, options = _file(words)
        return read_script(
            file, settings, name=name, reader=reader, options=options, args=words[at + 1 :],
            budget=budget,
        )  # fmt: skip
    shell = _shell(words)
    if shell is not None:
        at, options = shell
        return read_script(
            words[at], settings, name=name, reader=reader, options=options, args=words[at + 2 :],
            budget=budget,
        )  # fmt: skip
    found = _command(words, settings, name, reader, budget)
    if found or not mentions(str(w.value) for w in words):
        return found
    if not any(_ENTRY.fullmatch(str(w.value)) for w in words[:2]):
        return []
    for i in range(1, len(words)):  # an entry point that runs its arguments
        value = words[i].value
        if isinstance(value, str) and _STARTER.fullmatch(value):
            found = read_words(words[i:], settings, name=name, reader=reader, budget=budget)
            if found:
                first = words[0].value
                shown = first if isinstance(first, str) else first.text
                note = Note(f"`{shown}` runs it: what that sets isn't known", words[0].location)
                return [replace(c, notes=(*c.notes, note)) for c in found]
    return []


def _command(
    words: Sequence[PlacedText],
    settings: Sequence[FileSetting],
    name: str,
    reader: str,
    budget: Budget,
) -> list[LaunchConfig]:
    budget.step(words[0].location, _EACH * (len(words) + len(settings)))
    flat = [(w.value, w.location) for w in words]
    size = launcher_length(flat)
    if size is not None:  # no shell comes between, so every name is passed on as it is
        ends = [w.lines.place(w.parts[-1][1][-1]).line or 0 for w in words if w.parts[-1][1]]
        config = LaunchConfig(
            name,
            reader,
            settings_env(settings, reader),
            grouped(flat[size:], reader),
            tuple(v for v, _ in flat[:size]),
            flat[0][1],
            max(ends, default=flat[0][1].line or 1),
        )
        return [config]
    writer = _Writer(words[0].lines, reader, name, budget)
    notes = writer.settings(settings)
    for word in words:
        writer.word(word)
        writer.add(" ", word.location)
    return [replace(c, notes=(*c.notes, *notes)) for c in writer.read()]


def _without_init(words: Sequence[PlacedText]) -> Sequence[PlacedText]:
    first = words[0].value
    if isinstance(first, str) and _INIT.fullmatch(first):
        i = 1
        while i < len(words) and str(words[i].value).startswith("-"):
            i += 1 + (words[i].value in ("-p", "-e", "--rewrite"))
        return words[i:] or words
    return words


def shell_options(words: Sequence[str]) -> list[str] | None:
    """What ``set`` has to be told where these words begin a shell; None where it's no shell."""
    if not words or not _SHELL.fullmatch(words[0]):
        return None
    at, options, _ = _options(words)
    return options if at == len(words) else None


def script_file(words: Sequence[PlacedText]) -> str | None:
    """The file that a command runs as a script, by itself or by a shell, as it is named there."""
    words = _without_init(words) if words else words
    at = _file(words)[0]
    name = words[at].value if at < len(words) else None
    return name if isinstance(name, str) else None


def _file(words: Sequence[PlacedText]) -> tuple[int, list[str]]:
    """Where a script's name stands, and what its shell's options set."""
    if not words or not _SHELL.fullmatch(str(words[0].value)):
        return 0, []
    at, options, text = _options([w.value for w in words])
    return (len(words), []) if text else (at, options)


def _shell(words: Sequence[PlacedText]) -> tuple[int, list[str]] | None:
    """Where the text of ``bash -c text`` is, and what its options set; None where it's no such."""
    if not _SHELL.fullmatch(str(words[0].value)):
        return None
    at, options, text = _options([w.value for w in words])
    return (at, options) if text and at < len(words) else None


def _options(words: Sequence[Value]) -> tuple[int, list[str], bool]:
    """Where a shell's options end, what they set, and whether a text comes next."""
    options: list[str] = []
    text = False
    i = 1
    while i < len(words):
        value = words[i]
        if not isinstance(value, str):
            break
        if value in ("--", "-"):
            i += 1
            break
        if value.startswith("--"):
            i += 1 + (value in ("--rcfile", "--init-file"))
        elif re.fullmatch(r"[-+][a-zA-Z]+", value):
            text |= value[0] == "-" and "c" in value
            options += [f"{value[0]}{c}" for c in value[1:] if c in "eu"]
            i += 1
            for c in value[1:]:
                if c == "o" and i < len(words):
                    options.append(f"{value[0]}o {sh(str(words[i]))}")
                i += c in "oO"
        else:
            break
    return i, options, text


# A text for the bash reader, and what it finds turned back


@dataclass(slots=True)
class _Writer:
    """The text that the bash reader is given, and where its parts come from."""

    lines: Lines
    reader: str
    name: str
    budget: Budget
    text: list[str] = field(default_factory=list)
    size: int = 0
    starts: list[int] = field(default_factory=list)
    places: list[Location | tuple[Lines, Sequence[int]]] = field(default_factory=list)
    unknown: dict[str, Unknown] = field(default_factory=dict)
    named: dict[Unknown, str] = field(default_factory=dict)
    forms: dict[str, Unknown] = field(default_factory=dict)
    given: dict[Location, FileSetting] = field(default_factory=dict)
    base: str = ""

    def add(self, text: str, place: Location | tuple[Lines, Sequence[int]]) -> None:
        """Write a text that stands at a place, or each of whose characters has a place."""
        self.starts.append(self.size)
        self.places.append(place)
        self.text.append(text)
        self.size += len(text)

    def settings(self, settings: Sequence[FileSetting]) -> list[Note]:
        """Write what the file sets; what is said of names that a shell can't hold."""
        lost: dict[str, Location] = {}
        for setting in settings:
            if not ENV_NAME.fullmatch(setting.name) or _OWN.fullmatch(setting.name):
                name = shortened(setting.name, 100)
                message = f"the shell doesn't pass on {name} as it is set"
                lost.setdefault(message, setting.location)
                continue
            # The place of a setting is told by the place of its assignment in this text.
            line = len(self.given) + 1
            self.given[Location("", line, len("export ") + 1)] = setting
            value = setting.value
            quoted = _quoted(value) if isinstance(value, str) else f'"{self.variable(value)}"'
            self.add(f"export {setting.name}={quoted}\n", setting.location)
        notes = [Note(m, at) for m, at in islice(lost.items(), _TOLD)]
        if len(lost) > _TOLD:
            message = f"nor {len(lost) - _TOLD:,} more settings"
            notes.append(Note(message, next(islice(lost.values(), _TOLD, None))))
        return notes

    def variable(self, value: Unknown, *, bare: bool = False) -> str:
        """The variable that stands for what isn't known."""
        if bare and not re.fullmatch(r"[\w./:=-]*", value.default or ""):
            value = replace(value, default=None)  # it can't be written where it is quoted twice
        if not self.base:  # a name that isn't in the file
            longest = max(map(len, re.findall(rf"{_BASE}_*", self.lines.text)), default=0)
            self.base = _BASE + "_" * max(0, longest + 1 - len(_BASE))
        name = self.named.setdefault(value, f"{self.base}_{len(self.unknown) + 1}_")
        self.unknown[name] = value
        self.forms[f"${{{name}}}"] = value
        if value.default is None:
            # As text of a script it stands even under `set -u`, so it may not be said to be unset.
            self.forms[f"${{{name}-}}"] = value
            return f"${{{name}-}}" if bare else f"${{{name}}}"
        default = re.sub(r'([\\"$`}])', r"\\\1", value.default)
        self.forms[f"${{{name}-{value.default}}}"] = value
        self.forms[f"${{{name}-{default}}}"] = value
        return f"${{{name}-{default}}}"

    def word(self, word: PlacedText) -> None:
        """One word, split only where what isn't known in it may hold more."""
        quoted = "".join(
            sh(v)
            if isinstance(v, str)
            else self.variable(v)
            if v.splits
            else f'"{self.variable(v)}"'
            for v, _ in word.parts
        )
        self.add(quoted or "''", word.location)

    def script(self, script: PlacedText) -> None:
        """A text of the shell; what isn't known in it is kept from being taken literally."""
        quotes = _Quotes()
        known: dict[str, Value | None] = {s.name: s.value for s in self.given.values()}
        text = "".join(v for v, _ in script.parts if isinstance(v, str))
        known.update({n: None for both in _ASSIGNED.findall(text) for n in both if n})
        for value, offsets in script.parts:
            if isinstance(value, Unknown):
                place = script.lines.place(offsets[0])
                self.part(value, quotes, place, whole=script.whole and not value.splits)
                continue
            last = 0
            for m in _EXPANSION.finditer(value):
                quotes.feed(value[last : m.start()])
                self.add(value[last : m.start()], (script.lines, _part(offsets, last, m.start())))
                last = m.end()
                place = script.lines.place(offsets[min(m.start(), len(offsets) - 1)])
                outside = _unknown_expansion(m, known, place) if quotes.in_text else None
                if outside is None:
                    quotes.feed(m[0])
                    self.add(m[0], (script.lines, _part(offsets, m.start(), m.end())))
                else:
                    self.part(outside, quotes, place)
            quotes.feed(value[last:])
            self.add(value[last:], (script.lines, _part(offsets, last, len(value))))
        self.add("\n", (script.lines, [len(script.lines.text)]))

    def part(
        self, value: Unknown, quotes: _Quotes, place: Location, *, whole: bool = False
    ) -> None:
        """A part of a script that isn't known; *whole*: it makes no words of its own."""
        bare = quotes.deferred or value.default is None
        written = quotes.protect(self.variable(value, bare=bare))
        self.add(f'"{written}"' if whole and quotes.unquoted else written, place)

    def read(self) -> list[LaunchConfig]:
        """Hand it to the bash reader, and turn what it found back."""
        at = self.places[0] if self.places and isinstance(self.places[0], Location) else None
        self.budget.step(at, _READING + (self.size >> 3))
        self.budget.make(self.size, at)
        text = "".join(self.text)
        own = Lines("", text)
        before = self.budget.spent_steps
        try:
            found = bash.read_all(text, "", budget=self.budget, known=of_file())
        except ReadError as exc:
            where = re.fullmatch(r":(\d+):(\d+)", exc.where or "")
            place = Location("", int(where[1]), int(where[2])) if where else None
            shown = self.place(own, place) if place else Location(self.lines.path)
            raise type(exc)(
                self.shown(exc.found), where=shown, expected=exc.expected, hint=exc.hint
            ) from None
        finally:
            self.budget.charge(at, before)
        return [self._config(own, c) for c in found]

    def place(self, own: Lines, location: Location | None) -> Location | None:
        """The place in the file of a place in the text."""
        if location is None or location.path or location.line is None:
            return location
        start = own.starts[min(location.line, len(own.starts)) - 1]
        offset = start + (location.column or 1) - 1
        i = max(0, bisect_right(self.starts, offset) - 1)
        place = self.places[i]
        if isinstance(place, Location):
            return place
        lines, offsets = place
        if not offsets:
            return lines.place(0)
        return lines.place(offsets[min(offset - self.starts[i], len(offsets) - 1)])

    def end(self, own: Lines, line: int | None) -> int | None:
        """The line of the file of a line of the text."""
        if line is None:
            return None
        begin = own.starts[line - 1]
        end = own.starts[line] - 1 if line < len(own.starts) else len(own.text)
        last = begin + max(0, len(own.text[begin:end].rstrip()) - 1)
        place = self.place(own, Location("", line, last - begin + 1))
        return place.line if place else None

    def shown(self, text: str) -> str:
        """A message, with what stands in the file for the variables that stand for it."""
        if not self.base or self.base not in text:
            return text
        named = [self.unknown[n] for n in self.within(text)]
        forms = [f for v in dict.fromkeys(named) for f in self.forms_of(v)]
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, self.forms[form].text)
        return self.pattern().sub(lambda m: self.unknown[m[1]].text, text)

    def forms_of(self, value: Unknown) -> list[str]:
        """How a script may spell the variable that stands for it."""
        name = self.named[value]
        made = [f"${{{name}}}", f"${{{name}-}}"]
        if value.default is not None:
            escaped = re.sub(r'([\\"$`}])', r"\\\1", value.default)
            made += [f"${{{name}-{value.default}}}", f"${{{name}-{escaped}}}"]
        return [m for m in made if m in self.forms]

    def pattern(self) -> re.Pattern[str]:
        """The names of variables that stand for what isn't known."""
        return re.compile(rf"\$?({self.base}_\d+_)")

    def within(self, text: str) -> list[str]:
        """The variables that stand for what isn't known, in the order in which they were made."""
        if not self.base or self.base not in text:
            return []
        found = {n for n in self.pattern().findall(text) if n in self.unknown}
        return sorted(found, key=lambda n: int(n.rstrip("_").rpartition("_")[2]))

    def _value(self, own: Lines, value: Value, at: Location | None) -> Value:
        if isinstance(value, str):
            inside = self.within(value)
            if not inside:
                return value
            first = self.unknown[inside[0]]
            names = tuple(dict.fromkeys(n for i in inside for n in self.unknown[i].names))
            return replace(first, text=self.shown(value), names=names, default=None)
        inside = [n for n in value.names if n in self.unknown]
        names = tuple(
            dict.fromkeys(
                x for n in value.names for x in (self.unknown[n].names if n in inside else (n,))
            )
        )
        first_is_ours = inside and value.names[0] == inside[0]
        known = all(self.unknown[n].default is not None for n in inside)
        location = value.location
        if inside and (location is None or first_is_ours):
            location = self.unknown[inside[0]].location
        else:
            location = self.place(own, location or at)
        return replace(
            value,
            text=self.shown(value.text),
            reason=self.unknown[inside[0]].reason if first_is_ours else self.shown(value.reason),
            names=names,
            default=value.default if known else None,
            location=location,
        )

    def _origin(self, own: Lines, origin: Origin) -> Origin:
        setting = self.given.get(origin.location) if origin.location else None
        value = setting.spelled if setting else origin.value and self.shown(origin.value)
        before = self._origin(own, origin.overrode) if origin.overrode else None
        return Origin(self.reader, self.place(own, origin.location), value, before)

    def _note(self, own: Lines, note: Note) -> Note:
        return note.moved(self.place(own, note.location)).mapped(self.shown)

    def _condition(self, condition: Condition | None) -> Condition | None:
        return None if condition is None else condition.mapped(self.shown)

    def _config(self, own: Lines, config: LaunchConfig) -> LaunchConfig:
        env: list[EnvVar] = []
        for e in config.env:
            setting = self.given.get(e.location) if e.location else None
            env.append(
                replace(
                    e,
                    value=setting.value if setting else self._value(own, e.value, e.location),
                    origin=self._origin(own, e.origin),
                    condition=self._condition(e.condition),
                )
            )
        args: list[ServerArg] = []
        for a in config.args or ():
            flag, values = a.flag, tuple(self._value(own, v, a.location) for v in a.values)
            joined = a.joined
            if flag is not None and isinstance(self._value(own, flag, None), Unknown):
                words = tuple(self._value(own, w, a.location) for w in a.words)
                flag, values, joined = None, words, False
            args.append(
                replace(
                    a,
                    flag=flag,
                    values=values,
                    joined=joined,
                    origin=self._origin(own, a.origin),
                    condition=self._condition(a.condition),
                )
            )
        return replace(
            config,
            name=self.name,
            reader=self.reader,
            env=tuple(env),
            args=tuple(args),
            command=tuple(self._value(own, w, config.location) for w in config.command),
            location=self.place(own, config.location),
            end_line=self.end(own, config.end_line),
            notes=tuple(self._note(own, n) for n in config.notes),
            condition=self._condition(config.condition),
            required=tuple(
                replace(r, name=self.shown(r.name), location=self.place(own, r.location))
                for r in config.required
            ),
        )


def _part(offsets: Sequence[int], start: int, end: int) -> Sequence[int]:
    """The places of a part; the last there is, where it has none of its own."""
    return offsets[start:end] or offsets[-1:]


def _quoted(value: str) -> str:
    """One line of a shell's text that is this value."""
    if value.isprintable():
        return sh(value)
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    for ch, name in (("\n", "n"), ("\r", "r"), ("\t", "t")):
        escaped = escaped.replace(ch, f"\\{name}")
    return f"$'{escaped}'"


# How a place is quoted, as far as a look at the quotes before it can tell


def _unknown_expansion(
    m: re.Match[str], known: Mapping[str, Value | None], place: Location
) -> Unknown | None:
    """An expansion of which nothing is known; None where it is, or where the script may know it.

    *known* are the variables that are set: by the file, or (None) by the script itself.
    """
    name = m[1] or m[2]
    if name is None:
        return Unknown(m[0], "the output of a command", location=place)
    if name in known:
        value = known[name]
        return value if isinstance(value, Unknown) and not m[3] else None
    default = m[4] if m[3] else None
    return Unknown(m[0], "not set in the script", (name,), default=default, location=place)


_PLAIN = re.compile(r"[^\\'\"()#<$]++")  # changes nothing of what is open, but ends a comment


@dataclass(slots=True)
class _Quotes:
    """The quotes that are open at the end of what was read.

    The innermost is the last of *stack*: a quote, "(" of a substitution, "#" of a comment, or
    the pattern of the line that ends a here-document. *deferred*: it's the quoted text of
    ``bash -c``, which is expanded there; *inner*: and there it's in single quotes.
    """

    stack: list[str] = field(default_factory=lambda: [""])
    deferred: bool = False
    inner: bool = False
    seen: str = ""

    @property
    def in_text(self) -> bool:
        """Whether it's in double quotes around the text of ``bash -c``."""
        return self.deferred and self.stack[-1] == '"'

    @property
    def unquoted(self) -> bool:
        """Whether nothing is quoted here."""
        return self.stack[-1] in ("", "(") and not self.deferred

    def feed(self, text: str) -> None:
        """Read on."""
        i = 0
        while i < len(text):
            mode = self.stack[-1]
            if mode == "#":
                end = text.find("\n", i)
                i = end if end >= 0 else len(text)
            elif not mode.startswith("^") and (plain := _PLAIN.match(text, i)):
                i = plain.end()
            if i < len(text):
                i += self.step(text, i)
        self.seen = (self.seen + text)[-40:]

    def step(self, text: str, i: int) -> int:
        """Take what stands at *i*; how many characters that are."""
        ch, mode = text[i], self.stack[-1]
        if mode.startswith("^"):
            end = re.compile(mode, re.M).search(text, i)
            if end:
                self.stack.pop()
            return (end.end() if end else len(text)) - i
        if mode == "#":
            self.stack = self.stack[:-1] if ch == "\n" else self.stack
        elif mode == "'":
            if ch == "'":
                self.close()
        elif ch == "\\":
            return 2
        elif mode == '"':
            if ch == '"':
                self.close()
            elif ch == "'" and self.deferred:
                self.inner = not self.inner
            elif text.startswith("$(", i):
                self.stack.append("(")
                return 2
        elif ch in "'\"":
            before = self.seen[-40:] + text[max(0, i - 40) : i] if i < 40 else text[i - 40 : i]
            self.deferred = len(self.stack) == 1 and bool(_DEFERRED.search(before))
            self.stack.append(ch)
        elif ch == "(":
            self.stack.append("(")
        elif ch == ")" and mode == "(":
            self.stack.pop()
        elif ch == "#" and (text[i - 1] if i else self.seen[-1:] or " ") in " \t\n;":
            self.stack.append("#")
        elif text.startswith("<<<", i):
            return 3
        elif m := _HEREDOC.match(text, i):
            tabs = r"\t*" if m[1] else ""
            self.stack.append(rf"^{tabs}{m[3]}$")
            return m.end() - i
        return 1

    def close(self) -> None:
        """A quote ends."""
        self.stack.pop()
        if len(self.stack) == 1:
            self.deferred = self.inner = False

    def protect(self, variable: str) -> str:
        """The variable, written so that it's expanded where it stands."""
        mode = self.stack[-1]
        if mode == "'":
            return variable if self.deferred else f"'\"{variable}\"'"
        if mode == '"' and self.deferred:
            return f"'\\\"\\{variable}\\\"'" if self.inner else f"\\{variable}"
        return variable
