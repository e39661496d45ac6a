"""What `plan` says of launches, held against what SGLang itself made of them.

The answers were recorded once, by SGLang's own resolution with the platform overridden. Where
DSV4_SGLANG_PYTHON names an interpreter that has SGLang 0.5.23, it is asked again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.catalogue import load
from dsv4_env.model import EnvVar, LaunchConfig, Origin, group_args
from dsv4_env.plan.asking import ask
from dsv4_env.plan.evaluate import Evaluator, Open, Resolution, same_text
from dsv4_env.plan.given import given_by
from dsv4_env.plan.models import model_facts
from dsv4_env.plan.planning import plan, resolved
from dsv4_env.plan.platforms import platform

RECORDED = json.loads(
    (Path(__file__).parent.parent / "data" / "resolved-0.5.23.json").read_text("utf-8")
)
CATALOGUE = load(RECORDED["release"])
MODEL = "model-FP8"
CARDS = {"hip": "mi355x", "sm90": "h200", "sm100": "b200", "sm120": "rtx-pro-6000"}
# A draft model is bundled with the models that these are launched with, and wasn't with the one
# that the answers were recorded with.
DRAFT = "DSpark dense speculative decoding requires setting --speculative-draft-model-path."
# Set where the model's configuration is read, which isn't a part of the resolution; to the same.
BESIDE = {"SGLANG_DSV4_FP4_DEQUANT"}


def launch(recorded: dict[str, Any]) -> LaunchConfig:
    origin = Origin("test", None, "")
    env = tuple(EnvVar(k, v, origin) for k, v in recorded["env"].items())
    args = group_args([(w, None) for w in recorded["args"]], "test")
    return LaunchConfig(recorded["name"], "test", env, args)


@pytest.mark.parametrize("recorded", RECORDED["launches"], ids=lambda r: r["name"])
def test_as_recorded(recorded: dict[str, Any]) -> None:
    config, card = launch(recorded), platform(CARDS[recorded["platform"]])
    made = plan(config, CATALOGUE, card, model=MODEL)
    if "refused" in recorded:
        if recorded["refused"] == DRAFT:
            assert any(r.message == DRAFT for r in made.possible)
        else:
            assert recorded["refused"].startswith(made.refused[0].message.partition(",")[0])
        return
    assert made.refused == ()
    found = resolved(config, CATALOGUE, card, model=MODEL)
    env = recorded["env"] | recorded["env_after"]
    wrong = [
        f"{name}: {found.env.get(name)}, SGLang: {env.get(name)}"
        for name in sorted({*env, *found.env} - BESIDE)
        if not isinstance(found.env.get(name), Open)
        and found.env.get(name) != env.get(name)
        # Where a step may set what is given already, only the meaning is known: false or False.
        and not same_text(CATALOGUE, name, found.env.get(name), env.get(name))
    ]
    given = given_by(config, CATALOGUE, MODEL).fields
    for name in RECORDED["fields"]:
        value = recorded["args_after"].get(name, given.get(name))
        ours = found.fields.get(name, Open())
        if not isinstance(ours, Open) and ours != value:
            wrong.append(f"{name}: {ours}, SGLang: {value}")
    assert wrong == []


def test_little_is_unknown() -> None:
    """What the memory of the card, CUDA graphs and DeepGEMM decide, and hardly more."""
    known = total = 0
    for recorded in RECORDED["launches"]:
        if "refused" in recorded:
            continue
        card = platform(CARDS[recorded["platform"]])
        found = resolved(launch(recorded), CATALOGUE, card, model=MODEL)
        values = [found.env.get(n) for n in {*recorded["env"], *recorded["env_after"]}]
        values += [found.fields.get(n) for n in RECORDED["fields"]]
        known += sum(not isinstance(v, Open) for v in values)
        total += len(values)
    assert known / total > 0.94


def test_a_step_that_is_unknown_makes_the_value_unknown() -> None:
    """A wrong answer would be found: without the platform's answers, little is known."""
    recorded = RECORDED["launches"][0]
    given = given_by(launch(recorded), CATALOGUE, MODEL)
    start = Resolution(dict(given.fields), dict(given.env))
    steps = [["env", ["probe", "is_hip"], "SGLANG_X", ["=", True], "a.py:1"]]
    found = Evaluator(CATALOGUE, {}, model_facts(MODEL), given.fields, start).run(steps)
    assert isinstance(found.env["SGLANG_X"], Open)


@pytest.mark.skipif("DSV4_SGLANG_PYTHON" not in os.environ, reason="no interpreter with SGLang")
@pytest.mark.parametrize("recorded", RECORDED["launches"][::9], ids=lambda r: r["name"])
def test_sglang_itself(recorded: dict[str, Any]) -> None:
    """Both engines say the same, but for what only one of them knows."""
    config, card = launch(recorded), platform(CARDS[recorded["platform"]])
    theirs = ask(Path(os.environ["DSV4_SGLANG_PYTHON"]), config, card)
    ours = plan(config, CATALOGUE, card, model=MODEL)
    if recorded.get("refused") == DRAFT:
        assert not theirs.starts
        return
    assert ours.starts is theirs.starts
    told = {s.name: s for s in theirs.settings}
    for setting in ours.settings:
        if setting.effect != "unknown" and setting.given is not None:
            assert setting.effective == told[setting.name].effective
            assert setting.effect == told[setting.name].effect
