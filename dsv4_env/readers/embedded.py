"""Commands and shell texts that stand within another file, read by the bash reader.

The variables that the other file sets are written before the text as assignments, and what isn't
known there becomes a variable that nobody sets; in the result both are turned back into what
stands in the file, with its places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dsv4_env.model import EnvVar, LaunchConfig, Note, Origin, Value, group_args, mark_superseded
from dsv4_env.model.budget import Budget
from dsv4_env.model.quoting import sh
from dsv4_env.readers.launcher import launcher_length
from dsv4_env.readers.shell_text import Setting, Text, Writer

_SHELL = re.compile(r"(?:.*/)?(?:ba|da|z|k|a)?sh")
_STARTER = re.compile(r"(?:.*/)?(?:python[\d.]*|sglang|(?:ba|da|z|k|a)?sh|env|numactl|torchrun)")
_ENTRY = re.compile(r".*\.sh|.*entry.*|(?:.*/)?(?:gosu|su-exec|setpriv|runuser)")
_INIT = re.compile(r"(?:.*/)?(?:tini|dumb-init|catatonit)(?:-static)?")


_NOTES = 50  # of a launch
_EACH = 8  # steps that one setting or word of a launch takes
_WRITTEN = 18  # and one that is written into a script; reading it there takes as many again


def few(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The first of many notes, and how many more there are: nobody reads hundreds."""
    told = list(notes)
    left = told[_NOTES:]
    if len(left) < 2:
        return tuple(told)
    opens = any(n.opens for n in left)
    return (*told[:_NOTES], Note(f"{len(left):,} more notes like these", left[0].location, opens))


def settings_env(settings: Iterable[Setting], reader: str) -> tuple[EnvVar, ...]:
    """Settings as the environment of a launch."""
    return mark_superseded(
        EnvVar(s.name, s.value, Origin(reader, s.location, s.spelled)) for s in settings
    )


def mentions(texts: Iterable[str]) -> bool:
    """Whether a launch of a server can come of these texts: a quick look before reading."""
    return any("sglang" in t or "launch_server" in t for t in texts)


def read_script(
    script: Text,
    settings: Sequence[Setting],
    *,
    name: str,
    reader: str,
    options: Sequence[str] = (),
    args: Sequence[Text] = (),
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """The launches of a shell text; *options* are those of ``set``, *args* its arguments."""
    budget = budget or Budget()
    budget.step(script.location, _WRITTEN * (len(settings) + len(args)))
    writer = Writer(script.lines, reader, name, budget)
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
    words: Sequence[Text],
    settings: Sequence[Setting],
    *,
    name: str,
    reader: str,
    budget: Budget | None = None,
) -> list[LaunchConfig]:
    """The launches of a command given as words; ``bash -c`` and its like are read as a script."""
    if not words:
        return []
    budget = budget or Budget()
    words = _without_init(words)
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
    words: Sequence[Text], settings: Sequence[Setting], name: str, reader: str, budget: Budget
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
            group_args(flat[size:], reader),
            tuple(v for v, _ in flat[:size]),
            flat[0][1],
            max(ends, default=flat[0][1].line or 1),
        )
        return [config]
    writer = Writer(words[0].lines, reader, name, budget)
    notes = writer.settings(settings)
    for word in words:
        writer.word(word)
        writer.add(" ", word.location)
    return [replace(c, notes=(*c.notes, *notes)) for c in writer.read()]


def _without_init(words: Sequence[Text]) -> Sequence[Text]:
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


def _shell(words: Sequence[Text]) -> tuple[int, list[str]] | None:
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
