"""Files are written whole or not at all, and not where work would be lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dsv4_env.guard import writing
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.writeback import files
from dsv4_env.writeback.files import FileChange, dirty, write_changes
from tests.conftest import need


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([need("git"), *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "[x] é.sh"
    path.write_bytes(b"old")
    path.chmod(0o750)
    return path


def fine() -> None:
    return None


def test_a_file_keeps_its_mode_and_a_link_its_target(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    write_changes([FileChange(link, b"old", b"new")], fine, force=False)
    assert (link.is_symlink(), path.read_bytes(), path.stat().st_mode & 0o777) == (
        True,
        b"new",
        0o750,
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, "link"])


def test_a_file_that_changed_meanwhile_is_refused(path: Path) -> None:
    with pytest.raises(Dsv4Error, match="changed since it was read"):
        write_changes([FileChange(path, b"older", b"new")], fine, force=False)
    assert path.read_bytes() == b"old"
    write_changes([FileChange(path, b"older", b"new")], fine, force=True)
    assert path.read_bytes() == b"new"


def test_a_new_file_must_be_new(path: Path) -> None:
    with pytest.raises(Dsv4Error, match="changed since"):
        write_changes([FileChange(path, None, b"new")], fine, force=False)


def test_what_is_read_otherwise_is_put_back(path: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"

    def broken() -> str | None:
        raise Dsv4Error("it can't be read")

    for verify in (lambda: "A", broken):
        with pytest.raises(Dsv4Error, match="the old bytes are back"):
            write_changes(
                [FileChange(fresh, None, b"x"), FileChange(path, b"old", b"new")],
                verify,
                force=False,
            )
        assert (path.read_bytes(), fresh.exists()) == (b"old", False)
        assert path.stat().st_mode & 0o777 == 0o750


def test_where_one_file_fails_none_is_written(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writing.replace

    def fail(target: Path, data: bytes) -> None:
        if target.name == "second":
            raise OSError("disk full")
        real(target, data)

    monkeypatch.setattr(files, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_changes(
            [FileChange(path, b"old", b"new"), FileChange(tmp_path / "second", None, b"x")],
            fine,
            force=False,
        )
    assert path.read_bytes() == b"old"


def test_uncommitted_changes_are_refused(path: Path) -> None:
    folder = path.parent
    assert not dirty(path)
    git(folder, "init", "-q")
    assert not dirty(path)  # git doesn't know it
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "x")
    assert not dirty(path)
    path.write_bytes(b"mine")
    assert dirty(path)
    with pytest.raises(Dsv4Error, match="aren't committed"):
        write_changes([FileChange(path, b"mine", b"new")], fine, force=False)
    assert path.read_bytes() == b"mine"
    git(folder, "add", ".")
    assert dirty(path)
    write_changes([FileChange(path, b"mine", b"new")], fine, force=True)
    assert path.read_bytes() == b"new"
    write_changes([FileChange(path, b"new", b"new")], fine, force=False)  # nothing to write
