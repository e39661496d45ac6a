"""Differences as SGLang sees them: spelling, defaults, names and order."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from dsv4_env.catalogue import load, releases
from dsv4_env.compare.differences import Difference, Kind, diff
from dsv4_env.compare.equivalence import diff_as_read as compare
from dsv4_env.compare.findings import compare_launches
from dsv4_env.model import EnvVar, LaunchConfig, Origin, group_args
from dsv4_env.model.finding import Severity
from dsv4_env.readers import bash
from tests.told import condition

LAUNCH = "python3 -m sglang.launch_server"


def launch(text: str) -> LaunchConfig:
    return bash.read(text, "s.sh")


def differences(left: str, right: str, release: str = "0.5.16") -> list[Difference]:
    return compare(launch(left), launch(right), load(release))


def env(setting: str) -> str:
    return f"export {setting}\n{LAUNCH}" if setting else LAUNCH


@pytest.mark.parametrize(
    ("left", "right", "kind", "reason"),
    [
        ("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=true", "equivalent", "the same boolean"),
        ("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=yes", "changed", None),  # its readers disagree
        ("SGLANG_OPT_USE_TOPK_V2=y", "SGLANG_OPT_USE_TOPK_V2=1", "equivalent", "same boolean"),
        ("SGLANG_OPT_USE_TOPK_V2=0", "SGLANG_OPT_USE_TOPK_V2=1", "changed", None),
        ("SGLANG_USE_AITER=0", "", "equivalent", "default, false"),
        ("", "SGLANG_USE_AITER=0", "equivalent", "default, false"),
        ("SGLANG_USE_AITER=1", "", "removed", None),
        ("SGLANG_DSV4_FP4_EXPERTS=true", "", "removed", None),  # SGLang asks whether it is set
        ("AITER_X=1", "AITER_X=true", "changed", None),  # nobody here knows how it is read
        ("A=1 B=2", "B=2 A=1", "equivalent", "the order of variables makes no difference"),
        ("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=$(x)", "unknown", None),
        ("SGLANG_USE_AITER=1", "SGLANG_USE_AITER=${X:-true}", "equivalent", "the same boolean"),
    ],
)
def test_variables(left: str, right: str, kind: str, reason: str | None) -> None:
    (found,) = differences(env(left), env(right))
    assert found.kind == kind
    assert (found.reason is None) == (reason is None)
    assert reason is None or reason in str(found.reason)


@pytest.mark.parametrize(
    ("left", "right", "kind", "reason"),
    [
        ("--tp 8", "--tp-size 8", "equivalent", "--tp is short for --tp-size"),
        ("--tp-size 8", "--tensor-parallel-size=8", "equivalent", "set the same"),
        ("--tp-size 8", "--tp-size=8", "equivalent", "a value after = is the same"),
        ("--tp 8", "--tp-size 4", "changed", None),
        ("--max-running-request 256", "--max-running-requests 256", "equivalent", "short for"),
        ("--mem-fraction-static 0.9", "--mem-fraction-static 0.90", "equivalent", "same number"),
        ("--attention-backend compressed", "--attention-backend dsv4", "equivalent", "old name"),
        ("--nsa-decode-backend fa3", "--dsa-decode-backend fa3", "equivalent", "set the same"),
        ("--tp 1", "", "equivalent", "default of"),
        ("", "--tp-size 1", "equivalent", "default of"),
        ("--tp 2", "", "removed", None),
        ("--tp 8", "--tp 4 --tp-size 8", "equivalent", "the last --tp-size wins"),
        ("--tp 8", "--tp-size 8 --tp 4", "changed", None),
        ("--tp 8 --tp-size 4", "--tp-size 4 --tp 8", "changed", None),
        ("--dp 2 --tp 8", "--tp 8 --dp 2", "equivalent", "order of different flags"),
        ("--tp-size ${TP:?}", '--tensor-parallel-size="${TP:?}"', None, None),
        ("--no-such 1", "--no-such=1", "changed", None),
        ("--disable-c", "--disable-cuda", "added removed", None),  # ambiguous: nobody's
        ("--tp 1", "$EXTRA", "added removed", None),  # the words may hold another --tp
        ('--tp "$TP"', '--tp-size="$TP"', "equivalent", "set the same"),
        ('--tp "$TP"', '--tp-size="$DP"', "unknown", None),
    ],
)
def test_flags(left: str, right: str, kind: str | None, reason: str | None) -> None:
    found = differences(f"{LAUNCH} {left}", f"{LAUNCH} {right}")
    if kind is None:
        assert {d.kind.value for d in found} <= {"equivalent", "changed", "added", "removed"}
        return
    assert sorted({d.kind.value for d in found}) == kind.split()
    reasons = [d.reason for d in found if d.reason]
    assert bool(reasons) == (reason is not None)
    assert reason is None or reason in reasons[0]


@pytest.mark.parametrize(
    ("left", "right", "release", "kind", "severity"),
    [
        ("SGLANG_ENABLE_THINKING=1", "SGLANG_DEFAULT_THINKING=true", "0.5.13", "renamed", "warn"),
        ("SGLANG_DEFAULT_THINKING=1", "SGLANG_ENABLE_THINKING=1", "0.5.13", "renamed", "warn"),
        ("SGLANG_DEFAULT_THINKING=1", "SGLANG_ENABLE_THINKING=0", "0.5.13", "changed", "error"),
        ("SGLANG_DEFAULT_THINKING=1", "SGLANG_ENABLE_THINKING=1", "0.5.23", "renamed", "error"),
        (
            "SGLANG_REASONING_EFFORT=max",
            "SGLANG_DSV4_REASONING_EFFORT=max",
            "0.5.16",
            "renamed",
            "warn",
        ),
        (
            "SGLANG_FORWARD_TIMEOUT_MS=1500",
            "SGLANG_REQ_RUNNING_TIMEOUT=1.50",
            "0.5.18",
            "renamed",
            "warn",
        ),
        (
            "SGLANG_FORWARD_TIMEOUT_MS=1500",
            "SGLANG_REQ_RUNNING_TIMEOUT=1500",
            "0.5.18",
            "changed",
            "warn",
        ),
        (
            "SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK=1",
            "SGLANG_ENABLE_TP_MEMORY_INBALANCE_CHECK=0",
            "0.5.18",
            "renamed",
            "warn",
        ),
        (
            "SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK=1",
            "SGLANG_ENABLE_TP_MEMORY_INBALANCE_CHECK=1",
            "0.5.18",
            "changed",
            "error",
        ),
    ],
)
def test_old_names(left: str, right: str, release: str, kind: str, severity: str) -> None:
    a, b = launch(env(left)), launch(env(right))
    (found,) = compare(a, b, load(release))
    assert found.kind == kind
    assert found.right_name == right.partition("=")[0]
    (finding,) = compare_launches(a, b, catalogue=load(release)).findings
    assert finding.severity is (Severity.WARNING if severity == "warn" else Severity.ERROR)
    assert left.partition("=")[0] in finding.text
    assert right.partition("=")[0] in finding.text


def conditional(*settings: tuple[str, str, str | None]) -> LaunchConfig:
    settled = tuple(EnvVar(n, v, Origin("t"), condition=condition(c)) for n, v, c in settings)
    return LaunchConfig("t", "bash", settled, ())


AITER = "SGLANG_USE_AITER"


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        # Set to the same only sometimes isn't the same, unless unset means the same too.
        ([(AITER, "1", None)], [(AITER, "true", "X")], ["unknown"]),
        ([(AITER, "0", None)], [(AITER, "false", "X")], ["equivalent"]),
        ([(AITER, "0", None)], [(AITER, "1", "X")], ["changed"]),
        ([], [(AITER, "0", "X")], ["equivalent"]),
        ([], [(AITER, "0", "X"), (AITER, "1", "not (X)")], ["equivalent", "added"]),
        ([(AITER, "1", None)], [(AITER, "true", "X"), (AITER, "1", "not (X)")], ["equivalent"]),
    ],
)
def test_conditions(
    left: list[tuple[str, str, str | None]],
    right: list[tuple[str, str, str | None]],
    kinds: list[str],
) -> None:
    found = compare(conditional(*left), conditional(*right), load("0.5.16"))
    assert [d.kind.value for d in found] == kinds


def test_without_a_catalogue_every_letter_counts() -> None:
    a, b = launch(env(f"{AITER}=1")), launch(env(f"{AITER}=true"))
    assert [f.rule.id for f in compare_launches(a, b).findings] == ["DSV003"]
    hidden = compare_launches(a, b, catalogue=load("0.5.16"))
    assert hidden.findings == ()
    assert any(n.startswith("1 setting is spelled differently") for n in hidden.notes)
    shown = compare_launches(a, b, catalogue=load("0.5.16"), show_equivalent=True)
    assert [f.rule.id for f in shown.findings] == ["DSV009"]


def test_secrets_stay_masked() -> None:
    a, b = (launch(f"{LAUNCH} --api-key {key}") for key in ("hunter2", "hunter3"))
    found = compare_launches(a, b, catalogue=load("0.5.16"), show_equivalent=True)
    assert "hunter" not in repr([(f.text, f.left, f.right) for f in found.findings])


NAMES = [AITER, "SGLANG_OPT_USE_TOPK_V2", "SGLANG_ENABLE_THINKING", "SGLANG_DEFAULT_THINKING", "A"]
FLAGS = ["--tp", "--tp-size", "--tensor-parallel-size", "--dp-size", "--no-such", "--enable-lora"]
launches = st.builds(
    lambda env, words: LaunchConfig(
        "x",
        "bash",
        tuple(EnvVar(n, v, Origin("t")) for n, v in env.items()),
        group_args([(w, None) for w in words], "t"),
    ),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["1", "0", "true", "on", ""])),
    st.lists(st.sampled_from([*FLAGS, "1", "8"]), max_size=6),
)


@given(launches, launches, st.sampled_from(releases()))
def test_what_isnt_told_exactly_isnt_told_at_all(
    left: LaunchConfig, right: LaunchConfig, release: str
) -> None:
    exact, found = diff(left, right), compare(left, right, load(release))
    assert bool(exact) == bool(found)
    assert compare(left, left, load(release)) == []
    names = {d.name for d in exact}
    for d in found:
        assert d.reason or d.kind not in (Kind.EQUIVALENT, Kind.RENAMED)
    told = {n for d in found for n in (d.name, d.right_name)}
    unsaid = {n for n in names - told if not n.startswith("--t")}
    assert unsaid == set()


@pytest.mark.parametrize(
    ("words", "says"),
    [('"$@"', "with --arg WORD"), ("$EXTRA", "with --set EXTRA=VALUE"), ("$(x)", "`$(x)`")],
)
def test_words_that_are_not_known_may_be_any_flags(words: str, says: str) -> None:
    left = bash.read("sglang serve --tp-size 8 --page-size 64\n", "l.sh")
    right = bash.read(f"sglang serve --page-size 64 {words}\n", "r.sh")
    comparison = compare_launches(left, right, catalogue=load("0.5.16"))
    (found,) = comparison.findings
    assert (found.subject, found.severity, comparison.unknown) == ("--tp-size", Severity.NOTE, 1)
    assert says in found.text
    assert not compare_launches(right, right, catalogue=load("0.5.16")).findings


PINNED = "sglang serve --tp 8 --chunked-prefill-size 64 --page-size 64\n"


@pytest.mark.parametrize("flag", ["--tp-size 8", "--tensor-parallel-size=8", "--tp 4 --tp-size 8"])
@pytest.mark.parametrize("words", ['"$@"', "$EXTRA", "$(x)"])
def test_other_names_of_a_flag_are_the_same_beside_words_that_are_not_known(
    flag: str, words: str
) -> None:
    left = bash.read(PINNED, "l.sh")
    for line in (
        f"sglang serve {flag} --chunked-prefill 64 --page-size 64 {words}",
        f"sglang serve --page-size 64 {words} --chunked-prefill 64 {flag}",
    ):
        comparison = compare_launches(
            left, bash.read(f"{line}\n", "r.sh"), catalogue=load("0.5.16")
        )
        assert [(f.rule.id, f.subject) for f in comparison.findings] == [("DSV016", "more flags")]


def test_another_value_of_another_name_is_told_beside_words_that_are_not_known() -> None:
    right = bash.read(PINNED.replace("--tp 8", "--tp-size 4").replace("\n", ' "$@"\n'), "r.sh")
    comparison = compare_launches(bash.read(PINNED, "l.sh"), right, catalogue=load("0.5.16"))
    texts = [f.text for f in comparison.findings]
    assert texts[0] == '--tp-size is "4"; l.sh has --tp "8"'
    assert len(texts) == 2


def test_a_default_is_like_leaving_a_flag_out_unless_that_is_not_known() -> None:
    plain, given = "sglang serve --page-size 64", "sglang serve --page-size 64 --tp 1"
    for left, right, told in (
        (plain, f"{given} $X", ["more flags"]),
        (given, f"{plain} $X", ["--tp"]),
    ):
        sides = bash.read(f"{left}\n", "l.sh"), bash.read(f"{right}\n", "r.sh")
        comparison = compare_launches(*sides, catalogue=load("0.5.16"))
        assert [f.subject for f in comparison.findings] == told


def test_a_flag_that_wins_over_words_that_are_not_known_on_one_side_alone_is_told() -> None:
    left = bash.read('sglang serve --tp 8 --page-size 64 "$@"\n', "l.sh")
    for flag in ("--tp", "--tp-size"):
        right = bash.read(f'sglang serve --page-size 64 "$@" {flag} 8\n', "r.sh")
        found = compare_launches(left, right, catalogue=load("0.5.16")).findings
        assert ("DSV004", f"{flag} stands in another place than in l.sh") in [
            (f.rule.id, f.message) for f in found
        ]


@pytest.mark.parametrize(("otherwise", "rule"), [("$Y", "DSV016"), ("--tp 8", ""), ("", "DSV005")])
def test_words_that_are_not_known_where_a_flag_is_not_given_may_be_it(
    otherwise: str, rule: str
) -> None:
    text = f'A="--tp 8"\nif [ "$X" = 1 ]; then :; else A="{otherwise}"; fi\nsglang serve $A\n'
    left, right = bash.read("sglang serve --tp 8\n", "l.sh"), bash.read(text, "r.sh")
    found = compare_launches(left, right, catalogue=load("0.5.16")).findings
    assert [f.rule.id for f in found if f.subject == "--tp"] == ([rule] if rule else [])
    assert ("is set only when" in "".join(f.message for f in found)) == (rule == "DSV005")


def test_a_value_that_sglang_cannot_read_is_told_so() -> None:
    left = bash.read("export SGLANG_USE_AITER=1\nsglang serve\n", "l.sh")
    right = bash.read("export SGLANG_USE_AITER=on\nsglang serve\n", "r.sh")
    (finding,) = compare_launches(left, right, catalogue=load("0.5.16")).findings
    assert finding.text == (
        'SGLANG_USE_AITER is "on"; l.sh has "1" (SGLang can\'t read "on" and uses the default, '
        "false; expected true, 1, yes, y, false, 0, no or n)"
    )
    (finding,) = compare_launches(left, right).findings
    assert finding.text == 'SGLANG_USE_AITER is "on"; l.sh has "1"'


@pytest.mark.parametrize("opening", ["source /nowhere/env.sh\n", 'eval "$(setup)"\n'])
def test_what_may_be_set_elsewhere_is_not_known_to_be_missing(opening: str) -> None:
    left = bash.read("export SGLANG_USE_AITER=1\nsglang serve --tp 8\n", "l.sh")
    right = bash.read(f"{opening}sglang serve\n", "r.sh")
    comparison = compare_launches(left, right, catalogue=load("0.5.16"))
    found = {f.subject: f for f in comparison.findings}
    assert found["SGLANG_USE_AITER"].rule.name == "may-be-set"
    assert found["SGLANG_USE_AITER"].severity is Severity.NOTE
    assert "can't be known: " in found["SGLANG_USE_AITER"].sentence
    assert "variables may have been set" in found["SGLANG_USE_AITER"].effect[0]
    assert str(found["SGLANG_USE_AITER"].location) == "r.sh:1:1"
    assert found["--tp"].rule.name == "missing"  # an argument has to stand in the command
    assert comparison.unknown == 1
