"""The quick completion is click's: its table is made of the commands, its answers are the same."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsv4_env
from dsv4_env import completion as quick
from dsv4_env.__main__ import _quick
from dsv4_env.cli import VARIABLE, cli, complete

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = [
    n
    for n, c in cli.commands.items()
    if not isinstance(c, click.Group) and type(c).shell_complete is click.Command.shell_complete
]
SETTINGS: dict[str, Any] = dict(cli.context_settings)


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """The lines of the table."""
    for name, command in cli.commands.items():
        yield "", name, quick.COMMAND, "nothing", command.get_short_help_str(200)
    for name in ("", *PLAIN):
        command = cli.commands[name] if name else cli
        for param in params(command):
            if isinstance(param, click.Option):
                assert param.nargs == 1, param
                assert (param.count, param.hidden, param.secondary_opts) == (False, False, []), (
                    param
                )
                nature = quick.MANY if param.multiple else quick.ONCE
                nature = quick.FLAG if param.is_flag else nature
                help_ = " ".join((param.help or "").split())
                yield name, " ".join(param.opts), nature, how(param), help_
            else:
                assert param.nargs in (1, -1), param
                rest = param.type is click.UNPROCESSED and param.nargs == -1
                nature = quick.REST if rest else quick.ALL if param.nargs == -1 else quick.ONE
                yield name, param.name or "", nature, how(param), ""


def params(command: click.Command) -> list[click.Parameter]:
    """The parameters as a command has them below the tool."""
    return command.get_params(click.Context(command, parent=click.Context(cli, **SETTINGS)))


def how(param: click.Parameter) -> str:
    """What completes a value."""
    if param._custom_shell_complete is not None:
        return str(param._custom_shell_complete.__name__)
    if isinstance(param.type, click.Choice):
        return " ".join(("choice", *param.type.choices))
    if isinstance(param.type, click.Path):
        return "files" if param.type.file_okay else "folders"
    return "nothing"


def test_the_table_is_that_of_the_commands(request: pytest.FixtureRequest) -> None:
    text = "".join("\t".join(row) + "\n" for row in rows())
    path = Path(dsv4_env.__file__).parent / "cli" / quick.TABLE
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert path.read_text() == text
    assert len(PLAIN) > 15


@pytest.fixture(scope="module", autouse=True)
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a profile of its own, which every line here is completed in."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "own").mkdir()
    (folder / "own" / "mine.toml").write_text('extends = ["pro-fp4"]\n')
    (folder / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "own"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PWD", str(folder))
        yield folder


def both(shell: str, line: str, cut: str | None = None) -> tuple[bytes | None, bytes | None]:
    """What is answered without click, and with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, f"dsv4{shell}_complete")
        patch.setenv("COMP_LINE", line)
        patch.setenv("COMP_WORD", line.rpartition(" ")[2] if cut is None else cut)
        try:
            found = complete._SHELLS[shell](cli, {}, "dsv4-env", VARIABLE).complete()
        except click.UsageError:
            return _quick([]), None
        return _quick([]), f"{found}\n".encode()


def agrees(shell: str, line: str, cut: str | None = None) -> bool:
    """Whether it was answered without click; both answers are the same then."""
    mine, expected = both(shell, line, cut)
    assert mine in (None, expected), (shell, line)
    return mine is not None


@pytest.mark.parametrize("name", ["", *cli.commands])
def test_every_option_and_every_value_of_a_command(name: str) -> None:
    command = cli.commands[name] if name else cli
    start = f"dsv4-env {name} " if name else "dsv4-env "
    for end in range(len(name) + 1):
        assert all(agrees(shell, f"dsv4-env {name[:end]}") for shell in quick.SHELLS)
    names = [n for p in params(command) for n in p.opts if n.startswith("-")]
    beginnings = {n[:i] for n in names for i in (1, 2, 3, 5, 99)}
    for shell in quick.SHELLS:
        for word in beginnings:
            assert agrees(shell, start + word) or name not in PLAIN, word
        for word in ("", "p", "f", "m", "./x", "~", "3", "x", "/", "_"):
            agrees(shell, start + word)
    for option, word in itertools.product(names, ("", "p", "-", "a")):
        agrees("bash", f"{start}{option} {word}")
        agrees("bash", f"{start}pro-fp4 {option} {word}")
        agrees("bash", f"{start}{option} x {word}")


WORDS = """
    pro-fp4 x -- - -f -o -fjson --format --format=js json --json --profiles own --against --set
    --ignore -h --help --color = a:b --sglang --nope 'a \\ ~/x --write --closed é -p --exit-zero
    run_dsv4.sh --unset always m flash --out
""".split()


@given(
    st.sampled_from(quick.SHELLS),
    st.sampled_from(list(cli.commands)),
    st.lists(st.sampled_from(["", "a b", *WORDS]), max_size=5),
    st.sampled_from(["", " ", "  "]),
    st.sampled_from([None, "", "=", ":"]),
)
@settings(max_examples=300, deadline=None)
def test_what_stands_before_a_word(
    shell: str, name: str, words: list[str], space: str, cut: str | None
) -> None:
    agrees(shell, " ".join(["dsv4-env", name, *words]) + space, cut)


@pytest.mark.parametrize(
    "words", ["ex", "check --for", "check --format ", "run p", "run -", "diff pro-fp4 "]
)
def test_what_is_typed_most_needs_no_click(words: str) -> None:
    assert agrees("bash", f"dsv4-env {words}")


@pytest.mark.parametrize("line", ["dsv4-env rule DSV00", "dsv4-env explain --tp", "dsv4-env", ""])
def test_all_else_is_left_to_click(line: str) -> None:
    assert both("bash", line)[0] is None


def test_a_project_that_is_wrong_is_left_to_click(project: Path) -> None:
    before = (project / "pyproject.toml").read_text()
    assert b"mine" in (both("bash", "dsv4-env run ")[0] or b"")
    (project / "pyproject.toml").write_text("[tool.dsv4_env]\nprofiles = 1\n")
    assert both("bash", "dsv4-env run ")[0] is None
    (project / "pyproject.toml").write_text(before)
    assert both("bash", "dsv4-env run --profiles own ")[0] is None
