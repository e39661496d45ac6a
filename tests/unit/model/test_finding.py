"""What a report says of places."""

from __future__ import annotations

import pytest

from dsv4_env.model.finding import Report


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a.sh", "a.sh"),
        ("sub/../a.sh", "a.sh"),
        ("/top/b/a.sh", "b/a.sh"),
        ("..", None),
        ("../a.sh", None),
        ("sub/../..", None),
        ("/top", None),
        ("/topmost/a.sh", None),
        ("http://127.0.0.1:1/", None),
    ],
)
def test_a_path_outside_of_the_repository_has_none_within(path: str, uri: str | None) -> None:
    assert Report((), root="/top").uri(path) == uri
