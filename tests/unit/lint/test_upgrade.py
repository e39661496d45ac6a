"""Advice on the way from one release to another, and the layer that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tomli_w

from dsv4_env import Profile, load_profile
from dsv4_env.catalogue import load
from dsv4_env.lint import lint
from dsv4_env.lint.upgrade import Action, Advice, advise, layer

if TYPE_CHECKING:
    from pathlib import Path


def profile(folder: Path, text: str) -> Profile:
    (folder / "mine.toml").write_text(text)
    return load_profile("mine", folder)


def advice(folder: Path, text: str, before: str, after: str) -> dict[str, Advice]:
    found = advise(profile(folder, text), load(before), load(after))
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
        ('--attention-backend = "compressed"', "0.5.12", "0.5.23", "change", "--attention-backend"),
        ('--nsa-decode-backend = "fa3"', "0.5.11", "0.5.23", "rename", "--dsa-decode-backend"),
        ('--nsa-decode-backend = "fa3"', "0.5.11", "0.5.13", "rename", "--dsa-decode-backend"),
        ("--disable-cuda-graph = true", "0.5.13", "0.5.23", "decide", None),
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
        mine = profile(tmp_path, text)
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
    assert new.server_args[new.server_args.index("--attention-backend") + 1] == "dsv4"
    assert [a for a in advise(new, after, after) if a.action is not Action.KEEP] == []


@pytest.mark.parametrize("name", ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"])
def test_shipped_profiles(name: str, tmp_path: Path) -> None:
    before, after = load("0.5.13"), load("0.5.23")
    shipped = load_profile(name)
    advised = advise(shipped, before, after)
    dropped = [a.name for a in advised if a.action is Action.DROP]
    assert dropped == ["SGLANG_OPT_USE_FUSED_COMPRESS", "SGLANG_OPT_USE_FUSED_COMPRESS_TRITON"]
    (tmp_path / "next.toml").write_text(tomli_w.dumps(layer(shipped, advised, after)))
    new = load_profile("next", tmp_path)
    found = {f.subject for f in lint(new.config, after, range_=new.sglang_range)}
    assert found & {a.name for a in advised if a.action is not Action.KEEP} == set()
