"""The commits that a page's foot tells."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dsv4_env.matrix.sources import commit_of, commits_of
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import reference_script
from tests.repositories import Step, build


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit of two files, which are checked out."""
    files: dict[str, str | bytes | None] = {"a.sh": "one\n", "sub/[b].sh": "two\n"}
    made = build(tmp_path / "r", [Step("main", datetime(2026, 5, 1, 23, tzinfo=UTC), files)])
    subprocess.run(["git", "-C", str(made), "reset", "-q", "--hard"], check=True)
    return made


def commit(repository: Path) -> str:
    words = ["git", "-C", str(repository), "rev-parse", "--short=10", "HEAD"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def test_one_commit_for_all_files_of_a_repository(repository: Path) -> None:
    files = [repository / "a.sh", repository / "sub" / "[b].sh", repository / "a.sh"]
    assert commits_of(files) == [f"r at {commit(repository)} (2026-05-01)"]


def test_changes_count_of_the_files_that_are_shown(repository: Path) -> None:
    (repository / "a.sh").write_text("other\n")
    new = repository / "new.sh"
    new.write_text("new\n")
    at = f"r at {commit(repository)} (2026-05-01)"
    assert commits_of([repository / "sub" / "[b].sh"]) == [at]
    assert commits_of([repository / "a.sh"]) == [f"{at} with changes in 1 file"]
    assert commits_of([repository / "a.sh", new]) == [f"{at} with changes in 2 files"]


def test_what_has_no_commit(tmp_path: Path) -> None:
    lonely = tmp_path / "run.sh"
    lonely.touch()
    assert commits_of([lonely, "process 12", "<stdin>", tmp_path, reference_script()]) == []


def test_a_commit_that_cannot_be_told(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "new")], check=True)
    (tmp_path / "new" / "a.sh").touch()
    (said,) = commits_of([tmp_path / "new" / "a.sh"])
    assert said.startswith("new at a commit that isn't known: ")


def test_a_branch(repository: Path) -> None:
    assert commit_of(repository, "main") == f"r main at {commit(repository)} (2026-05-01)"
    with pytest.raises(UsageError):
        commit_of(repository, "nope")
