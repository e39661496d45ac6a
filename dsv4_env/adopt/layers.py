"""New layers as TOML, of what they say always and under conditions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tomli_w

from dsv4_env.adopt.carried import ORDER, TABLES, Held, Key
from dsv4_env.profile.schema import Default, FromEnvironment

_WIDTH = 110  # of a list
_WIDEST = 120
_FEW = 2  # settings of a block that need no table of their own


@dataclass(slots=True)
class Block:
    """Settings that hold under conditions, by the names that a layer has for those."""

    when: Mapping[str, Sequence[str]]
    settings: dict[Key, Held | None] = field(default_factory=dict)


@dataclass(slots=True)
class NewLayer:
    """A layer that isn't there yet: what it is, what it says always, and its blocks."""

    name: str
    description: str
    extends: tuple[str, ...] = ()
    kind: str = ""  # "abstract", "overlay", or neither
    axes: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[Mapping[str, str], ...] = ()
    settings: dict[Key, Held | None] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    remarks: dict[Key, list[str]] = field(default_factory=dict)  # comments on settings

    def block(self, when: Mapping[str, Sequence[str]]) -> Block:
        """The block under some conditions, made where there is none."""
        found = next((b for b in self.blocks if b.when == when), None)
        if found is None:
            found = Block(when)
            self.blocks.append(found)
        return found

    def text(self, schema: str | None = None) -> str:
        """The TOML; *schema* is the file that editors check it by."""
        lines = [f"#:schema {schema}"] if schema else []
        lines.append(_line("description", self.description))
        lines += [f"{self.kind} = true"] if self.kind else []
        lines += [_line("extends", list(self.extends))] if self.extends else []
        lines += [_line("axes", dict(self.axes))] if self.axes else []
        lines += [_line("targets", [dict(t) for t in self.targets])] if self.targets else []
        lines += _settings(self.settings, (), "model", self.remarks)
        for block in self.blocks:
            lines += ["", "[[when]]"]
            for key, values in block.when.items():
                lines.append(_line(key, values[0] if len(values) == 1 else list(values)))
            lines += _settings(block.settings, ("when",), "weights", self.remarks)
        return "\n".join(lines) + "\n"


def _settings(
    settings: Mapping[Key, Held | None],
    prefix: tuple[str, ...],
    model: str,
    remarks: Mapping[Key, Sequence[str]],
) -> Iterable[str]:
    """The lines that say settings: short tables first, on a line each, then the others."""
    inline: list[str] = []
    tables: list[str] = []
    for table in TABLES:
        entries = {k: v for (t, k), v in settings.items() if t == table and (t, k) != ORDER}
        name = model if table == "model" else table
        if entries:
            line = _line(name, {k: _plain("", v) for k, v in entries.items()})
            dotted = [f"{name}.{_line(k, _plain('', v))}" for k, v in entries.items()]
            short = len(entries) > 1 and len(line) <= _WIDEST and (table, ORDER[1]) not in settings
            inline += [line] if short else dotted
    order = settings.get(ORDER)
    if order is not None:
        assert isinstance(order, tuple)
        inline += _wrapped(f"launch.{ORDER[1]}", [str(flag) for flag in order])
    gone = {
        t: [k for (s, k), v in settings.items() if s == t and v is None] for t in ("env", "args")
    }
    for table, names in gone.items():
        if names:
            inline += _wrapped(f"unset.{table}", names)
    for table in ("env", "args"):
        given = {k: v for (t, k), v in settings.items() if t == table and v is not None}
        few = bool(prefix) and len(given) <= _FEW
        lines = []
        for key, value in given.items():
            line = _line(key, _plain(table, value))
            lines += [*remarks.get((table, key), ()), f"{table}.{line}" if few else line]
        if few:
            inline += lines
        elif lines:
            head = f"[{'.'.join((*prefix, table))}]"
            tables += [head, *lines] if prefix else ["", head, *lines]
    return inline + tables


def _plain(table: str, value: Any) -> Any:
    """A value as TOML has it."""
    if isinstance(value, FromEnvironment):
        return {"from-environment": True}
    if isinstance(value, Default):
        return {"default": value.value}
    if table != "args":
        return value
    occurrences = [list(words) for words in value]
    if len(occurrences) > 1:
        return occurrences
    (words,) = occurrences
    return True if not words else words[0] if len(words) == 1 else words


def _line(key: str, value: Any) -> str:
    """One key and its value, on one line."""
    name = tomli_w.dumps({key: 0}).partition(" = ")[0]
    return f"{name} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_line(k, v) for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return tomli_w.dumps({"x": value}).partition(" = ")[2].rstrip("\n")


def _wrapped(key: str, names: Sequence[str]) -> list[str]:
    """A list of names, on several lines where it is long."""
    whole = f"{key} = {_value(list(names))}"
    if len(whole) <= _WIDTH:
        return [whole]
    text = ", ".join(map(_value, names)) + ","
    folded = textwrap.wrap(text, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return [f"{key} = [", *(f"  {line}" for line in folded), "]"]
