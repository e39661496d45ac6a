"""Exporters: each writes a LaunchConfig for one kind of reader."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from dsv4_env.model import LaunchConfig


@dataclass(frozen=True, slots=True)
class Exporter:
    """A format: its name on the command line and what it is for; its module has ``export``."""

    name: str
    summary: str

    def __call__(self, config: LaunchConfig) -> str:
        """Write the config in this format."""
        module = importlib.import_module(f"dsv4_env.exporters.{self.name}")
        function: Callable[[LaunchConfig], str] = module.export
        return function(config)


EXPORTERS: dict[str, Exporter] = {
    e.name: e
    for e in (
        Exporter("shell", 'export lines for sh, bash, dash and zsh: eval "$(…)"'),
        Exporter("python", "the dict ENV_VARS and the list OTHER_ARGS of a test file"),
        Exporter("args", "the server arguments as one shell-quoted line"),
        Exporter("json", '{"env": {…}, "args": […]}'),
        Exporter("toml", "the [env] and [args] of a profile layer"),
    )
}
