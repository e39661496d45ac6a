"""What is drawn on a terminal of one's own, and which keys come from it."""

from __future__ import annotations

import pytest

from dsv4_env.cli.screen import Part, View, foot, keys, wrapped


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"3qe?", ["3", "q", "e", "?"]),
        (b"\x1b[A\x1b[B\x1bOA", ["up", "down", "up"]),
        (b"\r\n \x1b[5~\x1b[6~", ["enter", "enter", "page down", "page up", "page down"]),
        (b"\x1b[1;5A", ["up"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~", ["home", "end", "home", "end"]),
        (b"\x1b", ["escape"]),
        (b"\x1b[3~\x1b[Z\xff", ["", "", ""]),
    ],
)
def test_keys(data: bytes, names: list[str]) -> None:
    assert list(keys(data)) == names


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("", [""]),
        ("abcdefgh", ["abcdefgh"]),
        ("abcdefghi", ["abcdefgh", "i"]),
        ("\x1b[31mabcdefghi\x1b[0m", ["\x1b[31mabcdefgh", "i\x1b[0m"]),
        ("a\tb", ["a       ", "b"]),
        ("漢字漢字漢", ["漢字漢字", "漢"]),
        ("abcdefg漢", ["abcdefg", "漢"]),
        ("abcdefge\u0301", ["abcdefge\u0301"]),
    ],
)
def test_wrapped(line: str, rows: list[str]) -> None:
    assert wrapped(line, 8) == rows


PARTS = [
    Part(("head",)),
    Part(("one", "one more"), 1),
    Part(("two", "two more"), 2),
    Part(("three", "three more"), 3),
    Part(("last",)),
]


def test_all_of_it_where_there_is_room() -> None:
    assert View(chosen=2).rows(PARTS, (20, 20), follow=True) == [
        "head", " 1 one", "one more", ">2 two", "two more", " 3 three", "three more", "last",
    ]  # fmt: skip


def test_the_chosen_one_is_followed() -> None:
    view = View()
    size = (20, 4)
    assert view.rows(PARTS, size, follow=True) == ["head", ">1 one", "one more"]
    view.chosen = 3
    assert view.rows(PARTS, size, follow=True) == ["two more", ">3 three", "three more"]
    view.chosen = 2
    assert view.rows(PARTS, size, follow=True) == [">2 two", "two more", " 3 three"]
    assert view.rows(PARTS, size, follow=False) == [">2 two", "two more", " 3 three"]
    view.chosen = 1
    assert view.rows(PARTS, size, follow=True)[0] == ">1 one"


def test_scrolling_ends_where_the_lines_do() -> None:
    view = View(top=1000)
    assert view.rows(PARTS, (20, 4), follow=False) == [" 3 three", "three more", "last"]
    assert View(top=-5).rows(PARTS, (20, 4), follow=False)[0] == "head"


def test_a_screen_of_one_row_or_column() -> None:
    assert View().rows(PARTS, (20, 1), follow=True) == [">1 one"]
    assert View().rows([Part(("ab",))], (1, 5), follow=True) == ["a", "b"]


def test_the_foot_keeps_the_left_side() -> None:
    assert foot("left", "more  ? keys  q quit", 30) == (
        "\x1b[7mleft      more  ? keys  q quit\x1b[0m"
    )
    assert foot("left", "more  ? keys  q quit", 20) == "\x1b[7mleft  ? keys  q quit\x1b[0m"
    assert foot("left", "more", 2) == "\x1b[7mle\x1b[0m"
