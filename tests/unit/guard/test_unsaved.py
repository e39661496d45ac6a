"""What an editor holds of a file counts before what the disk has."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.guard.files import MAX_BYTES, read_bytes, unsaved
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import HowRead, read


def test_a_text_that_is_not_saved(tmp_path: Path) -> None:
    """It counts within the block alone, however the file is named."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    file = tmp_path / "real" / "a.sh"
    file.write_text("saved")
    with unsaved({file: b"typed"}):
        assert read_bytes(file) == b"typed"
        assert read_bytes(tmp_path / "link" / "a.sh") == b"typed"
    assert read_bytes(file) == b"saved"


def test_a_sourced_file(tmp_path: Path) -> None:
    """Readers take it as the editor has it, too."""
    (tmp_path / "lib.sh").write_text("export SGLANG_USE_AITER=0\n")
    script = tmp_path / "run.sh"
    text = b"source lib.sh\npython3 -m sglang.launch_server --model-path m\n"
    script.write_bytes(text)
    how = HowRead("bash", root=tmp_path)

    def value() -> object:
        (launch,) = read(text, script, how)
        return launch.effective_env["SGLANG_USE_AITER"].value

    assert value() == "0"
    with unsaved({tmp_path / "lib.sh": b"export SGLANG_USE_AITER=1\n"}):
        assert value() == "1"


def test_the_limits_stay(tmp_path: Path) -> None:
    """What is too large, and a link out of the checkout, stay refused."""
    file = tmp_path / "a.sh"
    file.touch()
    with unsaved({file: b" " * (MAX_BYTES + 1)}), pytest.raises(ReadError, match="at most"):
        read_bytes(file)
    outside = tmp_path / "outside"
    outside.touch()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.sh").symlink_to(outside)
    with unsaved({outside: b"typed"}), pytest.raises(ReadError, match="symbolic link out"):
        read_bytes(tmp_path / "project" / "a.sh", root=tmp_path / "project")
