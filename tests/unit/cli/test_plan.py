"""``dsv4-env plan``: its operands, platforms, formats and exit codes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

SCRIPT = """\
export SGLANG_OPT_USE_TOPK_V2=false
python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro --tp 8
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run.sh").write_text(SCRIPT)
    Path("amd").mkdir()
    Path("amd/run.sh").write_text(SCRIPT)


def test_a_profile_has_its_hardware(run: Callable[..., Result]) -> None:
    result = run("plan", "pro-fp4", "--sglang", "0.5.23")
    assert result.code == 0
    assert result.out.startswith("pro-fp4 on SGLang 0.5.23, mi355x\n  = --attention-backend ")
    assert "0 overwritten, 0 without effect, 4 as SGLang would set them, 15 kept" in result.out
    assert result.err == ""


def test_what_is_lost_can_fail(run: Callable[..., Result]) -> None:
    words = ("plan", "run.sh", "--on", "rocm", "--sglang", "0.5.23")
    assert run(*words).code == 0
    assert run(*words, "--fail-on", "overwritten").code == 1
    assert run("plan", "run.sh", "--on", "b200", "--fail-on", "overwritten").code == 0


def test_a_file_says_its_platform(run: Callable[..., Result]) -> None:
    result = run("plan", "amd/run.sh")
    assert "is taken for mi355x by its path" in result.err
    assert result.out.count(" on SGLang ") == 1
    Path("aiter.sh").write_text(f"export SGLANG_USE_AITER=1\n{SCRIPT}")
    assert "as it sets SGLANG_USE_AITER" in run("plan", "aiter.sh").err


def test_without_a_platform_there_is_one_of_each(run: Callable[..., Result]) -> None:
    result = run("plan", "run.sh")
    assert "says no platform" in result.err
    assert [f"{p}\n" in result.out for p in ("mi355x", "h200", "b200")] == [True] * 3


def test_a_launch_that_is_refused(run: Callable[..., Result]) -> None:
    Path("run.sh").write_text(SCRIPT.replace("--tp 8", "--cuda-graph-max-bs 4"))
    result = run("plan", "run.sh", "--on", "mi355x", "--sglang", "0.5.23", "--format", "json")
    assert result.code == 1
    (refused,) = json.loads(result.out)["refused"]
    assert refused["message"].startswith("ambiguous option: --cuda-graph-max-bs could match")


def test_markdown(run: Callable[..., Result]) -> None:
    result = run("plan", "run.sh", "--on", "mi355x", "--sglang", "0.5.23", "-f", "markdown")
    assert "| ~ | `SGLANG_OPT_USE_TOPK_V2` | `false` | `True` |" in result.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run.sh", "--on", "b20"), "no platform 'b20'"),
        (("nothing.sh",), "nothing.sh"),
        (("run.sh", "--sglang", "0.4.0"), "no catalogue of SGLang '0.4.0'"),
    ],
)
def test_errors(words: tuple[str, ...], said: str, run: Callable[..., Result]) -> None:
    result = run("plan", *words)
    assert result.code == 2
    assert said in result.err
    assert "Traceback" not in result.err


def test_an_image_says_its_platform(run: Callable[..., Result]) -> None:
    Path("one.sh").write_text(
        "docker run -e SGLANG_USE_AITER=1 lmsysorg/sglang-rocm:v0.5.14-rocm720-mi30x-20260710 "
        "sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp 8\n"
    )
    result = run("plan", "one.sh", "--sglang", "0.5.23", "--format", "json")
    assert "one.sh is taken for mi300x by its image (--on)" in result.err
    (found,) = [s for s in json.loads(result.out)["settings"] if s["name"] == "SGLANG_USE_AITER"]
    assert (found["effect"], found["why"], found["at"]) == ("default", "as the image sets it", None)


def test_what_is_not_known_says_why(run: Callable[..., Result]) -> None:
    Path("open.sh").write_text(
        'source lib/more.sh\nif [ "$SPEC" = 1 ]; then export SGLANG_ENABLE_SPEC_V2=1; fi\n'
        'sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp $(nproc) --dp "$D"\n'
    )
    result = run("plan", "open.sh", "--on", "b200", "--format", "json")
    found = {s["name"]: s for s in json.loads(result.out)["settings"]}
    assert found["--tp"]["why"] == "not known: the output of a command"
    assert found["--dp"]["why"] == "not known: not set in the script"
    spec = found["SGLANG_ENABLE_SPEC_V2"]
    assert (spec["effect"], spec["effective"]) == ("unknown", None)
    said = 'not known: it\'s only given when SPEC = "1"'
    assert found["SGLANG_ENABLE_SPEC_V2"]["why"].startswith(said)
    (note,) = [line for line in result.err.splitlines() if "source lib/more.sh" in line]
    assert note.startswith("dsv4-env: note: `source lib/more.sh` ran a file that isn't known")
    assert note.endswith("; name the folder that it lies in with --root DIR")


