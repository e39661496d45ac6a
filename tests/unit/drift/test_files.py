"""Which files a pattern names, and which changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dsv4_env.drift.files import (
    changed_since,
    expand_globs,
    fits,
    lines_of_change,
    listed,
    literal,
    walk_folder,
)
from dsv4_env.model.errors import UsageError

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
    assert [str(p.relative_to(tree)) for p in expand_globs(tree, patterns, exclude)] == expected


def test_links_are_files_or_passed_over(tree: Path) -> None:
    assert "loop" in list(
        walk_folder(tree)
    )  # as a file: whoever opens it is told that it's a folder
    assert not [n for n in walk_folder(tree) if n.startswith("loop/")]
    assert list(walk_folder(tree / "nope")) == []


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


def test_lines_of_a_change(repository: Path) -> None:
    lines = [f"line {n}" for n in range(1, 31)]
    git(repository, "add", "-A")
    (repository / "long.sh").write_text("\n".join(lines))
    (repository / "[a].sh").write_text("\n".join(lines))
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "long")
    git(repository, "branch", "before")
    changed = [*lines[:9], "other", *lines[11:25], "new", *lines[25:]]
    (repository / "long.sh").write_text("\n".join(changed))
    git(repository, "mv", "[a].sh", "moved.sh")
    (repository / "moved.sh").write_text("\n".join([*lines[:-1], "@@ -1 +1,9 @@"]))
    git(repository, "commit", "-q", "-a", "-m", "changed")
    (repository / "untracked.sh").touch()
    names = ["long.sh", "moved.sh", "edited.sh", "untracked.sh", "nowhere.sh", "../out.sh"]
    assert lines_of_change(repository, "before", names) == {
        "long.sh": ((7, 13), (22, 28)),
        "moved.sh": ((27, 30),),
    }
    assert lines_of_change(repository / "sub", "before", ["../long.sh"])["../long.sh"]
    config = (repository / ".git" / "config").read_text()
    (repository / ".git" / "config").write_text(
        f"{config}[diff]\n\tcontext = 9\n\tnoprefix = true\n"
    )
    assert lines_of_change(repository, "before", ["long.sh"])["long.sh"] == ((7, 13), (22, 28))


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


def test_a_shallow_clone_is_told(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "part")
    with pytest.raises(UsageError, match=r"'main'; .* only a part of the history"):
        changed_since(tmp_path / "part", "main")


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a git repository"):
        changed_since(tmp_path, "HEAD")


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return folder


def test_a_walk_leaves_out_tools_and_links_to_folders(tmp_path: Path) -> None:
    touch(
        tmp_path, "b/x.sh", "a.sh", ".git/h", "node_modules/y", "b/__pycache__/z", ".github/w.yml"
    )
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "loop").symlink_to("loop")
    assert list(walk_folder(tmp_path)) == ["a.sh", "link", "loop", ".github/w.yml", "b/x.sh"]
    assert list(walk_folder(tmp_path / "nowhere")) == []


def test_without_git_a_tree_is_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.sh", ".venv/b.sh")
    assert list(listed(tmp_path)) == ["a.sh"]
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("PATH", "")
    assert list(listed(tmp_path)) == ["a.sh"]


def test_git_says_what_is_ignored(tmp_path: Path) -> None:
    touch(tmp_path, "a b.sh", "ü.sh", "sub/c.sh", "sub/d.log", "out/e.sh", "venv/f.sh")
    (tmp_path / ".gitignore").write_text("*.log\nout\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "sub")
    assert list(listed(tmp_path)) == [".gitignore", "a b.sh", "sub/c.sh", "ü.sh"]
    assert list(listed(tmp_path / "sub")) == ["c.sh"]
    assert list(listed(tmp_path / "out")) == ["e.sh"]


def test_a_repository_within_a_repository_is_looked_into(tmp_path: Path) -> None:
    touch(tmp_path, "a.sh", "inner/b.sh", "inner/c.log", "inner/.git-less/d.sh")
    (tmp_path / "inner" / ".gitignore").write_text("*.log\n")
    for folder in (tmp_path, tmp_path / "inner"):
        git(folder, "init", "-q")
    inner = ["inner/.git-less/d.sh", "inner/.gitignore", "inner/b.sh"]
    assert list(listed(tmp_path)) == ["a.sh", *inner]
    git(tmp_path / "inner", "add", ".")
    git(tmp_path / "inner", "commit", "-qm", "x")
    git(tmp_path, "add", ".")  # as a submodule's commit
    assert list(listed(tmp_path)) == ["a.sh", *inner]


@pytest.mark.parametrize("name", ["a.sh", "a[1].sh", "a*?.sh", "[x]/]a[.sh", "[!a]"])
def test_a_literal_names_one_file(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name, "a1.sh", "axx.sh", "x/]a[.sh", "b", "1")
    assert expand_globs(tmp_path, [literal(name)]) == [tmp_path / name]
    assert fits(name, [literal(name)])
    assert not fits("a1.sh", [literal(name)]) or name == "a1.sh"


def test_fits() -> None:
    assert fits("a/b/c.sh", ["x", "a/**/*.sh"])
    assert fits("a/c.sh", ["./a/**/*.sh"])
    assert not fits("a/c.sh", ["*.sh"])
    assert not fits("a/c.sh", [])
