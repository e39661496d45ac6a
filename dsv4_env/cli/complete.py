"""What a shell is offered for profiles, layers, files and folders."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from dsv4_env.cli.settings import profile_folder
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.hardware import ACCELERATORS
from dsv4_env.profile import layer_bytes, layer_files, shipped_dir
from dsv4_env.profile.lock import lock_path

CompletionItems = list[CompletionItem]


def starting(names: Iterable[str], incomplete: str) -> CompletionItems:
    """The names that begin with what is typed."""
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def layers(ctx: click.Context) -> tuple[set[str], set[str]]:
    """The names of profiles, and of layers that are none, by the files' names and their lock."""
    own, files = _own(ctx)
    names = set(files)
    abstract = set(_overlays(files))
    for locked in _locked(own):
        abstract |= {x for taken, _ in locked.values() for x in taken} - set(locked)
    return names - abstract, names & abstract  # without a lock every layer may be a profile


def _own(ctx: click.Context) -> tuple[Path | None, dict[str, Path]]:
    """The folder that is set, where it can be read, and the files of all layers."""
    try:
        own = profile_folder(ctx.params.get("folder"))
        return own, layer_files(own)
    except Dsv4Error:
        return None, layer_files()


def _locked(own: Path | None) -> list[dict[str, tuple[set[str], set[str]]]]:
    """Give the layers and the hardware of each profile, lock by lock, be a lock old or not."""
    found = []
    for folder in ([own] if own else []) + [shipped_dir()]:
        try:
            profiles = json.loads(layer_bytes(lock_path(folder)))["profiles"]
            found.append(
                {
                    name: (
                        {x for row in rows for x in row["layers"]},
                        {row["target"][0] for row in rows if row["target"][0]},
                    )
                    for name, rows in profiles.items()
                }
            )
        except (Dsv4Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue
    return found


def _overlays(files: Mapping[str, Path]) -> dict[str, list[str]]:
    """The overlays by name, each with those that it excludes."""
    found: dict[str, list[str]] = {}
    for name, file in files.items():
        try:
            text = layer_bytes(file)
            if b"overlay" in text:  # to parse every layer takes longer than all else
                layer = tomllib.loads(text.decode())
                if layer.get("overlay") is True:
                    found[name] = [str(x) for x in layer.get("excludes", ())]
        except (Dsv4Error, ValueError, TypeError, RecursionError):
            continue  # a layer that is wrong is told by whatever loads it
    return found


def offered_profiles(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> CompletionItems:
    """Names of profiles; behind ``NAME+`` the overlays, behind ``NAME@`` the hardware."""
    spec, at, _ = incomplete.partition("@")
    base, plus, more = spec.partition("+")
    names, _ = layers(ctx)
    if not plus and not at:
        return starting(names, incomplete)
    if base not in names:
        return []
    own, files = _own(ctx)
    if at:
        return starting((f"{spec}@{h}" for h in _hardware_of(base, own)), incomplete)
    *taken, _ = more.split("+")
    known = _overlays(files)
    left = [
        name
        for name, excluded in known.items()
        if name not in taken
        and not any(other in excluded or name in known.get(other, ()) for other in taken)
    ]
    return starting(("+".join((base, *taken, name)) for name in left), incomplete)


def _hardware_of(base: str, own: Path | None) -> Iterable[str]:
    """The hardware of a profile's targets; all there is where none of its targets is known.

    The lock of an own folder has the usual target alone; others are those of what it extends.
    """
    locks = _locked(own)
    names = {base}.union(*(locked[base][0] for locked in locks if base in locked))
    found = {h for locked in locks for name in names & set(locked) for h in locked[name][1]}
    return found or ACCELERATORS


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
