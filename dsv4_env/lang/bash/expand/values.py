"""Values: text, or a symbol for what isn't known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from dsv4_env.model import Location, Unknown


@dataclass(frozen=True, slots=True, eq=False)
class Symbol(Unknown):
    """What isn't known, told from others that read the same by its *number*.

    And what is known of it all the same: the *parts* that it is made of one after the other, the
    *path* that it names, the *content* of the file that it names, that it is surely *filled*.
    """

    number: int = 0
    parts: tuple[Text, ...] = ()
    path: Path | None = None
    content: str | None = None
    filled: bool = False


Text: TypeAlias = str | Symbol
Argv: TypeAlias = list[tuple[Text, Location]]
"""The words of a command, each with its place."""


def identity(value: Text) -> str | int:
    """What a value is the same as, in the key of a test or of a symbol."""
    return value.number if isinstance(value, Symbol) else value
