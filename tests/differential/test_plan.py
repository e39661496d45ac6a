"""What `plan` says of launches, held against what SGLang itself made of them.

The answers were recorded once (``record_plan``), by SGLang's own resolution of the launches of real
tests and of its cookbook, and of random ones. Where DSV4_SGLANG_PYTHON names an interpreter that
has SGLang 0.5.23, it is asked again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.catalogue import Catalogue, load
from dsv4_env.catalogue.resolution import resolution
from dsv4_env.plan.asking import ask
from dsv4_env.plan.evaluate import Evaluator, Open, Refusal, Resolution, same_text
from dsv4_env.plan.given import given_by
from dsv4_env.plan.models import model_facts
from dsv4_env.plan.planning import plan, resolved
from dsv4_env.plan.platforms import platform
from tests.differential.plan_launches import PLATFORMS, launches
from tests.differential.record_plan import DATA, NEWEST, NUMBER, SEED, answered, launch

FILES = sorted(DATA.glob("resolved-*.json"))
RECORDED = {p.stem.removeprefix("resolved-"): json.loads(p.read_text("utf-8")) for p in FILES}
EACH = [(release, one) for release, all_ in RECORDED.items() for one in all_["launches"]]
SGLANG = pytest.mark.skipif(
    "DSV4_SGLANG_PYTHON" not in os.environ, reason="no interpreter with SGLang"
)


# Set by what SGLang imports, not by its resolution.
AT_IMPORT = {"TORCHINDUCTOR_CACHE_DIR", "DG_JIT_USE_NVRTC", "TLLM_LOG_LEVEL"}


def name(value: object) -> str | None:
    return value["name"] if isinstance(value, dict) else None


def says(refusal: Refusal, text: str) -> bool:
    """Whether a refusal says what SGLang does, as far as it's known; an assertion says nothing."""
    parts = [p.strip() for p in refusal.message.split("…")]
    return text in ("", "AssertionError") or all(p in text for p in parts)


def compared(
    release: str, recorded: dict[str, Any], fields: dict[str, Any], catalogue: Catalogue
) -> tuple[list[str], int, int]:
    """What is wrong of what engine 2 says, and how many settings of a launch it knows, of how many.

    A setting is a variable or an argument that the launch or SGLang gives a value.
    """
    config, card = launch(recorded), platform(recorded["platform"])
    found = resolved(config, catalogue, card)
    given = given_by(config, catalogue)
    wrong: list[str] = []
    known = total = 0
    env = recorded["env"] | recorded["env_after"]
    for variable in sorted({*env, *found.env} - AT_IMPORT):
        ours, theirs = found.env.get(variable), env.get(variable)
        total += 1
        known += not isinstance(ours, Open)
        if not isinstance(ours, Open) and not (
            ours == theirs or same_text(catalogue, variable, ours, theirs)
        ):
            wrong.append(f"{variable}: {ours}, SGLang: {theirs}")
    for field, value in (fields | recorded["args_after"]).items():
        ours = found.fields.get(field, Open())
        if field in given.flags or value != given.fields.get(field, value):
            total += 1
            known += not isinstance(ours, Open)
        absent = field not in given.flags and not ours and not value  # a flag's None or False
        if not isinstance(ours, Open) and ours != value and not absent:
            wrong.append(f"{field}: {ours}, SGLang: {value}")
    return wrong, known, total


@pytest.mark.parametrize(("release", "recorded"), EACH, ids=name)
def test_as_recorded(release: str, recorded: dict[str, Any]) -> None:
    catalogue = load(release)
    made = plan(launch(recorded), catalogue, platform(recorded["platform"]), redundant=False)
    if "refused" in recorded:
        refusals = (*made.refused, *made.possible)
        assert any(says(r, recorded["refused"]) for r in refusals)
        return
    assert made.refused == ()
    assert compared(release, recorded, RECORDED[release]["fields"], catalogue)[0] == []


@pytest.mark.parametrize("release", list(RECORDED))
def test_little_is_unknown(release: str) -> None:
    """What the memory of the card and what is installed decide, and hardly more."""
    catalogue, everything = load(release), RECORDED[release]
    known = total = 0
    for recorded in everything["launches"]:
        if "refused" not in recorded:
            one = compared(release, recorded, everything["fields"], catalogue)
            known, total = known + one[1], total + one[2]
    assert known / total > (0.95 if release == NEWEST else 0.9)


def test_refusals_are_mostly_known() -> None:
    catalogue = load(NEWEST)
    refused = [r for r in RECORDED[NEWEST]["launches"] if "refused" in r]
    plans = [plan(launch(r), catalogue, platform(r["platform"]), redundant=False) for r in refused]
    assert sum(bool(p.refused) for p in plans) / len(plans) > 0.9


def test_a_step_that_is_unknown_makes_the_value_unknown() -> None:
    """A wrong answer would be found: without the platform's answers, little is known."""
    recorded, catalogue = RECORDED[NEWEST]["launches"][0], load(NEWEST)
    given = given_by(launch(recorded), catalogue)
    start = Resolution(dict(given.fields), dict(given.env))
    steps = [["env", ["probe", "is_hip"], "SGLANG_X", ["=", True], "a.py:1"]]
    facts = model_facts(recorded["model"])
    found = Evaluator(catalogue, {}, facts, given.fields, start).run(steps)
    assert isinstance(found.env["SGLANG_X"], Open)


@SGLANG
@pytest.mark.parametrize("on", PLATFORMS)
def test_sglang_itself(on: str) -> None:
    """It says what it said when it was recorded, of launches that are drawn anew."""
    real = json.loads((DATA / "launches.json").read_text("utf-8"))
    drawn = launches(NUMBER, SEED + 1, real, load(NEWEST), resolution(NEWEST) or ())
    catalogue = load(NEWEST)
    wrong = []
    there = [one for one in drawn if one["platform"] == on]
    for one in answered(Path(os.environ["DSV4_SGLANG_PYTHON"]), there):
        made = plan(launch(one), catalogue, platform(one["platform"]), redundant=False)
        if "refused" in one:
            if not any(says(r, one["refused"]) for r in (*made.refused, *made.possible)):
                wrong.append(f"{one['name']}: not refused: {one['refused']}")
        elif made.refused:
            wrong.append(f"{one['name']}: refused: {made.refused}")
        else:
            found = compared(NEWEST, one, {}, catalogue)[0]
            wrong += [f"{one['name']}: {w}" for w in found]
    assert wrong == []


@SGLANG
@pytest.mark.parametrize("recorded", RECORDED[NEWEST]["launches"][:109:18], ids=name)
def test_both_plans(recorded: dict[str, Any]) -> None:
    """Both engines show the same of a launch, but for what only one of them knows."""
    config, card = launch(recorded), platform(recorded["platform"])
    theirs = ask(Path(os.environ["DSV4_SGLANG_PYTHON"]), config, card)
    ours = plan(config, load(NEWEST), card)
    assert ours.starts is theirs.starts
    told = {s.name: s for s in theirs.settings}
    for setting in ours.settings:
        if setting.effect != "unknown" and setting.given is not None:
            assert setting.effective == told[setting.name].effective
            assert setting.effect == told[setting.name].effect
