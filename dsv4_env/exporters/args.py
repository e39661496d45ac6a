"""The server arguments as one line that a shell takes apart again."""

from __future__ import annotations

import re

from dsv4_env.exporters.known import known_args
from dsv4_env.model import LaunchConfig
from dsv4_env.quoting import sh

_SAFE = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")


def export(config: LaunchConfig) -> str:
    """One shell-quoted line; words that no shell would change stay bare."""
    return " ".join(w if _SAFE.fullmatch(w) else sh(w) for w in known_args(config)) + "\n"
