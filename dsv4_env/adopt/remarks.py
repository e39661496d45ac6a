"""The comments on settings that go out of a test or script, and the layers that they go to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dsv4_env.adopt.carried import Key
from dsv4_env.adopt.layers import NewLayer
from dsv4_env.adopt.planning import Adopted, Adoption
from dsv4_env.model import Location
from dsv4_env.model.secrets import scrubbed
from dsv4_env.profile.layer import spelled_key

_OPENING = ("{", "[", "(")
_COMMENT = re.compile(r"(?P<code>|[^#]*\s)(?P<comment>#.*)")


@dataclass(slots=True)
class Gone:
    """Comments that a rewritten file has no more, but for those that layers have now.

    *shipped* are of settings that layers have which ship with the package, *alone* of none.
    """

    shipped: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)


def carry(adoption: Adoption, gone: Mapping[str, list[str]], texts: Mapping[str, str]) -> Gone:
    """Put the comments that are *gone*, by the paths of files, to their settings in new layers.

    *texts* are the files as they were. What looks like a secret goes to no layer.
    """
    found = Gone()
    kept: set[str] = set()
    shipped: set[str] = set()
    for adopted in adoption.adopted:
        mine = gone.get(adopted.source.path, [])
        for key, comment in _of_settings(adopted, texts[adopted.source.path], adoption.sglang):
            if comment not in mine or scrubbed(comment) != comment:
                continue
            layer = _holding(adoption, adopted, key)
            if layer is None:
                shipped.add(comment)
                continue
            said = layer.remarks.setdefault(key, [])
            said += [comment] if comment not in said else []
            kept.add(comment)
    for comment in dict.fromkeys(c for each in gone.values() for c in each):
        if comment not in kept:
            (found.shipped if comment in shipped else found.alone).append(comment)
    return found


def lost(old: str, new: str) -> list[str]:
    """The comments of a text that another one doesn't have."""
    found = dict.fromkeys(filter(None, map(comment_of, old.splitlines())))
    kept = set(filter(None, map(comment_of, new.splitlines())))
    return [comment for comment in found if comment not in kept]


def comment_of(row: str) -> str | None:
    """The comment of a line of Python or bash, as far as its quotes leave no doubt."""
    match = _COMMENT.fullmatch(row.rstrip())
    if match is None or row.startswith("#!"):
        return None
    code = match["code"]
    return match["comment"] if all(code.count(q) % 2 == 0 for q in "\"'") else None


def _of_settings(adopted: Adopted, text: str, release: str) -> Iterator[tuple[Key, str]]:
    """The comments right above each setting of a launch and beside it, and its key in a layer."""
    launch, rows = adopted.source.launch, text.splitlines()
    own = launch.location.path if launch.location else None
    places: list[tuple[Key, Location | None]] = [(("env", e.name), e.location) for e in launch.env]
    places += [
        (spelled_key(("args", a.flag), release), a.location) for a in launch.args or () if a.flag
    ]
    for key, place in places:
        if place is None or place.line is None or place.path != own or place.line > len(rows):
            continue
        above = _above(rows, place.line - 1)
        if above and rows[above - 1].rstrip().endswith(_OPENING):  # what is about all in it
            above = _above(rows, above - 1)
        for comment in filter(None, map(comment_of, rows[above : place.line])):
            yield key, comment


def _above(rows: Sequence[str], number: int) -> int:
    """The line, from 0, on which the comments right above a line begin; itself without any."""
    while number and rows[number - 1].lstrip().startswith("#"):
        number -= 1
    return number


def _holding(adoption: Adoption, adopted: Adopted, key: Key) -> NewLayer | None:
    """The new layer that a launch has a setting from, where it is one."""
    for name in reversed(adopted.composition.profile.layers):
        layer = adoption.layers.get(name)
        if layer and (key in layer.settings or any(key in b.settings for b in layer.blocks)):
            return layer
    return None
