"""Lint of a launch as a whole, and of its script."""

from __future__ import annotations

import pytest

from dsv4_env import load_profile
from dsv4_env.catalogue import load
from dsv4_env.lint import LINT_RULES, lint, rule_ids
from dsv4_env.model.errors import UsageError
from dsv4_env.readers import bash

LAUNCH = "python3 -m sglang.launch_server"


def found(script: str, release: str = "0.5.16") -> list[tuple[str, str, str | None]]:
    launches = tuple(bash.read_all(script, "s.sh"))
    findings = [
        f
        for c in launches
        for f in lint(c, load(release), script=script, launches=launches, ignore={"DSV106"})
    ]
    return [(f.rule.name, f.subject, str(f.location)) for f in findings]


def test_a_setting_that_another_launch_got_isnt_overridden() -> None:
    once = f"export SGLANG_USE_AITER=0\nexport SGLANG_USE_AITER=1\n{LAUNCH}\n"
    assert found(once) == [("set-twice", "SGLANG_USE_AITER", "s.sh:1:8")]
    each = f"export SGLANG_USE_AITER=0\n{LAUNCH}\nexport SGLANG_USE_AITER=1\n{LAUNCH}\n"
    assert found(each) == []


@pytest.mark.parametrize(
    ("script", "names"),
    [
        (f"SGLANG_USE_AITER=1; {LAUNCH}", ["SGLANG_USE_AITER"]),
        (f"SGLANG_USE_AITER=1 && HIP_VISIBLE_DEVICES=0\n{LAUNCH}", ["SGLANG_USE_AITER"]),
        (f"SGLANG_USE_AITER=1 {LAUNCH}", []),
        (f"SGLANG_USE_AITER=1; export SGLANG_USE_AITER; {LAUNCH}", []),
        (f"set -a; SGLANG_USE_AITER=1; {LAUNCH}", []),
        (f"SGLANG_USE_AITER=1; docker run -e SGLANG_USE_AITER=$SGLANG_USE_AITER x; {LAUNCH}", []),
        (f"TP=8; {LAUNCH}", []),
    ],
)
def test_what_the_server_is_not_given(script: str, names: list[str]) -> None:
    assert [name for rule, name, _ in found(script) if rule == "not-exported"] == names


@pytest.mark.parametrize(
    ("script", "secret"),
    [
        (f"export HF_TOKEN=hf_abc\n{LAUNCH}", True),
        (f"T=hf_abc\nexport HF_TOKEN=$T\n{LAUNCH}", True),
        (f"export HF_TOKEN=${{HF_TOKEN:-hf_abc}}\n{LAUNCH}", True),
        (f"{LAUNCH} --api-key hunter2", True),
        (f"export HF_TOKEN=$HF_TOKEN\n{LAUNCH}", False),
        (f"export HF_TOKEN=\n{LAUNCH}", False),
        (f"{LAUNCH} --api-key EMPTY", False),
        (f"{LAUNCH} --max-total-tokens 100", False),
        (f"{LAUNCH} --tokenizer-path hf_abc", False),
    ],
)
def test_secrets(script: str, secret: bool) -> None:
    rules = [rule for rule, _, _ in found(script)]
    assert rules == (["secret"] if secret else [])
    launch = bash.read(script, "s.sh")
    said = lint(launch, load("0.5.16"), script=script)
    assert not any("hf_abc" in f.text or "hunter2" in f.text for f in said)


def test_a_secret_from_outside_isnt_in_the_script() -> None:
    script = f'{LAUNCH} --api-key "$KEY"'
    config = bash.read(script, "s.sh", inputs={"KEY": "hunter2"})
    assert lint(config, load("0.5.16"), script=script) == []


