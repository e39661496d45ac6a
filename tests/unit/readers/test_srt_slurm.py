"""Recipes of srt-slurm, held to a rendering of its own: dicts of ruamel.yaml, and no nodes."""

from __future__ import annotations

import copy
import itertools
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from ruamel.yaml import YAML

from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import HowRead, choose, read, srt_slurm

CASES = Path(__file__).parents[2] / "cases/srt-slurm"


def loaded(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    yaml.allow_duplicate_keys = True
    return yaml.load(text)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As srtctl's deep_merge."""
    result = copy.deepcopy(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def sliced(node: Any, index: int) -> Any:
    if isinstance(node, list):
        return node[0 if len(node) == 1 else index]
    return {k: sliced(v, index) for k, v in node.items()} if isinstance(node, dict) else node


def longest(node: Any) -> int:
    if isinstance(node, list):
        return len(node)
    return max(map(longest, node.values()), default=1) if isinstance(node, dict) else 1


def jobs(top: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    if "base" not in top:
        return [("", top)]
    found = [(k, merged(top["base"], top[k])) for k in sorted(top) if k.startswith("override_")]
    for key in (k for k in sorted(top) if k.startswith("zip_override_")):
        found += [
            (f"{key}[{i}]", merged(top["base"], sliced(top[key], i)))
            for i in range(longest(top[key]))
        ]
    return found


def filled(value: Any, chosen: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {k: filled(v, chosen) for k, v in value.items()}
    for name, put in chosen.items():
        if isinstance(value, str) and value == f"{{{name}}}" and isinstance(put, list):
            return put
        if isinstance(value, str):
            text = ",".join(map(str, put)) if isinstance(put, list) else str(put)
            value = value.replace(f"{{{name}}}", text)
    return value


def flags(config: dict[str, Any]) -> list[list[str]]:
    found = []
    for key, value in sorted(config.items()):
        flag = f"--{key.replace('_', '-')}"
        if flag in ("--model-path", "--served-model-name", "--nccl-port"):
            continue
        if value is True:
            found.append([flag])
        elif isinstance(value, list):
            found.append([flag, *map(str, value)])
        elif value is not None and value is not False:
            found.append([flag, str(value)])
    return found


def rendered(text: str) -> list[tuple[str, list[list[str]], dict[str, str]]]:
    """The name of each launch, the flags that its role has, and its variables."""
    found = []
    for label, job in jobs(loaded(text)):
        sweep = job.get("sweep", {})
        for values in itertools.product(*sweep.values()):
            chosen = dict(zip(sweep, values, strict=True))
            swept = "_".join(f"{k}{v}" for k, v in chosen.items())
            backend = filled(job["backend"], chosen)
            counts = job.get("resources", {})
            for role, mode in (("prefill", "prefill"), ("decode", "decode"), ("aggregated", "agg")):
                if not counts.get(f"{mode}_workers"):
                    continue
                env = dict(backend.get(f"{role}_environment") or {})
                env |= job.get("environment", {})
                name = " ".join(filter(None, ("f", label, swept, role)))
                found.append((name, flags(backend["sglang_config"].get(role) or {}), env))
    return found


def told(config: LaunchConfig) -> tuple[str, list[list[str]], dict[str, str]]:
    """The same of a launch that was read, without what srtctl itself gives."""

    def word(value: Any) -> str:
        return value.text if isinstance(value, Unknown) else value

    own = {"--model-path", "--served-model-name"}
    args = [a for a in config.args or () if a.flag not in own]
    given = [
        [a.flag or "", *map(word, a.values)]
        for a in args
        if not (a.flag == "--host" and a.values == ("0.0.0.0",))
        and not (a.flag == "--disaggregation-mode" and _own_mode(config))
    ]
    return config.name, given, {n: word(e.value) for n, e in config.effective_env.items()}


def _own_mode(config: LaunchConfig) -> bool:
    """Whether srtctl gives the mode: then it stands in front of all flags of the role."""
    return [a.flag for a in config.args or ()][3:4] == ["--disaggregation-mode"]


BASE = """\
name: x
model: {path: /m, container: c}
resources: {prefill_workers: 1, decode_workers: 2}
backend:
  prefill_environment: {SGLANG_A: "1"}
  decode_environment: {SGLANG_A: "2"}
  sglang_config:
    prefill: {tp-size: 8, page_size: 64}
    decode: {tp-size: 4, disable-radix-cache: true, overlap: off}
"""


@pytest.mark.parametrize("case", ["overrides", "sweep"])
def test_as_srtctl_renders_it(case: str) -> None:
    text = (CASES / case / "input.yaml").read_text()
    assert [told(c) for c in srt_slurm.read_all(text, "f")] == rendered(text)


LEAF = st.one_of(
    st.integers(-9, 999), st.booleans(), st.none(), st.sampled_from(["a", "0.5", "x y", "é", ""]),
    st.floats(0.125, 8, width=16), st.lists(st.integers(0, 9), max_size=3),
)  # fmt: skip
FLAGS = st.dictionaries(st.sampled_from(["a", "b-c", "d_e", "served-model-name"]), LEAF)
ENV = st.dictionaries(st.sampled_from(["SGLANG_A", "B"]), st.sampled_from(["", "1", "a b"]))


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    def backend() -> dict[str, Any]:
        roles = draw(st.sets(st.sampled_from(["prefill", "decode", "aggregated"])))
        found: dict[str, Any] = {"sglang_config": {r: draw(FLAGS) for r in sorted(roles)}}
        return found | {f"{r}_environment": draw(ENV) for r in sorted(roles)}

    count = st.integers(0, 2)
    base = {
        "name": "x",
        "resources": {f"{m}_workers": draw(count) for m in ("prefill", "decode", "agg")},
        "backend": backend(),
    }
    if draw(st.booleans()):
        return base
    zipped = {"tp": draw(st.lists(LEAF, min_size=2, max_size=2)), "one": [draw(LEAF)]}
    return {
        "base": base,
        "override_a": {"backend": backend()},
        "zip_override_b": {"backend": {"sglang_config": {"prefill": zipped}}},
    }


@given(recipe=recipes())
@settings(max_examples=150, deadline=None)
def test_any_recipe_is_as_srtctl_renders_it(recipe: dict[str, Any]) -> None:
    out, yaml = StringIO(), YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    yaml.dump(recipe, out)
    text = out.getvalue().partition("---\n")[2]
    assert [told(c) for c in srt_slurm.read_all(text, "f")] == rendered(text)


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("", ["prefill", "decode"]),
        ("resources: {agg_workers: 1}", ["aggregated"]),
        ("resources: {prefill_workers: 0, decode_workers: 1}", ["decode"]),
        ("resources: {gpus_per_node: 8}", ["prefill", "decode"]),
        ("backend: {type: trtllm, sglang_config: {prefill: {a: 1}}}", []),
    ],
)
def test_the_roles_that_a_job_has_workers_of(more: str, found: list[str]) -> None:
    key = more.partition(":")[0]
    text = BASE if not more else more + "\n"
    if key != "backend":
        text += BASE[BASE.index("backend:") :] if more else ""
    configs = srt_slurm.read_all(text, "f")
    assert [c.name.removeprefix("f ") for c in configs] == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "f: no mapping; expected a recipe of srt-slurm"),
        ("a: 1\n---\nb: 2", "f:3:1: a second document, which srtctl refuses; expected"),
        ("base: 1", "f:1:1: base is no mapping"),
        ("base: {}\noverride_a: 1", "f:2:1: override_a is no mapping"),
        ("base: {}\nzip_override_a: {a: 1}", "f:2:1: no list in zip_override_a, so srtctl refuses"),
        ("base: {}\nzip_override_a: {a: []}", "f:2:21: an empty list, which srtctl refuses"),
        ("backend: {}\nsweep: {a: 1}", "f:2:9: a of the sweep is no list"),
    ],
)
def test_what_srtctl_refuses(text: str, error: str) -> None:
    with pytest.raises(ReadError) as caught:
        srt_slurm.read_all(text, "f")
    assert str(caught.value).startswith(error)


def test_a_launch_is_chosen_as_srtctl_selects_its_job() -> None:
    path = CASES / "overrides/input.yaml"
    launches = read(path.read_bytes(), path, HowRead())
    found = choose(launches, str(path), symbol="zip_override_tp[1] prefill")
    assert "--tp-size 8" in " ".join(map(str, found.argv))
    assert found.own_line == 11


def test_a_budget_that_ends_keeps_what_was_found() -> None:
    whole = Budget()
    srt_slurm.read_all(BASE, "f", budget=whole)
    less = Budget(steps=whole.spent_steps - 1)
    (found,) = srt_slurm.read_all(BASE, "f", budget=less)
    assert found.partial
    assert found.name == "f prefill"
