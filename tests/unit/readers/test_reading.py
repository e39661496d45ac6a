"""Files that are read one at a time: each failure is one located message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsv4_env.drift.lines import location_of
from dsv4_env.guard.files import MAX_BYTES
from dsv4_env.model import Location
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import HowRead, file_bytes, read


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("missing")
    said = {}
    for name in ("pipe", "loop", "nowhere", "missing", "."):
        with pytest.raises(ReadError) as caught:
            file_bytes(tmp_path / name)
        assert caught.value.where == str(tmp_path / name)
        said[name] = caught.value.found
    assert said == {
        "pipe": "it is no regular file",
        "loop": "can't be read: too many levels of symbolic links",
        "nowhere": "can't be read: no such file or directory",
        "missing": "can't be read: no such file or directory",
        ".": "can't be read: is a directory",
    }


def test_the_largest_file(tmp_path: Path) -> None:
    path = tmp_path / "a.sh"
    for size in (0, MAX_BYTES, MAX_BYTES + 1, 100_000_000):
        with path.open("wb") as file:
            file.truncate(size)
        if size <= MAX_BYTES:
            assert len(file_bytes(path)) == size
        else:
            with pytest.raises(ReadError) as caught:
                file_bytes(path)
            assert caught.value.found == f"{size:,} bytes"


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.sh"
    path.write_bytes(b"x" * 10)
    whole = os.fstat

    def grown(handle: int) -> os.stat_result:
        status = whole(handle)
        path.write_bytes(b"x" * (MAX_BYTES + 1))
        return status

    monkeypatch.setattr(os, "fstat", grown)
    with pytest.raises(ReadError, match="bytes"):
        file_bytes(path)


@pytest.mark.parametrize("size", [10, 1_000, 30_000])
@pytest.mark.parametrize(
    ("name", "head", "opening", "middle", "closing"),
    [
        ("a.py", "x = ", "(", "1", ")"),
        ("a.py", "x = ", "[", "1", "]"),
        ("a.py", "x = ", "-", "1", ""),
        ("a.sh", "", "(", "a", ")"),
        ("a.sh", "", "( ", "a", " )"),
        ("a.sh", "echo $(", "(", "1", ")"),
        ("compose.yaml", "services: ", "[", "", "]"),
        ("compose.yaml", "services: ", "{a: ", "1", "}"),
        ("compose.yaml", "services:\n  ", "- ", "1", ""),
    ],
)
def test_deep_nesting_is_read_or_told(
    name: str, head: str, opening: str, middle: str, closing: str, size: int
) -> None:
    text = f"# sglang\n{head}{opening * size}{middle}{closing * size}\n".encode()
    try:
        assert read(text, name, HowRead()) == []
    except ReadError as exc:
        assert str(exc.where).startswith(name)  # noqa: PT017


def test_a_reader_that_fails_is_told() -> None:
    with pytest.raises(ReadError, match="the dotenv reader failed: TypeError"):
        read(3, "a.env", HowRead("dotenv"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a/b.py:3:4", Location("a/b.py", 3, 4)),
        ("a/b.py:3", Location("a/b.py", 3)),
        ("a/b.py", Location("a/b.py")),
        ("other.py:3:4", Location("a/b.py")),
        ("a/b.py:x", Location("a/b.py")),
        (None, Location("a/b.py")),
    ],
)
def test_the_place_of_a_message(where: str | None, expected: Location) -> None:
    assert location_of(where, Path("a/b.py")) == expected
