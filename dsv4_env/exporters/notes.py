"""Where each setting comes from, as the lines of comments that ``--prefix-comment`` asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dsv4_env import __version__
from dsv4_env.exporters import ExportOptions
from dsv4_env.exporters.known import comment, provenance
from dsv4_env.model import LaunchConfig


@dataclass(frozen=True, slots=True)
class Notes:
    """The texts of comments: for the top, and above each setting; none unless asked for."""

    head: Sequence[str] = ()
    variables: dict[str, str] = field(default_factory=dict)
    arguments: Sequence[tuple[str, str]] = ()

    def env(self, name: str) -> list[str]:
        """Above a variable."""
        return [self.variables[name]] if self.variables else []

    def arg(self, index: int) -> list[str]:
        """Above a server argument, by its number."""
        return [self.arguments[index][1]] if self.arguments else []


def notes(config: LaunchConfig, options: ExportOptions) -> Notes:
    """The comments of a launch."""
    if not options.prefix_comment:
        return Notes()
    return Notes(
        [f"{comment(config.name)}, exported by dsv4-env {__version__}"],
        {s.name: provenance(s.origin) for s in config.env if not s.superseded},
        [(comment(a.flag or "an argument"), provenance(a.origin)) for a in config.args or ()],
    )
