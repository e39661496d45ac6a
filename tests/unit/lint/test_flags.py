"""Lint of server arguments."""

from __future__ import annotations

import pytest

from dsv4_env.catalogue import load, releases
from dsv4_env.lint import lint
from dsv4_env.lint.flags import REFUSED_PAIRS
from dsv4_env.readers import bash


def found(args: str, release: str = "0.5.16") -> list[tuple[str, str, str]]:
    config = bash.read(f"python3 -m sglang.launch_server {args}", "s.sh")
    said = lint(config, load(release), ignore={"DSV106"})
    return [(f.rule.name, f.severity.value, f.text) for f in said]


@pytest.mark.parametrize(
    ("args", "release", "rule", "severity", "says"),
    [
        ("--disable-radix-caches", "0.5.16", "unknown-argument", "error", "--disable-radix-cache?"),
        ("--enable-dsa-prefill-context-parallel", "0.5.11", "unknown-argument", "error", "0.5.13"),
        ("--nsa-decode-backend fa3", "0.5.23", "unknown-argument", "error", "the last that does"),
        ("--disable-c", "0.5.16", "ambiguous-flag", "error", "--disable-cuda-graph"),
        ("--max-running-request 4", "0.5.16", "abbreviated-flag", "note", "running-requests:"),
        ("--cuda-graph-max 4", "0.5.13", "abbreviated-flag", "warning", "0.5.23 takes the short"),
        ("--nsa-decode-backend fa3", "0.5.13", "deprecated-flag", "warning", "--dsa-decode"),
        ("--attention-backend compressed", "0.5.16", "deprecated-flag", "warning", '"dsv4"'),
        (
            "--attention-backend dsv5",
            "0.5.16",
            "invalid-argument",
            "error",
            "is none of its values; did you mean dsv4?",
        ),
        ("--page-size many", "0.5.16", "invalid-argument", "error", "isn't a whole number"),
        ("--page-size", "0.5.16", "invalid-argument", "error", "it takes one value"),
        ("--page-size 1 2", "0.5.16", "invalid-argument", "error", "it takes one value"),
        ("--trust-remote-code yes", "0.5.16", "invalid-argument", "error", "takes no value"),
        ("--page-size 1 --page-size 2", "0.5.16", "set-twice", "warning", "the last wins"),
        ("--enable-deepep-moe", "0.5.23", "unknown-argument", "error", "--moe-a2a-backend deepep"),
        ("--n-share-experts-fusion 8", "0.5.11", "unknown-argument", "error", "0.4.6 still did"),
        ("--config=a.yaml", "0.5.23", "config-ignored", "warning", "--config a.yaml"),
        ("--deepep-config '{\\\"a\\\": 1}'", "0.5.23", "invalid-argument", "error", "no backslash"),
        ("--deepep-config '{\"a\": True}'", "0.5.23", "invalid-argument", "error", "not True"),
        ("--deepep-config \"{'a': 1}\"", "0.5.23", "invalid-argument", "error", "double quotes"),
        ("--json-model-override-args no", "0.5.23", "invalid-argument", "error", "character 1"),
        ("m.yaml", "0.5.23", "unknown-argument", "error", "belongs to no flag"),
        ("--model-path “m”", "0.5.23", "odd-character", "warning", "U+201C"),
        ("--model-path a\u00a0b", "0.5.23", "odd-character", "warning", "no-break"),
        ("--model-type llm", "0.5.23", "unknown-argument", "error", "--model-type"),
        ("--tp-size 1 --tensor-parallel-size 2", "0.5.16", "set-twice", "warning", ", as "),
    ],
)
def test_says(args: str, release: str, rule: str, severity: str, says: str) -> None:
    ((name, how, message),) = found(args, release)
    assert (name, how) == (rule, severity)
    assert says in message


@pytest.mark.parametrize(
    "args", ["--deepep-config c.json", "--config a.yaml", "--tool-call-parser ''"]
)
def test_says_nothing(args: str) -> None:
    assert [x for x in found(args, "0.5.23") if x[0] != "invalid-argument"] == []
    assert args.endswith("''") or found(args, "0.5.23") == []


def test_serve_takes_a_model_and_its_type() -> None:
    config = bash.read("sglang serve m --model-type llm --tp-size 4", "s.sh")
    assert lint(config, load("0.5.23")) == []


