"""JSON for any other program."""

from __future__ import annotations

import json

from dsv4_env.exporters.known import known_args, known_env
from dsv4_env.model import LaunchConfig


def export(config: LaunchConfig) -> str:
    """An object with ``env`` (name to value) and ``args`` (a list of words)."""
    data = {"env": known_env(config), "args": known_args(config)}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
