"""What a shell is offered for profiles, layers, files and folders."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from dsv4_env.cli.settings import profile_folder
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.profile import layer_bytes, layer_files, shipped_dir
from dsv4_env.profile.lock import lock_path

CompletionItems = list[CompletionItem]


def starting(names: Iterable[str], incomplete: str) -> CompletionItems:
    """The names that begin with what is typed."""
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def layers(ctx: click.Context) -> tuple[set[str], set[str]]:
    """The names of profiles, and of layers that are none, by the files' names and their lock."""
    try:
        own = profile_folder(ctx.params.get("folder"))
        names = set(layer_files(own))
    except Dsv4Error:
        own, names = None, set(layer_files())
    abstract: set[str] = set()
    for folder in ([own] if own else []) + [shipped_dir()]:
        try:
            locked = json.loads(layer_bytes(lock_path(folder)))["profiles"]
            abstract |= {x for p in locked.values() for x in p["layers"] if x not in locked}
        except (Dsv4Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue  # without a lock every layer may be a profile
    return names - abstract, names & abstract


def offered_profiles(ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
    """Names of profiles."""
    return starting(layers(ctx)[0], incomplete)


def offered_operands(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> CompletionItems:
    """Names of profiles, and files."""
    return offered_profiles(ctx, param, incomplete) + offered_files(ctx, param, incomplete)


def offered_files(_ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
    """Files, which the shell itself finds."""
    return [CompletionItem(incomplete, type="file")]


def offered_folders(_ctx: click.Context, _: click.Parameter, incomplete: str) -> CompletionItems:
    """Folders, which the shell itself finds."""
    return [CompletionItem(incomplete, type="dir")]
