"""A file that is written stays what it was, or is left alone with the reason."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from dsv4_env.cli import run
from dsv4_env.guard import writing
from dsv4_env.guard.writing import locked, replace
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import reference_script
from tests.conftest import need

ROOT = os.geteuid() == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a mode that no umask gives."""
    path = tmp_path / "run.sh"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_mode_and_link_stay(path: Path, tmp_path: Path) -> None:
    """The link is followed, not replaced."""
    (tmp_path / "link").symlink_to("run.sh")
    replace(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_owner_and_group_stay(path: Path) -> None:
    """Root doesn't take over what it edits."""
    os.chown(path, 12345, 54321)
    path.chmod(0o4750)
    replace(path, b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (12345, 54321)
    assert stat.S_IMODE(status.st_mode) == 0o4750


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_an_owner_that_cannot_be_kept_is_a_reason(path: Path, tmp_path: Path) -> None:
    """Somebody in a shared folder would take the file over."""
    tmp_path.chmod(0o777)
    path.chmod(0o666)

    def child() -> None:
        os.setuid(12345)
        try:
            replace(path, b"new")
        except UsageError as exc:
            os._exit(7 if "it belongs to user 0" in str(exc) else 1)
        os._exit(0)

    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 7
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.sh"]


def test_extended_attributes_stay(path: Path) -> None:
    """Such as access lists."""
    if not hasattr(os, "setxattr"):
        pytest.skip("no extended attributes here")
    try:
        os.setxattr(path, "user.note", b"mine")
    except OSError:
        pytest.skip("the file system has none")
    replace(path, b"new")
    assert os.getxattr(path, "user.note") == b"mine"


def test_a_read_only_file_is_left_alone(path: Path) -> None:
    """Also by root, whom no mode keeps from writing."""
    path.chmod(0o444)
    with pytest.raises(UsageError, match=r"run\.sh: it is read-only; expected a file that may be"):
        replace(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_file_with_several_names_is_left_alone(path: Path, tmp_path: Path) -> None:
    """The other name would keep the old bytes."""
    os.link(path, tmp_path / "other")
    with pytest.raises(UsageError, match=r"it has 2 names \(hard links\)"):
        replace(path, b"new")
    assert path.read_bytes() == (tmp_path / "other").read_bytes() == b"old"


def test_a_link_out_of_the_checkout_is_not_followed(path: Path, tmp_path: Path) -> None:
    """A checkout could make a command write anywhere."""
    top = tmp_path / "checkout"
    (top / ".git").mkdir(parents=True)
    (top / "page.html").symlink_to(path)
    with pytest.raises(UsageError, match=r"page\.html: it is a symbolic link out of"):
        replace(top / "page.html", b"new")
    assert path.read_bytes() == b"old"


def test_a_linked_folder_does_not_lead_out_of_the_checkout(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever part of the path is the link."""
    top = tmp_path / "checkout"
    (top / ".git").mkdir(parents=True)
    (top / "out").symlink_to(tmp_path)
    monkeypatch.chdir(top)
    for words in (
        ["export", "pro-fp4", "-o", "out/new.env"],
        ["export", "pro-fp4", "-o", "out/run.sh"],
        ["lock", "--profiles", "out"],
    ):
        assert run(words) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkout", "run.sh"]
    assert path.read_bytes() == b"old"


def test_a_read_only_folder_is_left_alone(path: Path, tmp_path: Path) -> None:
    """Also by root."""
    tmp_path.chmod(0o555)
    try:
        for name in ("run.sh", "new"):
            with pytest.raises(UsageError, match="its folder is read-only"):
                replace(tmp_path / name, b"new")
    finally:
        tmp_path.chmod(0o755)
    assert path.read_bytes() == b"old"


def test_a_pipe_that_nobody_reads_from_is_an_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One that somebody does gets all of it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert run(["export", "pro-fp4", "-o", str(pipe)]) == 2
    assert "pipe: can't be written: no such device or address" in capfd.readouterr().err
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        while run(["export", "pro-fp4", "-o", str(pipe)]):  # until it has opened the pipe
            time.sleep(0.01)
        out, _ = reader.communicate(timeout=30)
    assert out.startswith(b"export ")


def test_what_fails_names_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk as well as a folder that isn't there; nothing is left behind."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"run\.sh: can't be written: no space left on device"):
        replace(path, b"new")
    assert [p.name for p in path.parent.iterdir()] == ["run.sh"]
    assert path.read_bytes() == b"old"
    with pytest.raises(UsageError, match=r"nowhere/a: can't be written: no such file"):
        replace(path.parent / "nowhere" / "a", b"new")


def test_a_full_disk_names_the_file_of_a_command(capfd: pytest.CaptureFixture[str]) -> None:
    """``/dev/full`` is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    assert run(["export", "pro-fp4", "-o", "/dev/full"]) == 2
    said = capfd.readouterr().err
    assert said == "dsv4-env: error: /dev/full: can't be written: no space left on device\n"


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second waits, and gives up with a message."""
    monkeypatch.setattr(writing, "PATIENCE", 0.05)
    with (
        locked(tmp_path),
        pytest.raises(UsageError, match="another dsv4-env writes here"),
        locked(tmp_path),
    ):
        pass
    with locked(tmp_path, tmp_path):  # free again
        assert list(tmp_path.iterdir()) == []


def _project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    shutil.copy(reference_script(), tmp_path / "run.sh")


def test_two_at_once_write_a_pair_once(tmp_path: Path) -> None:
    """Each reads what the other one wrote before it writes."""
    _project(tmp_path)
    command = [sys.executable, "-m", "dsv4_env", "discover", "--write", "--sglang", "0.5.13"]
    command += ["--jobs", "0"]
    started = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for _ in range(4)]
    assert [p.wait(120) for p in started] == [0, 0, 0, 0]
    found = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert found["tool"]["dsv4_env"]["pairs"] == [
        {"profile": "pro-fp4", "files": ["run.sh"], "sglang": "0.5.13"}
    ]


def test_a_name_that_no_toml_can_hold_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The others are written, and the file stays one that everybody can read."""
    _project(tmp_path)
    try:
        shutil.copy(reference_script(), tmp_path / os.fsdecode(b"bad\xff.sh"))
    except OSError:
        pytest.skip("file names are text here")
    monkeypatch.chdir(tmp_path)
    assert run(["discover", "--write", "--sglang", "0.5.13"]) == 2
    said = capfd.readouterr()
    assert said.err == (
        "dsv4-env: error: bad\\xff.sh: its name isn't UTF-8, so that no pair can name it\n"
    )
    assert "bad\\xff.sh" in said.out
    found = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    assert found["tool"]["dsv4_env"]["pairs"] == [
        {"profile": "pro-fp4", "files": ["run.sh"], "sglang": "0.5.13"}
    ]
    assert run(["discover", "--json"]) == 0
    assert run(["discover", "--toml"]) == 2
    assert "bad" not in capfd.readouterr().out.partition("[[tool")[2]


def test_a_pyproject_that_is_no_utf8_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is told where, before anything changes."""
    shutil.copy(reference_script(), tmp_path / "run.sh")
    (tmp_path / "pyproject.toml").write_bytes(b'# \xff\n[project]\nname = "x"\n')
    monkeypatch.chdir(tmp_path)
    assert run(["discover", "--write", "--sglang", "0.5.13"]) == 2
    assert "pyproject.toml:1:3: byte 0xff is not UTF-8" in capfd.readouterr().err
    assert (tmp_path / "pyproject.toml").read_bytes() == b'# \xff\n[project]\nname = "x"\n'


def test_sync_keeps_what_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A hard link and a read-only script are refused with the reason, and nothing is written."""
    need("git")
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "run.sh"
    text = reference_script().read_text().replace("USE_AITER=1", "USE_AITER=0")
    for reason in ("it is read-only", "it has 2 names"):
        script.unlink(missing_ok=True)
        script.write_text(text)
        if "names" in reason:
            os.link(script, tmp_path / "b.sh")
        else:
            script.chmod(0o555)
        assert run(["sync", "pro-fp4", "--to", "run.sh", "--write"]) == 2
        assert reason in capfd.readouterr().err
        assert script.read_text() == text
