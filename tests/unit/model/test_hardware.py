"""Which accelerators a text speaks of."""

from __future__ import annotations

import pytest

from dsv4_env.model.hardware import ACCELERATORS, ALSO, canonical, cards_in, makers_in
from dsv4_env.plan.platforms import hinted

CARDS = [
    ("nightly-amd-8-gpu-mi35x-deepseek-v4", {"mi355x"}),
    ("rocm/sgl-dev:v0.5.16-rocm720-mi30x", {"mi300x"}),
    ("scripts/8xH200/run.sh", {"h200"}),
    ("dsv4-gb200-fp4", {"gb200"}),
    ("h20/dsv4.sh", {"h20"}),
    ("b200-and-h100", {"b200", "h100"}),
    ("rtx-pro-6000", {"rtx-pro-6000"}),
    ("test/batch20/chip.sh", set()),
    ("amd", set()),
]


@pytest.mark.parametrize(("text", "cards"), CARDS, ids=[text for text, _ in CARDS])
def test_cards(text: str, cards: set[str]) -> None:
    assert cards_in([text]) == cards


def test_every_name_is_found() -> None:
    for name in {*ACCELERATORS, *ALSO}:
        assert cards_in([f"a/{name}.sh"]) | makers_in([f"a/{name}.sh"]) == {canonical(name)}


@pytest.mark.parametrize("text", ["amd/run.sh", "rocm/sgl-dev:v1", "test_hip.py"])
def test_makers(text: str) -> None:
    assert (cards_in([text]), makers_in([text])) == (set(), {"mi355x"})


@pytest.mark.parametrize("text", ["chip/ship.py", "camden/run.sh", "procm.sh"])
def test_parts_of_words_say_nothing(text: str) -> None:
    assert cards_in([text]) | makers_in([text]) == set()


def test_the_first_text_with_one_card_counts() -> None:
    found = hinted({"--sglang": None, "image": "rocm/sgl-dev:v1", "path": "a/b300.sh"})
    assert found is not None
    assert (found[0].name, found[1]) == ("b300", "path")
    found = hinted({"image": "rocm/sgl-dev:v1", "path": "h100-or-h200.sh"})
    assert found is not None
    assert (found[0].name, found[1]) == ("mi355x", "image")
    assert hinted({"path": "run.sh"}) is None
