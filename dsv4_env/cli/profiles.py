"""``list``, ``lock`` and ``schema``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli.options import output_option, profiles_option
from dsv4_env.cli.output import line_width, table, write
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.wanted import wanted
from dsv4_env.model import Location
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import (
    Profile,
    Target,
    known_overlays,
    known_targets,
    layer_files,
    load_all,
    lock as locks,
    locked_all,
    shipped_dir,
)
from dsv4_env.profile.target import Spec
from dsv4_env.reporters.shown import about, shown_place


@click.command("list")
@click.option("--targets", "every", is_flag=True, help="Every target of every profile.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
@profiles_option
def list_(every: bool, as_json: bool, folder: Path | None) -> None:
    """List the profiles, what they run on, and their overlays.

    A profile is named NAME, NAME+OVERLAY or NAME+OVERLAY@HARDWARE, wherever one is named. Without
    more said it is for what stands first: that hardware, and there that strategy.

    \b
    Examples:
      dsv4-env list
      dsv4-env list --targets
      dsv4-env list --json --profiles launch/profiles
    """
    own = profile_folder(folder)
    profiles, targets = load_all(own, wanted()), known_targets(own)
    if as_json:
        items = [
            about(profile) | {"targets": [_target(name, t) for t in targets[name]]}
            for name, profile in profiles.items()
        ]
        write(json.dumps(items, indent=2, ensure_ascii=False) + "\n")
    elif every:
        write(_every(targets))
    else:
        write(_overview(profiles, targets, known_overlays(own)))


def _target(name: str, target: Target) -> dict[str, Any]:
    """A target as plain data; *profile* is how it's named."""
    return {
        "profile": str(Spec(name, target.overlays, target.hardware)),
        "strategy": target.strategy,
        "nodes": target.nodes,
        "role": target.role,
        "verified": target.verified,
    }


def _every(targets: Mapping[str, Sequence[Target]]) -> str:
    """A line for each target."""
    rows = [
        (
            str(Spec(name, t.overlays, t.hardware)),
            t.strategy or "",
            f"{t.nodes} nodes" if t.nodes > 1 else "",
            t.role or "",
            "" if t.verified else "not verified",
        )
        for name, found in sorted(targets.items())
        for t in found
    ]
    return table(rows) if rows else ""


def _overview(
    profiles: Mapping[str, Profile],
    targets: Mapping[str, Sequence[Target]],
    overlays: Mapping[str, str],
) -> str:
    rows = [
        (p.name, p.description, " ".join(_each(t.hardware for t in targets[p.name])))
        for p in profiles.values()
    ]
    text = table(sorted(rows), line_width())
    every = [t for found in targets.values() for t in found]
    if overlays:
        text += "\nOverlays (NAME+OVERLAY)\n"
        text += table([(f"  {name}", what) for name, what in sorted(overlays.items())])
    if every:
        text += f"\nStrategies (--strategy): {', '.join(_each(t.strategy for t in every))}\n"
        text += f"{len(every)} targets (list --targets); NAME@HARDWARE chooses the hardware\n"
    return text


def _each(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(v for v in values if v))


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the lock is old.")
@profiles_option
def lock(check: bool, folder: Path | None) -> int:
    """Write profiles.lock.json, which makes every start faster.

    It holds the resolved profiles. It is only used while it matches the layers byte for byte, so
    it may be old or absent: the layers are then read themselves, which takes some 0.2 s longer.
    No lock is written of layers that hold a secret.

    \b
    Examples:
      dsv4-env lock --profiles launch/profiles
      dsv4-env lock --check
    """
    own = profile_folder(folder) or shipped_dir()
    if not os.access(own, os.W_OK) and not check:
        raise UsageError("the folder can't be written", where=own, expected="--profiles DIR")
    files = layer_files(own, own=False)
    path = locks.lock_path(own)
    if check:
        fresh = locks.read_lock(path, files) is not None
        write(f"{shown_place(Location(str(path)))} is {'up to date' if fresh else 'old'}\n")
        return 0 if fresh else 1
    profiles = locked_all(files)
    write(locks.dump_lock(profiles, files), path, hands_on=True)
    write(f"wrote {shown_place(Location(str(path)))}: {len(profiles.profiles)} profiles\n")
    return 0


@click.command()
@output_option
def schema(output: Path | None) -> None:
    """Print the JSON Schema of a layer's TOML.

    The package has it as dsv4_env/profile/profile.schema.json. An editor that knows TOML (taplo,
    Even Better TOML) completes and checks a layer whose first line names it, by a path relative
    to the layer: `#:schema profile.schema.json`.

    \b
    Examples:
      dsv4-env schema
      dsv4-env schema --output launch/profiles/profile.schema.json
    """
    from dsv4_env.profile.schema import json_schema  # pydantic

    write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", output)


COMMANDS = (list_, lock, schema)
