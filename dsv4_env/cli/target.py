"""Which target of a profile a command means: its release, hardware, strategy, nodes and role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from dsv4_env.catalogue.entries import TREE
from dsv4_env.catalogue.releases import nearest
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.cli.complete import CompletionItems
from dsv4_env.cli.options import F
from dsv4_env.cli.output import tell
from dsv4_env.cli.wanted import remembered
from dsv4_env.model.hardware import ACCELERATORS


def _offered(values: tuple[str, ...]) -> Callable[..., CompletionItems]:
    def offer(_ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
        return [CompletionItem(v) for v in values if v.startswith(incomplete)]

    return offer


STRATEGIES = ("ci", "low-latency", "balanced", "high-throughput")  # of the shipped profiles
_AXES = (
    click.option(
        "--strategy",
        metavar="STRATEGY",
        callback=remembered("strategy"),
        expose_value=False,
        shell_complete=_offered(STRATEGIES),
        help=f"What the profile is tuned for: {', '.join(STRATEGIES)}. Default: its usual one.",
    ),
    click.option(
        "--role",
        metavar="ROLE",
        callback=remembered("role"),
        expose_value=False,
        shell_complete=_offered(("prefill", "decode")),
        help="The part in disaggregated serving: prefill or decode.",
    ),
)
_NODES = click.option(
    "--nodes",
    metavar="N",
    type=click.IntRange(1),
    callback=remembered("nodes"),
    expose_value=False,
    help="On how many nodes it runs. Default: as many as it has to.",
)


def _release(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Keep the release, and say where another one stands for it."""
    if value is not None and not context.resilient_parsing:
        if value == TREE:
            note = "of a checkout no settings are known: they are those for the newest release"
        else:
            note = nearest(value)[1] or ""
        if note:
            tell(f"dsv4-env: note: {note}")
    kept: str | None = remembered("sglang")(context, option, value)
    return kept


_RELEASE = click.option(
    "--sglang",
    metavar="RELEASE",
    callback=_release,
    expose_value=False,
    shell_complete=_offered(tuple(reversed(RELEASES))),
    help="The release of SGLang. Default: the one that is set, else installed for this Python, "
    "else the newest that the profile is for.",
)
_HARDWARE = click.option(
    "--on",
    metavar="HARDWARE",
    callback=remembered("on"),
    expose_value=False,
    shell_complete=_offered(tuple(ACCELERATORS)),
    help=f"The hardware, as in PROFILE@HARDWARE: {', '.join(ACCELERATORS)}.",
)


def _all(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


target_options = _all(_RELEASE, _HARDWARE, *_AXES, _NODES)
"""All that says which target is meant, for commands that have none of these themselves."""

launch_options = _all(_RELEASE, _HARDWARE, *_AXES)
"""The same without the number of nodes, which such a command has an option of its own for."""

further_options = _all(_HARDWARE, *_AXES, _NODES)
"""What a command that has --sglang lacks."""

axes_options = _all(*_AXES, _NODES)
"""What a command that has --sglang and --on lacks."""
