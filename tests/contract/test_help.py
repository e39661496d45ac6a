"""The help: every command has examples that are right, and a place in the list of commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import dsv4_env
from dsv4_env.__main__ import HELP, _quick
from dsv4_env.cli import COMMANDS, SECTIONS, cli
from dsv4_env.exporters import EXPORTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Result


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
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
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
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
    listed = [name for names in SECTIONS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert sorted(set(cli.commands) - set(listed)) == []
    for title, names in SECTIONS.items():
        section = out.split(f"\n{title}:\n")[1].split("\n\n")[0]
        shown = [line.split()[0] for line in section.splitlines()]
        assert shown == [name for name in names if name in cli.commands]
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
    assert {n: c.get_short_help_str(200) for n, c in cli.commands.items()} == {
        name: summary for name, (_, summary) in COMMANDS.items()
    }


def program(*words: str, **environ: str) -> str:
    """What the program prints, started as users start it."""
    done = subprocess.run(
        [sys.executable, "-m", "dsv4_env", *words],
        env={**{n: v for n, v in os.environ.items() if n != "COLUMNS"}, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_quick_help_is_the_help(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with click.Context(cli, info_name="dsv4-env", **cli.context_settings) as context:
        text = cli.get_help(context) + "\n"
    path = Path(dsv4_env.__file__).parent / "cli" / HELP
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert path.read_text() == text
    assert program("--help") == program("-h") == program("--help", COLUMNS="200") == text
    assert program("--help", COLUMNS="60") != text  # click's, wrapped for a narrow terminal


def test_the_quick_export_is_the_export(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [e.name for e in EXPORTERS.values() if e.quick]
    assert {"shell", "fish", "python", "args", "json"} <= set(quick)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.toml").write_text('extends = ["flash-fp4"]\n[env]\nA = "\'\\u00e9"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "own"\n')
    monkeypatch.chdir(tmp_path)
    lines = [["export", name, "-f", f] for f in quick for name in ("pro-fp8", "mine")]
    for words in [["export", "mine"], ["export", "mine", "--format", "json"], *lines]:
        assert _quick(words) == run(*words).out.encode(), words


@pytest.mark.parametrize(
    "words",
    [
        ["export", "nope"],
        ["export", "pro-fp4", "-f", "nope"],
        ["export", "pro-fp4", "-f", "k8s-pod"],
        ["export", "pro-fp4", "--unset"],
        ["export", "--help"],
        ["export"],
        ["list"],
        [],
    ],
)
def test_all_else_is_left_to_click(words: list[str]) -> None:
    assert _quick(words) is None


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
