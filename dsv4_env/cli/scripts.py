"""``capture``, and how a launch that was read from a script is shown."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import click

from dsv4_env.cli.common import Inputs, color_option, input_options, tell, use_color, write
from dsv4_env.cli.operands import Operand, file_launches
from dsv4_env.guard.files import read_bytes
from dsv4_env.model import (
    EnvVar,
    LaunchConfig,
    Location,
    Outside,
    ServerArg,
    Unknown,
    Value,
    shown_path,
)
from dsv4_env.model.condition import Condition
from dsv4_env.model.errors import UsageError, shortened
from dsv4_env.model.quoting import word
from dsv4_env.model.secrets import MASK, hidden, masked, scrubbed, unknown_masked
from dsv4_env.model.secrets.met import meet

Row: TypeAlias = tuple[str, str, str, str]
"""One row of a table: name, value, a remark on it, and where it is set."""


def shown(location: Location | None) -> str:
    """A location with its path relative to the current folder where it lies below it."""
    if location is None:
        return ""
    path = shown_path(location.path, str(Path.cwd()))
    return str(Location(path, location.line, location.column))


def text(name: str, value: Value) -> str:
    """A value as one line of text, secrets masked."""
    if isinstance(value, str):
        return shortened(masked(name, value))
    if isinstance(value, Outside):
        return str(value)
    if value.default is not None:
        told = shortened(unknown_masked(name, value, value.default)) or '""'
        return f"{told} unless {', '.join(value.names)} is set"
    return f"<{shortened(masked(name, value.text))}> unknown: {value.reason}"


def describe(config: LaunchConfig, *, origin: bool = False) -> dict[str, Any]:
    """A launch as plain data, secrets masked; with *origin* each setting has who set it."""

    def value(name: str, value: Value) -> Any:
        if not isinstance(value, Unknown):
            return masked(name, value)
        if isinstance(value, Outside):
            return {"from-environment": True}
        fields: dict[str, Any] = {"unknown": masked(name, value.text), "reason": value.reason}
        if value.names:
            fields["names"] = list(value.names)
        if value.default is not None:
            fields["default"] = unknown_masked(name, value, value.default)
        return fields

    def chain(name: str, setting: EnvVar | ServerArg) -> dict[str, Any]:
        if not origin:
            return {}
        setters = [
            {
                "name": o.name,
                "value": None if o.value is None else masked(name, o.value),
                "location": shown(o.location),
            }
            for o in setting.origin.chain()
        ]
        return {"origin": setters}

    found: dict[str, Any] = {
        "path": config.name,
        "line": config.location.line if config.location else None,
        "command": [value("", w) for w in config.command],
        "when": _when(config.condition),
        "env": [
            {
                "name": e.name,
                "value": value(e.name, e.value),
                "when": _when(e.condition),
                "superseded": e.superseded,
                "location": shown(e.location),
                **chain(e.name, e),
            }
            for e in config.env
        ],
        "args": [
            {
                "flag": a.flag,
                "values": [value(a.flag or "", v) for v in a.values],
                "when": _when(a.condition),
                "location": shown(a.location),
                **chain(a.flag or "", a),
            }
            for a in config.args or ()
        ],
        "required": [r.name for r in config.required],
        "notes": [n.message for n in config.notes],
        "partial": config.partial,
    }
    return found


def _when(condition: Condition | None) -> str | None:
    return None if condition is None else str(condition)


def without_secrets(data: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tables of a profile: the path of a model may hold a password."""
    return {
        table: {k: masked(k, v) if isinstance(v, str) else v for k, v in values.items()}
        for table, values in data.items()
    }


def argument(arg: ServerArg) -> str:
    """The values of a server argument, quoted as for a shell, secrets masked."""
    said = [(v, text(arg.flag or "", v)) for v in arg.values]
    return " ".join(t if v != t or MASK in t else word(t) for v, t in said)


def sections(groups: Sequence[tuple[str, Sequence[Row]]], *, color: bool) -> list[str]:
    """Groups of rows under their headings, the columns aligned over all of them."""
    from dsv4_env.model.style import inert, paint, plain

    cells = [(plain(name), plain(value)) for _, rows in groups for name, value, _, _ in rows]
    width = max((len(name) for name, _ in cells), default=0)
    value_width = max((len(value) for _, value in cells if len(value) <= 56), default=0)
    lines: list[str] = []
    for heading, rows in groups:
        lines += ["", paint(heading, "bold", color)] if rows else []
        for name, value, remark, place in rows:
            row = f"  {plain(name):{width}}  {plain(value):{value_width}}"
            row += f"  {plain(remark)}" if remark else ""
            row += paint(f"  {plain(place)}", "dim", color) if place else ""
            lines.append(inert(row.rstrip()))
    return lines


def render(config: LaunchConfig, title: str, *, origin: bool, color: bool) -> str:
    """A launch as aligned text."""
    from dsv4_env.model.style import paint, plain

    def row(name: str, value: str, setting: EnvVar | ServerArg) -> Row:
        when = f"when {setting.condition}" if setting.condition else ""
        again = "(set again later)" if setting.superseded else ""
        remark = "  ".join(filter(None, (when, again)))
        return name, value, remark, shown(setting.location) if origin else ""

    command = " ".join(str(w) for w in config.command)
    behind = f": {plain(command)}" if command else ""
    lines = [paint(plain(title), "bold", color) + behind]
    if config.condition:
        lines.append(f"when {plain(str(config.condition))}")
    groups = [
        ("Environment", [row(e.name, text(e.name, e.value), e) for e in config.env]),
        ("Server arguments", [row(a.flag or "", argument(a), a) for a in config.args or ()]),
        ("Required inputs", [(r.name, shown(r.location), "", "") for r in config.required]),
    ]
    lines += sections(groups, color=color)
    lines += [paint(f"note: {plain(n.message)}", "dim", color) for n in config.notes]
    return "\n".join(lines) + "\n"


