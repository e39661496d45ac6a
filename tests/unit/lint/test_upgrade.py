"""Advice on the way from one release to another, and the layer that follows it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
import tomli_w

from dsv4_env import Profile, load_profile
from dsv4_env.catalogue import load, releases
from dsv4_env.lint import lint
from dsv4_env.lint.advice import Action, Advice, applied, layer
from dsv4_env.lint.settling import upgraded_launch
from dsv4_env.lint.upgrade import advise
from dsv4_env.plan.evaluate import same_text
from dsv4_env.plan.planning import plan, resolved
from dsv4_env.plan.platforms import platform

if TYPE_CHECKING:
    from pathlib import Path

    from dsv4_env.model import LaunchConfig
    from dsv4_env.plan.evaluate import Resolution


def profile(folder: Path, text: str, release: str = "0.5.13") -> Profile:
    """A layer as the release spells it that is left."""
    (folder / "mine.toml").write_text(text)
    return load_profile("mine", folder, sglang=release)


def advice(folder: Path, text: str, before: str, after: str) -> dict[str, Advice]:
    found = advise(profile(folder, text, before), load(before), load(after))
    return {a.name: a for a in found if a.name in text}


@pytest.mark.parametrize(
    ("setting", "before", "after", "action", "new", "value"),
    [
        ('SGLANG_ENABLE_THINKING = "1"', "0.5.13", "0.5.23", "rename", "DEFAULT_THINKING", "1"),
        (
            'SGLANG_FORWARD_TIMEOUT_MS = "1500"',
            "0.5.13",
            "0.5.18",
            "rename",
            "REQ_RUNNING_TIMEOUT",
            "1.5",
        ),
        (
            'SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK = "yes"',
            "0.5.16",
            "0.5.18",
            "rename",
            "ENABLE_TP_MEMORY_INBALANCE_CHECK",
            "false",
        ),
        ('SGLANG_OPT_USE_FUSED_COMPRESS = "true"', "0.5.13", "0.5.23", "drop", None, None),
        ('SGLANG_FORCE_TRITON_MOE_FP8 = "1"', "0.5.13", "0.5.23", "drop", None, None),
        ('SGLANG_USE_AITER = "on"', "0.5.13", "0.5.23", "decide", None, None),
        ('SGLANG_HACK_FLASHMLA_BACKEND = "triton"', "0.5.13", "0.5.23", "keep", None, None),
    ],
)
def test_variables(
    tmp_path: Path,
    setting: str,
    before: str,
    after: str,
    action: str,
    new: str | None,
    value: str | None,
) -> None:
    (found,) = advice(tmp_path, f"[env]\n{setting}\n", before, after).values()
    assert found.action == action
    assert found.new == (f"SGLANG_{new}" if new else None)
    assert found.values == (((value,),) if value else None)


@pytest.mark.parametrize(
    ("setting", "before", "after", "action", "new"),
    [
        ('--attention-backend = "compressed"', "0.5.12", "0.5.23", "drop", None),
        ('--nsa-decode-backend = "fa3"', "0.5.11", "0.5.23", "rename", "--dsa-decode-backend"),
        ('--nsa-decode-backend = "fa3"', "0.5.11", "0.5.13", "rename", "--dsa-decode-backend"),
        (
            "--disable-cuda-graph = true",
            "0.5.13",
            "0.5.23",
            "rename",
            "--cuda-graph-backend-decode",
        ),
        ('--cuda-graph-max-bs = "64"', "0.5.13", "0.5.23", "rename", "--cuda-graph-max-bs-decode"),
        ('--cuda-graph-bs = ["1", "2"]', "0.5.13", "0.5.23", "rename", "--cuda-graph-bs-decode"),
        (
            '--piecewise-cuda-graph-max-tokens = "2048"',
            "0.5.18",
            "0.5.23",
            "rename",
            "--cuda-graph-max-bs-prefill",
        ),
        ('--tp = "8"', "0.5.13", "0.5.23", None, None),
        ('--page-size = "many"', "0.5.13", "0.5.23", "decide", None),
    ],
)
def test_flags(
    tmp_path: Path, setting: str, before: str, after: str, action: str | None, new: str | None
) -> None:
    found = list(advice(tmp_path, f"[args]\n{setting}\n", before, after).values())
    assert [a.action.value for a in found] == ([action] if action else [])
    assert [a.new for a in found] == ([new] if action else [])


@pytest.mark.parametrize(
    ("old", "new", "before", "action"),
    [
        # the deprecated table lets the old name win, an EnvBoolWithAlias the new one
        ("SGLANG_ENABLE_THINKING", "SGLANG_DEFAULT_THINKING", "0.5.13", "rename"),
        ("SGLANG_NSA_FUSE_TOPK", "SGLANG_DSA_FUSE_TOPK", "0.5.13", "drop"),
        ("SGLANG_NSA_FUSE_TOPK", "SGLANG_DSA_FUSE_TOPK", "0.5.12", "rename"),  # knows no new one
        ("SGLANG_ENABLE_THINKING", "SGLANG_DEFAULT_THINKING", "0.5.22", "drop"),  # nor the old
    ],
)
def test_both_names_are_set(tmp_path: Path, old: str, new: str, before: str, action: str) -> None:
    for value in ("0", "1"):
        text = f'[env]\n{old} = "{value}"\n{new} = "1"\n'
        found = advice(tmp_path, text, before, "0.5.23")[old]
        mine = profile(tmp_path, text, before)
        (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(mine, [found], load("0.5.23"))))
        env = load_profile("next", tmp_path).env
        assert found.action == ("drop" if value == "1" else action)
        assert env == {new: "1" if found.action == "drop" else "0"}


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [("nsa", "dsa", "flashmla_kv"), ("dsa", "nsa", "fa3")],
)
def test_both_flags_are_given(tmp_path: Path, first: str, then: str, kept: str) -> None:
    values = {"nsa": "fa3", "dsa": "flashmla_kv"}
    lines = "".join(f'--{f}-decode-backend = "{values[f]}"\n' for f in (first, then))
    mine = profile(tmp_path, f"[args]\n{lines}")
    after = load("0.5.23")
    advised = [a for a in advise(mine, load("0.5.13"), after) if a.name in lines]
    (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(mine, advised, after)))
    assert load_profile("next", tmp_path).server_args == ["--dsa-decode-backend", kept]


def test_defaults_that_moved(tmp_path: Path) -> None:
    mine = profile(tmp_path, '[env]\nSGLANG_USE_AITER = "1"\n')
    before, after = load("0.5.13"), load("0.5.23")
    few, all_ = advise(mine, before, after), advise(mine, before, after, every=True)
    assert {a.name for a in few} < {a.name for a in all_}
    held = {a.name: a for a in few}["SGLANG_OPT_FUSE_MHC_POST_PRE"]
    assert (held.action, held.values) == (Action.SET, (("false",),))
    assert "SGLANG_AUTO_NUMA_BIND" not in {a.name for a in few}


OLD = """
[env]
SGLANG_ENABLE_THINKING = "1"
SGLANG_OPT_USE_FUSED_COMPRESS = "true"
SGLANG_DSV4_FP4_EXPERTS = "true"

