"""POSIX shells: one ``export`` line for each variable."""

from __future__ import annotations

from dsv4_env.exporters.known import known_env
from dsv4_env.model import LaunchConfig
from dsv4_env.quoting import sh


def export(config: LaunchConfig) -> str:
    """Lines for ``eval``. The server arguments aren't in it: see the format ``args``."""
    return "".join(f"export {name}={sh(value)}\n" for name, value in known_env(config).items())
