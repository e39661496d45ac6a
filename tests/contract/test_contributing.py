"""CONTRIBUTING.md names each part of the package once, in the order of its imports."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
UNNAMED = {"__init__", "__main__"}


def parts() -> list[str]:
    """The parts as the page names them, lowest first."""
    tree = TEXT.partition("```text\n")[2].partition("```")[0]
    names = [n for line in tree.splitlines() if (n := line[:19].strip())]
    return [part.strip().rstrip("/") for name in names for part in name.split(",")]


def test_every_part_is_named() -> None:
    """Each package, and nothing beside them."""
    package = ROOT / "dsv4_env"
    there = {
        p.stem for p in package.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()
    }
    assert sorted(parts()) == sorted(there - UNNAMED)


def test_the_order_is_that_of_the_contract() -> None:
    """No part stands below one that it may be imported by."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c["id"] == "one-way")
    rank = {
        name.strip(): number
        for number, tier in enumerate(reversed(contract["layers"]))
        for name in tier.split("|")
    }
    ranks = [rank[part] for part in parts()]
    assert ranks == sorted(ranks)


def test_the_glossary_is_short() -> None:
    """At most twenty words."""
    words = re.findall(r"^\| (\w+) \| ", TEXT, re.M)
    assert 5 < len(words) <= 21  # with the heading
    assert len(words) == len(set(words))


def test_the_files_that_are_named_are_there() -> None:
    """So that a recipe leads somewhere."""
    folders = "|".join(["tests", *parts()])
    named = re.findall(rf"`((?:{folders})/[\w/.-]*)`", TEXT.replace("/NAME/", "/"))
    assert len(named) > 15
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "dsv4_env" / name).exists(), name