[args]
--tp-size = "8"
--nsa-decode-backend = "fa3"
--attention-backend = "compressed"
"""


def test_the_layer_loads_and_is_clean(tmp_path: Path) -> None:
    before, after = load("0.5.13"), load("0.5.23")
    mine = profile(tmp_path, OLD)
    advised = advise(mine, before, after)
    (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(mine, advised, after)))
    new = load_profile("next", tmp_path)
    found = lint(new.config, after, range_=new.sglang_range)
    assert [f.message for f in found if f.rule.id != "DSV106"] == []
    assert new.env["SGLANG_DEFAULT_THINKING"] == "1"
    assert new.env["SGLANG_DSV4_FP4_EXPERTS"] == "true"
    assert new.server_args[:2] == ["--tp-size", "8"]
    assert new.server_args[new.server_args.index("--dsa-decode-backend") + 1] == "fa3"
    assert "--attention-backend" not in new.server_args  # SGLang sets dsv4 itself
    assert [a for a in advise(new, after, after) if a.action is not Action.KEEP] == []


SHIPPED = ("flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8")
ON = platform("mi355x")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_profiles(name: str, tmp_path: Path) -> None:
    before, after = load("0.5.13"), load("0.5.23")
    shipped = load_profile(name, sglang="0.5.13")
    advised = {a.name: a for a in advise(shipped, before, after)}
    assert advised["SGLANG_OPT_USE_FUSED_COMPRESS"].action is Action.DROP
    topk = advised["SGLANG_OPT_USE_TOPK_V2"]
    assert topk.action is Action.DROP
    assert topk.reason.startswith('SGLang overwrites it with "True" on mi355x, srt/arg_groups/')
    pages = advised["--page-size"]
    assert pages.action is Action.DROP
    assert pages.reason.startswith("SGLang sets it itself on mi355x, srt/arg_groups/")
    assert "SGLANG_OPT_FP8_WO_A_GEMM" not in advised  # only a run tells
    assert "SGLANG_OPT_FLASHMLA_SPARSE_PREFILL" not in advised  # it is false on ROCm either way
    assert advised["SGLANG_HACK_FLASHMLA_BACKEND"].reason.endswith("SGLang leaves it so on mi355x")
    (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(shipped, advised.values(), after)))
    new = load_profile("next", tmp_path)
    found = {f.subject for f in lint(new.config, after, range_=new.sglang_range)}
    assert found & {a.name for a in advised.values() if a.action is not Action.KEEP} == set()
    assert advise(new, before, after) == []


def resolution(config: LaunchConfig, release: str, model: str | None) -> Resolution:
    return resolved(config, load(release), ON, model=model)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(("before", "after"), [("0.5.13", "0.5.16"), ("0.5.16", "0.5.23")])
def test_what_is_advised_means_the_same(name: str, before: str, after: str) -> None:
    means_the_same(name, before, after)


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize(("before", "after"), list(combinations(releases(), 2)))
def test_between_all_releases(name: str, before: str, after: str) -> None:
    means_the_same(name, before, after)


def means_the_same(name: str, before: str, after: str) -> None:
    """What upgrade says it doesn't change ends up as SGLang has it of the untouched profile."""
    shipped = load_profile(name, sglang=before)
    model = shipped.default_model_path
    advised = advise(shipped, load(before), load(after))
    untouched = resolution(shipped.config, after, model)
    made = resolution(applied(shipped.config, advised), after, model)
    assert made.refused == [] or untouched.refused
    own = ("SGLang sets it itself", "SGLang overwrites it")  # which leaves it as it would be
    said = [a for a in advised if a.action is not Action.KEEP and not a.reason.startswith(own)]
    changed = {n for a in said for n in (a.name, a.new) if n}
    for name_ in {*untouched.env, *made.env} - changed:
        one, two = untouched.env.get(name_), made.env.get(name_)
        assert one == two or same_text(load(after), name_, one, two), name_
    dests = {m.argument.dest for n in changed
             if n.startswith("-") and (m := load(after).argument(n)) and m.argument}  # fmt: skip
    for dest in {*untouched.fields, *made.fields} - dests:
        assert untouched.fields.get(dest) == made.fields.get(dest), dest


