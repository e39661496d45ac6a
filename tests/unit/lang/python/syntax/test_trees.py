"""Going over trees, and what is kept of them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from dsv4_env.lang.python.syntax import trees
from dsv4_env.lang.python.syntax.text import parse_python
from dsv4_env.lang.python.syntax.trees import children, walk_tree

# Lists with other things among the nodes: names, and None for what isn't there.
MIXED = """\
def f(a, *, b, c=1):
    global g, h
    match a:
        case P(x=1, y={"k": z, **rest}) | None:
            return {**a, "b": b}
    def inner():
        nonlocal b
"""


def test_a_walk_meets_all_nodes_but_operators() -> None:
    """Held against ast.walk, on files that have most kinds of nodes."""
    operators = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
    kinds: set[type[ast.AST]] = set()
    for text in (Path(ast.__file__).read_text(), Path(__file__).read_text(), MIXED):
        tree = ast.parse(text)
        expected = [n for n in ast.walk(tree) if not isinstance(n, operators)]
        assert sorted(map(id, walk_tree(tree))) == sorted(map(id, expected))
        for node in expected:
            direct = [n for n in ast.iter_child_nodes(node) if not isinstance(n, operators)]
            assert children(node) == direct
        kinds |= {type(n) for n in expected}
    assert kinds >= {ast.Global, ast.Nonlocal, ast.MatchClass, ast.Dict, ast.arguments}
    assert len(kinds) > 40


def test_trees_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of them keeps them alive."""
    monkeypatch.setattr(trees, "_MOST", 10_000)
    held = trees.remembered(99)(lambda node: [node])
    node = object()
    assert held(node) is held(node)
    for _ in range(3):
        parse_python("#\n" * 4_000, "f")
    assert held.cache_info().currsize == 0  # type: ignore[attr-defined]
