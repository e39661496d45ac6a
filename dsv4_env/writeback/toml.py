"""Edits of a layer's TOML: comments, order and layout stay, and so do line endings."""

from __future__ import annotations

import re
from typing import Any, cast

import tomlkit
from tomlkit.items import Array, InlineTable, Item, String, StringType, Table

from dsv4_env.profile.schema import Default, FromEnvironment

_WIDTH = 80  # of a list on one line
BOM = b"\xef\xbb\xbf"


class Tables:
    """The tables of a layer, or of one of its blocks, that are edited."""

    def __init__(self, toml: Any) -> None:
        self.toml = toml
        self.made: list[str] = []

    def has(self, section: str, key: str) -> bool:
        """Whether the layer itself sets a key."""
        return key in self.toml.get(section, {})

    def put(self, section: str, key: str, value: Any) -> None:
        """Set a key: in its place, or behind the last of its table."""
        table = self.table(section)
        item = _item(value)
        if key in table:
            before = table[key]
            literal = isinstance(before, String) and before.as_string().startswith("'")
            if literal and isinstance(value, str) and not re.search(r"['\x00-\x1f\x7f]", value):
                item = tomlkit.string(value, literal=True)
            table[key] = item
        elif isinstance(table, InlineTable):
            table[key] = item
        else:
            _append(table, key, item)

    def drop(self, section: str, key: str) -> None:
        """Take a key out, where it is there."""
        if self.has(section, key):
            del cast("Any", self.toml)[section][key]

    def unset(self, section: str, key: str) -> None:
        """Name a key under [unset], once."""
        table = self.table("unset")
        if section not in table:
            _append(table, section, tomlkit.array())
        names = cast("Array", table[section])
        if key not in names:
            names.append(key)
        if "\n" not in names.as_string() and len(names.as_string()) > _WIDTH:
            names.multiline(True)

    def keep(self, section: str, key: str) -> None:
        """Take a key out of [unset], where it is there."""
        table = self.toml.get("unset", {})
        if key not in table.get(section, ()):
            return
        names = cast("Array", table[section])
        names.remove(key)
        if not names:
            del table[section]
        if not table:
            del self.toml["unset"]

    def tidy(self, section: str) -> None:
        """Take an empty table out."""
        if section in self.toml and not self.toml[section]:
            del self.toml[section]

    def table(self, section: str) -> Any:
        """The table of a section, made where there is none."""
        if section not in self.toml:
            inline = isinstance(self.toml, InlineTable)
            self.toml[section] = tomlkit.inline_table() if inline else tomlkit.table()
            self.made.append(section)
        return self.toml[section]


class LayerDocument(Tables):
    """One layer that is edited; *encoded* gives its bytes."""

    def __init__(self, data: bytes) -> None:
        self.bom = data.startswith(BOM)
        text = data.removeprefix(BOM).decode()
        self.crlf = "\r\n" in text and not re.search(r"(?<!\r)\n", text)
        self.open_ended = bool(text) and not text.endswith("\n")
        self.spaced = "\n\n" in text.replace("\r", "") or not text.strip()
        self.blank_end = re.search(r"\n\r?\n\Z", text) is not None
        super().__init__(tomlkit.parse(text))

    def encoded(self) -> bytes:
        """The document as bytes."""
        text = tomlkit.dumps(self.toml)
        for section in self.made:  # a new table begins behind a blank line, as the others do
            if self.spaced:
                pattern = rf"(?<!\n)(\r?\n)(?=\[{section}\])"
                text = re.sub(pattern, r"\1\1", text, count=1)
        if not self.blank_end:  # a table at the end went, and the line before it
            body = text.rstrip("\r\n")
            if text.count("\n", len(body)) > 1:
                text = body + ("\r\n" if text.endswith("\r\n") else "\n")
        if self.crlf:
            text = re.sub(r"(?<!\r)\n", "\r\n", text)
        if self.open_ended:
            text = text.removesuffix("\n").removesuffix("\r")
        return (BOM if self.bom else b"") + text.encode()

    def block(self, index: int) -> Tables:
        """The tables of a block."""
        return Tables(cast("Any", self.toml["when"])[index])


def _item(value: Any) -> Item:
    if isinstance(value, FromEnvironment):
        table = tomlkit.inline_table()
        table.append("from-environment", True)
        return table
    if isinstance(value, Default):
        table = tomlkit.inline_table()
        table.append("default", value.value)
        return table
    if isinstance(value, str):
        return String.from_raw(value, StringType.SLB)
    item = cast("Item", tomlkit.item(value))
    if isinstance(item, Array) and len(item.as_string()) > _WIDTH:
        return _wrapped(value)
    return item


def _wrapped(values: list[Any]) -> Array:
    """A list on several lines, each as full as it can be."""
    array = tomlkit.array()
    line: list[Any] = []
    for value in values:
        if line and len(cast("Item", tomlkit.item([*line, value])).as_string()) > _WIDTH:
            array.add_line(*line)
            line = []
        line.append(value)
    array.add_line(*line)
    array.add_line(indent="")
    return array


def _append(table: Any, key: str, item: Item) -> None:
    """A key behind the last one, before the blank lines and comments that end the table."""
    body = getattr(getattr(table, "value", None), "body", None)
    if not isinstance(table, Table) or not isinstance(body, list):
        table[key] = item
        return
    trailing: list[Any] = []
    while body and body[-1][0] is None and any(k is not None for k, _ in body):
        trailing.insert(0, body.pop())
    table[key] = item
    body.extend(trailing)
