"""``list``, ``show``, ``lock`` and ``schema``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli import complete
from dsv4_env.cli.common import (
    Inputs,
    color_option,
    input_options,
    profile_folder,
    profiles_option,
    table,
    use_color,
    write,
)
from dsv4_env.cli.operands import launches_of, named_profile
from dsv4_env.cli.scripts import (
    Row,
    argument,
    describe,
    sections,
    shown,
    text,
    without_secrets,
    write_launches,
)
from dsv4_env.model import FROM_ENVIRONMENT, Location, Origin
from dsv4_env.model.errors import UsageError
from dsv4_env.model.secrets import hidden, masked
from dsv4_env.profile import Profile, layer_files, load_all, resolve_all, shipped_dir


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
    profiles = load_all(profile_folder(folder))
    if as_json:
        items = [_item(profile) for profile in profiles.values()]
        write(json.dumps(items, indent=2, ensure_ascii=False) + "\n")
        return
    rows = [(p.name, p.description, " → ".join(p.layers)) for p in profiles.values()]
    write(table(sorted(rows)))


def _item(profile: Profile) -> dict[str, Any]:
    """What a profile is beside its settings, as plain data; secrets are masked."""
    head = {"name": profile.name, "description": profile.description, "layers": profile.layers}
    return {**head, **without_secrets(profile.data)}


@click.command()
@click.argument("name", metavar="PROFILE|FILE", shell_complete=complete.operands)
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--origin", is_flag=True, help="Say where each value is set, and what it overrode.")
@profiles_option
@color_option
def show(
    name: str, inputs: Inputs, as_json: bool, origin: bool, folder: Path | None, color: str
) -> None:
    """Show what a profile holds, or what a file launches.

    A FILE is a script, a test, a workflow or any other that dsv4-env reads, or a running server
    (pid:N, port:N, process:TEXT). Of a file it shows each launch: what its server gets, under
    which condition, what can't be known and why, and which inputs it demands. Nothing is run.
    Secrets are masked.

    \b
    Examples:
      dsv4-env show flash-fp4
      dsv4-env show pro-fp8 --origin
      dsv4-env show run_dsv4.sh --set TP=8 --arg --fp8
      dsv4-env show run_dsv4.sh#2 --closed
    """
    profile = named_profile(name, profile_folder(folder))
    if profile is None:
        launches = launches_of(name, inputs)
        write_launches(launches, as_json=as_json, origin=origin, color=use_color(color))
        return
    from dsv4_env.model.style import paint, plain

    config, painted = hidden(profile.config), use_color(color)
    if as_json:
        settings = describe(config, origin=origin)
        item = _item(profile) | {"env": settings["env"], "args": settings["args"]}
        write(json.dumps(item, indent=2, ensure_ascii=False) + "\n")
        return

    def row(name: str, value: str, setter: Origin | None) -> Row:
        return name, value, "", _chain(name, setter) if origin and setter else ""

    groups = [
        ("Environment", [row(e.name, text(e.name, e.value), e.origin) for e in config.env]),
        (
            "Server arguments",
            [row(a.flag or "", argument(a), a.origin) for a in config.args or ()],
        ),
        (
            "About",
            [
                row(f"{section}.{key}", str(value), profile.origins.get((section, key)))
                for section, values in without_secrets(profile.data).items()
                for key, value in values.items()
            ],
        ),
    ]
    title = paint(profile.name, "bold", painted)
    lines = [f"{title}: {plain(profile.description)}" if profile.description else title]
    write("".join(f"{line}\n" for line in [*lines, *sections(groups, color=painted)]))


def _quoted(name: str, value: str) -> str:
    return value if value == FROM_ENVIRONMENT else f'"{masked(name, value)}"'


def _chain(name: str, origin: Origin) -> str:
    texts: list[str] = []
    for setter in origin.chain():
        text = f"{setter.name} ({shown(setter.location)})"
        if texts:
            value = "unset" if setter.value is None else _quoted(name, setter.value)
            text = f"overrode {value} of {text}"
        texts.append(text)
    return ", ".join(texts)


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
    from dsv4_env.profile import lock as locks

    own = profile_folder(folder) or shipped_dir()
    if not os.access(own, os.W_OK) and not check:
        raise UsageError("the folder can't be written", where=own, expected="--profiles DIR")
    files = layer_files(own)
    path = locks.lock_path(own)
    if check:
        fresh = locks.read(path, files) is not None
        write(f"{shown(Location(str(path)))} is {'up to date' if fresh else 'old'}\n")
        return 0 if fresh else 1
    profiles: dict[str, Profile] = resolve_all(files)
    write(locks.dump(profiles, files), path, hands_on=True)
    write(f"wrote {shown(Location(str(path)))}: {len(profiles)} profiles\n")
    return 0


@click.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file (in one step) instead of standard output.",
)
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
    from dsv4_env.profile.schema import json_schema

    write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", output)


COMMANDS = (list_, show, lock, schema)
