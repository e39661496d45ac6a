"""The user's editor gets the line in its own way, and never a path for an option."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dsv4_env.cli.opening import command, editor, open_at
from dsv4_env.model import Location
from dsv4_env.model.errors import UsageError

PLACE = Location("/x/run.sh", 12, 5)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"EDITOR": "vi"}, ["vi", "+12", "/x/run.sh"]),
        ({"EDITOR": "/usr/bin/nvim -u NONE"}, ["/usr/bin/nvim", "-u", "NONE", "+12", "/x/run.sh"]),
        ({"EDITOR": "vi", "VISUAL": "nano"}, ["nano", "+12", "/x/run.sh"]),
        ({"EDITOR": "vi", "VISUAL": " "}, ["vi", "+12", "/x/run.sh"]),
        ({"EDITOR": "emacs -nw"}, ["emacs", "-nw", "+12:5", "/x/run.sh"]),
        ({"EDITOR": "code --wait"}, ["code", "--wait", "-g", "/x/run.sh:12:5"]),
        ({"EDITOR": "codium"}, ["codium", "-g", "/x/run.sh:12:5"]),
        ({"EDITOR": "hx"}, ["hx", "/x/run.sh:12:5"]),
        ({"EDITOR": "pycharm"}, ["pycharm", "--line", "12", "/x/run.sh"]),
        ({"EDITOR": "ed"}, ["ed", "/x/run.sh"]),
    ],
)
def test_what_is_run(environ: dict[str, str], words: list[str]) -> None:
    assert command(editor(environ), PLACE) == words


def test_a_place_without_a_line_is_the_file() -> None:
    assert command(["vi"], Location("/x/run.sh")) == ["vi", "/x/run.sh"]


def test_a_file_that_looks_like_an_option(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["vi"], Location("-c:q", 1)) == ["vi", "+1", f"{tmp_path}/-c:q"]


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "no editor is set; expected $VISUAL or $EDITOR"),
        ({"EDITOR": "vi '"}, "$EDITOR is vi '; expected a command that a shell reads"),
        ({"EDITOR": "/no/such"}, "/no/such can't be run: no such file or directory; expected"),
        ({"EDITOR": f"{sys.executable} -c 'raise SystemExit(3)'"}, "ended with 3"),
    ],
)
def test_no_editor(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(UsageError) as caught:
        open_at(Location(str(tmp_path / "a"), 1), environ)
    assert message in str(caught.value)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it can't be opened; expected a file that is there"):
        open_at(Location(str(tmp_path / "a"), 1), {"EDITOR": "vi"})