def titled(launches: list[LaunchConfig]) -> list[tuple[str, LaunchConfig]]:
    """Each launch with the operand that names it."""
    found: list[tuple[str, LaunchConfig]] = []
    for index, config in enumerate(launches, 1):
        line = config.location.line if config.location else None
        name = config.name if len(launches) == 1 else f"{config.name}#{index}"
        found.append((f"{name} (line {line})" if line else name, config))
    return found


def write_launches(
    launches: list[LaunchConfig], *, as_json: bool, origin: bool, color: bool
) -> None:
    """Print launches as text or JSON, without secrets."""
    launches = list(map(hidden, launches))
    if as_json:
        data = [describe(config, origin=origin) for config in launches]
        write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        return
    texts = [
        render(config, title, origin=origin, color=color) for title, config in titled(launches)
    ]
    from dsv4_env.model.style import inert

    write(inert("\n".join(texts)))


@click.command()
@click.argument("script", type=click.Path(path_type=Path))
@input_options
@click.option(
    "--timeout", default=30.0, show_default=True, metavar="SECONDS", help="End the run after this."
)
@click.option("--yes-run-it", is_flag=True, help="Run the script without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of the launches.")
@color_option
def capture(
    script: Path, inputs: Inputs, timeout: float, yes_run_it: bool, as_json: bool, color: str
) -> int:
    """Run SCRIPT with recorders for launchers; say what they got.

    The script runs for real, in a temporary folder with a clean environment, without network
    where the system can take it away, and its docker, curl, ssh, sleep and the like do nothing.
    Where what was read without running differs from what happened, that is said; exit code 1 then.

    \b
    Examples:
      dsv4-env capture run_dsv4.sh
      dsv4-env capture run_dsv4.sh --set TP=8 --arg --fp8 --yes-run-it
    """
    from dsv4_env.server import capture as shadow

    if not script.is_file():
        shadow.capture(script)  # says what is wrong with it
    if not yes_run_it:
        if not sys.stdin.isatty():
            raise UsageError(f"{script} would be run for real", expected="--yes-run-it")
        click.confirm(f"Run {script} for real, its launchers replaced?", abort=True, err=True)
    if shadow.isolation() == "none":
        tell(
            "dsv4-env: warning: neither bubblewrap nor unshare works here: the script runs with "
            "your network and your files"
        )
    meet(read_bytes(script))
    found = shadow.capture(script, inputs=inputs.variables, args=inputs.args or (), timeout=timeout)
    launches = list(found.launches)
    for config in launches:
        meet(config)
    write_launches(launches, as_json=as_json, origin=False, color=use_color(color))
    for note in found.notes:
        tell(f"note: {scrubbed(note)}")
    if found.exit_code is None:
        tell(f"note: ended after {timeout:g} s")
    elif found.exit_code:
        tell(f"note: the script ended with {found.exit_code}: {scrubbed(found.errors.strip())}")
    return _against_static(script, inputs, launches)


def _against_static(script: Path, inputs: Inputs, launches: list[LaunchConfig]) -> int:
    """Say where the reading without a run differs; 1 when a value that it knew is another."""
    from dsv4_env.compare.differences import Kind, diff
    from dsv4_env.compare.findings import show

    closed = Inputs(inputs.variables, inputs.args or (), inputs.root, closed=True)
    static = file_launches(Operand(str(script)), closed)[2]
    wrong = 0
    if len(static) != len(launches):
        tell(f"static: {len(static)} launches were read, {len(launches)} happened")
    for number, (read, happened) in enumerate(zip(static, launches, strict=False), 1):
        for d in diff(_without_inputs(read, happened, inputs), happened):
            if d.kind is Kind.REORDERED:
                continue
            known = d.kind is not Kind.UNKNOWN and d.condition is None
            wrong += known
            sides = [
                "nothing" if words is None else show(d.name, words) for words in (d.left, d.right)
            ]
            if d.condition:
                sides[0] += f" ({scrubbed(str(d.condition))})"
            verdict = "differs" if known else "unknown"
            tell(
                f"static: {verdict}: {d.name} of launch {number} was read as {sides[0]}, "
                f"and was {sides[1]}"
            )
    if not wrong and len(static) == len(launches):
        tell("static: all that was known without a run is what happened")
    return 1 if wrong or len(static) > len(launches) else 0


def _without_inputs(read: LaunchConfig, happened: LaunchConfig, inputs: Inputs) -> LaunchConfig:
    """The launch without variables that arrived as they were given, which the run doesn't show."""
    seen = {e.name for e in happened.env}
    gone = {
        name
        for name, setting in read.effective_env.items()
        if name not in seen and inputs.variables.get(name) == setting.value
    }
    return replace(read, env=tuple(e for e in read.env if e.name not in gone))


COMMANDS = (capture,)
