"""``upgrade``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Result

    Run = Callable[..., Result]


def test_upgrade_writes_a_layer(run: Run, tmp_path: Path) -> None:
    argv = ["upgrade", "pro-fp4", "--from", "0.5.13", "--to", "0.5.23"]
    told = run(*argv)
    assert told.code == 0
    assert "drop  --page-size " in told.out
    assert "drop    SGLANG_OPT_USE_FUSED_COMPRESS " in told.out.partition("by themselves")[2]
    done = run(*argv, "--profiles", str(tmp_path), "--write")
    assert done.code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["pro-fp4-0.5.23.toml"]
    assert run("show", "pro-fp4-0.5.23", "--profiles", str(tmp_path)).code == 0
    said = run("lint", "pro-fp4-0.5.23", "--profiles", str(tmp_path)).out
    assert "SGLANG_OPT_USE_FUSED_COMPRESS" not in said
    assert "on SGLang 0.5.23" in said
    again = run(*argv, "--profiles", str(tmp_path), "--write")
    assert again.code == 2
    assert "there is a pro-fp4-0.5.23 already" in again.err
    assert run(*argv, "--write").code == 2
    assert run(*argv, "--write", str(tmp_path / "x.txt")).code == 2
    assert run(*argv, "--write", str(tmp_path / "x.toml")).code == 0


def test_upgrade_goes_forward_only(run: Run) -> None:
    result = run("upgrade", "pro-fp4", "--from", "0.5.23", "--to", "0.5.13")
    assert result.code == 2
    assert "expected an older release, then a newer one" in result.err
