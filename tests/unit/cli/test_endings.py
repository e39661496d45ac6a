"""Files whose lines or letters are those of another system: one message, with the cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.model.errors import ReadError
from dsv4_env.readers import READERS
from dsv4_env.readers.bash import read_all
from tests.conftest import Result

Run = Callable[..., Result]

SCRIPT = "#!/bin/bash\nexport A=1\nfor x in 1; do\n  sglang serve \\\n    --tp 8\ndone\n"
CRLF = "CRLF line endings: bash takes the carriage return for a part of a line's last word"
UTF16 = "a text in UTF-16; expected"
COMMANDS = (
    "show {}",
    "lint {}",
    "plan {}",
    "check pro-fp4 --against {}",
    "sync pro-fp4 --to {}",
    "diff {} pro-fp4",
)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("run.sh", SCRIPT.replace("\n", "\r\n").encode(), f"run.sh:1: {CRLF}; expected lines that"),
        ("run.sh", SCRIPT.replace("\n", "\r").encode(), "run.sh: CR line endings: bash takes the"),
        ("run.sh", SCRIPT.encode("utf-16"), f"run.sh: {UTF16}"),
        ("run.sh", SCRIPT.encode("utf-16-be"), f"run.sh: {UTF16}"),
        ("run.sh", SCRIPT.encode("utf-32"), "run.sh: a text in UTF-32; expected"),
        ("test_a.py", b"\xff\xfe" + "import os\n".encode("utf-16-le"), f"test_a.py: {UTF16}"),
        ("compose.yaml", "services:\n".encode("utf-16"), f"compose.yaml: {UTF16}"),
        (".env", "A=1\n".encode("utf-16"), f".env: {UTF16}"),
    ],
)
def test_a_file_of_another_system(
    command: str, name: str, data: bytes, message: str, run: Run
) -> None:
    Path(name).write_bytes(data)
    found = run(*command.format(name).split())
    assert found.code == 2
    assert found.err.startswith(f"dsv4-env: error: {message}")
    assert found.err.count("\n") == 1
    assert found.out == ""


def test_of_several_files_it_is_one_finding_each(run: Run) -> None:
    Path("a.sh").write_bytes(SCRIPT.replace("\n", "\r\n").encode())
    Path("b.sh").write_bytes(SCRIPT.encode("utf-16"))
    Path("pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "*.sh"\n'
    )
    found = run("check", "--format", "concise")
    assert found.code == 2
    first, second, *_ = found.out.splitlines()
    assert first.startswith(f"a.sh:1: error: DSV010 {CRLF}; mend the file")
    assert "dos2unix" in first
    assert second.startswith("b.sh: error: DSV010 a text in UTF-16: mend the file")
    assert found.out.count("error: DSV") == 2


def test_a_byte_order_mark_is_a_note(run: Run) -> None:
    Path("run.sh").write_bytes(b"\xef\xbb\xbf" + SCRIPT.encode())
    found = run("show", "run.sh")
    assert found.code == 0
    assert found.out.count("byte order mark: bash takes it for a part of the first word") == 1


def test_a_single_carriage_return_is_kept(run: Run) -> None:
    Path("run.sh").write_bytes(SCRIPT.replace("A=1\n", "A=1\r\n").encode())
    found = run("show", "run.sh")
    assert found.code == 0
    assert "1\\x0d" in found.out
    assert f"note: {CRLF}; take it out" in found.out


def test_a_sourced_file_is_told(run: Run) -> None:
    Path("lib.sh").write_bytes(b"# what others need\r\nexport A=1\r\n")
    Path("run.sh").write_text(". ./lib.sh\nsglang serve\n")
    found = run("show", "run.sh")
    assert "1\\x0d" in found.out
    assert f"lib.sh:1:19 {CRLF}" in found.out


def test_variables_for_a_start(run: Run) -> None:
    Path("a.env").write_bytes(b"A=1\r\nB=2\r\nC=3\r\n")
    found = run("launch", "pro-fp4", "--print", "--env-file", "a.env")
    assert found.code == 2
    assert f"a.env:1: {CRLF}" in found.err


def test_what_bash_makes_of_it_is_known_all_the_same() -> None:
    text = "export A=1\r\nsglang serve m\r\n"
    (found,) = read_all(text)
    assert found.effective_env["A"].value == "1\r"
    reader: Callable[..., object] = READERS["bash"]
    with pytest.raises(ReadError, match="CRLF"):
        reader(text, "run.sh")
