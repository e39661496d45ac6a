"""Values written so that their reader gets them back byte for byte."""

from __future__ import annotations

import re

_SAFE = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")


def sh(value: str) -> str:
    """One word for sh, dash, bash and zsh: always quoted, so no shell option can touch it."""
    return "'" + value.replace("'", "'\\''") + "'"


def word(value: str) -> str:
    """One word for a shell, bare where no shell would change it."""
    return value if _SAFE.fullmatch(value) else sh(value)
