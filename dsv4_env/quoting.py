"""Values written so that their reader gets them back byte for byte."""

from __future__ import annotations


def sh(value: str) -> str:
    """One word for sh, dash, bash and zsh: always quoted, so no shell option can touch it."""
    return "'" + value.replace("'", "'\\''") + "'"
