"""The documentation of the rules, ``rules.md``: a section each, with examples that tests run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Example:
    """A script or a profile layer; *bad* ones break the rule on SGLang *release*."""

    bad: bool
    language: str
    release: str
    code: str


@dataclass(frozen=True, slots=True)
class Section:
    """What is written about one rule: Markdown with its heading, and its examples."""

    id: str
    name: str
    text: str
    examples: tuple[Example, ...]


_HEADING = re.compile(r"^## (DSV\d+) ([\w-]+)\n", re.MULTILINE)
_EXAMPLE = re.compile(
    r"^(Bad|Good), on SGLang ([\d.]+):\n\n```(bash|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


@lru_cache(maxsize=1)
def rule_docs() -> dict[str, Section]:
    """The sections by the ids of their rules, in the order of the file."""
    from importlib import resources  # it brings in all that archives take

    text = (resources.files("dsv4_env.lint") / "rules.md").read_text(encoding="utf-8")
    heads = list(_HEADING.finditer(text))
    ends = [h.start() for h in heads[1:]] + [len(text)]
    found: dict[str, Section] = {}
    for head, end in zip(heads, ends, strict=True):
        body = text[head.start() : end].strip() + "\n"
        examples = tuple(
            Example(kind == "Bad", language, release, code)
            for kind, release, language, code in _EXAMPLE.findall(body)
        )
        found[head[1]] = Section(head[1], head[2], body, examples)
    return found
