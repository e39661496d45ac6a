"""``catalogue``, ``upgrade``, ``lint`` and ``rule``; and releases for ``diff`` and ``check``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.catalogue import releases
from dsv4_env.lint import LINT_RULES
from dsv4_env.profile import reference_script
from dsv4_env.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

    Run = Callable[..., Result]

LAUNCH = "python3 -m sglang.launch_server"


def test_releases(run: Run) -> None:
    lines = run("catalogue", "releases").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(releases())


def test_show_over_the_releases(run: Run) -> None:
    out = run("catalogue", "show", "SGLANG_HACK_FLASHMLA_BACKEND").out
    assert "SGLang 0.5.11 to 0.5.12\n  doesn't know it" in out
    assert 'SGLang 0.5.14 to 0.5.20\n  type      str\n  default   "tilelang"' in out
    assert '  default   "auto"' in out
    old = run("catalogue", "show", "SGLANG_ENABLE_THINKING").out
    assert "SGLANG_DEFAULT_THINKING; where both are set, the old one wins" in old
    assert "SGLANG_DEFAULT_THINKING took its place" in old
    flag = run("catalogue", "show", "--tp", "--sglang", "0.5.23").out
    assert "short for  --tp-size" in flag
    assert "--tp-size, --tensor-parallel-size" in flag
    assert "old value  compressed → dsv4" in run("catalogue", "show", "--attention-backend").out
    gone = run("catalogue", "show", "SGLANG_OPT_USE_FUSED_COMPRESS").out
    assert "SGLang 0.5.18 to 0.5.23\n  doesn't know it" in gone
    assert "default" in run("catalogue", "show", "SGLANG_USE_ROCM700A").out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["show", "SGLANG_USE_AITERS"], "Did you mean SGLANG_USE_AITER?"),
        (["show", "SGLANG_FORCE_TRITON_MOE_FP8"], "in no catalogue of any known release"),
        (["show", "VLLM_NO_SUCH"], "belongs to vLLM"),
        (["show", "--tp", "--sglang", "0.4.1"], "Did you mean 0.5.11?"),
        (["diff", "0.5.13", "0.5.17"], "Did you mean 0.5.16?"),
        (["diff", "0.5.13", "banana"], "no catalogue of SGLang 'banana'"),
        (["build", "--sglang", "0.5.13", "--from", "/nowhere"], "/nowhere"),
    ],
)
def test_wrong(run: Run, argv: list[str], says: str) -> None:
    result = run("catalogue", *argv)
    assert (result.code, result.out) == (2, "")
    assert says in result.err


def test_a_newer_release_falls_back_with_a_note(run: Run) -> None:
    result = run("catalogue", "show", "--tp-size", "--sglang", "0.9.0")
    assert result.code == 0
    assert "SGLang 0.5.23" in result.out
    assert "0.9.0 isn't known yet; read as 0.5.23" in result.err


def test_diff(run: Run) -> None:
    lines = run("catalogue", "diff", "0.5.13", "0.5.23").out.splitlines()
    assert "- SGLANG_OPT_USE_FUSED_COMPRESS" in lines
    assert "- SGLANG_ENABLE_THINKING  use SGLANG_DEFAULT_THINKING" in lines
    assert '~ --swa-full-tokens-ratio  default: "0.8" → none' in lines
    data = json.loads(run("catalogue", "diff", "0.5.13", "0.5.23", "--json").out)
    assert {"section", "kind", "name", "before", "after"} == set(data[0])
    assert run("catalogue", "diff", "0.5.13", "0.5.13").out == ""


def test_search(run: Run) -> None:
    found = dict(
        line.split(maxsplit=1) for line in run("catalogue", "search", "thinking").out.splitlines()
    )
    assert found["SGLANG_ENABLE_THINKING"] == "0.5.12 to 0.5.20"
    assert found["SGLANG_DEFAULT_THINKING"] == "0.5.12 to 0.5.23"
    one = run("catalogue", "search", "--page-size", "--sglang", "0.5.13").out
    assert one.startswith("--page-size  ")
    assert run("catalogue", "search", "nosuchthing").code == 1


@pytest.mark.parametrize("release", releases())
def test_build_gives_what_ships(run: Run, release: str, tmp_path: Path) -> None:
    wheels = os.environ.get("DSV4_WHEELS")
    if not wheels:
        pytest.skip("set DSV4_WHEELS to a folder of wheels")
    (wheel,) = Path(wheels).glob(f"sglang-{release}-*.whl")
    target = tmp_path / "snapshot.txt"
    argv = ["--sglang", release, "--from", str(wheel), "-o", str(target)]
    assert run("catalogue", "build", *argv).code == 0
    shipped = Path(reference_script().parent.parent / f"dsv4_env/catalogue/data/{release}.txt")
    assert target.read_bytes() == shipped.read_bytes()


def test_upgrade_writes_a_layer(run: Run, tmp_path: Path) -> None:
    argv = ["upgrade", "pro-fp4", "--from", "0.5.13", "--to", "0.5.23"]
    told = run(*argv)
    assert told.code == 0
    assert "drop  SGLANG_OPT_USE_FUSED_COMPRESS " in told.out
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


def test_lint(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "s.sh"
    script.write_text(f"export SGLANG_USE_AITERS=1\n{LAUNCH} --model-path M\n{LAUNCH} --no-such\n")
    result = run("lint", str(script), "--sglang", "0.5.16")
    assert result.code == 1
    assert f"{script}:1:8: warning: " in result.out
    assert f"{script}#2 on SGLang 0.5.16: problems" in result.out
    assert run("lint", str(script), "--exit-zero").code == 0
    assert run("lint", f"{script}#1", "--ignore", "unknown-variable").code == 0
    assert run("lint", f"{script}:2", "--select", "DSV108").code == 0
    assert run("lint", f"{script}:3", "--select", "DSV108").code == 1
    data = json.loads(run("lint", f"{script}#2", "-f", "json").out)
    assert {f["id"] for f in data["comparisons"][0]["findings"]} == {"DSV101", "DSV108"}
    assert run("lint", str(script), "--select", "nothing").code == 2
    assert run("lint", str(tmp_path / "no.sh")).code == 2


def test_lint_of_profiles(run: Run, tmp_path: Path) -> None:
    assert "pro-fp4 on SGLang 0.5.16" in run("lint").out  # the newest that it is meant for
    assert "[DSV118]" in run("lint", "pro-fp4", "--sglang", "0.5.23").out
    layer = tmp_path / "mine.toml"
    layer.write_text('[env]\nSGLANG_USE_AITERS = "1"\n')
    assert f"{layer}:2:1: warning: " in run("lint", str(layer)).out


def test_rule(run: Run) -> None:
    lines = run("rule").out.splitlines()
    assert [line.split()[0] for line in lines] == [*RULES, *LINT_RULES]
    assert run("rule", "DSV102").out == run("rule", "removed-variable").out
    assert run("rule", "DSV102").out.startswith("## DSV102 removed-variable\n")
    assert run("rule", "dsv001").out.startswith("## DSV001 missing\n")
    assert run("rule", "DSV999").code == 2


def test_the_release_of_check(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "run.sh"
    text = reference_script().read_text()
    script.write_text(text.replace("SGLANG_DEFAULT_THINKING", "SGLANG_ENABLE_THINKING"))
    here = run("check", "--against", str(script))
    assert "warning: SGLANG_ENABLE_THINKING" in here.out
    assert "read as SGLang 0.5.16 reads it" in here.out
    later = run("check", "--against", str(script), "--sglang", "0.5.23")
    assert "error: SGLANG_ENABLE_THINKING" in later.out
    monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.13")
    assert "read as SGLang 0.5.13 reads it" in run("check").out
    assert "read as SGLang" not in run("check", "--exact").out
    assert run("check", "--sglang", "0.5.17").code == 2


def test_diff_of_what_means_the_same(run: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "one.sh", tmp_path / "two.sh"
    one.write_text(f"export SGLANG_USE_AITER=1\n{LAUNCH} --tp 8\n")
    two.write_text(f"export SGLANG_USE_AITER=true\n{LAUNCH} --tp-size=8\n")
    result = run("diff", str(one), str(two))
    assert result.code == 0
    assert "2 settings are spelled differently and mean the same" in result.out
    assert "read as SGLang 0.5.23 reads it" in result.out
    shown = run("diff", str(one), str(two), "--show-equivalent")
    assert shown.code == 0
    assert "= SGLANG_USE_AITER" in shown.out
    assert run("diff", str(one), str(two), "--exact").code == 1
