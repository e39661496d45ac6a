"""Every input is opened in one way: regular files, of a bounded size, within their checkout."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dsv4_env.cli import run
from dsv4_env.guard.files import MAX_BYTES, checkout, is_within, read_bytes
from dsv4_env.model.errors import Dsv4Error, ReadError, SettingsError
from dsv4_env.profile import reference_script
from dsv4_env.profile.settings import load

SECRET = "hf_canaryCANARYcanaryCANARY00"


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _link_out(path: Path) -> None:
    outside = Path.cwd().parent / "outside"
    outside.write_text(f'A = "{SECRET}"\nsglang serve --api-key {SECRET}\n')
    path.symlink_to(outside)


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "zero": (lambda p: p.symlink_to("/dev/zero"), "no regular file"),
    "tty": (lambda p: p.symlink_to("/dev/tty"), "no regular file"),
    "fifo": (_fifo, "no regular file"),
    "socket": (_socket, "no regular file"),
    "folder": (Path.mkdir, "is a directory"),
    "large": (lambda p: os.truncate(_touched(p), 10**11), "100,000,000,000 bytes"),
    "link out": (_link_out, "symbolic link out of"),
    "link to nothing": (lambda p: p.symlink_to("nowhere"), "no such file"),
    "circle": (lambda p: p.symlink_to(p.name), "can't be read"),
    "environment": (lambda p: p.symlink_to("/proc/self/environ"), "symbolic link out of"),
}
# What a devices' name says is told before where it leads to, or after: both are refusals.
_REFUSED = (
    "no regular file", "symbolic link out of", "is a directory", "can't be read", "bytes",
    "leads out of the checkout", "a folder without sglang", "is a folder",
)  # fmt: skip


def _touched(path: Path) -> Path:
    path.touch()
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a script and a pair."""
    top = tmp_path / "checkout"
    (top / ".git").mkdir(parents=True)
    (top / "run.sh").write_text(reference_script().read_text())
    (top / "pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "run.sh"\n'
    )
    monkeypatch.chdir(top)
    return top


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_plain_file_is_one_error(odd: str, project: Path) -> None:
    """Its message has the path, and its reason."""
    path = project / "x.sh"
    ODD[odd][0](path)
    with pytest.raises(ReadError, match=r"x\.sh: ") as caught:
        read_bytes(path)
    assert any(reason in str(caught.value) for reason in _REFUSED)
    assert SECRET not in str(caught.value)


