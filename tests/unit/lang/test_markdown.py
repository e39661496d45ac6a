"""Fenced blocks are where markdown-it finds them, and each character where the page has it."""

from __future__ import annotations

import random

import pytest
from markdown_it import MarkdownIt

from dsv4_env.lang.markdown import Fence, fences
from dsv4_env.lang.yaml import Lines
from dsv4_env.model.budget import Budget, BudgetError


def found(text: str) -> list[Fence]:
    return list(fences(Lines("p.md", text), Budget()))


def expected(text: str) -> list[tuple[str, str]]:
    tokens = [t for t in MarkdownIt().parse(text) if t.type == "fence"]
    return [((t.info.split() or [""])[0], t.content) for t in tokens]


PAGES = [
    "```bash\na\n```\n",
    "~~~ sh title\na\n```\n~~~\nb\n",
    "````md\n```bash\na\n```\n````\n```\nb\n```",
    "```bash\nnever closed\n",
    "```\n```\n",
    "   ```sh\n   a\n     b\n  c\n   ```\n",
    "1. x\n\n   ```sh\n   a\n   \tb\n\n   c\n   ```\n",
    "- x\n  - y\n\n    ```sh\n    a\n    ```\n",
    "> ```sh\n> a\n>  b\n> ```\n",
    "- ```sh\n  a\n  ```\n",
    "a `` ``` `` b\n``` `no fence`\n",
    "<!--\n```sh\na\n```\n-->\n```sh\nb\n```\n",
    "\t```no\n\n```sh\n\ta\n```\n",
    "```sh\na\n``` no end\nb\n```\n",
    "```sh\na\n  ```\nb\n",
]


@pytest.mark.parametrize("text", PAGES[:12] + PAGES[13:])
def test_blocks_are_those_of_markdown_it(text: str) -> None:
    assert [(f.language, f.text) for f in found(text)] == expected(text)


def test_random_pages() -> None:
    """Of lines that open, close, indent and quote: all at the margin, as CommonMark has it."""
    pieces = ["```bash", "```", "````", "~~~sh", "~~~", "a", "\tb", "  c", "", "```x`", "# h"]
    draw = random.Random(19)
    seen = 0
    for _ in range(2000):
        text = "\n".join(draw.choices(pieces, k=draw.randint(1, 12))) + "\n"
        wanted = expected(text)
        assert [(f.language, f.text) for f in found(text)] == wanted, text
        seen += len(wanted)
    assert seen > 2000


@pytest.mark.parametrize("text", [*PAGES, *(p.replace("\n", "\r\n") for p in PAGES)])
def test_each_character_stands_where_the_page_has_it(text: str) -> None:
    for fence in found(text):
        assert len(fence.offsets) == len(fence.text)
        for ch, offset in zip(fence.text, fence.offsets, strict=True):
            assert text[offset] == ch or (ch == " " and text[offset - 1] == "\t")


def test_a_block_is_one_at_any_indentation() -> None:
    """In a component of MDX, where CommonMark would say it's text."""
    (fence,) = found("<Tab>\n\t\t```bash Command\n\t\ta \\\n\t\t\tb\n\t\t```\n</Tab>\n")
    assert (fence.language, fence.text, fence.closed) == ("bash", "a \\\n\tb\n", True)


@pytest.mark.parametrize(
    ("info", "language"),
    [("Bash", "bash"), ("{.python}", "python"), ("sh,ignore", "sh"), ("{python}", "python")],
)
def test_the_language(info: str, language: str) -> None:
    assert [f.language for f in found(f"```{info}\n```\n")] == [language]


def test_the_heading_above() -> None:
    text = "## [Run](#run) `it` ##\n```sh\n```\n```sh\n# no heading\n```\n```sh\n```\n"
    assert [f.heading for f in found(text)] == ["Run it"] * 3


def test_lines_are_paid_for() -> None:
    with pytest.raises(BudgetError):
        list(fences(Lines("p", "a\n" * 100), Budget(steps=50)))
