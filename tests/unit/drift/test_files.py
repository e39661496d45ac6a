"""Which files a pattern names, and which changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dsv4_env.drift.files import changed_since, expand, walk
from dsv4_env.errors import UsageError

FILES = ("run.sh", "a/one.sh", "a/b/two.sh", "a/b/two.py", ".venv/x.sh", "a/[x].sh", ".git/y.sh")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "exclude", "expected"),
    [
        (["run.sh"], [], ["run.sh"]),
        (["./a/../run.sh"], [], ["run.sh"]),
        (["*.sh"], [], ["run.sh"]),
        (["a/*.sh"], [], ["a/[x].sh", "a/one.sh"]),
        (["**/*.sh"], [], ["a/[x].sh", "a/b/two.sh", "a/one.sh", "run.sh"]),
        (["**/*.sh"], ["a/b/**"], ["a/[x].sh", "a/one.sh", "run.sh"]),
        (["a/**"], [], ["a/[x].sh", "a/b/two.py", "a/b/two.sh", "a/one.sh"]),
        (["a/b/two.?y"], [], ["a/b/two.py"]),
        (["a/b/two.[!s]*"], [], ["a/b/two.py"]),
        (["a/[[]x].sh"], [], ["a/[x].sh"]),
        (["nope.sh", "nope/*.sh"], [], []),
    ],
)
def test_globs(tree: Path, patterns: list[str], exclude: list[str], expected: list[str]) -> None:
    assert [str(p.relative_to(tree)) for p in expand(tree, patterns, exclude)] == expected


def test_links_are_files_or_passed_over(tree: Path) -> None:
    assert "loop" in list(walk(tree))  # as a file: whoever opens it is told that it's a folder
    assert not [n for n in walk(tree) if n.startswith("loop/")]
    assert list(walk(tree / "nope")) == []


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("kept.sh", "edited.sh", "gone.sh", "old name.sh", "on-main.sh"):
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "checkout", "-q", "-b", "topic")
    (tmp_path / "edited.sh").write_text("edited")
    (tmp_path / "gone.sh").unlink()
    git(tmp_path, "mv", "old name.sh", "new\tname.sh")
    git(tmp_path, "commit", "-q", "-a", "-m", "two")
    git(tmp_path, "checkout", "-q", "main")
    (tmp_path / "on-main.sh").write_text("changed on main alone")
    git(tmp_path, "commit", "-q", "-a", "-m", "three")
    git(tmp_path, "checkout", "-q", "topic")
    (tmp_path / "new.sh").touch()
    (tmp_path / "sub").mkdir()
    return tmp_path


def test_changes_since_a_branch_parted(repository: Path) -> None:
    expected = {"edited.sh", "gone.sh", "old name.sh", "new\tname.sh", "new.sh"}
    for folder in (repository, repository / "sub"):
        assert {p.name for p in changed_since(folder, "main")} == expected
    assert {p.name for p in changed_since(repository, "HEAD")} == {"new.sh"}


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nope", "git knows no 'nope'; expected a branch, tag or commit"),
        ("--output=x", "'--output=x' is no revision"),
    ],
)
def test_no_such_revision(repository: Path, revision: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        changed_since(repository, revision)
    assert message in str(caught.value)
    assert not (repository / "x").exists()


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        changed_since(tmp_path, "HEAD")
