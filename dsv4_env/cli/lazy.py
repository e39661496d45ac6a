"""Commands that are imported when they run, so that none pays for the others."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of which *modules* names the module of each command that isn't there yet.

    A module lists its commands as ``COMMANDS``.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, imported or not."""
        return sorted({*self.commands, *self.modules})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command of a name; its module is imported for it."""
        if name in self.modules and name not in self.commands:
            for command in importlib.import_module(self.modules[name]).COMMANDS:
                command.context_settings.setdefault("max_content_width", 100)
                self.add_command(command)
        return super().get_command(ctx, name)
