"""``sync`` and ``import`` as commands: what they print, write and return."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.profile import reference_script
from tests.conftest import Result

Run = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("may")  # of which the script is


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script with drift, in the current folder."""
    monkeypatch.chdir(tmp_path)
    text = reference_script().read_text().replace("USE_AITER=1", "USE_AITER=on")
    path = tmp_path / "run.sh"
    path.write_text(text.replace("--tp 8", "--tp 4 --api-key sk-very-secret"))
    return path


def test_a_diff_is_shown_and_nothing_written(run: Run, script: Path) -> None:
    before = script.read_bytes()
    found = run("sync", "pro-fp4", "--to", "run.sh")
    assert (found.code, script.read_bytes()) == (1, before)
    assert found.out.startswith("--- run.sh\n+++ run.sh\n@@ ")
    assert "-export SGLANG_USE_AITER=on\n+export SGLANG_USE_AITER=1\n" in found.out
    assert "--api-key (--prune takes out what it can)" in found.err
    assert "sk-very-secret" not in found.out + found.err


def test_what_is_written_has_no_drift_and_stays(run: Run, script: Path) -> None:
    assert run("sync", "pro-fp4", "--to", "run.sh", "--prune", "--write").code == 0
    assert run("check", "pro-fp4", "--against", "run.sh").code == 0
    assert script.read_bytes() == reference_script().read_bytes()
    again = run("sync", "pro-fp4", "--to", "run.sh", "--prune", "--write")
    assert (again.code, again.out, again.err) == (0, "", "")


def test_colour_on_demand(run: Run, script: Path) -> None:
    plain = run("sync", "pro-fp4", "--to", "run.sh")
    colored = run("sync", "pro-fp4", "--to", "run.sh", "--color", "always")
    assert "\x1b[31m-export SGLANG_USE_AITER=on\x1b[0m" in colored.out
    assert "\x1b" not in plain.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["sync", "pro-fp4"], "either --from or --to"),
        (["sync", "pro-fp4", "--from", "run.sh", "--to", "run.sh"], "either --from or --to"),
        (["sync", "pro-fp4", "--to", "-"], "standard input can't be written"),
        (["sync", "pro-fp4", "--to", "no.sh"], "no.sh: can't be read"),
        (["sync", "pro-fp44", "--to", "run.sh"], "Did you mean pro-fp4"),
        (["sync", "pro-fp4", "--to", "run.sh", "--layer", "x"], "--layer with --from"),
        (["sync", "pro-fp4", "--from", "run.sh", "--prune"], "them with --to"),
        (["sync", "pro-fp4", "--to", "run.sh#2"], "there is no launch #2"),
        (
            ["sync", "pro-fp4", "--to", "c.yml"],
            "no variable stands there that it could be put beside",
        ),
        (["sync", "pro-fp4", "--to", "crlf.sh"], "crlf.sh:2: CRLF line endings"),
        (["import", "run.sh", "--as", "x", "--write"], "--profiles DIR"),
        (["import", "run.sh", "--as", "x y"], "--as x y"),
    ],
)
def test_wrong_usage(run: Run, script: Path, argv: list[str], message: str) -> None:
    Path("c.yml").write_text("services:\n  s:\n    image: sglang\n    command: sglang serve\n")
    Path("crlf.sh").write_bytes(b"\nexport A=1\r\nsglang serve\r\n")
    found = run(*argv)
    assert found.code == 2
    assert message in found.err
    assert found.out == ""


def test_a_profile_of_ones_own_takes_what_a_script_says(run: Run, script: Path) -> None:
    folder = Path("launch")
    folder.mkdir()
    (folder / "mine.toml").write_text('extends = ["pro-fp4"]  # kept\n')
    assert run("lock", "--profiles", "launch").code == 0
    argv: tuple[str, ...] = ("sync", "mine", "--from", "run.sh", "--profiles", "launch")
    refused = run(*argv, "--write")
    assert (refused.code, refused.out) == (2, "")
    assert "--api-key holds what looks like a secret" in refused.err
    argv = (*argv, "--secrets-from-environment")
    assert run(*argv).code == 1
    found = run(*argv, "--write")
    assert found.code == 0
    assert "wrote launch/mine.toml" in found.err
    assert "wrote launch/profiles.lock.json" in found.err
    assert "sk-very-secret" not in found.out
    assert (folder / "mine.toml").read_text().startswith('extends = ["pro-fp4"]  # kept\n')
    assert run("check", "mine", "--against", "run.sh", "--profiles", "launch").code == 0
    assert run(*argv, "--write").out == ""
    before = json.loads((folder / "profiles.lock.json").read_text())
    assert run("lock", "--profiles", "launch").code == 0
    assert json.loads((folder / "profiles.lock.json").read_text()) == before


def test_an_import_makes_a_profile_that_is_the_launch(run: Run, script: Path) -> None:
    Path("launch").mkdir()
    words: tuple[str, ...] = ("import", "run.sh", "--as", "mine", "--profiles", "launch")
    refused = run(*words, "--write")
    assert (refused.code, refused.out, list(Path("launch").iterdir())) == (2, "", [])
    assert "sk-very-secret" not in refused.err
    words = (*words, "--secrets-from-environment")
    shown = run(*words)
    assert (shown.code, list(Path("launch").iterdir())) == (0, [])
    written = run(*words, "--write")
    assert written.code == 0
    assert "sk-very-secret" not in shown.out
    assert Path("launch/mine.toml").read_text() == shown.out
    check = run("check", "mine", "--against", "run.sh", "--profiles", "launch")
    assert check.code == 0
    again = run(*words, "--write")
    assert (again.code, "there is a mine already" in again.err) == (2, True)


def test_a_file_that_changes_while_it_is_edited_is_refused(
    run: Run, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dsv4_env.writeback import source

    real = source.edit_file

    def slow(*args: object, **options: bool) -> object:
        script.write_text("# somebody else's\n")
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(source, "edit_file", slow)
    found = run("sync", "pro-fp4", "--to", "run.sh", "--write")
    assert (found.code, script.read_text()) == (2, "# somebody else's\n")
    assert "it has changed since it was read" in found.err


def test_libcst_is_not_loaded_for_bash(script: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    shutil.copy(script, tmp_path / "b.sh")
    code = (
        "import sys; from dsv4_env.cli import run; run(['sync', 'pro-fp4', '--to', 'b.sh']);"
        "print(*{'libcst', 'tomlkit'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == ""


def test_import_of_several_files(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run_pro_fp4", "run_pro_fp4_long"):
        text = reference_script().read_text()
        more = "--context-length 1048576 \\\n    --tp 8" if "long" in name else "--tp 8"
        (tmp_path / f"{name}.sh").write_text(text.replace("--tp 8", more))
    files = ("run_pro_fp4.sh", "run_pro_fp4_long.sh")
    result = run("import", *files)
    assert result.code == 0
    assert '# pro-fp4-long.toml\ndescription = "Imported from run_pro_fp4_long.sh"' in result.out
    assert "# shared-pro-fp4.toml\n" in result.out  # a profile that ships is called pro-fp4
    result = run("import", *files, "--as", "x")
    assert (result.code, result.err.count("error:")) == (2, 1)
    assert "--as with several files; expected one file, or their own names" in result.err
    (tmp_path / "mine").mkdir()
    assert run("import", *files, "--profiles", "mine", "--write").code == 0
    assert sorted(p.name for p in (tmp_path / "mine").glob("*.toml")) == [
        "pro-fp4-long.toml",
        "shared-pro-fp4.toml",
    ]