# Each input of the command line that is a file: where it stands, and what reads it.
INPUTS: dict[str, tuple[str, list[str]]] = {
    "pyproject": ("pyproject.toml", ["check"]),
    "pyproject, quick export": ("pyproject.toml", ["export", "pro-fp4"]),
    "pyproject, discover": ("pyproject.toml", ["discover"]),
    "script of a pair": ("run.sh", ["check"]),
    "script, against": ("x.sh", ["check", "pro-fp4", "--against", "x.sh"]),
    "script, show": ("x.sh", ["show", "x.sh"]),
    "script, lint": ("x.sh", ["lint", "./x.sh"]),
    "script, diff": ("x.sh", ["diff", "pro-fp4", "x.sh"]),
    "script, sync to": ("x.sh", ["sync", "pro-fp4", "--to", "x.sh", "--write"]),
    "script, sync from": ("x.sh", ["sync", "pro-fp4", "--from", "x.sh"]),
    "script, import": ("x.sh", ["import", "x.sh", "--as", "mine"]),
    "layer": ("p/x.toml", ["list", "--profiles", "p"]),
    "layer by its path": ("p/x.toml", ["show", "p/x.toml"]),
    "baseline": ("b.json", ["check", "--baseline", "b.json"]),
    "env file": ("x.env", ["show", "run.sh", "--env-file", "x.env"]),
    "env file of run": ("x.env", ["run", "flash-fp4", "--env-file", "x.env", "--", "true"]),
    "checkout of SGLang": (
        "python/sglang/_version.py", ["catalogue", "build", "--from", ".", "--sglang", "1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", INPUTS)
def test_every_input_is_opened_so(
    name: str, odd: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 with one message, nothing of the outside on the screen, and no hanging."""
    place, words = INPUTS[name]
    path = project / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    for more in ("srt/environ.py", "srt/server_args.py") if "SGLang" in name else ():
        (path.parent / more).parent.mkdir(exist_ok=True)
        (path.parent / more).write_text("A = 1\n")
    ODD[odd][0](path)
    code = run(words)
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert "internal error" not in said.err
    silent = place == "pyproject.toml" and odd == "folder"
    silent |= name in ("layer by its path", "script, lint") and odd == "folder"
    silent |= "SGLang" in name and odd not in ("large", "link out")  # it is looked at, if a file
    if not silent:
        assert code == 2, said
        assert any(reason in said.out + said.err for reason in (*_REFUSED, "no such")), said


@pytest.mark.parametrize("odd", sorted(set(ODD) - {"link to nothing", "folder"}))
def test_the_lock_is_passed_over(odd: str, project: Path) -> None:
    """Without a lock that can be read, the layers themselves are."""
    folder = project / "p"
    folder.mkdir()
    (folder / "mine.toml").write_text('description = "mine"\nextends = ["pro-fp4"]\n')
    ODD[odd][0](folder / "profiles.lock.json")
    assert run(["list", "--profiles", "p"]) == 0


def test_what_a_script_sources_is_opened_so(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """So is what a test imports, and a Compose file's env file: what isn't known stays unknown."""
    for odd in sorted(set(ODD) - {"folder"}):
        for name in ("lib.sh", "lib.py", "lib.env"):
            (project / name).unlink(missing_ok=True)
            ODD[odd][0](project / name)
        (project / "a.sh").write_text("source ./lib.sh\nsglang serve --tp $A $(cat lib.sh)\n")
        (project / "a.py").write_text(
            "import subprocess\nfrom lib import A\n"
            'subprocess.run(["python3", "-m", "sglang.launch_server", "--tp", A])\n'
        )
        (project / "compose.yaml").write_text(
            "services:\n  a:\n    env_file: lib.env\n    command: sglang serve --tp 8\n"
        )
        for name in ("a.sh", "a.py", "compose.yaml"):
            assert run(["show", name]) == 0
        said = capfd.readouterr()
        assert SECRET not in said.out + said.err


@pytest.mark.parametrize(
    ("key", "column"),
    [
        ('files = "/**/*.sh"', 9), ('files = "../../**"', 9),
        ('files = ["a.sh", "../../x/*.py"]', 18),
        ('files = "*/../../../x.sh"', 9), ('files = "~/x.sh"', 9),
        ('files = "out/**"', 9), ('files = "/etc/passwd"', 9),
    ],
)  # fmt: skip
def test_patterns_stay_within_the_checkout(
    key: str, column: int, project: Path, tmp_path: Path
) -> None:
    """One that leads out is an error at its place."""
    (project / "out").symlink_to(tmp_path)
    text = f'[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\n{key}\n'
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(
        SettingsError, match=rf"pyproject.toml:3:{column}: .* (leads out of the|is no path)"
    ):
        load(project, {})


@pytest.mark.parametrize("key", ["against", "baseline", "profiles"])
def test_paths_of_the_settings_stay_within_the_checkout(key: str, project: Path) -> None:
    """One in the environment is the user's own, and may lead anywhere."""
    (project / "pyproject.toml").write_text(f'[tool.dsv4_env]\n{key} = "../x"\n')
    with pytest.raises(SettingsError, match=r"pyproject.toml:2:\d+: '../x' leads out"):
        load(project, {})
    (project / "pyproject.toml").unlink()
    assert getattr(load(project, {f"DSV4_ENV_{key.upper()}": "../x"}), key) == project / "../x"


def test_a_pattern_may_lead_to_another_part_of_the_checkout(project: Path) -> None:
    """A pyproject.toml of a part names files of the whole."""
    (project / "part").mkdir()
    text = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "../*.sh"\n'
    (project / "part" / "pyproject.toml").write_text(text)
    assert load(project / "part", {}).pairs[0].files == ("../*.sh",)


def test_links_within_a_checkout_and_outside_of_any_are_followed(
    project: Path, tmp_path: Path
) -> None:
    """So is a link on the way to the checkout, which is the user's."""
    (project / "a").symlink_to("run.sh")
    assert read_bytes(project / "a") == (project / "run.sh").read_bytes()
    (tmp_path / "way").symlink_to(project)
    assert read_bytes(tmp_path / "way" / "a") == (project / "run.sh").read_bytes()
    (tmp_path / "mine").symlink_to(project / "run.sh")
    assert read_bytes(tmp_path / "mine") == (project / "run.sh").read_bytes()


def test_a_root_holds_what_lies_below_it(tmp_path: Path) -> None:
    """Whether or not it is a checkout."""
    (tmp_path / "root").mkdir()
    (tmp_path / "file").write_text("x")
    link = tmp_path / "root" / "link"
    link.symlink_to("../file")
    assert read_bytes(link) == b"x"
    with pytest.raises(Dsv4Error, match="symbolic link out of"):
        read_bytes(link, root=tmp_path / "root")


def test_the_largest_file(tmp_path: Path) -> None:
    """5 MB are read, one byte more isn't."""
    path = tmp_path / "a"
    path.write_bytes(b"x" * MAX_BYTES)
    assert len(read_bytes(path)) == MAX_BYTES
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(ReadError, match="5,000,001 bytes; expected at most 5,000,000 bytes"):
        read_bytes(path)


def test_a_checkout_is_the_nearest_repository_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A submodule belongs to what it is a part of, a project without git to its pyproject.toml."""
    (tmp_path / "r" / ".git").mkdir(parents=True)
    (tmp_path / "r" / "sub").mkdir()
    (tmp_path / "r" / "sub" / ".git").write_text("gitdir: ../.git/modules/sub\n")
    assert checkout(tmp_path / "r" / "sub" / "a.sh") == tmp_path / "r"
    (tmp_path / "r" / "tree").mkdir()  # a linked work tree is one by itself
    (tmp_path / "r" / "tree" / ".git").write_text("gitdir: /x/.git/worktrees/tree\n")
    assert checkout(tmp_path / "r" / "tree" / "a.sh") == tmp_path / "r" / "tree"
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "pyproject.toml").touch()
    assert checkout(tmp_path / "p" / "x" / "a.sh") == tmp_path / "p"
    assert checkout(tmp_path / "a.sh") is None
    monkeypatch.chdir(tmp_path)
    assert checkout("a.sh") == checkout("b/a.sh") == tmp_path  # an unpacked archive
    assert checkout("../a.sh") is None


def test_a_name_with_nul_is_an_error(tmp_path: Path) -> None:
    """No file can have it."""
    with pytest.raises(ReadError, match="no file has such a name"):
        read_bytes(f"{tmp_path}/a\0b")
    assert not is_within(f"{tmp_path}/a\0b", tmp_path)


@pytest.fixture(autouse=True)
def _no_hanging() -> Iterator[None]:
    """Reading from where nothing comes would hang: an alarm ends it as a failure."""
    import signal

    def late(*_: object) -> None:
        raise TimeoutError("it hangs")

    if sys.platform != "win32":
        before = signal.signal(signal.SIGALRM, late)
        signal.alarm(60)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
