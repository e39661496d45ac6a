"""Comments on settings that go to layers, and what becomes of the others."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from dsv4_env.adopt.remarks import comment_of, lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result

TEXT = """\
#!/usr/bin/env bash
# Kept: it is about what stays.
echo start

# The model's own layout,
# measured on 1 May.
export SGLANG_MINE=1
export SGLANG_USE_AITER=1  # as the image has it
export SGLANG_PLAIN=2

sglang serve --model-path m --tp 8
"""


@pytest.mark.parametrize(
    ("row", "comment"),
    [
        ("# a", "# a"),
        ("    # a # b", "# a # b"),
        ("x = 1  # a", "# a"),
        ("x = 'b'  # it's", "# it's"),
        ("x = '# a'", None),
        ('x = "b # a"', None),
        ("x=a#b", None),
        ("#!/bin/sh", None),
        ("", None),
    ],
)
def test_the_comment_of_a_line(row: str, comment: str | None) -> None:
    assert comment_of(row) == comment


def test_what_is_still_there_is_not_lost() -> None:
    assert lost("# a\nx  # b\ny  # c\n", "z  # b\n  # a\n") == ["# c"]


def adopted(run: Callable[..., Result], folder: Path, text: str, *more: str) -> Result:
    (folder / "pyproject.toml").touch()
    (folder / "run.sh").write_text(text)
    return run("adopt", "run.sh", "--profiles", "own", "--rewrite", *more)


def test_a_comment_goes_where_its_setting_goes(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = adopted(run, tmp_path, TEXT, "--from-nothing", "--write")
    assert done.code == 0
    layer = (tmp_path / "own" / "run.toml").read_text()
    assert (
        "# The model's own layout,\n# measured on 1 May.\n"
        'SGLANG_MINE = "1"\n# as the image has it\nSGLANG_USE_AITER = "1"\nSGLANG_PLAIN = "2"\n'
    ) in layer
    assert tomllib.loads(layer)["env"]["SGLANG_MINE"] == "1"
    assert "# Kept: it is about what stays." in (tmp_path / "run.sh").read_text()
    assert "comment" not in done.out
    assert run("check").code == 0


def test_a_comment_on_what_ships_is_told(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exports, args = (run("export", "pro-fp4", "-f", f).out for f in ("shell", "args"))
    first, _, others = exports.partition("\n")
    text = f"{first}  # So far.\n{others}sglang serve --model-path m {args}"
    done = adopted(run, tmp_path, text)
    assert (
        "note: 1 comment goes with what is taken out (on settings of layers that ship): # So far.\n"
    ) in done.out


def test_what_looks_like_a_secret_goes_to_no_layer(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = TEXT.replace("measured on 1 May.", "hf_0123456789abcdefghijABCDEFGHIJ")
    done = adopted(run, tmp_path, text, "--from-nothing", "--write")
    assert "hf_0" not in (tmp_path / "own" / "run.toml").read_text()
    assert "hf_0" not in done.out
