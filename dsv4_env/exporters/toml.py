"""TOML that is itself a profile layer: the same settings, flattened."""

from __future__ import annotations

from typing import Any

from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.flags import by_flag
from dsv4_env.exporters.known import TEXT, Limits, env_or_outside
from dsv4_env.exporters.notes import notes
from dsv4_env.model import FROM_ENVIRONMENT, LaunchConfig

_LIMITS = Limits("TOML", TEXT.cannot)


def export(config: LaunchConfig, options: ExportOptions) -> str:
    """The tables ``[env]`` and ``[args]``. Raises ExportError for words that no flag owns."""
    import tomli_w

    said = notes(config, options)
    flags = by_flag(config, _LIMITS, "a profile has no positional arguments")
    rows = [*(f"# {text}\n" for text in said.head), "[env]\n"]
    for name, value in env_or_outside(config, _LIMITS).items():
        line = f"{name} = {FROM_ENVIRONMENT}\n" if value is None else tomli_w.dumps({name: value})
        rows += [*(f"# {text}\n" for text in said.env(name)), line]
    rows.append("\n[args]\n")
    for flag, (index, found) in flags.items():
        rows += [*(f"# {text}\n" for text in said.arg(index)), tomli_w.dumps({flag: _value(found)})]
    return "".join(rows)


def _value(found: list[list[str]]) -> Any:
    if found == [[]]:
        return True
    if len(found) > 1:
        return found
    return found[0][0] if len(found[0]) == 1 else found[0]
