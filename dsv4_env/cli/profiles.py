"""``list``, ``lock`` and ``schema``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from dsv4_env.cli.options import output_option, profiles_option
from dsv4_env.cli.output import table, write
from dsv4_env.cli.rendering import about, shown_place
from dsv4_env.cli.settings import profile_folder
from dsv4_env.cli.wanted import wanted
from dsv4_env.model import Location
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import layer_files, load_all, lock as locks, locked_all, shipped_dir


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
@profiles_option
def list_(as_json: bool, folder: Path | None) -> None:
    """List the profiles and the layers they are made of.

    \b
    Examples:
      dsv4-env list
      dsv4-env list --json --profiles launch/profiles
    """
    profiles = load_all(profile_folder(folder), wanted())
    if as_json:
        items = [about(profile) for profile in profiles.values()]
        write(json.dumps(items, indent=2, ensure_ascii=False) + "\n")
        return
    rows = [(p.name, p.description, " → ".join(p.layers)) for p in profiles.values()]
    write(table(sorted(rows)))


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
    files = layer_files(own)
    path = locks.lock_path(own)
    if check:
        fresh = locks.read_lock(path, files) is not None
        write(f"{shown_place(Location(str(path)))} is {'up to date' if fresh else 'old'}\n")
        return 0 if fresh else 1
    profiles = locked_all(files)
    write(locks.dump_lock(profiles, files), path, hands_on=True)
    write(f"wrote {shown_place(Location(str(path)))}: {len(profiles)} profiles\n")
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
