"""Pages in Markdown and MDX: the launches of their fenced blocks, each on its own.

A block of a shell, of Python or of YAML says so behind its fence; one that says nothing is a
shell's where it launches. A block of YAML is a manifest, a Compose file, a recipe or a task, as its
keys say. What stands outside of blocks is never read.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dsv4_env.lang import markdown
from dsv4_env.lang.yaml import Lines, decode
from dsv4_env.model import LaunchConfig
from dsv4_env.model.budget import Budget, BudgetError
from dsv4_env.readers import compose, kubernetes, python, skypilot, srt_slurm
from dsv4_env.readers.blocks import DOCUMENTS, PYTHONS, SHELLS, Block, Blocks
from dsv4_env.readers.kind import FileKind

_KIND = "a page in Markdown or MDX"
_FENCE = re.compile(rb"```|~~~")
_DOCUMENTS = (compose.KIND, kubernetes.KIND, srt_slurm.KIND, skypilot.KIND)  # in this order


def read_all(
    data: str | bytes,
    path: str = "<page>",
    *,
    budget: Budget | None = None,
    root: Path | None = None,
    profiles: Path | None = None,
    sglang: str | None = None,
) -> list[LaunchConfig]:
    """Every launch of a page's blocks, in order; each is called after the heading above it.

    *root*, *profiles* and *sglang* are for its Python, as :func:`python.read_all` takes them.
    Raises ReadError where none of the blocks that name a server can be read.
    """
    budget = budget or Budget()
    options: dict[str, Any] = {"root": root, "profiles": profiles, "sglang": sglang}
    blocks = Blocks(path, "markdown", budget, options)
    lines = Lines(path, decode(data, path, _KIND))
    ended: BudgetError | None = None
    try:
        for fence in markdown.fences(lines, budget):
            if fence.language not in SHELLS | PYTHONS | DOCUMENTS | {""}:
                continue
            block = Block(fence.text, fence.offsets, lines)
            name = f"{path} {fence.heading}".rstrip()
            if fence.language in PYTHONS:
                blocks.python(block, name)
            elif fence.language in DOCUMENTS:
                blocks.document(block, _DOCUMENTS)
            else:
                blocks.shell(block, name, sure=bool(fence.language))
    except BudgetError as exc:
        ended = exc
    return blocks.launches(ended)


def _may_launch(data: bytes) -> bool:
    """Whether a server is named in a page that has blocks."""
    return _FENCE.search(data) is not None and python.KIND.hit(data)


KIND = FileKind(
    "markdown",
    "a page in Markdown",
    read_all,
    summary=_KIND,
    takes=("profiles", "root", "sglang"),
    named=r"[^/]+\.(?:md|mdx|markdown)",
    related=True,
    hit=_may_launch,
    editable=True,
)
