"""What a test says beside its settings, held to the profile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dsv4_env.compare.findings import compare_launches
from dsv4_env.model import (
    EnvVar,
    Fact,
    LaunchConfig,
    Location,
    Note,
    Origin,
    Unknown,
    Value,
    outside,
    overridable,
)
from dsv4_env.model.finding import Severity

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE
OURS = (
    Fact("model", "path", "org/V4", Location("v4.toml", 1, 1)),
    Fact("model", "path-variable", "V4_PATH", Location("v4.toml", 2, 1)),
    Fact("launch", "timeout-seconds", 5400, Location("v4.toml", 3, 1)),
    Fact("ci", "suite", "nightly", Location("v4.toml", 4, 1), "amd"),
    Fact("ci", "estimated-seconds", 7200, Location("v4.toml", 5, 1), "amd"),
    Fact("ci", "nightly", True, Location("v4.toml", 6, 1), "amd"),
    Fact("quality", "gsm8k-threshold", 0.92, Location("v4.toml", 7, 1)),
    Fact("quality", "accept-length-threshold", 2.8, Location("v4.toml", 8, 1)),
)
PROFILE = LaunchConfig("v4", "profile", (), (), facts=OURS)


def told(*changed: Fact, gone: tuple[str, ...] = ()) -> LaunchConfig:
    """A test that says what the profile says, but for some facts."""
    own = {f.key: replace(f, location=Location("t.py", i, 1)) for i, f in enumerate(OURS, 1)}
    own |= {f.key: replace(f, location=own.get(f.key, f).location) for f in changed}
    facts = tuple(f for key, f in own.items() if key not in gone)
    return LaunchConfig("t.py", "python", (), (), facts=facts)


def test_the_same_is_counted_and_not_told() -> None:
    found = compare_launches(PROFILE, told())
    assert (found.findings, found.facts, found.compared, found.unknown) == ((), 8, 0, 0)


@pytest.mark.parametrize(
    ("fact", "rule", "severity", "says"),
    [
        (Fact("launch", "timeout-seconds", 60), "DSV020", E, "the launch timeout is 60 s; v4 has"),
        (Fact("launch", "timeout-seconds", 9000), "DSV020", W, "is 9000 s; v4 has 5400 s"),
        (Fact("ci", "suite", "other", None, "amd"), "DSV021", W, '"other"; v4 has "nightly"'),
        (Fact("ci", "estimated-seconds", 60, None, "amd"), "DSV022", N, "60 s; v4 has 7200 s"),
        (Fact("ci", "nightly", False, None, "amd"), "DSV023", W, "nightly is false; v4 has true"),
        (
            Fact("quality", "gsm8k-threshold", 0.9),
            "DSV024",
            E,
            "0.9; v4 has 0.92: write that (it accepts worse results)",
        ),
        (Fact("quality", "gsm8k-threshold", 0.95), "DSV024", W, "is 0.95; v4 has 0.92"),
        (Fact("quality", "accept-length-threshold", 2.0), "DSV024", E, "accepted length is 2.0"),
        (Fact("model", "path", "/models/v4/"), "DSV025", N, '"/models/v4/"; v4 has "org/V4"'),
        (Fact("model", "path", "org/V3"), "DSV025", E, 'the model is "org/V3"'),
        (Fact("model", "path-variable", "V3_PATH"), "DSV026", W, "is V3_PATH; v4 has V4_PATH"),
    ],
)
def test_a_fact_that_differs(fact: Fact, rule: str, severity: Severity, says: str) -> None:
    (found,) = compare_launches(PROFILE, told(fact)).findings
    assert (found.rule.id, found.severity, found.subject) == (
        rule,
        severity,
        f"{fact.table}.{fact.key}",
    )
    assert says in found.text
    at = next(i for i, f in enumerate(OURS, 1) if f.key == fact.key)
    assert found.location == Location("t.py", at, 1)
    assert found.related == Location("v4.toml", at, 1)


def test_a_model_that_no_variable_overrides() -> None:
    (found,) = compare_launches(PROFILE, told(gone=("path-variable",))).findings
    assert (found.rule.id, found.severity) == ("DSV026", W)
    said = "no variable overrides the model; v4 takes it from V4_PATH where set"
    assert (found.message, found.action) == (said, "read that first")
    assert found.location == Location("t.py", 1, 1)
    without = replace(PROFILE, facts=tuple(f for f in OURS if f.key != "path-variable"))
    (found,) = compare_launches(without, told()).findings
    assert (found.rule.id, found.severity) == ("DSV026", N)
    said = "V4_PATH may override the model; v4 has no variable for it"
    assert (found.message, found.action) == (said, "don't read it")


def test_only_what_both_say_is_compared() -> None:
    found = compare_launches(PROFILE, told(gone=("suite", "nightly", "gsm8k-threshold")))
    assert (found.findings, found.facts) == ((), 5)
    nothing = replace(PROFILE, facts=())
    assert compare_launches(nothing, told()).facts == 0


@pytest.mark.parametrize("key", ["gsm8k-threshold", "accept-length-threshold"])
def test_a_threshold_that_the_test_of_its_suite_has_lost(key: str) -> None:
    (found,) = compare_launches(PROFILE, told(gone=(key,))).findings
    assert (found.rule.id, found.severity, found.subject) == ("DSV024", W, f"quality.{key}")
    assert found.text.startswith("nothing is held against the ")
    assert found.effect == ("it accepts any result",)
    assert found.left is not None
    assert found.left in found.text


@pytest.mark.parametrize(
    "test",
    [
        told(Fact("ci", "suite", "other", None, "amd"), gone=("gsm8k-threshold",)),
        told(gone=("gsm8k-threshold", "suite")),
        told(Fact("quality", "", "no key of a layer is for it"), gone=("gsm8k-threshold",)),
        replace(told(gone=("gsm8k-threshold",)), reader="bash"),
    ],
    ids=["another-suite", "no-suite", "another-metric", "a-script"],
)
def test_a_threshold_that_another_test_need_not_have(test: LaunchConfig) -> None:
    assert "DSV024" not in {f.rule.id for f in compare_launches(PROFILE, test).findings}


def test_a_registration_counts_for_its_own_vendor() -> None:
    cuda = [Fact("ci", "suite", "stage-b", Location("t.py", 9, 1), "cuda")]
    both = replace(told(), facts=(*told().facts, *cuda))
    assert compare_launches(PROFILE, both).findings == ()
    other = replace(both, facts=(*told(gone=("suite",)).facts, *cuda))
    assert [f.rule.id for f in compare_launches(PROFILE, other).findings] == ["DSV021"]
    anywhere = replace(PROFILE, facts=tuple(replace(f, vendor="") for f in OURS))
    assert compare_launches(anywhere, both).facts == 7  # which of the two suites isn't known
    assert [f.rule.id for f in compare_launches(anywhere, other).findings] == ["DSV021"]


def test_what_cannot_be_known_is_a_note() -> None:
    unknown = Unknown("limit()", "not a number")
    found = compare_launches(PROFILE, told(Fact("quality", "gsm8k-threshold", unknown)))
    (finding,) = found.findings
    assert (finding.rule.id, finding.severity, found.unknown) == ("DSV005", N, 1)
    assert finding.text == (
        "the GSM8K threshold can't be known; v4 has 0.92: write its value out "
        "(limit(): not a number)"
    )
    model = compare_launches(PROFILE, told(Fact("model", "path", unknown)))
    assert [f.subject for f in model.findings] == ["model.path"]  # nor its variable


def test_severities_and_ignored_names() -> None:
    test = told(Fact("ci", "suite", "other", None, "amd"), Fact("ci", "nightly", False))
    found = compare_launches(PROFILE, test, severities={"ci.*": N}).findings
    assert {f.severity for f in found} == {N}
    left = compare_launches(PROFILE, test, ignore=["ci.suite"]).findings
    assert [f.subject for f in left] == ["ci.nightly"]
    assert compare_launches(PROFILE, test, beside=False).findings == ()


@pytest.mark.parametrize("reader", ["python", "bash", "kubernetes"])
@pytest.mark.parametrize("fixed", ["profile", "file"])
def test_a_variable_that_one_side_alone_lets_be_overridden(reader: str, fixed: str) -> None:
    def side(value: Value, name: str) -> tuple[EnvVar, ...]:
        return (EnvVar("A", value, Origin(name, Location(name, 1, 1))),)

    free = overridable("A", "a")
    ours, theirs = ("a", free) if fixed == "profile" else (free, "a")
    profile = replace(PROFILE, env=side(ours, "v4.toml"))
    file = LaunchConfig("f", reader, side(theirs, "f"), (), location=Location("f", 1, 1))
    found = compare_launches(profile, file).findings
    expected = {"python": [W], "bash": [N][fixed == "file" :], "kubernetes": []}[reader]
    assert [f.severity for f in found] == expected
    assert all(f.rule.id == "DSV027" and f.subject == "A" for f in found)
    word = "fixes it" if fixed == "profile" else "lets the environment override it"
    assert all(word in f.text for f in found)


def test_a_secret_that_both_take_from_outside_is_no_choice() -> None:
    env = (EnvVar("HF_TOKEN", outside("HF_TOKEN"), Origin("x")),)
    file = LaunchConfig("f", "python", env, ())
    assert compare_launches(replace(PROFILE, env=env), file).findings == ()


def test_two_profiles_have_models_of_their_own() -> None:
    other = (Fact("model", "path", "org/V3"), Fact("launch", "timeout-seconds", 60))
    found = compare_launches(PROFILE, LaunchConfig("v3", "profile", (), (), facts=other))
    assert [f.subject for f in found.findings] == ["launch.timeout-seconds"]


def test_a_password_in_a_models_path_is_hidden() -> None:
    (found,) = compare_launches(
        PROFILE, told(Fact("model", "path", "https://me:hunter2hunter2@host/org/V3"))
    ).findings
    assert "hunter2" not in f"{found.text}{found.right}"


REGISTRATION = ("suite", "estimated-seconds", "nightly")


@pytest.mark.parametrize("path", ["test/registered/amd/t.py", "/src/test/registered/t.py"])
def test_a_test_that_lost_its_registration(path: str) -> None:
    held = replace(told(gone=REGISTRATION), name=path)
    (found,) = compare_launches(PROFILE, held).findings
    assert (found.rule.id, found.severity, found.subject) == ("DSV021", W, "ci.suite")
    assert found.message == 'no register_amd_ci registers it for a suite; v4 has "nightly"'
    assert compare_launches(PROFILE, held, ignore=["ci.suite"]).findings == ()


def test_a_test_that_is_registered_with_another_vendor_alone() -> None:
    theirs = told(*(replace(f, vendor="cuda") for f in OURS if f.table == "ci"))
    assert [f.rule.id for f in compare_launches(PROFILE, theirs).findings] == ["DSV021"]
    both = replace(theirs, facts=(*theirs.facts, *(f for f in OURS if f.table == "ci")))
    assert compare_launches(PROFILE, both).findings == ()


def test_what_no_ci_of_sglang_looks_for_needs_no_registration() -> None:
    """A project's own test, and a script, whatever its folder is called."""
    held = told(gone=REGISTRATION)
    script = replace(held, name="test/registered/t.sh", reader="bash")
    for each in (held, replace(held, name="tests/test_mine.py"), script):
        found = compare_launches(PROFILE, each).findings
        assert [f for f in found if f.subject == "ci.suite"] == []


def test_a_test_that_runs_no_more_is_a_note() -> None:
    place = Location("t.py", 9, 1)
    off = Note("register_amd_ci is disabled: flaky", place, idle=True, vendor="amd")
    other = replace(off, vendor="cuda")
    skipped = Note("test_a never runs: it is skipped", place, idle=True)
    held = replace(told(), notes=(off, other, skipped, skipped))
    compared = compare_launches(PROFILE, held)
    assert [(f.rule.id, f.severity, f.message) for f in compared.findings] == [
        ("DSV028", N, off.message),
        ("DSV028", N, skipped.message),
    ]
    assert not {off.message, skipped.message} & set(compared.notes)
    assert compare_launches(PROFILE, held, ignore=["ci.runs"]).findings == ()
    (worse, _) = compare_launches(PROFILE, held, severities={"ci.runs": W}).findings
    assert worse.severity is W
