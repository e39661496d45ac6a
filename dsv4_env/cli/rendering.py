"""How a launch is shown, as text and as plain data."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from typing import Any, TypeAlias

from dsv4_env.cli.output import line_width, write
from dsv4_env.compare.findings import when
from dsv4_env.model import (
    HANDED_ON,
    EnvVar,
    Fact,
    LaunchConfig,
    Outside,
    ServerArg,
    Unknown,
    Value,
    handed_on,
)
from dsv4_env.model.condition import Condition
from dsv4_env.model.secrets import hidden, masked, scrubbed, unknown_masked
from dsv4_env.model.style import inert, paint, plain
from dsv4_env.reporters.shown import argument_text, shown_place, value_text

ShownRow: TypeAlias = tuple[str, str, str, str]
"""One row of a table: name, value, a remark on it, and where it is set."""


def launch_data(config: LaunchConfig, *, origin: bool = False) -> dict[str, Any]:
    """A launch as plain data, secrets masked; with *origin* each setting has who set it."""

    def value(name: str, value: Value) -> Any:
        if not isinstance(value, Unknown):
            return masked(name, value)
        if isinstance(value, Outside):
            return {"from-environment": True}
        fields: dict[str, Any] = {"unknown": masked(name, value.text), "reason": value.reason}
        if value.names:
            fields["names"] = list(value.names)
        if value.default is not None:
            fields["default"] = unknown_masked(name, value, value.default)
        return fields

    def chain(name: str, setting: EnvVar | ServerArg) -> dict[str, Any]:
        if not origin:
            return {}
        setters = [
            {
                "name": o.name,
                "value": None if o.value is None else masked(name, o.value),
                "location": shown_place(o.location),
            }
            for o in setting.origin.chain()
        ]
        return {"origin": setters}

    found: dict[str, Any] = {
        "path": config.name,
        "line": config.own_line,
        "location": shown_place(config.location),
        "command": [value("", w) for w in config.command],
        "role": config.role_of_several,
        "when": _when(config.condition),
        "env": [
            {
                "name": e.name,
                "value": value(e.name, e.value),
                "when": _when(e.condition),
                "superseded": e.superseded,
                "location": shown_place(e.location),
                **chain(e.name, e),
            }
            for e in config.env
        ],
        "args": [
            {
                "flag": a.flag,
                "values": [value(a.flag or "", v) for v in a.values],
                "when": _when(a.condition),
                "location": shown_place(a.location),
                **chain(a.flag or "", a),
            }
            for a in config.args or ()
        ],
        "facts": [
            {
                "table": f.table,
                "key": f.key or None,
                "value": value(f.key, f.value) if isinstance(f.value, str | Unknown) else f.value,
                "vendor": f.vendor or None,
                "location": shown_place(f.location),
            }
            for f in config.facts
        ],
        "required": [r.name for r in config.required],
        "notes": [n.message for n in config.notes],
        "partial": config.partial,
    }
    if config.served is not None:
        found["version"] = config.served.version
    return found


def _when(condition: Condition | None) -> str | None:
    return None if condition is None else str(condition)


def wrapped(text: str, width: int | None, indent: int = 4) -> list[str]:
    """A line as several, none wider than *width* where one is given, all but the first indented."""
    if width is None or len(text) <= width:
        return [text]
    begins = len(text) - len(text.lstrip(" "))
    return textwrap.wrap(
        text.lstrip(" "),
        width,
        initial_indent=" " * begins,
        subsequent_indent=" " * indent,
        replace_whitespace=False,
        expand_tabs=False,
        break_on_hyphens=False,
    )


def aligned_groups(
    groups: Sequence[tuple[str, Sequence[ShownRow]]], *, color: bool, width: int | None = None
) -> list[str]:
    """Groups of rows under their headings, the columns aligned over all of them.

    A row that is wider than *width* goes on below, under its value.
    """
    cells = [(plain(name), plain(value)) for _, rows in groups for name, value, _, _ in rows]
    name_width = max((len(name) for name, _ in cells), default=0)
    value_width = max((len(value) for _, value in cells if len(value) <= 56), default=0)
    indent = 2 + name_width + 2
    if width is not None and indent > width // 2:
        indent = 6
    lines: list[str] = []
    for heading, rows in groups:
        lines += ["", paint(heading, "bold", color)] if rows else []
        for name, value, remark, place in rows:
            row = f"  {plain(name):{name_width}}  {plain(value):{value_width}}"
            row += f"  {plain(remark)}" if remark else ""
            behind = f"  {plain(place)}" if place else ""
            if width is None or len((row + behind).rstrip()) <= width:
                row += paint(behind, "dim", color)
                lines.append(inert(row.rstrip()))
                continue
            found = wrapped(row.rstrip(), width, indent)
            if place:
                there = wrapped(" " * indent + plain(place), width, indent)
                found += [paint(line, "dim", color) for line in there]
            lines += map(inert, found)
    return lines


def render(
    config: LaunchConfig, title: str, *, origin: bool, color: bool, width: int | None = None
) -> str:
    """A launch as aligned text, of lines that aren't wider than *width* where one is given."""

    def row(name: str, value: str, setting: EnvVar | ServerArg) -> ShownRow:
        words = (setting.value,) if isinstance(setting, EnvVar) else setting.words
        holds = when(name, words, setting.condition)
        again = "(set again later)" if setting.superseded else ""
        remark = "  ".join(filter(None, (holds, again)))
        return name, value, remark, shown_place(setting.location) if origin else ""

    command = " ".join(str(w) for w in config.command)
    if config.served is not None:
        command = f"SGLang {config.served.version}"
    behind = f": {plain(command)}" if command else ""
    first, *more = wrapped(plain(title) + behind, width)
    head = plain(title) if first.startswith(plain(title)) else first
    lines = [paint(head, "bold", color) + first[len(head) :], *more]
    if config.condition:
        lines += wrapped(f"when {plain(str(config.condition))}", width)
    groups = [
        ("Environment", [row(e.name, _variable_text(e), e) for e in config.env]),
        (
            "Router arguments" if config.router else "Server arguments",
            [row(a.flag or "", argument_text(a), a) for a in config.args or ()],
        ),
        ("About", [_fact_row(f, origin=origin) for f in config.facts if f.key != "path"]),
        ("Required inputs", [(r.name, shown_place(r.location), "", "") for r in config.required]),
    ]
    lines += aligned_groups(groups, color=color, width=width)
    for note in config.notes:
        told = wrapped(f"note: {plain(note.message)}", width)
        lines += [paint(line, "dim", color) for line in told]
    return "\n".join(lines) + "\n"


