"""Quoting for programs that aren't there to ask: by their documented grammar."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from dsv4_env.model import quoting

TEXT = st.text(
    st.one_of(
        st.sampled_from("'\"\\$`!\n\r\t‘’‚‛“”\x7f\x85\u2028a"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    )
)
QUOTES = "'‘’‚‛"


def powershell(expression: str) -> str:
    """What PowerShell makes of string literals and [char] joined by +: one line, no variables."""
    assert expression.isprintable() or not re.search("[\0-\x1f\x7f-\x9f\u2028\u2029]", expression)
    out, at = "", 0
    while True:
        if expression.startswith("[char]", at):
            number = re.compile(r"[0-9]+").match(expression, at + 6)
            assert number
            out, at = out + chr(int(number[0])), number.end()
        else:
            assert expression[at] in QUOTES
            at += 1
            while True:
                # Any of the quotes ends a literal; two of them in a row are the second one.
                if expression[at] in QUOTES:
                    at += 1
                    if expression[at : at + 1] == "" or expression[at] not in QUOTES:
                        break
                out += expression[at]
                at += 1
        if at == len(expression):
            return out
        assert expression.startswith(" + ", at)
        at += 3


@given(TEXT)
def test_powershell(value: str) -> None:
    assert powershell(quoting.powershell(value)) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", "''"),
        ("a$b`c", "'a$b`c'"),
        ("it's", "'it''s'"),
        ("a‘b’c‚d‛e", "'a‘‘b’’c‚‚d‛‛e'"),
        ("“x”", "'“x”'"),
        ("a\r\nb", "'a' + [char]13 + '' + [char]10 + 'b'"),
        ("\n", "'' + [char]10 + ''"),
    ],
)
def test_powershell_to_the_letter(value: str, written: str) -> None:
    assert quoting.powershell(value) == written


@pytest.mark.parametrize(
    ("key", "written"),
    [("SGLANG_X", "SGLANG_X"), ("NO", '"NO"'), ("y", '"y"'), ("Null", '"Null"'), ("1A", '"1A"'),
     ("a.b", '"a.b"'), ("", '""'), ("_1", "_1"), ("tp-size", "tp-size")],
)  # fmt: skip
def test_yaml_keys(key: str, written: str) -> None:
    assert quoting.yaml_key(key) == written
