"""As much YAML as the exporters need: texts always quoted, comments above what they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dsv4_env.model import quoting


class Plain(str):
    """A text that stands without quotes: a word of ours, which YAML takes for nothing else."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """A value with comments above it."""

    value: Node
    comments: Sequence[str] = ()


Node: TypeAlias = "str | int | bool | Noted | Mapping[str, Node] | Sequence[Node]"


def dump_yaml(node: Node, head: Sequence[str] = ()) -> str:
    """A document of mappings, lists and scalars."""
    return "".join(f"{line}\n" for line in (*(f"# {text}" for text in head), *_block(node)))


def _block(node: Node) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            value, comments = _noted(value)
            yield from (f"# {text}" for text in comments)
            if _scalar(value):
                yield f"{quoting.yaml_key(key)}: {_flat(value)}"
            else:
                yield f"{quoting.yaml_key(key)}:"
                yield from (f"  {line}" for line in _block(value))
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for item in node:
            value, comments = _noted(item)
            yield from (f"# {text}" for text in comments)
            lines = [_flat(value)] if _scalar(value) else list(_block(value))
            first = next(i for i, line in enumerate(lines) if not line.startswith("# "))
            yield from lines[:first]
            yield f"- {lines[first]}"
            yield from (f"  {line}" for line in lines[first + 1 :])
    else:
        yield _flat(node)


def _noted(node: Node) -> tuple[Node, Sequence[str]]:
    return (node.value, node.comments) if isinstance(node, Noted) else (node, ())


def _scalar(node: Node) -> bool:
    return isinstance(node, str | int) or not node


def _flat(node: Node) -> str:
    if isinstance(node, Plain):
        return str(node)
    if isinstance(node, str):
        return quoting.yaml(node)
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, int):
        return str(node)
    return "{}" if isinstance(node, Mapping) else "[]"
