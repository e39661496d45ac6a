"""How far long work is, on standard error where that is a terminal; nothing elsewhere.

One mechanism for all commands: what works calls it with files done, all files and what was found,
and it says so from half a second on.
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self

from dsv4_env.cli.output import tell
from dsv4_env.model.style import count

_FIRST = 0.5  # seconds of work of which nothing is said
_EVERY = 0.1  # seconds between two states


class Progress:
    """A line that is written over as the work goes on, and gone at the end.

    *found* are the words for what was found, for one and for several; without it none is told.
    *unit* are those for what is done.
    """

    def __init__(
        self,
        found: tuple[str, str] | None = ("launch", "launches"),
        unit: tuple[str, str] = ("file", "files"),
    ) -> None:
        self.on = (
            sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        )
        self.found, self.unit = found, unit
        self.due = time.monotonic() + _FIRST
        self.width = 0

    def __call__(self, done: int, total: int, found: int = 0) -> None:
        """Tell how much is done, and what was found."""
        if not self.on or (now := time.monotonic()) < self.due:
            return
        self.due = now + _EVERY
        text = f"{done:,} of {count(total, *self.unit)}"
        if self.found is not None:
            text += f", {count(found, *self.found)}"
        self.width = max(self.width, len(text))
        tell(f"\r{text:{self.width}}", nl=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the line away, however the work ended."""
        if self.width:
            tell(f"\r{'':{self.width}}\r", nl=False)
            self.width = 0
