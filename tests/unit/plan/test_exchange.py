"""Launches with some settings otherwise: as if they were followed from the start."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from dsv4_env.catalogue import load
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.plan.evaluate import Evaluator, Open, Resolution
from dsv4_env.plan.exchange import Exchange, differing, exchange, ways_out
from dsv4_env.plan.given import given_by
from dsv4_env.plan.planning import plan, planner_of
from dsv4_env.plan.platforms import EACH, platform
from dsv4_env.plan.replay import reads_of
from dsv4_env.readers import bash

MODEL = "deepseek-ai/DeepSeek-V4-Pro"
FLAGS = [
    "--tp-size 8", "--dp-size 8", "--dp-size 4", "--enable-dp-attention", "--attn-dp-size 8",
    "--page-size 128", "--chunked-prefill-size 65536", "--enable-two-batch-overlap",
    "--disable-radix-cache", "--max-running-requests 64", "--mem-fraction-static 0.9",
    "--kv-cache-dtype fp8_e4m3", "--speculative-algorithm EAGLE", "--speculative-num-steps 3",
    "--moe-a2a-backend deepep", "--disable-shared-experts-fusion", "--enable-prefill-cp",
    "--cp-strategy interleave", "--disaggregation-mode prefill", "--quantization fp8",
]  # fmt: skip
ENV = ["SGLANG_OPT_USE_TOPK_V2=false", "SGLANG_DP_USE_GATHERV=1", "SGLANG_OPT_FP8_WO_A_GEMM=0"]


def both(one: str, other: str, release: str = "0.5.23", on: str = "mi355x") -> Exchange:
    catalogue = load(release)
    steps = steps_of(catalogue)
    assert steps is not None
    a, b = bash.read(one), bash.read(other)
    return exchange(a, b, catalogue, platform(on), MODEL, reads_of(steps))


@pytest.mark.parametrize("release", ["0.5.16", "0.5.21", "0.5.23"])
def test_again_is_as_from_the_start(release: str) -> None:
    rng = random.Random(release)

    def script() -> str:
        flags = " ".join(rng.sample(FLAGS, rng.randint(2, 9)))
        return f"export {rng.choice(ENV)}\nsglang serve {flags}"

    for number in range(24):
        pair = both(script(), script(), release, EACH[number % len(EACH)].name)
        keys = pair.settings()
        keys = rng.sample(keys, min(len(keys), rng.randint(1, 4)))
        planner, others = pair.planners[1], pair.given[0]
        fields, env = dict(planner.given.fields), dict(planner.given.env)
        for section, name in keys:
            table, source = (fields, others.fields) if section == "args" else (env, others.env)
            table.pop(name, None)
            if name in source:
                table[name] = source[name]
        tokens = [("set" if section == "args" else "env", name) for section, name in keys]
        again = pair.replays[1].again(fields, env, tokens)
        given = replace(planner.given, fields=fields, env=env)
        whole = planner.resolved(given, stops=False)
        again.refused, whole.refused = again.refused[:1], whole.refused[:1]
        again.fields.pop("enable_dp_attention"), whole.fields.pop("enable_dp_attention")
        assert not differing(again, whole, planner.catalogue), keys


@pytest.mark.parametrize(
    "expression",
    [
        ["?", "ceil_align(cfg.tp_size, 8)"],
        ["+", ["?", "what a run tells"], ["cfg", "tp_size"]],
        ["and", ["?", "what a run tells"], ["cfg", "tp_size"]],
        ["if", ["?", "what a run tells"], ["cfg", "tp_size"], ["=", 0]],
    ],
)
def test_what_is_not_known_depends_on_what_it_is_made_of(expression: list[Any]) -> None:
    steps = [["set", ["=", True], "dp_size", expression, "here:1"]]

    def made(tp: int) -> object:
        start = Resolution({"tp_size": tp}, {})
        return Evaluator(load("0.5.23"), {}, {}, {}, start).run(steps).fields["dp_size"]

    assert isinstance(made(4), Open)
    assert made(4) == made(4)
    assert made(4) != made(8)


def test_nothing_is_changed_by_what_is_the_same() -> None:
    pair = both("sglang serve --tp-size 8 --page-size 256", "sglang serve --tp-size 8")
    assert pair.settings() == [("args", "page_size")]
    assert pair.changed([("args", "page_size")]) == (set(), None)


def test_ways_out() -> None:
    catalogue, on = load("0.5.23"), platform("mi355x")
    wide = "sglang serve --tp-size 8 --dp-size 8 --enable-dp-attention --page-size 64"
    config = bash.read(wide)
    found = ways_out(config, catalogue, on, MODEL, plan(config, catalogue, on, model=MODEL))
    assert found["args", "--page-size"] == ("write that", "remove it")
    assert found["args", "--dp-size"] == ()


def test_planners_follow_what_is_given() -> None:
    config = bash.read("sglang serve --tp-size 8")
    planner = planner_of(config, load("0.5.23"), platform("mi355x"), MODEL)
    assert planner.given.fields == given_by(config, load("0.5.23"), MODEL).fields
