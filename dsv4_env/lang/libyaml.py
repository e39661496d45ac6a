"""YAML composed by libyaml, some fifteen times as fast as ruamel's own parser in Python.

The one in Python is what counts: a text that libyaml refuses, or in which the two are known to
differ (tabs, line ends other than Unix's, tags, a document that is one text), is left to it, so
that what is read, and every message, is the same on a machine without libyaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

_DIFFERS = re.compile(r"[\t\r\x85\u2028\u2029\ufeff]|^\.\.\.", re.M)
_GAP = re.compile(r"(?:[ \n]|(?<=[ \n])#[^\n]*)*")
_HEADER = re.compile(r"[|>][-+1-9]{0,2} *(?:\n| #|\Z)")
_ANCHOR = re.compile(r"[&*][\w-]+(?=[ \n,\]}]|\Z)")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text."""

    index: int


class Composed:
    """A node as ruamel composes one; *value* is a text, a list of nodes, or one of pairs."""

    __slots__ = ("end", "flow", "id", "start", "style", "tag", "value")

    def __init__(self, id: str, value: Any, start: int, end: int, style: str | None) -> None:
        self.id = id
        self.value = value
        self.start = start
        self.end = end
        self.style = style
        self.flow = False
        self.tag = ""

    @property
    def start_mark(self) -> Mark:
        """Where it begins."""
        return Mark(self.start)

    @property
    def end_mark(self) -> Mark:
        """Where it ends."""
        return Mark(self.end)


def compose(text: str, depth: int) -> list[Composed] | None:
    """The documents of a text; None where the parser in Python has to say what they are.

    So it has of one that is nested more than *depth* levels.
    """
    events = _events()
    if events is None or _DIFFERS.search(text):
        return None
    parser, refused, kinds = events
    try:
        return _composed(parser(text), kinds, text, depth)
    except (refused, LookupError, ValueError):
        return None


@cache
def _events() -> tuple[Any, Any, dict[type, str]] | None:
    """The parser, what it raises, and the kinds of its events; None where it isn't installed."""
    try:
        from _ruamel_yaml import CParser  # of ruamel.yaml.clib, which other Pythons don't have
    except ImportError:
        return None
    from ruamel.yaml import events  # here, as only YAML needs it and it takes 20 ms to import
    from ruamel.yaml.error import YAMLError

    return (
        CParser,
        YAMLError,
        {
            events.ScalarEvent: "scalar",
            events.AliasEvent: "alias",
            events.SequenceStartEvent: "sequence",
            events.MappingStartEvent: "mapping",
            events.SequenceEndEvent: "end",
            events.MappingEndEvent: "end",
            events.DocumentStartEvent: "document",
            events.StreamEndEvent: "stop",
        },
    )


def _composed(parser: Any, kinds: dict[type, str], text: str, depth: int) -> list[Composed] | None:
    documents: list[Composed] = []
    open_: list[Composed] = []
    anchors: dict[str, Composed] = {}
    while True:
        event = parser.get_event()
        kind = kinds.get(type(event))
        if kind == "scalar":
            start = event.start_mark.index
            node = Composed(kind, event.value, start, event.end_mark.index, event.style or None)
            if node.style in ("|", ">") and not (event.anchor or _HEADER.match(text, start)):
                return None
            if node.end == start and open_ and open_[-1].id == "mapping":
                # Of a value that isn't there, Python's parser says where the next word begins.
                gap = _GAP.match(text, start)
                node.start = node.end = gap.end() if gap else start
                if open_[-1].flow or text.startswith("?", node.start):
                    return None
                if len(open_[-1].value) % 2 == 0:  # a key
                    node.start = node.end = start
        elif kind in ("sequence", "mapping"):
            node = Composed(kind, [], event.start_mark.index, 0, None)
            node.flow = bool(event.flow_style)
            if node.flow and text[node.start] not in "{[&":  # a pair among items
                return None
        elif kind == "alias":
            node = anchors[event.anchor]
        elif kind == "end":
            node = open_.pop()
            node.end = event.end_mark.index
            if node.id == "mapping":
                node.value = list(zip(node.value[::2], node.value[1::2], strict=True))
            continue
        elif kind == "stop":
            return documents
        else:
            anchors = {} if kind == "document" else anchors
            continue
        if event.anchor and not _ANCHOR.match(text, event.start_mark.index):
            return None
        if kind != "alias" and event.anchor:
            anchors[event.anchor] = node
        if (kind != "alias" and event.tag is not None) or (kind == "scalar" and not open_):
            return None
        (open_[-1].value if open_ else documents).append(node)
        if kind in ("sequence", "mapping"):
            open_.append(node)
            if len(open_) > depth:
                return None
