"""Every launch of 2026-08 that SGLang publishes is a target of a shipped profile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dsv4_env import Profile, load_profile
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import known_targets, layer_files
from dsv4_env.profile.layers import Layers
from dsv4_env.profile.target import Spec, Wanted, choose, parse

DATA = Path(__file__).parents[2] / "data" / "launches-2026-08.json"
LAUNCHES: list[dict[str, Any]] = json.loads(DATA.read_text())
THEN = "0.5.18"  # the release after the facts' tree


def title(launch: dict[str, Any]) -> str:
    return f"{launch['profile']}-{launch['strategy']}-{launch['nodes']}"


def loaded(launch: dict[str, Any], sglang: str = THEN) -> Profile:
    return load_profile(
        launch["profile"], sglang=sglang, strategy=launch["strategy"], nodes=launch["nodes"]
    )


def groups(profile: Profile) -> list[list[str]]:
    return [[str(w) for w in (arg.flag, *arg.values)] for arg in profile.config.args or ()]


@pytest.mark.parametrize("launch", LAUNCHES, ids=title)
def test_a_published_launch_is_a_target(launch: dict[str, Any]) -> None:
    profile = loaded(launch)
    assert profile.env == launch["env"]
    assert sorted(groups(profile)) == sorted(launch["args"])
    assert profile.default_model_path == launch["model"]
    assert profile.target.verified is launch.get("verified", True)


@pytest.mark.parametrize("launch", [x for x in LAUNCHES if "test" in x], ids=title)
def test_what_an_amd_test_needs(launch: dict[str, Any]) -> None:
    profile, test = loaded(launch), launch["test"]
    assert profile.launch_timeout_seconds == test["timeout"]
    assert profile.ci_suite == test["suite"]
    assert profile.ci_estimated_seconds == test["estimated"]
    assert profile.get("ci", "nightly") is test["nightly"]
    assert profile.gsm8k_threshold == test["gsm8k"]
    assert profile.get("quality", "accept-length-threshold") == test["accept"]
    assert profile.model_path_variable == test["model_variable"]
    assert profile.overridable == test["overridable"]
    assert groups(profile) == launch["args"]  # in the test's own order


def test_no_target_is_there_that_nobody_publishes() -> None:
    published = {(x["profile"], x["strategy"], x["nodes"]) for x in LAUNCHES}
    known = {
        (str(Spec(name, t.overlays, t.hardware)), t.strategy, t.nodes)
        for name, targets in known_targets().items()
        for t in targets
    }
    assert known == published
    assert len(LAUNCHES) == len(published) == 141


def test_the_layers_stay_short() -> None:
    lines = [
        line
        for path in (Path(__file__).parents[3] / "profiles").glob("*.toml")
        for line in path.read_text().splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    assert len(lines) <= 700


@pytest.mark.parametrize(
    ("release", "flag"),
    [("0.5.13", "--cuda-graph-max-bs"), ("0.5.23", "--cuda-graph-max-bs-decode")],
)
@pytest.mark.parametrize("name", ["pro-fp4+tbo", "pro-fp4@gb300"])
def test_a_flag_is_spelled_as_the_release_knows_it(release: str, flag: str, name: str) -> None:
    strategy = None if "+" in name else "balanced"
    args = load_profile(name, sglang=release, strategy=strategy).server_args
    assert [a for a in args if a.startswith("--cuda-graph-max-bs")] == [flag]


def test_a_combination_that_sglang_refuses_is_an_error() -> None:
    assert load_profile("pro-fp4+cp+tbo", sglang=THEN).sglang == THEN
    with pytest.raises(ProfileError) as raised:
        load_profile("pro-fp4+cp+tbo", sglang="0.5.23")
    assert "SGLang 0.5.23 refuses it on mi355x" in str(raised.value)
    assert "--enable-two-batch-overlap" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pro-fp4+cp+dp-attention", "cp and dp-attention exclude each other"),
        ("pro-fp4+mtp+dspark", "dspark and mtp exclude each other"),
        ("flash-fp4+w4a4@b200", "w4a4 needs megamoe; expected flash-fp4+megamoe+w4a4"),
        ("pro-fp4+mtpp", "Did you mean mtp?"),
        ("pro-fp4+fp8", "'fp8' is no overlay"),
        ("pro-fp4@b100", "pro-fp4 isn't known for the hardware b100"),
        ("pro-fp44", "Did you mean pro-fp4?"),
        ("pro-fp4+deepep", "deepep isn't for mi355x, ci on SGLang"),
        ("pro-fp4@", "bad profile name"),
        ("mtp", "'mtp' is a layer, not a profile"),
    ],
)
def test_what_a_wrong_name_is_told(name: str, said: str) -> None:
    with pytest.raises(ProfileError) as raised:
        load_profile(name)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"on": "b200", "strategy": "balancd"}, "isn't known for the strategy balancd"),
        ({"on": "b200", "nodes": 3}, "isn't known for 3 nodes"),
        ({"on": "mi300x"}, "isn't known for the hardware mi300x"),
        ({"role": "chef"}, "isn't known for the role chef"),
    ],
)
def test_what_a_wrong_target_is_told(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ProfileError) as raised:
        load_profile("pro-fp4", **asked)
    assert said in str(raised.value)


def test_two_kinds_of_hardware() -> None:
    with pytest.raises(ProfileError) as raised:
        load_profile("pro-fp4@b200", on="h200")
    assert str(raised.value) == (
        "pro-fp4@b200 is for b200, and h200 is asked for; expected one of the two"
    )
    assert load_profile("pro-fp4@B200", on="blackwell").target.hardware == "b200"


def test_the_order_of_overlays_says_nothing() -> None:
    one, other = load_profile("pro-fp4+tbo+mtp"), load_profile("pro-fp4+mtp+tbo")
    assert one == other
    assert one.name == "pro-fp4+mtp+tbo"
    assert parse("a+c+b+c@MI35x") == Spec("a", ("b", "c"), "mi355x")


@pytest.mark.parametrize("hardware", ["mi355x", "b200", "h200", "gb300"])
def test_every_two_overlays_go_together_or_say_why_not(hardware: str) -> None:
    layers = Layers(layer_files(), {})
    for base in ("flash-fp4", "pro-fp4"):
        rows = layers.rows(base)
        for one in layers.overlays:
            for other in layers.overlays:
                spec = Spec(base, tuple(sorted({one, other})), hardware)
                said = ""
                try:
                    layers.profile(spec, choose(base, rows, Wanted(on=hardware), spec.overlays))
                except ProfileError as exc:
                    said = str(exc)
                known = ("exclude each other", " needs ", " isn't for ", " disagree on ")
                assert not said or any(why in said for why in known)


def test_roles_share_a_target() -> None:
    alone = load_profile("pro-fp4@gb300", strategy="balanced")
    for role in ("prefill", "decode"):
        profile = load_profile("pro-fp4@gb300", strategy="balanced", role=role)
        assert profile.target.role == role
        assert {"--disaggregation-mode", role} <= set(profile.server_args)
        assert profile.env["MC_FORCE_MNNVL"] == "1"
        assert set(alone.server_args) <= set(profile.server_args)
