"""The pages of ``docs/reference``, made of the registries: ``python -m tests.reference``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from dsv4_env.cli import COMMANDS, HELP_SECTIONS, cli
from dsv4_env.exporters import EXPORTERS
from dsv4_env.lint.known import all_rules, rule_text
from dsv4_env.profile.schema import json_schema
from dsv4_env.readers import KINDS
from dsv4_env.reporters import REPORTERS

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by `python -m tests.reference`: edit what it is made of. -->"
WIDTH = 80


def _cell(text: str) -> str:
    """What stands in a table: bars would end its cell, and tags aren't meant."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _table(*rows: tuple[str, ...]) -> str:
    head, *rest = rows
    lines = [head, tuple("---" for _ in head), *(tuple(map(_cell, row)) for row in rest)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", MADE, *parts)) + "\n"


def _helps(command: click.Command, parent: click.Context, depth: int = 2) -> Iterator[str]:
    """The help of a command and of those below it, as a terminal of the usual width shows it."""
    context = click.Context(command, parent, command.name, terminal_width=WIDTH)
    yield f"{'#' * depth} {context.command_path.partition(' ')[2]}"
    yield f"```text\n{command.get_help(context).strip()}\n```"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _helps(below, context, depth + 1)


def commands() -> str:
    """The help of every command, in the order that ``dsv4-env --help`` has."""
    context = click.Context(cli, info_name="dsv4-env", **cli.context_settings)
    order = [name for names in HELP_SECTIONS.values() for name in names]
    parts: list[str] = []
    for name in [*order, *(name for name in COMMANDS if name not in order)]:
        command = cli.get_command(context, name)
        assert command is not None
        parts += _helps(command, context)
    codes = "Exit codes: 0 clean, 1 findings or drift, 2 wrong usage or a file that can't be read."
    return _page("Commands", codes, *parts)


def _shape(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a word or two."""
    if "enum" in schema:
        return ", ".join(f'"{value}"' for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"]).lower()
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_shape(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_shape(schema.get('items', {}))}"
    return {"object": "table"}.get(schema.get("type", ""), str(schema.get("type", "any value")))


def _keys(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, ...]]:
    """Each key that a table may have, with those of the tables and lists of tables in it."""
    for key, value in schema.get("properties", {}).items():
        yield f"`{path}{key}`", _shape(value), value.get("description", "")
        # A block has most keys of a layer again: they are told once.
        if not path:
            yield from _keys(value, f"{key}.")
            yield from _keys(value.get("items", {}), f"{key}[].")


def layers() -> str:
    """Each key of a layer, of its schema."""
    about = (
        "A layer is a file in TOML; [Profiles and layers](../howto/profiles.md) tells how layers "
        "make a profile. These are its keys; `dsv4-env schema` prints the JSON Schema that an "
        "editor completes with."
    )
    return _page("Layers", about, _table(("key", "value", "what it is"), *_keys(json_schema())))


def rules() -> str:
    """Each rule: its id, name and severity, what to do about it, and an example."""
    about = (
        "Findings of `check`, `diff` and `report` come first, those of `lint` after them. "
        "`dsv4-env rule ID` prints one of them."
    )
    return _page("Rules", about, *(rule_text(rule).strip() for rule in all_rules().values()))


def formats() -> str:
    """What is read, what is exported, and how findings are reported."""
    holds = {"env": "variables", "args": "arguments", "env args": "variables and arguments"}
    return _page(
        "Formats",
        "## Files that are read",
        "The first kind that fits counts: by the file's path, else by what it holds.",
        _table(
            ("reader", "a file of it is", "`sync` edits it"),
            *((f"`{k.name}`", k.summary or k.one, "yes" if k.editable else "no") for k in KINDS),
        ),
        "## Exports",
        "`dsv4-env export PROFILE -f FORMAT`.",
        _table(
            ("format", "what it is for", "holds"),
            *(
                (f"`{e.name}`", e.summary.replace("`", "\\`"), holds[e.holds])
                for e in EXPORTERS.values()
            ),
        ),
        "## Reports",
        "`dsv4-env check -f FORMAT`, or `--output FORMAT=FILE`.",
        _table(("format", "what it is"), *((f"`{r.name}`", r.summary) for r in REPORTERS.values())),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "layers.md": layers,
    "rules.md": rules,
    "formats.md": formats,
}


def write() -> None:
    """Write every page anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, made in PAGES.items():
        (FOLDER / name).write_text(made())


if __name__ == "__main__":
    write()
