"""libyaml and the parser in Python, which counts: the same nodes at the same places, or none."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dsv4_env.lang import libyaml
from dsv4_env.lang.yaml import MAX_DEPTH
from tests.property.hostile_files import Maker, corpus

TEXTS = {k: v for k, v in corpus().items() if k in ("kubernetes", "compose", "workflow", "config")}
PLAIN = """\
a: &x {b: 'c', "d": e}   # f
g:
h:
  - *x
  -
  - |-
    i j

    k
? l
: m
---
n: "o\\
  p"
q:   # r
  s: >
    t
    u
"""


def shown(node: Any, seen: set[int]) -> Any:
    """A node and all below it, with their places; an alias is told as one."""
    if node is None or id(node) in seen:
        return None
    seen.add(id(node))
    start = node.start_mark.index
    if node.id == "scalar":
        return node.value, start, node.end_mark.index, node.style or ""
    if node.id == "sequence":
        return start, [shown(n, seen) for n in node.value]
    return start, [(shown(k, seen), shown(v, seen)) for k, v in node.value]


def by_python(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        return [shown(n, set()) for n in yaml.compose_all(text) if n is not None]
    except (YAMLError, ValueError, LookupError, AttributeError) as exc:
        return f"{type(exc).__name__}: {exc}"


def same(text: str) -> bool:
    """Whether libyaml tells the same; False where it leaves the text to the other."""
    found = libyaml.compose(text, MAX_DEPTH)
    if found is None:
        return False
    assert [shown(n, set()) for n in found] == by_python(text), repr(text)
    return True


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_odd_files(kind: str) -> None:
    told = [same(Maker(TEXTS, seed).make(kind)) for seed in range(150)]
    assert sum(told) > 15  # else it is of no use


def test_a_file_of_all_kinds_of_nodes() -> None:
    assert same(PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        "a:\tb\n",
        "a: b\r\n",
        "|\n---\n",
        "a: |#b\n",
        "a: !x b\n",
        "a: &b:[*b]\n",
        "a: {b: }\n",
        "a: [b: c]\n",
        "a: b\n...\n...\n",
        "a: b\u2028c\n",
        "- " * 200 + "a\n",
        "a: [b:c]\n",
        "a: 'b\n",
    ],
)
def test_what_is_left_to_the_other(text: str) -> None:
    assert libyaml.compose(text, MAX_DEPTH) is None
