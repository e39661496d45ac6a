"""Pages and notebooks beside a rendering of their own: markdown-it's blocks, and json's cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from dsv4_env.model import Value
from dsv4_env.readers import HowRead, bash, read

CASES = Path(__file__).parents[1] / "cases"
SCRIPT = "export SGLANG_USE_AITER=1\nsglang serve --model-path m --tp {tp}\n"


def words(text: str) -> list[list[Value]]:
    return [c.argv for c in bash.read_all(text)]


@pytest.mark.parametrize("name", ["languages", "nested"])
def test_the_blocks_of_a_page(name: str) -> None:
    """The case's shell blocks, each read as a script."""
    text = (CASES / "markdown" / name / "input.md").read_text()
    tokens = [t for t in MarkdownIt().parse(text) if t.type == "fence"]
    shells = [t for t in tokens if (t.info.split() or ["sh"])[0] in ("bash", "sh", "shell")]
    expected = [w for t in shells if "no command" not in t.content for w in words(t.content)]
    found = [c.argv for c in read(text.encode(), "input.md", HowRead())]
    # markdown-it takes MDX's components for HTML, whose lines it leaves alone
    assert [a for a in found if a in expected] == expected
    assert len(found) - len(expected) == (name == "nested")


def test_every_launch_stands_where_its_text_does() -> None:
    """A thousand launches of a page, each in a block of its own."""
    blocks = [f"# Run {i}\n\n  ```bash\n  sglang serve --tp {i}\n  ```\n" for i in range(1000)]
    text = "\n".join(blocks)
    lines = text.splitlines()
    found = read(text.encode(), "p.md", HowRead())
    assert [c.argv for c in found] == [["--tp", str(i)] for i in range(1000)]
    for i, config in enumerate(found):
        assert config.name == f"p.md Run {i}"
        place = config.location
        assert place is not None
        assert place.line is not None
        assert place.column == 3
        assert lines[place.line - 1] == f"  sglang serve --tp {i}"


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("split", [False, True])
def test_the_cells_of_a_notebook(*, indent: int | None, split: bool) -> None:
    scripts = [SCRIPT.format(tp=i) for i in range(1, 6)]
    sources = [f"%%bash\n{s}" for s in scripts]
    cells = [
        {"cell_type": "code", "source": s.splitlines(keepends=True) if split else s}
        for s in sources
    ]
    data = json.dumps({"cells": cells, "metadata": {}}, indent=indent)
    found = read(data.encode(), "n.ipynb", HowRead())
    assert [c.argv for c in found] == [w for s in scripts for w in words(s)]
    assert [c.name for c in found] == [f"n.ipynb cell {i}" for i in range(1, 6)]
    for config in found:
        place = config.location
        assert place is not None
        assert place.line is not None
        assert place.column is not None
        line = data.splitlines()[place.line - 1]
        assert line[place.column - 1 :].startswith("sglang serve")