def test_what_a_dash_and_a_backslash_leave() -> None:
    assert [r for r, _, _ in found("–tp-size 8", "0.5.23")] == [
        "unknown-argument", "unknown-argument", "odd-character",
    ]  # fmt: skip
    rules = {r: m for r, _, m in found("--page-size 64 \\  ", "0.5.23")}
    assert "takes one value" in rules["invalid-argument"]
    assert "a blank is a word" in rules["odd-character"]


@pytest.mark.parametrize(
    "args",
    ['--page-size "$SIZE"', "--page-size ${SIZE:-64}", "--page-size $SIZE", '"${ARGS[@]}"'],
)
def test_what_cant_be_known_isnt_judged(args: str) -> None:
    assert found(args) == []


@pytest.mark.parametrize(("one", "two", "first", "last"), REFUSED_PAIRS)
def test_pairs_that_are_refused(one: str, two: str, first: str, last: str | None) -> None:
    def refused(release: str) -> bool:
        return any("are both given" in m for _, _, m in found(f"{one} {two}", release))

    assert refused(first)
    assert refused("0.5.23") == (last is None)
    assert not any("are both given" in m for _, _, m in found(one, first))


def test_a_flag_and_its_opposite() -> None:
    catalogue = load("0.5.23")
    flag = next(
        a.flag
        for a in catalogue.arguments.values()
        if a.action == "BooleanOptionalAction" and a.flag.startswith("--enable")
    )
    opposite = flag.replace("--", "--no-", 1)
    assert [r for r, *_ in found(f"{flag} {opposite}", "0.5.23")] == ["conflict"]
    assert found(f"{flag} {flag}", "0.5.23") == []


def test_a_variable_beside_the_flag_that_replaces_it() -> None:
    text = "export SGLANG_PREFILL_DELAYER_MAX_DELAY_PASSES=3\npython3 -m sglang.launch_server"
    config = bash.read(f"{text} --prefill-delayer-max-delay-passes 3", "s.sh")
    rules = [f.rule.name for f in lint(config, load("0.5.16")) if f.rule.name == "conflict"]
    assert rules == ["conflict"]


def deprecated(flags: str, release: str = "0.5.23") -> list[str]:
    found = lint(bash.read(f"sglang serve {flags}"), load(release), select={"DSV111"})
    return [f.action for f in found]


@pytest.mark.parametrize(
    ("flags", "release", "action"),
    [
        (
            "--dp 8 --enable-dp-attention",
            "0.5.23",
            "use --attn-dp-size 8 in place of it and --dp 8",
        ),
        ("--enable-dp-attention", "0.5.22", "use --attn-dp-size with the value of --dp-size"),
        (
            '--dp-size "$DP" --enable-dp-attention',
            "0.5.23",
            "use --attn-dp-size with the value of --dp-size, and remove that, too",
        ),
        ("--attn-dp-size 8 --enable-dp-attention", "0.5.23", "remove it"),
        ("--disable-fast-image-processor", "0.5.23", "use --image-processor-backend=pil"),
        (
            "--enable-flashinfer-allreduce-fusion",
            "0.5.23",
            "use --flashinfer-allreduce-fusion-backend=auto",
        ),
        ("--elastic-ep-rejoin", "0.5.16", "use --elastic-ep-join-mode=recover"),
        ("--monokernel-backend amd", "0.5.23", "use --enable-amd-monokernel, without a value"),
        ("--nsa-prefill-cp-mode round-robin-split", "0.5.14", "use --cp-strategy=interleave"),
        (
            "--keep-mm-feature-on-device",
            "0.5.16",
            "use --mm-feature-transport with a value (cpu, cuda_ipc)",
        ),
        ("--cuda-graph-max-bs 8", "0.5.14", "use --cuda-graph-max-bs-decode"),
        (
            "--disable-cuda-graph",
            "0.5.23",
            "use --cuda-graph-backend-{decode,prefill}=disabled",
        ),
    ],
)
def test_what_takes_the_place_of_a_flag_is_told_whole(
    flags: str, release: str, action: str
) -> None:
    assert deprecated(flags, release) == [action]


def test_each_deprecated_switch_says_what_its_successor_gets() -> None:
    """A successor that takes a value has one: known, or named as missing."""
    for release in releases():
        catalogue = load(release)
        for argument in catalogue.arguments.values():
            new = catalogue.argument((argument.replacement or "--").partition("=")[0])
            if not argument.deprecated or argument.takes_value or new is None:
                continue
            if new.argument is not None and new.argument.takes_value:
                (action,) = deprecated(argument.flag, release)
                assert "=" in action or "value" in action, (release, argument.flag, action)
