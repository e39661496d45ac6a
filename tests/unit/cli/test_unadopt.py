"""``unadopt`` as a command: what it prints, writes and returns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.unit.adopt.putting import TEST, place, put

Run = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A test that takes its launch from a profile, in the current folder."""
    monkeypatch.chdir(tmp_path)
    found = place(tmp_path)
    found.write_text(put(found))
    return found


def test_a_diff_is_shown_and_nothing_written(run: Run, path: Path) -> None:
    before = path.read_bytes()
    found = run("unadopt", "test_it.py")
    assert (found.code, found.err, path.read_bytes()) == (1, "", before)
    assert found.out.startswith("--- test_it.py\n+++ test_it.py\n@@ ")
    assert '-PROFILE = load_profile("mine"' in found.out
    assert '+            other_args=["--tp", "8", "--trust-remote-code"],\n' in found.out


def test_what_is_written_stays(run: Run, path: Path) -> None:
    found = run("unadopt", "test_it.py", "--write")
    assert (found.code, found.err) == (0, "dsv4-env: wrote test_it.py\n")
    assert "dsv4_env" not in path.read_text()
    again = run("unadopt", "test_it.py", "--write")
    assert (again.code, again.out) == (0, "")
    assert again.err == "dsv4-env: note: nothing is taken from a profile\n"


def test_one_that_cant_be_written_out_keeps_all_as_they_are(run: Run, path: Path) -> None:
    other = path.with_name("test_other.py")
    other.write_text(path.read_text().replace("PROFILE.server_args", "PROFILE.command()"))
    before = path.read_bytes()
    found = run("unadopt", "test_it.py", "test_other.py", "--write")
    assert (found.code, found.out, path.read_bytes()) == (2, "", before)
    assert "test_other.py:21:24: what .command of mine gives isn't a value" in found.err


@pytest.mark.parametrize("name", ["nothing.txt", "launch", "launch/mine.toml"])
def test_what_is_no_test(run: Run, path: Path, name: str) -> None:
    path.with_name("nothing.txt").write_text("(")
    found = run("unadopt", name)
    assert found.code == 2
    expected = "is a directory" if name == "launch" else "expected a test in Python"
    assert expected in found.err


def test_sync_names_the_way_back(run: Run, path: Path) -> None:
    """A setting that a profile gives can't be edited in the test."""
    layer = path.parent / "launch" / "other.toml"
    layer.write_text((layer.parent / "mine.toml").read_text().replace('"8"', '"4"'))
    found = run("sync", "other", "--profiles", "launch", "--to", "test_it.py")
    assert found.code == 2
    assert (
        "it is taken from mine: `dsv4-env unadopt test_it.py` writes it into the test" in found.err
    )
    path.write_text(TEST)
    assert run("sync", "other", "--profiles", "launch", "--to", "test_it.py").code == 1
