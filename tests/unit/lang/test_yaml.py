"""YAML with positions: each character's place, what is refused, and no traceback for anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from dsv4_env.guard.files import MAX_BYTES
from dsv4_env.lang.yaml import Mapping, Scalar, parse, scalars
from dsv4_env.model.errors import ReadError

TEXT = """\
plain: a  b
  c
single: 'it''s
  x'
double: "q\\tw\\x41\\u00e9\\
    z
    b"
literal: |-2
      lit
     eral é
folded: >
    fold
    ed

      more
"""


def mapping(text: str) -> Mapping:
    (node,) = parse(text, "f")
    assert isinstance(node, Mapping)
    return node


def test_every_character_has_its_place() -> None:
    node = mapping(TEXT)
    for value in scalars(node):
        offsets = value.offsets()
        assert len(offsets) == len(value.text)
        assert list(offsets) == sorted(offsets)
        for ch, offset in zip(value.text, offsets, strict=True):
            assert TEXT[offset] in (ch, "\\") or ch in " \n"
    literal = node.items["literal"]
    assert isinstance(literal, Scalar)
    place = literal.lines.place(literal.offsets()[literal.text.index("eral")])
    assert str(place) == "f:10:6"


@pytest.mark.parametrize("text", ["true", "1", "0.90", "on", "~", "0x10", "2001-01-01"])
def test_unquoted_text_is_as_spelled(text: str) -> None:
    value = mapping(f"a: {text}").items["a"]
    assert isinstance(value, Scalar)
    assert (value.text, value.spelled, value.plain) == (text, text, True)
    assert value.null is (text == "~")


def test_merge_keys() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}"
    found = mapping(text).mapping("c")
    assert found is not None
    assert {n: found.text(n) for n in found.items} == {"z": "3", "x": "1", "y": "1"}
    assert str(found.keys["x"].location) == "f:1:8"


def test_an_anchor_may_come_again() -> None:
    found = mapping("a: &x 1\nb: *x\nc: &x 2\nd: *x")
    assert [found.text(n) for n in "bd"] == ["1", "2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\na: 2", "f:2:1: duplicate key a; expected it once; it is first given at f:1:1"),
        (b"a:\n\t- x", "f:2:1: YAML syntax: a tab where only spaces may stand"),
        (b"a: \xff", "f:1:4: byte 0xff is not UTF-8"),
        ("é: ".encode() + b"\xff", "f:1:4: byte 0xff is not UTF-8"),
        (b"a: \0", "f:1:4: a NUL byte"),
        (b"a: \x07", "f:1:4: YAML syntax: a character that isn't allowed"),
        (b"&a [*a]", "f:1:1: an alias within what it stands for"),
        (b"[" * 120 + b"]" * 120, "f:1:102: nested too deeply"),
        (b"[" * 5000, "f:1:101: nested too deeply"),
        (b"{a", "f:1:3: YAML syntax"),
        (b"*x", "f:1:1: YAML syntax: found undefined alias 'x'"),
        (b"? [a]\n: b", "f:1:3: a key that isn't text"),
        (b"a: {<<: 3}", "f:1:5: << with what isn't a mapping"),
        (b" " * (MAX_BYTES + 1), "f: 5,000,001 bytes"),
    ],
)
def test_refused(data: bytes, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        parse(data, "f")
    assert str(caught.value).startswith(message)


def test_aliases_are_counted_as_if_written_out() -> None:
    lines = ["a0: &a0 [" + ",".join("x" * 10) + "]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 8)]
    with pytest.raises(ReadError) as caught:
        parse("\n".join(lines), "f")
    assert str(caught.value).startswith("f:5:5: more than 100,000 nodes")


def test_a_chain_of_aliases_is_no_deeper_than_allowed() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 120))]
    with pytest.raises(ReadError, match=r"too deeply"):
        parse("\n".join(lines), "f")


@settings(max_examples=150, deadline=None)
@given(st.text("ab:-[]{}&*!|>'\"#%@?, \n\\<~0", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        nodes = parse(text, "f")
    except ReadError:
        return
    for node in nodes:
        for value in scalars(node):
            assert len(value.offsets()) == len(value.text)
