"""The help: every command has examples that are right, and a place in the list of commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from dsv4_env.cli import COMMANDS, HELP_SECTIONS, cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result


def loaded(group: click.Group) -> dict[str, click.Command]:
    """Every command of a group by name."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in loaded(group).items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def examples(help_: str) -> list[list[str]]:
    """The words behind each ``dsv4-env`` of the examples."""
    _, found, text = help_.partition("Examples:\n")
    lines = text.split("\n\n")[0] if found else ""
    return [
        shlex.split(match.partition("   ")[0], comments=True)
        for match in re.findall(r"dsv4-env ([^)>\n]*)", lines)
    ]


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = cli
    rest = list(words)
    while isinstance(command, click.Group) and rest and rest[0] in loaded(command):
        command = loaded(command)[rest.pop(0)]
    return command, rest


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_command_has_examples_of_itself(
    path: tuple[str, ...], run: Callable[..., Result]
) -> None:
    result = run(*path, "--help")
    assert result.code == 0
    own, _ = resolved(list(path))
    found = examples(result.out)
    assert found, "no examples"
    for words in found:
        command, rest = resolved(words)
        assert command is own or isinstance(own, click.Group), words
        assert not isinstance(command, click.Group), words
        names = {option for p in command.params for option in p.opts}
        if command.context_settings.get("ignore_unknown_options"):
            continue  # its operand may be a flag of the server
        for word in rest[: rest.index("--")] if "--" in rest else rest:
            assert (
                not word.startswith("-")
                or word.partition("=")[0] in names
                or follows(rest, word, command)
            ), f"{' '.join(words)}: {word}"


def follows(rest: list[str], word: str, command: click.Command) -> bool:
    """Whether a word is the value of the option before it."""
    before = rest[rest.index(word) - 1]
    return any(
        before in p.opts and isinstance(p, click.Option) and not p.is_flag for p in command.params
    )


def test_the_list_of_commands_has_them_all_by_what_they_are_for(run: Callable[..., Result]) -> None:
    out = run("--help").out
    listed = [name for names in HELP_SECTIONS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert sorted(set(COMMANDS) - set(listed)) == []
    for title, names in HELP_SECTIONS.items():
        section = out.split(f"\n{title}:\n")[1].split("\n\n")[0]
        shown = [line.split()[0] for line in section.splitlines()]
        assert shown == [name for name in names if name in COMMANDS]
    assert (
        "..." not in out.partition("Options:")[2]
    )  # each line says what its command does to the end
    assert "More:" not in out


def test_the_examples_of_the_tool_itself() -> None:
    found = examples(cli.epilog or "")
    assert len(found) == 5
    for words in found:
        assert not isinstance(resolved(words)[0], click.Group)


def test_the_summaries_are_those_of_the_commands() -> None:
    assert {n: c.get_short_help_str(200) for n, c in loaded(cli).items()} == {
        name: summary for name, (_, summary) in COMMANDS.items()
    }


@pytest.mark.parametrize("target", ["/dev/full", None])
def test_what_cannot_be_written_is_told(target: str | None) -> None:
    redirect = ">&-" if target is None else f"> {target}"
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m dsv4_env export pro-fp4 {redirect}', sys.executable],
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("dsv4-env: error: ")
