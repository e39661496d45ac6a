"""Values: text, or a symbol for what isn't known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dsv4_env.model import Location, Unknown
from dsv4_env.model.errors import shortened


@dataclass(frozen=True, slots=True, eq=False)
class Symbol(Unknown):
    """What isn't known, told from others that read the same by its *number*.

    And what is known of it all the same: the *parts* that it is made of one after the other, the
    *path* that it names, the *content* of the file that it names, that it is surely *filled*. Of
    paths that were made one: the words that it is on each of them, its *options*; *optional* is
    one that has options, or is made of such. Of words that are known but for their order: groups
    of them that stay together, *shuffled*.
    """

    number: int = 0
    parts: tuple[Text, ...] = ()
    path: Path | None = None
    content: str | None = None
    filled: bool = False
    options: tuple[Option, ...] = ()
    optional: bool = False
    shuffled: tuple[tuple[Text, ...], ...] = ()

    def named_file(self) -> Path | None:
        """The file that it names, where that's known: a known folder, and what follows it."""
        if self.path is not None or len(self.parts) < 2:
            return self.path
        first, *rest = self.parts
        if not isinstance(first, Symbol) or first.path is None:
            return None
        below = "".join(p for p in rest if isinstance(p, str))
        known = all(isinstance(p, str) for p in rest) and below.startswith("/")
        return Path(f"{first.path}{below}") if known else None


MAX_PIECES = 200  # of a value that is looked at piece by piece
Key: TypeAlias = tuple[Any, ...]  # what a test is about; same key, same answer
PathCondition: TypeAlias = frozenset[tuple[Key, bool]]  # the decisions taken on a path
Alternatives: TypeAlias = frozenset[PathCondition]
ALWAYS: Alternatives = frozenset([frozenset()])


Text: TypeAlias = str | Symbol
Option: TypeAlias = tuple[Alternatives, tuple[Text, ...]]  # where it is these words
Argv: TypeAlias = list[tuple[Text, Location]]
"""The words of a command, each with its place."""


def identity(value: Text) -> str | int:
    """What a value is the same as, in the key of a test or of a symbol."""
    return value.number if isinstance(value, Symbol) else value


def pieces_of(value: Text) -> list[Text]:
    """What a value is made of, one after the other; of too many pieces, the value as a whole."""
    found: list[Text] = []
    left: list[Text] = [value]
    while left:
        one = left.pop()
        if isinstance(one, Symbol) and one.parts and not one.options:
            left += reversed(one.parts)
        elif one:
            found.append(one)
        if len(found) + len(left) > MAX_PIECES:
            return [value]
    return found


def shown_as(value: Text) -> str:
    """A value as a message shows it: on one line."""
    text = value if isinstance(value, str) else value.text
    return shortened(re.sub(r"\s++", lambda m: " " if "\n" in m[0] else m[0], text))
