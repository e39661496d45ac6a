"""Which target of a profile the running command asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dsv4_env.profile import Wanted


def wanted() -> Wanted:
    """What the options of the running command ask for; nothing outside of one."""
    context = click.get_current_context(silent=True)
    given: dict[str, Any] = context.meta.get(__name__, {}) if context else {}
    return Wanted(**given)


def remember(**asked: Any) -> None:
    """Ask for more, as if options of the running command had."""
    context = click.get_current_context()
    context.meta.setdefault(__name__, {}).update(asked)


def remembered(key: str, made: Callable[[Any], Any] | None = None) -> Callable[..., Any]:
    """A callback that keeps what an option gives for :func:`wanted`; *made* is what it arrives as.

    *key* is the field of Wanted.
    """

    def keep(context: click.Context, _: click.Parameter, value: Any) -> Any:
        if value is not None:
            context.meta.setdefault(__name__, {})[key] = value
        return value if made is None or value is None else made(value)

    return keep
