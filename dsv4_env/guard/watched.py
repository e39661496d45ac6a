"""What has to be watched so that no change is missed that an answer hangs on.

Folders are watched rather than files: editors save by putting another file in the place of one,
and a file that isn't there yet can only be seen to come.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dsv4_env.guard.asked import Place, Question, Trail, ask_again, places_of


@dataclass(frozen=True, slots=True)
class Watched:
    """The *folders* to be watched, and what of their changes counts.

    *paths* are those that were asked about and the folders above them; *listed* are folders with
    the questions about what is in them, and what came of those.
    """

    folders: frozenset[str]
    paths: frozenset[str]
    listed: Mapping[str, Sequence[tuple[Question, Hashable]]]

    def counts(self, path: str, *, modified: bool) -> bool:
        """Whether a change of a path may change an answer.

        *modified*: it was there before, and is still; else it came, or it's gone.
        """
        if modified and os.path.isdir(path):  # noqa: PTH112  # what is in it is told by itself
            return False
        return path in self.paths

    def is_new(self, path: str) -> bool:
        """Whether a folder that was listed holds something else since a path in it changed."""
        questions = self.listed.get(os.path.dirname(path), ())  # noqa: PTH120
        return any(ask_again(asked) != answer for asked, answer in questions)


def watched(trail: Trail) -> Watched:
    """What is to be watched for what was asked; each place by its own name and without links."""
    paths: set[str] = set()
    folders: set[str] = set()
    listed: dict[str, list[tuple[Question, Hashable]]] = {}
    everybodys = _everybodys()
    seen: set[Place] = set()
    every = ((place, (q, a)) for q, a in trail.answers.items() for place in places_of(q))
    for place, told in every:
        if not place.listed and place in seen:
            continue
        seen.add(place)
        for path in _names(place.path):
            if place.listed:
                listed.setdefault(path, []).append(told)
                folders.add(path)
            if path in paths:
                continue
            paths.add(path)
            above = os.path.dirname(path)  # noqa: PTH120  # thousands of paths
            if above not in everybodys or os.path.lexists(path):
                folders.add(above)
            while above not in paths:  # else all above it are there, too
                paths.add(above)
                above = os.path.dirname(above)  # noqa: PTH120
                folders |= {above} - everybodys
    return Watched(frozenset(_there(folders)), frozenset(paths), listed)


def _everybodys() -> frozenset[str]:
    """Folders in which all kinds of things come and go: not watched for what isn't there."""
    found = {"/"}
    for path in (os.path.expanduser("~"), tempfile.gettempdir()):  # noqa: PTH111
        for each in _names(path):
            while each not in found:
                found.add(each)
                each = os.path.dirname(each) or "/"  # noqa: PTH120
    return frozenset(found)


def _names(path: str) -> Iterator[str]:
    """A path as it is named, that of each link on the way, and where it leads."""
    named = os.path.abspath(path)  # noqa: PTH100  # as text: links stay
    yield named
    whole = os.path.realpath(path)
    if whole == named:
        return
    yield whole
    while named != "/":
        if os.path.islink(named):  # noqa: PTH114
            yield named
        named = os.path.dirname(named)  # noqa: PTH120


def _there(folders: set[str]) -> Iterator[str]:
    """The folders that are there, and the nearest above each that isn't."""
    for folder in folders:
        while not os.path.isdir(folder):  # noqa: PTH112
            folder = os.path.dirname(folder) or "/"  # noqa: PTH120
        yield folder
