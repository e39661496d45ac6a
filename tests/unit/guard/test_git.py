"""Whatever a repository's own files say, git runs nothing of it: one hostile repository a vector.

Each program that git could be made to run leaves a marker. A test first shows that plain git, asked
the same way, is caught by most of them, so that a vector that went stale is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.cli import run
from dsv4_env.drift.files import changed_since, listed
from dsv4_env.guard import git
from dsv4_env.model.errors import Dsv4Error, UsageError
from dsv4_env.profile import reference_script
from dsv4_env.writeback.files import dirty

_PYPROJECT = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "*.sh"\n'


class Trap:
    """A repository with two commits of a launch script, and a program that leaves a marker."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "checkout"
        self.marker = folder / "MARKER"
        self.top.mkdir()
        self.program = self.top / "program.py"
        self.program.write_text(f"#!{sys.executable}\nopen({str(self.marker)!r}, 'w').close()\n")
        self.program.chmod(0o755)
        self.git("init", "-q", "-b", "main", ".")
        (self.top / "pyproject.toml").write_text(_PYPROJECT)
        script = reference_script().read_text()
        for number, text in enumerate((script, script.replace("USE_AITER=1", "USE_AITER=0"))):
            (self.top / "run_dsv4.sh").write_text(text)
            self.git("add", "-A")
            self.git("commit", "-q", "-m", f"commit {number}")

    def git(self, *words: str) -> str:
        """What git says, asked as its user would."""
        environ = {
            **os.environ, "GIT_AUTHOR_NAME": "T", "GIT_AUTHOR_EMAIL": "t@example.com",
            "GIT_COMMITTER_NAME": "T", "GIT_COMMITTER_EMAIL": "t@example.com",
        }  # fmt: skip
        done = subprocess.run(
            ["git", "-C", str(self.top), *words], capture_output=True, text=True, env=environ,
            timeout=30, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.stdout

    def config(self, *settings: str) -> None:
        """Add settings to the repository's own configuration, PROGRAM being the trap's."""
        for setting in settings:
            name, _, value = setting.partition("=")
            self.git("config", "--add", name, value.replace("PROGRAM", str(self.program)))

    def touch(self) -> None:
        """Make git look into files: their times aren't those of the index any more."""
        for path in self.top.glob("*.sh"):
            os.utime(path, (1, 1))


def _fsmonitor(trap: Trap) -> None:
    trap.config("core.fsmonitor=PROGRAM")


def _filter(kind: str) -> Callable[[Trap], None]:
    def make(trap: Trap) -> None:
        trap.config(f"filter.trap.{kind}=PROGRAM", "filter.trap.required=true")
        (trap.top / ".gitattributes").write_text("* filter=trap\n")
        trap.touch()

    return make


def _included_filter(trap: Trap) -> None:
    (trap.top / "more.cfg").write_text(f'[filter "Odd.name"]\n\tclean = {trap.program}\n')
    trap.config(f"include.path={trap.top}/more.cfg")
    (trap.top / ".git" / "info").mkdir(exist_ok=True)
    (trap.top / ".git" / "info" / "attributes").write_text("* filter=Odd.name\n")
    trap.touch()


def _hooks(trap: Trap) -> None:
    trap.config(f"core.hooksPath={trap.top}/hooks")
    for folder in (trap.top / "hooks", trap.top / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in ("post-index-change", "post-checkout", "pre-auto-gc", "fsmonitor-watchman"):
            shutil.copy(trap.program, folder / name)
    trap.touch()


def _configured_hooks(trap: Trap) -> None:
    trap.config("hook.trap.command=PROGRAM", "hook.trap.event=post-index-change")
    trap.touch()


def _bare_folder(trap: Trap) -> None:
    _shaped_like_bare(trap, trap.top)
    shutil.rmtree(trap.top / ".git")


def _shaped_like_bare(trap: Trap, folder: Path) -> None:
    for name in ("objects", "refs/heads"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text(
        "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = .\n"
        f"\tfsmonitor = {trap.program}\n"
    )


def _external_diff(trap: Trap) -> None:
    trap.config("diff.external=PROGRAM", "diff.trap.command=PROGRAM", "diff.trap.textconv=PROGRAM")
    (trap.top / ".gitattributes").write_text("* diff=trap\n")


def _pager(trap: Trap) -> None:
    trap.config(*(f"{n}=PROGRAM" for n in ("core.pager", "pager.log", "pager.diff", "core.editor")))


def _signature(trap: Trap) -> None:
    trap.config("log.showSignature=true", "gpg.program=PROGRAM", "gpg.ssh.program=PROGRAM")
    tree = trap.git("rev-parse", "HEAD^{tree}").strip()
    parent = trap.git("rev-parse", "HEAD").strip()
    body = (
        f"tree {tree}\nparent {parent}\nauthor T <t@example.com> 1 +0000\n"
        "committer T <t@example.com> 1 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n"
        " -----END PGP SIGNATURE-----\n\nsigned\n"
    )
    (trap.top / "signed").write_text(body)
    commit = trap.git("hash-object", "-t", "commit", "-w", "--literally", "signed").strip()
    (trap.top / "signed").unlink()
    trap.git("update-ref", "refs/heads/main", commit)


def _promisor(address: str) -> Callable[[Trap], None]:
    def make(trap: Trap) -> None:
        trap.config(
            "core.repositoryFormatVersion=1", "extensions.partialClone=origin",
            "remote.origin.promisor=true", "remote.origin.partialCloneFilter=blob:none",
            f"remote.origin.url={address}", "remote.origin.uploadpack=PROGRAM",
            "core.sshCommand=PROGRAM", "core.gitProxy=PROGRAM", "core.askPass=PROGRAM",
            "credential.helper=!PROGRAM", "protocol.allow=always", "protocol.ext.allow=always",
        )  # fmt: skip
        blob = trap.git("rev-parse", "HEAD~1:run_dsv4.sh").strip()
        (trap.top / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    return make


def _alternates(trap: Trap) -> None:
    trap.config("core.alternateRefsCommand=PROGRAM", "core.alternateRefsPrefixes=refs/heads")
    info = trap.top / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{trap.top}/.git/objects\n/nowhere\n")


def _submodule(trap: Trap) -> None:
    inner = Trap(_made(trap.top.parent / "inner"))
    trap.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.top), "sub"
    )
    trap.git("commit", "-q", "-m", "a submodule")
    sub = ["-C", "sub"]
    for name in ("clean", "process"):
        trap.git(*sub, "config", f"filter.deep.{name}", str(trap.program))
    trap.git(*sub, "config", "core.fsmonitor", str(trap.program))
    (trap.top / "sub" / ".gitattributes").write_text("* filter=deep\n")
    os.utime(trap.top / "sub" / "run_dsv4.sh", (1, 1))
    trap.config("submodule.recurse=true", "diff.submodule=log", "status.submoduleSummary=true")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


VECTORS: dict[str, Callable[[Trap], None]] = {
    "fsmonitor": _fsmonitor,
    "clean filter": _filter("clean"),
    "smudge filter": _filter("smudge"),
    "filter process": _filter("process"),
    "filter of an included file": _included_filter,
    "hooks": _hooks,
    "configured hooks": _configured_hooks,
    "a folder shaped like a bare repository": _bare_folder,
    "external diff and textconv": _external_diff,
    "pager": _pager,
    "signatures": _signature,
    "promisor remote through ext": _promisor("ext::PROGRAM x"),
    "promisor remote through ssh": _promisor("ssh://nowhere.invalid/x"),
    "promisor remote in a folder": _promisor("/nowhere"),
    "alternates": _alternates,
    "submodule": _submodule,
}
CAUGHT = {  # by plain git of 2.39, asked for the same things
    "fsmonitor", "clean filter", "filter process", "filter of an included file",
    "a folder shaped like a bare repository", "external diff and textconv", "signatures",
    "promisor remote through ext", "promisor remote through ssh", "promisor remote in a folder",
    "submodule", "hooks",
}  # fmt: skip


@pytest.fixture(params=VECTORS)
def trap(request: pytest.FixtureRequest, tmp_path: Path) -> Trap:
    """A hostile repository."""
    made = Trap(tmp_path)
    VECTORS[request.param](made)
    assert not made.marker.exists(), "the trap went off while it was set"
    return made


COMMANDS = (
    ["discover", "."],
    ["check", "--changed-since", "HEAD~1"],
    ["check", "--changed-since", "HEAD~1", "--format", "review"],
    ["history", ".", "--paths", "run_dsv4.sh"],
    ["report", "--history", ".", "-o", "page.html"],
    ["lint", "run_dsv4.sh"],
    ["discover", "--write"],
    ["sync", "pro-fp4", "--to", "run_dsv4.sh", "--write"],
)


def test_no_command_runs_what_a_repository_names(
    trap: Trap, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever the commands make of the repository, the marker isn't there afterwards."""
    monkeypatch.chdir(trap.top)
    for words in COMMANDS:
        code = run(words)
        assert not trap.marker.exists(), words
        assert code in (0, 1, 2)
        assert "internal error" not in capfd.readouterr().err


def test_the_pytest_plugin_runs_nothing(trap: Trap) -> None:
    """The project's check as tests."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--dsv4-drift", "-p", "no:cacheprovider", "-q"],
        cwd=trap.top, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert not trap.marker.exists()
    assert "INTERNALERROR" not in done.stdout + done.stderr


@pytest.mark.parametrize("vector", sorted(CAUGHT))
def test_plain_git_is_caught(vector: str, tmp_path: Path) -> None:
    """The traps work: git by itself runs the program for one of the questions that are asked."""
    made = Trap(tmp_path)
    VECTORS[vector](made)
    for words in (
        ["ls-files", "--others", "--cached"], ["status", "--porcelain"], ["diff", "HEAD~1"],
        ["log", "-p", "-1"], ["cat-file", "-p", "HEAD~1:run_dsv4.sh"], ["checkout", "."],
    ):  # fmt: skip
        made.git(*words)
    assert made.marker.exists()


def test_a_folder_shaped_like_a_bare_repository_is_none(tmp_path: Path) -> None:
    """Nor is what lies below it in the repository around: its configuration would count there."""
    made = Trap(tmp_path)
    inner = _made(made.top / "evil")
    _shaped_like_bare(made, inner)
    (inner / "a.sh").write_text("true\n")
    assert git.repository(made.top) == made.top
    assert git.repository(inner) is None
    assert git.repository(_made(inner / "below")) is None
    assert sorted(listed(inner)) == ["HEAD", "a.sh", "config"]
    assert not made.marker.exists()
    with pytest.raises(UsageError, match="not a git repository"):
        git.run(inner / "below", "status")


def test_a_work_tree_elsewhere_is_not_looked_at(tmp_path: Path) -> None:
    """``core.worktree`` can't make another folder's files those of the checkout."""
    made = Trap(tmp_path)
    other = _made(tmp_path / "other")
    (other / "secret.sh").write_text("sglang serve\n")
    made.config(f"core.worktree={other}")
    assert "secret.sh" not in set(listed(made.top))
    assert "run_dsv4.sh" in set(listed(made.top))


def test_a_filter_that_cannot_be_switched_off_is_an_error(tmp_path: Path) -> None:
    """A name with = would end in the middle on a command line."""
    made = Trap(tmp_path)
    made.config("x.y=1")
    config = made.top / ".git" / "config"
    config.write_text(config.read_text() + f'[filter "a=b"]\n\tclean = {made.program}\n')
    with pytest.raises(UsageError, match=r"names a filter 'filter.a=b'; expected a name without ="):
        changed_since(made.top, "HEAD~1")


def test_what_a_hook_says_of_its_repository_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a hook git names its own repository in the environment; another one is asked here."""
    made = Trap(tmp_path)
    other = Trap(_made(tmp_path / "other"))
    (other.top / "new.sh").write_text("true\n")
    monkeypatch.setenv("GIT_DIR", str(made.top / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(made.top / ".git" / "index"))
    assert "new.sh" in set(listed(other.top))


def test_a_bare_repository_that_is_named_is_asked(tmp_path: Path) -> None:
    """``history`` reads a mirror."""
    made = Trap(tmp_path)
    subprocess.run(
        ["git", "clone", "-q", "--bare", str(made.top), str(tmp_path / "m.git")], check=True
    )
    done = git.run(tmp_path / "m.git", "rev-list", "--count", "HEAD")
    assert done.stdout == b"2\n"


def test_changed_files_of_submodules_are_told(tmp_path: Path) -> None:
    """Those of a submodule's new commit, of its work tree, and all of a new submodule."""
    made = Trap(tmp_path)
    inner = Trap(_made(tmp_path / "inner"))
    made.git("-c", "protocol.file.allow=always", "submodule", "add", str(inner.top), "sub")
    made.git("commit", "-q", "-m", "a submodule")
    sub = made.top / "sub"
    assert {p.relative_to(made.top).as_posix() for p in changed_since(made.top, "HEAD~1")} == {
        ".gitmodules", "sub", "sub/run_dsv4.sh", "sub/pyproject.toml", "sub/program.py"
    }  # fmt: skip
    assert changed_since(made.top, "HEAD") == set()
    (sub / "run_dsv4.sh").write_text("true\n")
    (sub / "new.sh").write_text("true\n")
    assert changed_since(made.top, "HEAD") == {sub / "run_dsv4.sh", sub / "new.sh"}
    made.git("-C", "sub", "commit", "-q", "-a", "-m", "x")
    made.git("commit", "-q", "-a", "-m", "bump")
    assert changed_since(made.top, "HEAD~1") == {sub, sub / "run_dsv4.sh", sub / "new.sh"}


def test_without_git_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree is walked then, and what needs git says so."""
    made = Trap(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "run_dsv4.sh" in set(listed(made.top))
    assert not dirty(made.top / "run_dsv4.sh")
    with pytest.raises(Dsv4Error, match="git isn't installed"):
        changed_since(made.top, "HEAD")


def test_what_git_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to trust the repository; and no work is lost as nothing is known of it."""
    made = Trap(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.chdir(made.top)
    with pytest.raises(UsageError, match=r"somebody else; expected `git config --global --add"):
        changed_since(made.top, "HEAD~1")
    with pytest.raises(UsageError, match=r"run_dsv4.sh: whether it has changes .* or --force"):
        dirty(made.top / "run_dsv4.sh")
    (made.top / "run_dsv4.sh").write_text("# mine\n" + (made.top / "run_dsv4.sh").read_text())
    assert run(["sync", "pro-fp4", "--to", "run_dsv4.sh", "--write"]) == 2
    assert (made.top / "run_dsv4.sh").read_text().startswith("# mine\n")


def test_a_tree_that_git_does_not_list_is_walked_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is ignored is among the files then."""
    made = Trap(tmp_path)
    (made.top / ".gitignore").write_text("build/\n")
    (made.top / "build").mkdir()
    shutil.copy(made.top / "run_dsv4.sh", made.top / "build" / "copy.sh")
    monkeypatch.chdir(made.top)
    assert run(["discover"]) == 0
    assert "copy.sh" not in capfd.readouterr().out
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert run(["discover"]) == 0
    said = capfd.readouterr()
    assert "copy.sh" in said.out
    assert "note: what git ignores is looked at, too: " in said.err
    assert "git refuses the repository" in said.err
