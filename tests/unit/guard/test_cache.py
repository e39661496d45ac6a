from __future__ import annotations

import os
from pathlib import Path

import pytest

from dsv4_env.guard import cache

ELSEWHERE = Path("/nowhere")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    assert cache.read("a", apart_from=ELSEWHERE) is None
    cache.write("a", b"one", apart_from=ELSEWHERE)
    cache.write("a", b"two", apart_from=ELSEWHERE)
    assert cache.read("a", apart_from=ELSEWHERE) == b"two"
    assert cache.folder() == tmp_path / "cache" / "dsv4-env"
    assert [p.name for p in (tmp_path / "cache" / "dsv4-env").iterdir()] == ["a"]
    assert (tmp_path / "cache" / "dsv4-env").stat().st_mode & 0o077 == 0


def test_the_folder_without_a_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache.folder() == tmp_path / ".cache" / "dsv4-env"

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", no_home)
    assert cache.folder() is None
    cache.write("a", b"one", apart_from=ELSEWHERE)
    assert cache.read("a", apart_from=ELSEWHERE) is None


def test_nothing_is_kept_in_the_checkout_that_it_is_of(tmp_path: Path) -> None:
    cache.write("a", b"one", apart_from=tmp_path)
    assert [*tmp_path.iterdir()] == []
    cache.write("a", b"one", apart_from=ELSEWHERE)
    assert cache.read("a", apart_from=tmp_path) is None


def test_a_file_that_others_could_have_written_isnt_read(tmp_path: Path) -> None:
    cache.write("a", b"one", apart_from=ELSEWHERE)
    folder = tmp_path / "cache" / "dsv4-env"
    (folder / "a").chmod(0o666)
    assert cache.read("a", apart_from=ELSEWHERE) is None
    (folder / "a").chmod(0o644)
    assert cache.read("a", apart_from=ELSEWHERE) == b"one"
    folder.chmod(0o777)
    assert cache.read("a", apart_from=ELSEWHERE) is None
    cache.write("a", b"two", apart_from=ELSEWHERE)
    folder.chmod(0o700)
    assert cache.read("a", apart_from=ELSEWHERE) == b"one"


def test_the_umask_of_the_user_doesnt_matter() -> None:
    before = os.umask(0)
    try:
        cache.write("a", b"one", apart_from=ELSEWHERE)
    finally:
        os.umask(before)
    assert cache.read("a", apart_from=ELSEWHERE) == b"one"


def test_a_file_of_another_user_isnt_read(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write("a", b"one", apart_from=ELSEWHERE)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert cache.read("a", apart_from=ELSEWHERE) is None


def test_links_and_other_things_are_left_alone(tmp_path: Path) -> None:
    cache.write("b", b"one", apart_from=ELSEWHERE)
    folder = tmp_path / "cache" / "dsv4-env"
    target = tmp_path / "target"
    target.write_bytes(b"mine")
    (folder / "a").symlink_to(target)
    assert cache.read("a", apart_from=ELSEWHERE) is None
    cache.write("a", b"two", apart_from=ELSEWHERE)
    assert target.read_bytes() == b"mine"
    (folder / "c").mkdir()
    cache.write("c", b"two", apart_from=ELSEWHERE)
    assert cache.read("c", apart_from=ELSEWHERE) is None


def test_a_cache_that_cant_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    cache.write("a", b"one", apart_from=ELSEWHERE)
    assert cache.read("a", apart_from=ELSEWHERE) is None
