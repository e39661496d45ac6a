"""Who runs a command line: how another one is run, and who hears what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Report


class Run(Protocol):
    """Run a command line; gives the exit code."""

    def __call__(self, argv: Sequence[str], hears: Hears | None = None) -> int:
        """Run it; what comes of it is told to who *hears* it."""
        ...


@dataclass(frozen=True, slots=True)
class Hears:
    """Who shows the report of a command instead of it, and hears of an error before it's told."""

    report: Callable[[Report], None]
    error: Callable[[Dsv4Error], None]


@dataclass(frozen=True, slots=True)
class Caller:
    """What a command knows of who runs it."""

    run: Run
    hears: Hears | None = None
