"""A late pattern answers as a compiled one, and isn't compiled before it's asked."""

from __future__ import annotations

import re

import pytest

from dsv4_env import late


def test_a_late_pattern_answers_as_a_compiled_one() -> None:
    one = late.regexp(r"(a+)b", re.IGNORECASE)
    assert "match" not in vars(one)
    assert all((one.fullmatch("AAb"), one.match("ab "), one.search("xab"), one.match("c") is None))
    assert (one.sub("-", "abAB"), one.split("xaby"), one.groups) == ("--", ["x", "a", "y"], 1)
    assert "match" in vars(one)
    with pytest.raises(AttributeError, match="nothing"):
        one.nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(re.error):
        late.regexp("(").match("")