def _variable_text(setting: EnvVar) -> str:
    if handed_on(setting.name, setting.value, setting.condition):
        return HANDED_ON
    return value_text(setting.name, setting.value)


def _fact_row(fact: Fact, *, origin: bool) -> ShownRow:
    """What a test says beside its settings; the model stands among its arguments."""
    name = f"{fact.table}.{fact.key}" if fact.key else fact.table
    value = str(fact.value).lower() if isinstance(fact.value, bool) else fact.value
    shown = str(value) if isinstance(value, int | float) else value_text(fact.key, value)
    if not fact.key and isinstance(fact.value, Unknown):
        shown = f"{scrubbed(fact.value.text)} ({fact.value.reason})"
    remark = f"for {fact.vendor}" if fact.vendor else ""
    return name, shown, remark, shown_place(fact.location) if origin else ""


def titled(launches: list[LaunchConfig]) -> list[tuple[str, LaunchConfig]]:
    """Each launch with the operand that names it."""
    found: list[tuple[str, LaunchConfig]] = []
    for index, config in enumerate(launches, 1):
        line = config.own_line
        name = config.name if len(launches) == 1 else f"{config.name}#{index}"
        place = f"line {line}" if line else ""
        if line is None and config.location is not None and config.location.line:  # elsewhere
            place = shown_place(config.location)
        role = config.role_of_several
        role = role if role not in re.findall(r"\w+", name) else None
        said = ", ".join(filter(None, (place, role)))
        found.append((f"{name} ({said})" if said else name, config))
    return found


def write_launches(
    launches: list[LaunchConfig], *, as_json: bool, origin: bool, color: bool
) -> None:
    """Print launches as text or JSON, without secrets."""
    launches = list(map(hidden, launches))
    if as_json:
        data = [launch_data(config, origin=origin) for config in launches]
        write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        return
    width = line_width()
    texts = [
        render(config, title, origin=origin, color=color, width=width)
        for title, config in titled(launches)
    ]

    write(inert("\n".join(texts)))
