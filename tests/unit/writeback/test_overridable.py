"""What the outside may override stays so in a layer that is imported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

SCRIPT = """
export SGLANG_HACK_FLASHMLA_BACKEND="${SGLANG_HACK_FLASHMLA_BACKEND:-%s}" MINE="${MINE:-a b}"
python3 -m sglang.launch_server --model-path m --tp 8
"""


@pytest.mark.parametrize("backend", ["triton", "unified_kv_triton"])
def test_an_import_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Result], backend: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.sh").write_text(SCRIPT % backend)
    Path("own").mkdir()
    words = ("import", "run.sh", "--as", "mine", "--over", "flash-fp8", "--profiles", "own")
    result = run(*words, "--write")
    assert result.code == 0
    assert "a layer can't say" not in result.err
    profile = load_profile("mine", "own")
    assert set(profile.overridable) == {"SGLANG_HACK_FLASHMLA_BACKEND", "MINE"}
    found = profile.launch_env({**os.environ, "MINE": "from outside"})
    assert found["MINE"] == "from outside"
    assert found["SGLANG_HACK_FLASHMLA_BACKEND"] == backend
    assert ("SGLANG_HACK" in Path("own/mine.toml").read_text()) is (backend == "triton")
