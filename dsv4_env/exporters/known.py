"""What every exporter needs: the values, or a refusal where one isn't known."""

from __future__ import annotations

from dsv4_env.errors import ExportError
from dsv4_env.model import LaunchConfig, Unknown


def known_env(config: LaunchConfig) -> dict[str, str]:
    """Name to value, in order. Raises ExportError for an unknown value."""
    env: dict[str, str] = {}
    for setting in config.env:
        if setting.superseded:
            continue
        if isinstance(setting.value, Unknown):
            raise ExportError(
                f"{setting.name} is unknown: {setting.value.reason}", where=setting.location
            )
        env[setting.name] = setting.value
    return env


def known_args(config: LaunchConfig) -> list[str]:
    """The server arguments as words. Raises ExportError for an unknown one."""
    words: list[str] = []
    for arg in config.args or ():
        for word in arg.words:
            if isinstance(word, Unknown):
                raise ExportError(
                    f"an argument is unknown: {word.text} ({word.reason})", where=arg.location
                )
            words.append(word)
    return words