DP = """
[args]
--tp = "8"
--dp-size = "8"
--enable-dp-attention = true
--cuda-graph-max-bs = "64"
[hardware]
accelerator = "B200"
"""


def test_a_flag_goes_with_what_it_stood_in_for(tmp_path: Path) -> None:
    mine, after = profile(tmp_path, DP), load("0.5.23")
    advised = {a.name: a for a in advise(mine, load("0.5.13"), after)}
    assert advised["--enable-dp-attention"].sets == (("--attn-dp-size", (("8",),)),)
    assert advised["--dp-size"].action is Action.DROP
    assert advised["--cuda-graph-max-bs"].new == "--cuda-graph-max-bs-decode"
    (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(mine, advised.values(), after)))
    new = load_profile("next", tmp_path)
    made = applied(mine.config, advised.values())
    assert sorted(map(str, made.argv)) == sorted(new.server_args)
    one = plan(new.config, after, platform("b200"))
    assert one.refused == ()
    assert plan(mine.config, after, platform("b200")).refused
    assert advise(new, load("0.5.13"), after) == []


def test_both_graph_backends_take_the_place_of_one_flag(tmp_path: Path) -> None:
    text = "[args]\n--disable-cuda-graph = true\n"
    mine, after = profile(tmp_path, text), load("0.5.23")
    advised = advise(mine, load("0.5.13"), after, on=ON)
    (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(mine, advised, after)))
    assert load_profile("next", tmp_path).server_args == [
        "--cuda-graph-backend-decode",
        "disabled",
        "--cuda-graph-backend-prefill",
        "disabled",
    ]


def test_what_the_target_would_refuse_is_not_advised(tmp_path: Path) -> None:
    """A former default that SGLang refuses beside the rest is the author's to decide."""
    text = '[args]\n--tp = "8"\n--dp-size = "8"\n[hardware]\naccelerator = "B200"\n'
    target = upgraded_launch(profile(tmp_path, text), load("0.5.13"), load("0.5.23"), None)
    assert target is not None
    assert target.untouched[0].refused == []
    held = Advice(Action.SET, "--attn-dp-size", "it moved", "--attn-dp-size", (("8",),))
    (found,) = target.settled([held])
    assert (found.action, found.sets) == (Action.DECIDE, ())
    assert (
        "it moved; with it, SGLang 0.5.23 refuses the launch on b200: --dp-size 8" in found.reason
    )
    (left,) = target.left([held])
    assert left.startswith("SGLang 0.5.23 refuses the launch on b200: --dp-size 8 with")
