"""The reference is made of the registries, and is what they say today."""

from __future__ import annotations

import pytest

from dsv4_env.cli import COMMANDS
from dsv4_env.exporters import EXPORTERS
from dsv4_env.lint.known import all_rules
from dsv4_env.profile.schema import json_schema
from dsv4_env.readers import KINDS
from dsv4_env.reporters import REPORTERS
from tests import reference


@pytest.mark.parametrize("page", reference.PAGES)
def test_a_page_is_what_its_registry_says(page: str, request: pytest.FixtureRequest) -> None:
    path = reference.FOLDER / page
    made = reference.PAGES[page]()
    if request.config.getoption("--update-golden"):
        path.write_text(made)
    assert path.read_text() == made, f"{path} is stale: python -m tests.reference"


def test_no_page_without_a_registry() -> None:
    assert {path.name for path in reference.FOLDER.iterdir()} == set(reference.PAGES)


@pytest.mark.parametrize(
    ("page", "start", "names"),
    [
        ("commands.md", "## ", list(COMMANDS)),
        ("rules.md", "## ", list(all_rules())),
        ("layers.md", "| `", list(json_schema()["properties"])),
        ("formats.md", "| `", [kind.name for kind in KINDS]),
        ("formats.md", "| `", [*EXPORTERS, *REPORTERS]),
    ],
    ids=["commands", "rules", "layers", "kinds", "formats"],
)
def test_whatever_there_is_has_its_place(page: str, start: str, names: list[str]) -> None:
    lines = [x for x in (reference.FOLDER / page).read_text().splitlines() if x.startswith(start)]
    heads = {line.removeprefix(start).replace("`", " ").split()[0] for line in lines}
    assert [name for name in names if name not in heads] == []


@pytest.mark.parametrize("page", ["layers.md", "formats.md"])
def test_what_stands_in_a_table_stays_in_its_cell(page: str) -> None:
    tables = [part for part in reference.PAGES[page]().split("\n\n") if part.startswith("| ")]
    assert tables
    for table in tables:
        bars = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(bars) == 1, table
