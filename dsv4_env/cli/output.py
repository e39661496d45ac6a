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


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as aligned columns, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )


def tell(text: str, *, nl: bool = True) -> None:
    """Say something on standard error, without what is a secret by its form."""
    click.echo(inert(_without_secrets(text)), err=True, nl=nl)


def write(text: str, output: Path | None = None, *, hands_on: bool = False) -> None:
    """Print the text, or write the file in one step: it is there whole or as it was.

    A link is followed, and a device or pipe written as it is: neither may be replaced. What is a
    secret by its form is masked here once more, unless the command is there to hand values on.
    """
    data = (text if hands_on else _without_secrets(text)).encode(errors="surrogateescape")
    if output is None or str(output) == "-":
        if sys.stdout is None:
            raise UsageError("standard output is closed", expected="somewhere to write")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    elif output.exists() and not output.is_file():
        writing.pour(output, data)
    else:
        writing.replace(output, data)


def _without_secrets(text: str) -> str:
    return with_masks(text, sorted(form_spans(text) + known_spans(text)))
