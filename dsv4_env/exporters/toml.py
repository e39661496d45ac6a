"""TOML that is itself a profile layer: the same settings, flattened."""

from __future__ import annotations

from typing import Any

from dsv4_env.errors import ExportError
from dsv4_env.exporters.known import known_args, known_env
from dsv4_env.model import LaunchConfig


def export(config: LaunchConfig) -> str:
    """The tables ``[env]`` and ``[args]``. Raises ExportError for words that no flag owns."""
    import tomli_w

    known_args(config)
    occurrences: dict[str, list[list[str]]] = {}
    for arg in config.args or ():
        words = [w for w in arg.values if isinstance(w, str)]
        if arg.flag is None:
            raise ExportError(
                f"the argument {' '.join(words)} belongs to no flag",
                where=arg.location,
                expected="only flags with their values: a profile has no positional arguments",
            )
        occurrences.setdefault(arg.flag, []).append(words)
    args = {flag: _value(found) for flag, found in occurrences.items()}
    return tomli_w.dumps({"env": known_env(config), "args": args})


def _value(found: list[list[str]]) -> Any:
    if found == [[]]:
        return True
    if len(found) > 1:
        return found
    return found[0][0] if len(found[0]) == 1 else found[0]