@pytest.mark.parametrize(
    ("script", "places"),
    [
        (f"{LAUNCH} --model-path $M", ["s.sh:1:46"]),
        (f"é=1; {LAUNCH} --model-path=$M", ["s.sh:1:38"]),
        (f"{LAUNCH} --model-path ${{M}}/x", ["s.sh:1:46"]),
        (f"{LAUNCH} --model-path $(cat m)", ["s.sh:1:46"]),
        (f'A=(--model-path $M)\n{LAUNCH} "${{A[@]}}"', ["s.sh:1:17"]),
        (f"sudo {LAUNCH} --model-path $M", ["s.sh:1:51"]),
        (f'{LAUNCH} --model-path "$M"', []),
        (f'{LAUNCH} --model-path "${{M}}/x" ${{M:+--tp-size "$M"}}', []),
        (f'B=($M)\nA=(--model-path M)\n{LAUNCH} "${{A[@]}}"', []),
        (f"echo $M\n{LAUNCH} --model-path M > $LOG", []),
    ],
)
def test_unquoted(script: str, places: list[str]) -> None:
    assert [at for rule, _, at in found(script) if rule == "unquoted"] == places


@pytest.mark.parametrize(
    ("script", "names"),
    [
        (f"{LAUNCH} &\nexport SGLANG_A=1 SGLANG_B=2", ["SGLANG_A", "SGLANG_B"]),
        (f"{LAUNCH} &\nexport SGLANG_A=1 && wait", ["SGLANG_A"]),
        (f"{LAUNCH} &\nexport RESULTS=1", []),
        (f"{LAUNCH} &\nexport SGLANG_USE_AITER=1\n{LAUNCH}", []),
        (f"f() {{ {LAUNCH}; }}\nexport SGLANG_USE_AITER=1\nf", []),
        (f"for i in 1 2; do {LAUNCH}; export SGLANG_USE_AITER=1; done", []),
        (f"if x; then {LAUNCH}; else export SGLANG_A=1; fi", []),
        (f"if x; then {LAUNCH}; export SGLANG_A=1; fi", ["SGLANG_A"]),
        (f"if x; then {LAUNCH}; fi\nexport SGLANG_A=1", ["SGLANG_A"]),
        (f"f() {{ export SGLANG_A=1; }}\n{LAUNCH}", []),
    ],
)
def test_export_after_launch(script: str, names: list[str]) -> None:
    said = [name for rule, name, _ in found(script) if rule == "export-after-launch"]
    assert said == names


def test_a_profile_outside_its_range() -> None:
    profile = load_profile("pro-fp4")
    for release, outside in (("0.5.16", False), ("0.5.23", False), ("0.5.12", True)):
        said = lint(profile.config, load(release), range_=profile.sglang_range)
        assert any(f.rule.name == "outside-range" for f in said) is outside


def test_select_and_ignore() -> None:
    script = f"export SGLANG_USE_AITERS=1\n{LAUNCH} --no-such"
    config, catalogue = bash.read(script, "s.sh"), load("0.5.16")
    assert [f.rule.id for f in lint(config, catalogue)] == ["DSV101", "DSV108"]
    assert [f.rule.id for f in lint(config, catalogue, select={"DSV108"})] == ["DSV108"]
    assert [f.rule.id for f in lint(config, catalogue, ignore={"DSV108"})] == ["DSV101"]


def test_rules_have_names() -> None:
    assert rule_ids(["dsv101", "Unknown-Argument"]) == {"DSV101", "DSV108"}
    with pytest.raises(UsageError, match="Did you mean secret"):
        rule_ids(["secrt"])
    assert list(LINT_RULES) == [f"DSV{n}" for n in range(101, 101 + len(LINT_RULES))]


def test_only_what_somebody_reads_is_set_twice() -> None:
    assert found(f"export A=0\nexport A=1\n{LAUNCH}") == []
    loop = f"for i in 0 1; do export LOCAL_RANK=$i; {LAUNCH}; done\n"
    assert [rule for rule, _, _ in found(loop)] == []


@pytest.mark.parametrize(
    ("yes", "no", "rule"),
    [
        ("A=--enable-hierarchical-cache", "A=--disable-radix-cache", "conflict"),
        ("export SGLANG_ENABLE_THINKING=1", "export SGLANG_DEFAULT_THINKING=1", "both-names"),
    ],
)
def test_what_happens_on_different_ways_is_no_conflict(yes: str, no: str, rule: str) -> None:
    either = f'A=\nif [[ "$X" ]]; then {yes}; else {no}; fi\n{LAUNCH} $A\n'
    assert rule not in [r for r, _, _ in found(either)]
    both = f'A=\nif [[ "$X" ]]; then {yes}; fi\n{no.replace("A=", "B=")}\n{LAUNCH} $A $B\n'
    assert rule in [r for r, _, _ in found(both)]
