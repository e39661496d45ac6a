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


def test_upgrade_says_what_it_sets(run: Run) -> None:
    told = run("upgrade", "pro-fp4@b200", "--from", "0.5.16", "--to", "0.5.23").out
    (line,) = [x for x in told.splitlines() if "MEGA_MOE_NUM_MAX_TOKENS" in x]
    assert line.split(maxsplit=2)[2].startswith('→ "1024": its default was "1024", and is "8192"')
    assert "SGLANG_HACK_FLASHMLA_BACKEND" not in told  # which ROCm alone reads
    assert (
        "SGLANG_HACK_FLASHMLA_BACKEND"
        in run("upgrade", "flash-fp4", "--from", "0.5.16", "--to", "0.5.23").out
    )


def test_a_value_that_stays_is_told_with_what_sglang_would_make_of_none(
    run: Run, tmp_path: Path
) -> None:
    text = 'extends = ["pro-fp4"]\n[args]\n--swa-full-tokens-ratio = "0.3"\n'
    (tmp_path / "mine.toml").write_text(text)
    argv = ["upgrade", "mine", "--profiles", str(tmp_path), "--from", "0.5.16", "--to", "0.5.23"]
    (line,) = [x for x in run(*argv).out.splitlines() if "--swa-full-tokens-ratio" in x]
    assert line.split(maxsplit=2)[2] == (
        'its default was "0.8", and SGLang 0.5.23 has none; the profile\'s own value, "0.3", '
        'stands; SGLang leaves it so on mi355x; left out, it would be "0.1" '
        "(srt/arg_groups/model_overrides/deepseek_v4.py:48)"
    )
