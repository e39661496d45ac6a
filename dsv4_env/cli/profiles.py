"""``list``, ``show``, ``export`` and ``lock``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli.common import (
    Inputs,
    color_option,
    input_options,
    is_script,
    profile_folder,
    profiles_option,
    script_launches,
    split_operand,
    use_color,
    write,
)
from dsv4_env.cli.scripts import describe, shown, write_launches
from dsv4_env.errors import UsageError
from dsv4_env.exporters import EXPORTERS
from dsv4_env.model import Location, Origin, masked
from dsv4_env.profile import (
    Profile,
    layer_files,
    load_all,
    load_profile,
    resolve_all,
    shipped_dir,
)
from dsv4_env.readers import choose


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array instead of a table.")
@profiles_option
def list_(as_json: bool, folder: Path | None) -> None:
    """List the profiles: name, what it is, the layers it is made of (lowest first)."""
    profiles = load_all(profile_folder(folder))
    if as_json:
        items = [
            {"name": p.name, "description": p.description, "layers": p.layers, **p.data}
            for p in profiles.values()
        ]
        write(json.dumps(items, indent=2, ensure_ascii=False) + "\n")
        return
    rows = [(p.name, p.description, " → ".join(p.layers)) for p in profiles.values()]
    write(_table(sorted(rows)))


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in rows
    )


@click.command()
@click.argument("name", metavar="PROFILE|SCRIPT")
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--origin", is_flag=True, help="Say where each value is set, and what it overrode.")
@profiles_option
@color_option
def show(
    name: str, inputs: Inputs, as_json: bool, origin: bool, folder: Path | None, color: str
) -> None:
    """Show what a profile holds, or what a launch script does, as an aligned table.

    Of a script it shows each launch: what its server gets, under which condition, what can't be
    known and why, and which inputs it demands. Nothing is run. Secrets are masked.

    \b
    Examples:
      dsv4-env show flash-fp4
      dsv4-env show pro-fp8 --origin
      dsv4-env show run_dsv4.sh --set TP=8 --arg --fp8
      dsv4-env show run_dsv4.sh#2 --closed
    """
    if name not in layer_files(profile_folder(folder)) and is_script(name):
        path, number, line = split_operand(name)
        launches = script_launches(path, inputs)
        if number is not None or line is not None or not launches:
            launches = [choose(launches, path, launch=number, line=line)]
        write_launches(launches, as_json=as_json, origin=origin, color=use_color(color))
        return
    from dsv4_env.reporters.style import paint, plain

    profile = load_profile(name, profile_folder(folder))
    if as_json:
        write(json.dumps(describe(profile.config), indent=2, ensure_ascii=False) + "\n")
        return
    painted = use_color(color)
    sections: list[tuple[str, list[tuple[str, str, Origin | None]]]] = [
        (
            "Environment",
            [(e.name, masked(e.name, str(e.value)), e.origin) for e in profile.config.env],
        ),
        ("Server arguments", _arguments(profile)),
        ("About", _about(profile)),
    ]
    entries = [row for _, rows in sections for row in rows]
    name_width = max((len(row[0]) for row in entries), default=0)
    value_width = max((len(row[1]) for row in entries if len(row[1]) <= 56), default=0)
    title = paint(profile.name, "bold", painted)
    lines = [f"{title}: {profile.description}" if profile.description else title]
    for title, rows in sections:
        lines += ["", paint(title, "bold", painted)] if rows else []
        for key, value, setter in rows:
            row = f"  {plain(key):{name_width}}  {plain(value):{value_width}}"
            if origin and setter is not None:
                row += paint(f"  {_chain(key, setter)}", "dim", painted)
            lines.append(row.rstrip())
    write("".join(f"{line}\n" for line in lines))


def _arguments(profile: Profile) -> list[tuple[str, str, Origin | None]]:
    return [
        (a.flag or "", " ".join(masked(a.flag or "", str(v)) for v in a.values), a.origin)
        for a in profile.config.args or ()
    ]


def _about(profile: Profile) -> list[tuple[str, str, Origin | None]]:
    rows: list[tuple[str, str, Origin | None]] = []
    for table, values in profile.data.items():
        for key, value in values.items():
            rows.append((f"{table}.{key}", str(value), profile.origins.get((table, key))))
    return rows


def _chain(name: str, origin: Origin) -> str:
    texts: list[str] = []
    for setter in origin.chain():
        text = f"{setter.name} ({shown(setter.location)})"
        if texts:
            value = "unset" if setter.value is None else f'"{masked(name, setter.value)}"'
            text = f"overrode {value} of {text}"
        texts.append(text)
    return ", ".join(texts)


@click.command()
@click.argument("name", metavar="PROFILE")
@click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(list(EXPORTERS)),
    default="shell",
    show_default=True,
    help="; ".join(f"{e.name}: {e.summary}" for e in EXPORTERS.values()) + ".",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a file (in one step) instead of standard output.",
)
@profiles_option
def export(name: str, format_: str, output: Path | None, folder: Path | None) -> None:
    """Write a profile for a shell, a test or another program.

    When it fails, the shell format prints `false`, so that eval "$(dsv4-env export …)" fails too.

    \b
    Examples:
      eval "$(dsv4-env export flash-fp4)"
      eval "python3 -m sglang.launch_server --model-path M $(dsv4-env export flash-fp4 -f args)"
      dsv4-env export pro-fp8 --format python
    """
    write(EXPORTERS[format_](load_profile(name, profile_folder(folder)).config), output)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the lock is old.")
@profiles_option
def lock(check: bool, folder: Path | None) -> int:
    """Write profiles.lock.json: the resolved profiles, so that `export` starts at once.

    The lock is only used while it matches the layers byte for byte, so it may be old or absent:
    the layers are then read themselves, which takes some 0.2 s longer.
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
    profiles: dict[str, Any] = resolve_all(files)
    write(locks.dump(profiles, files), path)
    write(f"wrote {shown(Location(str(path)))}: {len(profiles)} profiles\n")
    return 0


COMMANDS = (list_, show, export, lock)
