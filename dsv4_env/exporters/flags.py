"""The server arguments by flag, for formats that hold them as a mapping."""

from __future__ import annotations

from dsv4_env.exporters.known import Limits, known_args
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ExportError


def by_flag(
    config: LaunchConfig, limits: Limits, why: str
) -> dict[str, tuple[int, list[list[str]]]]:
    """Flag to the number of its first argument, and the values each time that it's given.

    Raises ExportError for words that belong to no flag, with *why* they can't be held.
    """
    known_args(config, limits)
    found: dict[str, tuple[int, list[list[str]]]] = {}
    for i, arg in enumerate(config.args or ()):
        words = [w for w in arg.values if isinstance(w, str)]
        if arg.flag is None:
            raise ExportError(
                f"the argument {' '.join(words)} belongs to no flag",
                where=arg.location,
                expected=f"only flags with their values: {why}",
            )
        found.setdefault(arg.flag, (i, []))[1].append(words)
    return found
