"""The one way out: text, messages and files, none with a secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from dsv4_env.guard import writing
from dsv4_env.model.errors import UsageError
from dsv4_env.model.secrets import form_spans, known_spans, with_masks
from dsv4_env.model.style import inert


def use_color(choice: str) -> bool:
    """Whether standard output gets colours."""
    if choice != "auto":
        return choice == "always"
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


WIDEST = 120
"""Columns that a line has at most on a terminal; a pipe and JSON get all of it."""

_NARROWEST = 12  # columns of a cell that others make room for


def line_width() -> int | None:
    """How many columns a line of standard output may have, None where it is no terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    import shutil  # it brings in all that archives take

    return min(shutil.get_terminal_size((WIDEST, 24)).columns or WIDEST, WIDEST)


def middle_cut(text: str, width: int) -> str:
    """A text of at most *width* characters; of a longer one the middle is left out.

    More of the end stays: it is what tells paths and names apart.
    """
    if len(text) <= width:
        return text
    head = max(width - 1, 0) // 3
    tail = max(width - 1 - head, 0)
    return f"{text[:head]}…{text[len(text) - tail :]}"


def end_cut(text: str, width: int | None) -> str:
    """A text of at most *width* characters, where one is given; a longer one loses its end."""
    return text if width is None or len(text) <= width else text[: max(width - 1, 0)] + "…"


def table(rows: Sequence[tuple[str, ...]], width: int | None = None) -> str:
    """Rows as aligned columns, two spaces apart, of at most *width* characters in all."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        widths = _fitted(widths, width - 2 * (len(widths) - 1))
        rows = [tuple(map(middle_cut, row, widths)) for row in rows]
    return "".join(
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )


def _fitted(widths: list[int], most: int) -> list[int]:
    """Columns that take *most* characters at the most: of the first two the wider one gives way.

    The others, which say what was found, do so when those are narrow.
    """
    found = list(widths)
    for columns in (range(min(2, len(found))), range(len(found))):
        while sum(found) > most:
            widest = max(columns, key=lambda at: found[at])
            if found[widest] <= _NARROWEST:
                break
            found[widest] -= 1
    return found


def tell(text: str, *, nl: bool = True) -> None:
    """Say something on standard error, without what is a secret by its form."""
    click.echo(inert(masked_text(text)), err=True, nl=nl)


def write(text: str, output: Path | None = None, *, hands_on: bool = False) -> None:
    """Print the text, or write the file in one step: it is there whole or as it was.

    A link is followed, and a device or pipe written as it is: neither may be replaced. What is a
    secret by its form is masked here once more, unless the command is there to hand values on.
    """
    data = (text if hands_on else masked_text(text)).encode(errors="surrogateescape")
    if output is None or str(output) == "-":
        if sys.stdout is None:
            raise UsageError("standard output is closed", expected="somewhere to write")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # click would make an exit code of it that says drift
            nobody_reads()
    elif output.exists() and not output.is_file():
        writing.pour(output, data)
    else:
        writing.replace(output, data)


def nobody_reads() -> None:
    """Write to nobody from now on: the reader (head, less) has gone, which is no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def masked_text(text: str) -> str:
    """A text without what is a secret by its form, or known as one."""
    return with_masks(text, sorted(form_spans(text) + known_spans(text)))
