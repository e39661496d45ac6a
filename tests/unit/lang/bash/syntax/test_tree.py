"""The syntax by itself: from text to nodes, and to the first error."""

from __future__ import annotations

from dsv4_env.lang.bash.syntax.nodes import AndOr, Assign, If, Simple, Word
from dsv4_env.lang.bash.syntax.tree import parse


def test_statements_and_their_words() -> None:
    block, problem = parse("A=1 cmd 'x y' | cat\nif a && b; then export B=2; fi\n")
    assert problem is None
    pipeline, test = block.items
    assert isinstance(test, If)
    assert isinstance(test.branches[0][0].items[0], AndOr)
    (export,) = test.branches[0][1].items
    assert isinstance(export, Simple)
    assert isinstance(export.words[1], Assign)
    first = pipeline.commands[0]  # type: ignore[union-attr]
    assert isinstance(first, Simple)
    assert [a.name for a in first.assigns] == ["A"]
    assert [w.plain for w in first.words if isinstance(w, Word)] == ["cmd", "x y"]


def test_what_stands_before_an_error_is_read() -> None:
    block, problem = parse("echo a\nif true\n")
    assert problem is not None
    assert len(block.items) == 1
