"""Units of systemd and Podman's Quadlet: the servers that they start.

Sources: systemd.syntax(7), systemd.exec(5) ("Environment=", "EnvironmentFile="), systemd.service(5)
("Command lines"); config_parse, extract_first_word and replace_env_argv of systemd 256;
podman-systemd.unit(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from dsv4_env.lang.yaml import Lines, decode
from dsv4_env.model import ENV_NAME, Image, LaunchConfig, Note, Unknown, Value
from dsv4_env.model.budget import Budget, BudgetError, kept
from dsv4_env.model.errors import ReadError, shortened
from dsv4_env.readers import embedded
from dsv4_env.readers.embedded import FileSetting, PlacedText
from dsv4_env.readers.kind import FileKind

READER = "systemd"
_KIND = "a unit of systemd"
_EACH = 8  # steps that a line, a word or a variable takes
_SECTIONS = ("Service", "Container")
_PREFIXES = "@-:+!|"
_BLANK = " \t\n\r"
_CODES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
    '"': '"', "'": "'", "s": " ",
}  # fmt: skip
_CODED = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})")
# What is filled in when a command runs, and what a unit's name or its machine decides.
_FILLED = re.compile(r"\$\$|\$\{([^}]*)\}")
_SPECIFIER = re.compile(r"%(.?)", re.S)


def read_all(
    data: str | bytes, path: str = "<unit>", *, budget: Budget | None = None
) -> list[LaunchConfig]:
    """Every launch of a server that ``ExecStart=`` or a container's ``Exec=`` makes, in order.

    Specifiers (``%h``), files of variables and what the manager sets are Unknown. Raises ReadError
    where there is no section of a service, and for a command whose quotes don't end.
    """
    budget = budget or Budget()
    unit = _Unit(Lines(path, decode(data, path, _KIND)), budget)
    found: list[LaunchConfig] = []
    try:
        unit.take()
        if not unit.sections:
            expected = f"{_KIND} with [{'] or ['.join(_SECTIONS)}]"
            raise ReadError("no section of a service", where=path, expected=expected)
        for command in unit.commands:
            found += unit.launches(command)
    except BudgetError as exc:
        return kept(found, exc, budget.place(), path)
    return found


@dataclass(frozen=True, slots=True)
class _Text:
    """A text of which each character has a place."""

    text: str
    at: tuple[int, ...]

    def part(self, start: int, end: int | None = None) -> _Text:
        return _Text(self.text[start:end], self.at[start:end])

    def stripped(self) -> _Text:
        start = len(self.text) - len(self.text.lstrip(_BLANK))
        return self.part(start, max(start, len(self.text.rstrip(_BLANK))))


@dataclass(slots=True)
class _Unit:
    lines: Lines
    budget: Budget
    sections: set[str] = field(default_factory=set)
    commands: list[_Text] = field(default_factory=list)
    settings: list[FileSetting] = field(default_factory=list)
    passed: list[FileSetting] = field(default_factory=list)
    files: list[_Text] = field(default_factory=list)
    dropped: list[_Text] = field(default_factory=list)
    image: str | None = None
    notes: list[Note] = field(default_factory=list)

    def note(self, message: str, at: _Text, *, opens: bool = False) -> None:
        self.notes.append(Note(message, self.lines.place(at.at[0] if at.at else 0), opens))

    def logical(self) -> Iterator[_Text]:
        """The lines, those joined that end in a backslash; comments within are left out."""
        text, kept = self.lines.text, _Text("", ())
        going = False
        starts = self.lines.starts
        for number, start in enumerate(starts, start=1):
            end = starts[number] - 1 if number < len(starts) else len(text)
            self.budget.step(self.lines.place(start), 1 + (end - start >> 5))
            whole = text[start:end].rstrip("\r")
            bare = whole.lstrip(_BLANK)
            start += len(whole) - len(bare)
            if bare[:1] in ("#", ";") or (not bare and not going):
                continue
            odd = (len(bare) - len(bare.rstrip("\\"))) % 2
            own = f"{bare[:-1]} " if odd else bare
            kept = _Text(kept.text + own, (*kept.at, *range(start, start + len(own))))
            self.budget.make(len(kept.text), self.lines.place(start))
            going = bool(odd)
            if not going:
                yield kept
                kept = _Text("", ())
        if kept.text:
            yield kept

    def take(self) -> None:
        """Every line of the sections that say what runs."""
        section = ""
        lines = list(self.logical())
        # Beside [Container], [Service] is podman's own.
        here = "Container" if any(n.text.startswith("[Container]") for n in lines) else "Service"
        for line in lines:
            if found := re.fullmatch(r"\[([^\]]*)\]\s*", line.text):
                section = found[1]
                self.sections |= {section} & set(_SECTIONS)
            elif section == here:
                equals = line.text.find("=")
                if equals < 0:
                    said = shortened(line.text.strip(), 60)
                    self.note(f"systemd ignores a line without =: {said}", line)
                    continue
                key, value = line.text[:equals].strip(), line.part(equals + 1).stripped()
                if key.startswith("-"):
                    self.note(f"systemd ignores {shortened(key, 60)}, which isn't its own", line)
                self.set(section, key, value)

    def set(self, section: str, key: str, value: _Text) -> None:
        """One assignment; an empty one forgets those before it."""
        self.budget.step(None, _EACH)
        if key in ("ExecStart", "Exec") and (key == "Exec") == (section == "Container"):
            self.commands = [*self.commands, value] if value.text else []
        elif key == "Image" and section == "Container":
            self.image = value.text or None
        elif key == "EnvironmentFile":
            self.files = [*self.files, value] if value.text else []
        elif key == "Environment":
            self.settings = [*self.settings, *self.assigned(value)] if value.text else []
        elif key == "PassEnvironment":
            self.passed = [*self.passed, *self.passing(value)] if value.text else []
        elif key == "UnsetEnvironment":
            words = [w for w, _ in self.words(value)]
            self.dropped = [*self.dropped, *words] if value.text else []

    def words(self, value: _Text, *, strict: bool = True) -> Iterator[tuple[_Text, bool]]:
        """The words of a value without their quotes, and whether each has any.

        *strict*: a backslash before what is no code is wrong, else it stands for itself. Raises
        ReadError where a quote doesn't end.
        """
        text, size, i = value.text, len(value.text), 0
        while True:
            while i < size and text[i] in _BLANK:
                i += 1
            if i >= size:
                return
            begin, quote, quoted = i, "", False
            chars: list[str] = []
            places: list[int] = []
            while i < size and (quote or text[i] not in _BLANK):
                self.budget.step(None)
                ch, at = text[i], value.at[i]
                i += 1
                if ch == "\\":
                    ch, i = self.escaped(value, i, strict=strict)
                elif quote == ch or (not quote and ch in "'\""):
                    quote, quoted = "" if quote else ch, True
                    continue
                chars.append(ch)
                places += [at] * len(ch)
            if quote:
                raise ReadError(
                    f"a quote that isn't closed: {shortened(text[begin:], 60)}",
                    where=self.lines.place(value.at[begin]),
                    expected=f"{quote} at its end: systemd ignores such a line",
                )
            yield _Text("".join(chars), tuple(places) or (value.at[begin],)), quoted

    def escaped(self, value: _Text, i: int, *, strict: bool) -> tuple[str, int]:
        """What a backslash and the characters behind it stand for, and where the text goes on."""
        ch = value.text[i : i + 1]
        if ch in _CODES and ch:
            return _CODES[ch], i + 1
        code = _CODED.match(value.text, i)
        if code is not None:
            number = int(code[4], 8) if code[4] else int(code[1] or code[2] or code[3], 16)
            if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000:
                return chr(number), code.end()
        if strict:
            raise ReadError(
                f"an escape that systemd doesn't know: \\{ch}",
                where=self.lines.place(value.at[i - 1]),
                expected="\\\\ for a backslash: it ignores the rest of the line",
            )
        return f"\\{ch}" if ch else "\\", i + 1

    def assigned(self, value: _Text) -> list[FileSetting]:
        """``Environment=``: assignments, each a word."""
        found: list[FileSetting] = []
        try:
            for word, _ in self.words(value):
                name, equals, rest = word.text.partition("=")
                if not equals or not ENV_NAME.fullmatch(name):
                    self.note(f"systemd ignores `{shortened(word.text, 60)}`: no NAME=value", word)
                    continue
                place = self.lines.place(word.at[0])
                known = self.specified(word.part(len(name) + 1))
                found.append(FileSetting(name, known.value, place, rest))
        except ReadError as exc:
            self.note(f"{exc.found}: systemd ignores the rest of the line", value)
        return found

    def passing(self, value: _Text) -> Iterator[FileSetting]:
        """``PassEnvironment=``: names of what the manager has."""
        for word, _ in self.words(value):
            place = self.lines.place(word.at[0])
            why = "passed on by systemd's manager, where it has it"
            unknown = Unknown(f"${{{word.text}}}", why, (word.text,), location=place)
            if ENV_NAME.fullmatch(word.text):
                yield FileSetting(word.text, unknown, place, word.text)

    def specified(self, text: _Text) -> PlacedText:
        """The text with its specifiers (``%h``), which a unit's name or its machine tells."""
        parts: list[tuple[Value, Sequence[int]]] = []
        last = 0
        for m in _SPECIFIER.finditer(text.text):
            if not m[1].isalpha() and m[1] != "%":
                continue
            before = text.part(last, m.start())
            place = self.lines.place(text.at[m.start()])
            known: Value = "%"
            if m[1] != "%":
                known = Unknown(m[0], "a specifier of systemd", location=place)
            parts += [(before.text, before.at), (known, (text.at[m.start()],))]
            last = m.end()
        rest = text.part(last)
        parts.append((rest.text, rest.at))
        some = tuple((v, at) for v, at in parts if v != "")
        return PlacedText(some or (("", text.at[:1] or (0,)),), self.lines)

    def environment(self) -> tuple[list[FileSetting], dict[str, Value]]:
        """What the command gets; files of variables lie over what the unit says itself."""
        settings = [*self.passed, *self.settings]
        names = [f.text.lstrip("-") for f in self.files]
        for file in self.files:
            message = f"the variables of {shortened(file.text.lstrip('-'), 100)} aren't known"
            self.note(message, file, opens=True)
        if names:
            why = f"unless {shortened(names[-1], 100)} sets it"
            settings = [
                replace(s, value=Unknown(s.value, why, (s.name,), s.value, location=s.location))
                if isinstance(s.value, str)
                else s
                for s in settings
            ]
        for word in self.dropped:
            name, equals, value = word.text.partition("=")
            settings = [
                s for s in settings if s.name != name or (equals and s.spelled.strip() != value)
            ]
        host = "Container" not in self.sections  # whose variables a command may name
        return settings, {s.name: s.value for s in settings if host}

    def launches(self, command: _Text) -> list[LaunchConfig]:
        """The launches of one ``ExecStart=``, which may hold several commands."""
        if not embedded.mentions([command.text, *(s.spelled for s in self.settings)]):
            return []
        notes = list(self.notes)
        settings, known = self.environment()
        words: list[_Text] = []
        found: list[LaunchConfig] = []
        listed = list(self.words(command, strict=False))
        for word, quoted in [*listed, (_Text(";", command.at[:1]), False)]:
            if word.text != ";" or quoted:
                words.append(word)
                continue
            if words:
                placed = list(self.command(words, known))
                found += embedded.read_words(
                    placed, settings, name=self.lines.path, reader=READER, budget=self.budget
                )
            words = []
        said = embedded.few(dict.fromkeys(self.notes))
        self.notes = notes
        image = Image(self.image) if self.image else None
        return [replace(c, notes=(*c.notes, *said), image=c.image or image) for c in found]

    def command(self, words: list[_Text], known: dict[str, Value]) -> Iterator[PlacedText]:
        """The words of a command with ``$NAME`` and ``${NAME}`` filled in, but for its program."""
        first = words[0]
        prefixes = first.text[: len(first.text) - len(first.text.lstrip(_PREFIXES))]
        yield self.specified(first.part(len(prefixes)))
        for word in words[1 + ("@" in prefixes) :]:
            self.budget.step(self.lines.place(word.at[0]), _EACH)
            text = "\\;" if word.text == "\\;" else None
            if text is not None:
                yield PlacedText(((";", word.at),), self.lines)
            elif ":" in prefixes:
                yield self.specified(word)
            elif m := re.fullmatch(r"\$([A-Za-z_]\w*)", word.text):
                yield from self.split(m[1], word, known)
            else:
                yield self.filled(word, known)

    def split(self, name: str, word: _Text, known: dict[str, Value]) -> Iterator[PlacedText]:
        """``$NAME`` as a word of its own: any number of words."""
        value = known.get(name)
        if isinstance(value, str):
            for part in value.split():
                yield PlacedText(((part, word.at[:1]),), self.lines)
            return
        yield PlacedText(
            ((replace(self.unset(name, word, value), splits=True), word.at),), self.lines
        )

    def unset(self, name: str, word: _Text, value: Unknown | None) -> Unknown:
        """A variable that isn't known here."""
        place = self.lines.place(word.at[0])
        if value is not None:
            return replace(value, location=place)
        why = "set by systemd's manager or by a file, else empty"
        default = None if self.files or not ENV_NAME.fullmatch(name) else ""
        return Unknown(f"${{{name}}}", why, (name,), default, location=place)

    def filled(self, word: _Text, known: dict[str, Value]) -> PlacedText:
        """A word with ``${NAME}`` filled in, which stays one word; ``$$`` is a ``$``."""
        parts: list[tuple[Value, Sequence[int]]] = []
        last = 0
        for m in _FILLED.finditer(word.text):
            parts += self.specified(word.part(last, m.start())).parts
            at = word.part(m.start(), m.end())
            value: Value = "$"
            if m[0] != "$$":
                found = known.get(m[1])
                value = found if isinstance(found, str) else self.unset(m[1], at, found)
                self.budget.make(embedded.size(value), self.lines.place(at.at[0]))
            parts.append((value, at.at[:1]))
            last = m.end()
        parts += self.specified(word.part(last)).parts if last < len(word.text) else ()
        some = tuple((v, at) for v, at in parts if v != "")
        return PlacedText(some or (("", word.at[:1]),), self.lines)


KIND = FileKind(
    READER,
    "a unit of systemd",
    read_all,
    summary="a unit of systemd or of Podman's Quadlet",
    named=r"[^/]+\.(?:service|container)",
    related=True,
    document=rb"\A(?:[ \t]*+(?:[#;].*+|\r)?\n)*+\[(?:Unit|Service|Container)\]",
    word="unit",
    editable=True,
)
