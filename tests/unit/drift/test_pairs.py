"""Pairs in a pyproject.toml: what was there stays, to the letter."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, strategies as st

from dsv4_env.drift.pairs import as_toml, with_pairs
from dsv4_env.model.errors import SettingsError
from dsv4_env.profile.settings import Pair

ONE = Pair("flash-fp4", ("a.sh",))
MORE = Pair("pro-fp4", ("a.sh", "b.sh"), launch=(2,))
NEW = """\
[[tool.dsv4_env.pairs]]
profile = "flash-fp4"
files = ["a.sh"]

[[tool.dsv4_env.pairs]]
profile = "pro-fp4"
files = [
    "a.sh",
    "b.sh",
]
launch = [2]
"""
LAYOUTS = {
    "empty": "",
    "no end": "[project]\nname = 'x'",
    "other tools": "# one\n[tool.ruff]  # two\nline-length = 100\n\n[project]\nname = 'x'\n",
    "settings": "[tool.dsv4_env]\nprofile = 'pro-fp4'  # why\n\n[tool.ruff]\nx = 1\n",
    "pairs": ("[[tool.dsv4_env.pairs]]\nprofile = 'p'\nfiles = [ 'x', ]  # y\n\n[tool.z]\na = 1\n"),
    "apart": (
        "[tool.dsv4_env]\n"
        "sglang = '0.5.13'\n"
        "[tool.ruff]\n"
        "x = 1\n"
        "[tool.dsv4_env.severity]\n"
        "'A*' = 'note'\n"
    ),
    "waivers": (
        "[[tool.dsv4_env.waivers]]\nname = 'A'\nreason = 'r'\n[build-system]\nrequires = []\n"
    ),
    "inline": "[tool.dsv4_env]\npairs = [\n    { profile = 'p', files = 'x' },\n]\n",
    "dotted": "tool.dsv4_env.sglang = '0.5.13'\n",
    "windows": "[tool.ruff]\r\nx = 1\r\n",
    "mark": "\ufeff[tool.ruff]\nx = 1\n",
}


def test_as_toml() -> None:
    assert as_toml([ONE, MORE]) == NEW


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_was_there_stays(name: str) -> None:
    before = LAYOUTS[name]
    after = with_pairs(before, [ONE, MORE], "pyproject.toml")
    lines = iter(after.splitlines(keepends=True))
    assert all(line in lines for line in before.splitlines(keepends=True) if line.endswith("\n"))
    old = tomllib.loads(before.removeprefix("\ufeff"))
    new = tomllib.loads(after.removeprefix("\ufeff"))
    mine = new["tool"]["dsv4_env"]["pairs"]
    assert mine[:-2] == old.get("tool", {}).get("dsv4_env", {}).get("pairs", [])
    assert [p["profile"] for p in mine[-2:]] == ["flash-fp4", "pro-fp4"]
    assert ("\r\n" in after) == ("\r\n" in before)
    assert after.count("\r\n") in (0, after.count("\n"))


@pytest.mark.parametrize(
    "text",
    ["[tool]\ndsv4_env = 3\n", "[tool.dsv4_env]\npairs = 'x'\n", "[tool\n", "tool = 1\n"],
)
def test_what_leaves_no_place_for_pairs(text: str) -> None:
    with pytest.raises(SettingsError, match=r"can't be written"):
        with_pairs(text, [ONE], "pyproject.toml")


TABLES = [
    "[project]\nname = 'x'\n",
    "[tool.a]\nx = 1 # c\n",
    "[tool.b.c]\ny = 2\n",
    "[tool.dsv4_env]\nsglang = '0.5.13'\n",
    "[[tool.dsv4_env.waivers]]\nname = 'A'\nreason = 'r'\n",
]


@given(st.permutations(TABLES), st.integers(0, len(TABLES)))
def test_any_order_of_tables(tables: list[str], count: int) -> None:
    before = "\n".join(tables[:count])
    after = with_pairs(before, [ONE], "pyproject.toml")
    assert tomllib.loads(after)["tool"]["dsv4_env"]["pairs"] == [
        {"profile": "flash-fp4", "files": ["a.sh"]}
    ]
