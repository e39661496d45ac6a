"""What lint says of SGLang's own work, on a platform and on every one."""

from __future__ import annotations

from dsv4_env.catalogue import load
from dsv4_env.lint import lint
from dsv4_env.lint.effects import unplanned
from dsv4_env.model.finding import Severity
from dsv4_env.plan.platforms import platform
from dsv4_env.readers import bash

CATALOGUE = load("0.5.23")
SERVE = "python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro "


def said(script: str, on: str | None = None) -> list[tuple[str, str]]:
    place = platform(on) if on else None
    found = lint(bash.read(script), CATALOGUE, on=place, select={"DSV122", "DSV123"})
    return [(f.rule.id, f.text) for f in found]


def test_overwritten_on_one_platform() -> None:
    script = f"export SGLANG_OPT_USE_TOPK_V2=false\n{SERVE}--tp-size 8"
    assert said(script, "b200") == []
    ((_, note),) = said(script)
    assert 'makes it "True" on mi355x: write that, or remove it (decided in srt/' in note
    found = lint(bash.read(script), CATALOGUE, select={"DSV122"})
    assert [f.severity for f in found] == [Severity.NOTE]
    ((rule, message),) = said(script, "mi355x")
    assert rule == "DSV122"
    assert message.startswith('SGLANG_OPT_USE_TOPK_V2 is "false"; SGLang 0.5.23 makes it "True" on')


def test_overwritten_everywhere() -> None:
    ((rule, message),) = said(f"{SERVE}--page-size 64")
    assert rule == "DSV122"
    assert message == (
        '--page-size is "64"; SGLang 0.5.23 makes it "256": write that, or '
        "remove it (decided in srt/arg_groups/model_overrides/deepseek_v4.py:61)"
    )


def test_refused_on_one_platform() -> None:
    script = f"{SERVE}--tp-size 8 --enable-prefill-cp --cp-strategy interleave"
    tbo = f"{script} --attention-backend dsv4 --enable-two-batch-overlap"
    notes = lint(bash.read(tbo), CATALOGUE, select={"DSV123"})
    assert notes
    assert {f.severity for f in notes} == {Severity.NOTE}
    assert all("SGLang 0.5.23 refuses the launch on " in f.text for f in notes)
    assert any(
        rule == "DSV123" and "does not support --enable-two-batch-overlap" in message
        for rule, message in said(tbo, "mi355x")
    )


def test_refused_everywhere() -> None:
    found = said(f"{SERVE}--speculative-algorithm EAGLE --speculative-eagle-topk 4")
    assert [rule for rule, _ in found] == ["DSV123"]


def test_nothing_is_said_of_other_models() -> None:
    assert said("python3 -m sglang.launch_server --model-path Qwen/Qwen3-8B --page-size 64") == []


def test_what_the_parser_refuses_has_rules_of_its_own() -> None:
    assert said(f"{SERVE}--no-such-flag") == []


def test_what_sglang_makes_something_else_of_is_not_overwritten() -> None:
    """Neither 1 nor nothing in place of --dp-size 8 would be the same launch."""
    wide = f"{SERVE}--tp-size 8 --dp-size 8 --enable-dp-attention --chunked-prefill-size 65536"
    assert said(wide, "mi355x") == []


CP_TBO = "--tp-size 8 --enable-prefill-cp --cp-strategy interleave --enable-two-batch-overlap"


def test_a_model_that_the_environment_may_name_is_what_it_is_by_default() -> None:
    """So does `plan`; and a variable's name says it, too."""
    for model in ("${MODEL:-deepseek-ai/DeepSeek-V4-Pro}", "$DEEPSEEK_V4_PRO_MODEL_PATH"):
        script = f'sglang serve --model-path "{model}" {CP_TBO}'
        ((rule, message),) = said(script, "mi355x")
        assert rule == "DSV123"
        assert "prefill CP on HIP does not support --enable-two-batch-overlap" in message
        assert said(script, "b200") == []
    assert said(f'sglang serve --model-path "${{MODEL:-org/Other}}" {CP_TBO}', "mi355x") == []


def test_a_model_that_is_not_known_is_told() -> None:
    def why(model: str) -> str | None:
        return unplanned(bash.read(f"sglang serve {model} --tp-size 8"), CATALOGUE)

    assert "which model ${MODEL} is isn't known" in (why('--model-path "$MODEL"') or "")
    assert why("--model-path org/Other") is None  # another's: there is nothing to tell
    assert why('--model-path "${MODEL:-deepseek-ai/DeepSeek-V4-Pro}"') is None
    assert why("") is None