@pytest.mark.parametrize(
    ("model", "note"),
    [
        ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B is planned as a DeepSeek-V4, which"),
        ("$M", "which model ${M} is isn't known: it's planned as a Dee"),
        (
            '"${M:-o/n}"',
            "which model ${M:-o/n} (o/n) is isn't known: it's planned as",
        ),
        ("$DEEPSEEK_V4_MODEL", None),
        ('"${M:-deepseek-ai/DeepSeek-V4-Pro}"', None),
        ("deepseek-ai/DeepSeek-V4-Pro", None),
    ],
)
def test_another_model_is_told(model: str, note: str | None, run: Callable[..., Result]) -> None:
    Path("one.sh").write_text(f"sglang serve --model-path {model} --tp 8\n")
    result = run("plan", "one.sh", "--on", "b200")
    if note is None:
        assert result.err == ""
    else:
        assert result.err.startswith(f"dsv4-env: note: {note}")
    assert "It starts. 1 setting: " in result.out


def test_standard_input_is_called_so(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stdin:
        buffer = io.BytesIO(SCRIPT.encode())

    monkeypatch.setattr("sys.stdin", Stdin)
    result = run("plan", "-")
    assert result.err.startswith("dsv4-env: note: <stdin> says no platform: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lint", "url:http://h:1"), "url:http://h:1 is a running server; expected a profile or a"),
        (("lint", "port:30000"), "port:30000 is a running server; expected a profile or a file. "),
        (("check", "pro-fp4", "--against", "url:"), "url: names no server; expected url:http://"),
        (("show", "pid:"), "pid: names no server; expected pid:NUMBER"),
        (
            ("plan", "pro-fp4", "--sglang", "lmsysorg/sglang:latest"),
            "the image lmsysorg/sglang:l",
        ),
        (("plan", "pro-fp4", "--sglang", "lmsysorg/sglang"), "the image lmsysorg/sglang doesn't "),
    ],
)
def test_what_is_named_is_told_as_what_it_is(
    words: tuple[str, ...], said: str, run: Callable[..., Result]
) -> None:
    result = run(*words)
    assert result.code == 2
    assert result.err.startswith(f"dsv4-env: error: {said}")


UNKNOWN = """\
export SGLANG_USE_AITER=$X SGLANG_HACK_FLASHMLA_BACKEND=${SGLANG_HACK_FLASHMLA_BACKEND:-a}
sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp ${TP:-8} --log-level info
"""


def test_what_is_not_known_is_told_so(run: Callable[..., Result]) -> None:
    Path("unknown.sh").write_text(UNKNOWN)
    words = ("plan", "unknown.sh", "--on", "mi355x", "--sglang", "0.5.23")
    found = {s["name"]: s for s in json.loads(run(*words, "-f", "json").out)["settings"]}
    reason = "not set in the script"
    free = "SGLANG_HACK_FLASHMLA_BACKEND"
    said = {"unknown": f"${{{free}:-a}}", "reason": reason, "names": [free], "default": "a"}
    expected = {
        "SGLANG_USE_AITER": ({"unknown": "${X}", "reason": reason, "names": ["X"]}, None),
        free: (said, "a"),
        "--tp": ({**said, "unknown": "${TP:-8}", "names": ["TP"], "default": "8"}, None),
        "--log-level": ("info", "info"),
    }
    assert {n: (found[n]["given"], found[n]["effective"]) for n in expected} == expected
    assert (found[free]["effect"], found[free]["why"]) == ("kept", f"unless {free} is set")
    shown = run("show", "unknown.sh", "--json").out
    assert json.loads(shown)[0]["env"][1]["value"] == said

    lines = run(*words, "--all").out.splitlines()
    by_name = {line.split()[1]: line.split()[2] for line in lines if line.startswith("  ? ")}
    assert by_name["SGLANG_USE_AITER"] == "<${X}>"
    assert by_name["--tp"] == "<${TP:-8}>"
    assert any(line.split() == [free, '"a"', "unless", free, "is", "set"] for line in lines)
    assert "`<${X}>`" in run(*words, "-f", "markdown").out


def test_what_a_profile_takes_from_outside_is_told_so(run: Callable[..., Result]) -> None:
    Path("mine.toml").write_text(
        'extends = ["pro-fp4"]\ndescription = "m"\n\n[env]\n'
        "SGLANG_USE_AITER = {from-environment = true}\n"
    )
    words = ("plan", "mine", "--profiles", ".", "--sglang", "0.5.23")
    found = {s["name"]: s for s in json.loads(run(*words, "-f", "json").out)["settings"]}
    assert found["SGLANG_USE_AITER"]["given"] == {"from-environment": True}
    assert "from the environment" in run(*words).out
