"""JSON that is no JSON: what is said of it."""

from __future__ import annotations

import pytest

from dsv4_env.lang import jsonc
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": "b', "x:1:7: JSON syntax: it breaks off in this text; expected JSON"),
        ('{"a": ["b"', "x:1:11: JSON syntax: it breaks off here; expected JSON"),
        ('{"a":', "x:1:6: JSON syntax: it breaks off here; expected JSON"),
        ('{"a": {"b": 1,', "x:1:15: JSON syntax: it breaks off here; expected JSON"),
        ('{"a": "b\n, "c": 1}', "x:1:7: JSON syntax: a text that isn't closed; expected JSON"),
        ('{"a": /* b', "x:1:7: JSON syntax: a comment that isn't closed; expected JSON"),
        ('{"a": #}', "x:1:7: JSON syntax: what JSON doesn't have; expected JSON"),
        ("", "x:1:1: JSON syntax: no value here; expected JSON"),
        ('{"a" 1}', "x:1:6: JSON syntax: no : here; expected JSON"),
    ],
)
def test_what_is_wrong_is_told(text: str, said: str) -> None:
    with pytest.raises(ReadError) as caught:
        jsonc.parse(text, "x", "JSON", Budget())
    assert str(caught.value) == said
