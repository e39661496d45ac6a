"""What has to be watched so that no change is missed that an answer hangs on.

Folders are watched rather than files: editors save by putting another file in the place of one,
and a file that isn't there yet can only be seen to come.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from dsv4_env.guard.asked import Question, Trail, ask_again, places_of


@dataclass(frozen=True, slots=True)
class Watched:
    """The *folders* to be watched, and what of their changes counts.

    *wanted* are those that would be if all were there, *asked* the questions about each path,
    *listed* those about what is in a folder, *above* the folders above all paths.
    """

    folders: frozenset[str]
    wanted: frozenset[str]
    asked: Mapping[str, Sequence[Question]]
    listed: Mapping[str, Sequence[Question]]
    above: frozenset[str]

    def counts(self, path: str, answers: Mapping[Question, Hashable], *, modified: bool) -> bool:
        """Whether something of a path is answered otherwise than it was.

        *modified*: it was there before, and is still; else it came, or it's gone.
        """
        if modified and os.path.isdir(path):  # noqa: PTH112  # what is in it is told by itself
            return False
        if path in self.above and not modified:
            return True
        return any(ask_again(each) != answers.get(each) for each in self.asked.get(path, ()))

    def is_new(self, path: str, answers: Mapping[Question, Hashable]) -> bool:
        """Whether a folder that was listed holds something else since a path in it changed."""
        questions = self.listed.get(os.path.dirname(path), ())  # noqa: PTH120
        return any(ask_again(each) != answers.get(each) for each in questions)


def watched(trail: Trail) -> Watched:
    """What is to be watched for what was asked; each place by its own name and without links."""
    asked: dict[str, list[Question]] = {}
    listed: dict[str, list[Question]] = {}
    folders: set[str] = set()
    above: set[str] = set()
    everybodys = _everybodys()
    names = cache(_names)
    for question, place in ((q, place) for q in trail.answers for place in places_of(q)):
        for path in names(place.path):
            if place.listed:
                listed.setdefault(path, []).append(question)
                folders.add(path)
            elif path in asked:
                asked[path].append(question)
                continue
            else:
                asked[path] = [question]
            around = os.path.dirname(path)  # noqa: PTH120  # thousands of paths
            if around not in everybodys or os.path.lexists(path):
                folders.add(around)
            while around not in above:  # else all above it are there, too
                above.add(around)
                around = os.path.dirname(around)  # noqa: PTH120
                folders |= {around} - everybodys
    there = frozenset(_there(folders))
    return Watched(there, there | folders, asked, listed, frozenset(above))


def _everybodys() -> frozenset[str]:
    """Folders in which all kinds of things come and go: not watched for what isn't there."""
    found = {"/"}
    for path in (os.path.expanduser("~"), tempfile.gettempdir()):  # noqa: PTH111
        for each in _names(path):
            while each not in found:
                found.add(each)
                each = os.path.dirname(each) or "/"  # noqa: PTH120
    return frozenset(found)


def _names(path: str) -> Sequence[str]:
    """A path as it is named, that of each link on the way, and where it leads."""
    named = os.path.abspath(path)  # noqa: PTH100  # as text: links stay
    whole = os.path.realpath(path)
    found = {named: None, whole: None}
    while whole != named and named != "/":
        if os.path.islink(named):  # noqa: PTH114
            found[named] = None
        named = os.path.dirname(named)  # noqa: PTH120
    return tuple(found)


def _there(folders: set[str]) -> Iterator[str]:
    """The folders that are there, and the nearest above each that isn't."""
    for folder in folders:
        while not os.path.isdir(folder):  # noqa: PTH112
            folder = os.path.dirname(folder) or "/"  # noqa: PTH120
        yield folder
