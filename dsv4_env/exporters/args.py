"""The server arguments as one line that a shell takes apart again."""

from __future__ import annotations

from dsv4_env.exporters.known import known_args
from dsv4_env.model import LaunchConfig
from dsv4_env.quoting import word


def export(config: LaunchConfig) -> str:
    """One shell-quoted line; words that no shell would change stay bare."""
    return " ".join(map(word, known_args(config))) + "\n"
