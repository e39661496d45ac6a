"""Edits of TOML: what isn't edited stays to the byte."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from dsv4_env.writeback.toml import LayerDocument

TEXT = b"""# head
extends = ["a"]   # keep

[env]
A = "1"   # why
B = '2'

# about the arguments
[args]
--x = true"""


def edited(data: bytes, *steps: tuple[Any, ...]) -> bytes:
    document = LayerDocument(data)
    for method, *arguments in steps:
        getattr(document, method)(*arguments)
    return document.encoded()


def test_nothing_changes_where_nothing_is_edited() -> None:
    for data in (TEXT, TEXT + b"\n", TEXT.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + TEXT, b""):
        assert edited(data) == data


def test_a_value_keeps_its_comment_and_its_quotes() -> None:
    found = edited(TEXT, ("put", "env", "A", "5"), ("put", "env", "B", "6"))
    assert found == TEXT.replace(b'"1"', b'"5"').replace(b"'2'", b"'6'")
    assert b'B = "it\'s"' in edited(TEXT, ("put", "env", "B", "it's"))


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_key_goes_behind_the_last_of_its_table(newline: bytes) -> None:
    text = TEXT.replace(b"\n", newline)
    found = edited(text, ("put", "env", "C", "3"), ("put", "args", "--y", "z"))
    expected = TEXT.replace(b"B = '2'\n", b"B = '2'\nC = \"3\"\n") + b'\n--y = "z"'
    assert found == expected.replace(b"\n", newline)


def test_a_table_is_made_behind_the_others() -> None:
    found = edited(TEXT + b"\n", ("unset", "env", "X"), ("unset", "env", "X"))
    assert found == TEXT + b'\n\n[unset]\nenv = ["X"]\n'
    assert edited(found, ("keep", "env", "X")) == TEXT + b"\n"
    assert edited(b"", ("put", "env", "A", "1")) == b'[env]\nA = "1"\n'


def test_a_long_list_gets_a_line_for_each() -> None:
    names = [f"SGLANG_SOME_LONG_NAME_{i}" for i in range(5)]
    found = edited(b"", *(("unset", "env", n) for n in names))
    assert found.count(b"\n") == 8
    assert tomllib.loads(found.decode())["unset"]["env"] == names


def test_inline_and_dotted_tables_stay_what_they_are() -> None:
    found = edited(b'env = {A = "1"}\nargs.--tp = "8"\n', ("put", "env", "A", "2"),
                   ("put", "args", "--tp", "4"), ("put", "args", "--x", "y"))  # fmt: skip
    assert found == b'env = {A = "2"}\nargs.--tp = "4"\nargs.--x = "y"\n'


def test_a_key_that_goes_takes_its_comment_along() -> None:
    assert edited(TEXT, ("drop", "env", "A"), ("drop", "env", "Z")) == TEXT.replace(
        b'A = "1"   # why\n', b""
    )


@pytest.mark.parametrize("value", ["", "\\", '"', "a\nb", "\x07", "é\u2028", "'''", "\x7f"])
def test_any_value_comes_back(value: str) -> None:
    assert tomllib.loads(edited(TEXT, ("put", "env", "A", value)).decode())["env"]["A"] == value
    assert tomllib.loads(edited(TEXT, ("put", "env", "B", value)).decode())["env"]["B"] == value


def test_a_long_list_has_several_full_lines() -> None:
    names = [f"--a-flag-{i}" for i in range(9)]
    found = edited(b"", ("put", "launch", "argument-order", names)).decode()
    assert tomllib.loads(found) == {"launch": {"argument-order": names}}
    assert [len(line.split()) for line in found.splitlines()[1:]] == [3, 5, 4, 1]
    assert "argument-order = [\n" in found
    short = edited(b"", ("put", "launch", "argument-order", names[:2])).decode()
    assert short.endswith('argument-order = ["--a-flag-0", "--a-flag-1"]\n')
