"""The steps of a resolution, taken out of sources of our own by syntax."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from dsv4_env.catalogue import load
from dsv4_env.catalogue.extract.effects.resolve import resolution_steps
from dsv4_env.catalogue.extract.source import PackageSource
from dsv4_env.catalogue.resolution import (
    depends_on,
    encode_steps,
    known_resolutions,
    own_settings,
    resolution,
)
from dsv4_env.plan.evaluate import Evaluator, Open, Resolution

PIPELINE = "sglang/srt/arg_groups/pipeline.py"
HEAD = """
from sglang.srt.arg_groups.overrides import declare_resolution, resolving_view
from sglang.srt.environ import envs
from sglang.srt.runtime_context import get_platform

def run_resolution_pipeline(server_args):
    cfg = resolving_view(server_args)
"""
OVERRIDES = """
def declare_resolution(server_args, source, **fields): ...
def resolving_view(server_args): ...
"""


def steps(body: str, **modules: str) -> list[Any]:
    """The steps of a pipeline with this body."""
    lines = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
    files = {
        PIPELINE: HEAD + lines,
        "sglang/srt/arg_groups/overrides.py": OVERRIDES,
        "sglang/srt/environ.py": "envs = None\n",
        "sglang/srt/runtime_context.py": "def get_platform(): ...\n",
        **{f"sglang/srt/{k.replace('__', '/')}.py": dedent(v) for k, v in modules.items()},
    }
    package = PackageSource(
        "a test", "0.0.0", tuple(sorted(files)), lambda p: files[p].encode(), frozenset(files)
    )
    return resolution_steps(package)


def actions(body: str, **modules: str) -> list[list[Any]]:
    """The steps that do something, with the values of others put into them."""
    found = steps(body, **modules)

    def whole(value: Any) -> Any:
        if isinstance(value, list) and len(value) == 2 and value[0] == "t":
            return whole(found[value[1]][1])
        return [whole(v) for v in value] if isinstance(value, list) else value

    return [whole(s) for s in found if s[0] != "let"]


def test_a_variable_that_is_set_on_a_platform() -> None:
    (step,) = actions("if get_platform().is_hip:\n    envs.SGLANG_X.set(False)")
    assert step == ["env", ["probe", "is_hip"], "SGLANG_X", ["=", False], f"{PIPELINE}:9"]


def test_a_field_that_is_set_where_it_is_not_given() -> None:
    body = """
    if cfg.page_size is None and not envs.SGLANG_X.is_set():
        declare_resolution(server_args, "here", page_size=256, swa=cfg.tp_size * 2)
    """
    first, second = actions(body)
    guard = ["and", ["is", ["cfg", "page_size"], ["=", None]], ["not", ["env?", "SGLANG_X"]]]
    assert first[:4] == ["set", guard, "page_size", ["=", 256]]
    assert second[:4] == ["set", guard, "swa", ["*", ["cfg", "tp_size"], ["=", 2]]]


def test_a_guard_is_asked_once() -> None:
    """What a step changes doesn't change whether the next one is taken."""
    body = """
    if cfg.a is None:
        declare_resolution(server_args, "here", a=1)
        declare_resolution(server_args, "here", b=1)
    """
    let, first, second = steps(body)
    assert let[0] == "let"
    assert first[1] == second[1] == ["t", 0]


def test_refusals() -> None:
    body = """
    if cfg.a and cfg.b:
        raise ValueError(f"a excludes b={cfg.b!r}")
    assert cfg.c in ("x", "y"), "c is wrong"
    declare_resolution(server_args, "here", d=1)
    """
    raised, asserted, after = actions(body)
    message = ["text", ["=", "a excludes b="], ["repr", ["cfg", "b"]]]
    assert raised == ["refuse", ["and", ["cfg", "a"], ["cfg", "b"]], message, f"{PIPELINE}:9"]
    assert asserted[1:3] == [["not", ["in", ["cfg", "c"], ["=", ["x", "y"]]]], ["=", "c is wrong"]]
    assert after[1] == ["=", True]


def test_what_follows_a_return_depends_on_it() -> None:
    body = """
    if cfg.a:
        if cfg.b:
            return
        declare_resolution(server_args, "here", c=1)
    declare_resolution(server_args, "here", d=1)
    """
    c, d = actions(body)
    assert c[1] == ["and", ["cfg", "a"], ["not", ["cfg", "b"]]]
    assert d[1] == ["or", ["and", ["cfg", "a"], ["not", ["cfg", "b"]]], ["not", ["cfg", "a"]]]


def test_functions_tables_and_loops_are_followed() -> None:
    hook = """
    from sglang.srt.arg_groups.overrides import declare_resolution, resolving_view

    NAMES = {"old": "new"}

    def chosen(cfg, default=3):
        if cfg.a:
            return "x"
        return default

    def hook(server_args):
        cfg = resolving_view(server_args)
        found = {"b": chosen(cfg)}
        if cfg.c:
            found["d"] = 4
        for name, value in (("e", True), ("f", cfg.g)):
            if value:
                found[name] = NAMES.get("old")
        declare_resolution(server_args, "hook", **found)
    """
    body = "from sglang.srt.arg_groups.hook import hook\nhook(server_args)"
    found = {s[2]: s[1:4:2] for s in actions(body, arg_groups__hook=hook)}
    assert found == {
        "b": [["=", True], ["if", ["cfg", "a"], ["=", "x"], ["=", 3]]],
        "d": [["cfg", "c"], ["=", 4]],
        "e": [["=", True], ["=", "new"]],
        "f": [["cfg", "g"], ["=", "new"]],
    }


@pytest.mark.parametrize(
    ("body", "guard"),
    [
        ("while strange(cfg):\n    envs.SGLANG_X.set(1)", ["?", "while strange(cfg)"]),
        ("for x in strange():\n    envs.SGLANG_X.set(1)", ["?", "for x in strange()"]),
        ("if strange(cfg) > 3:\n    envs.SGLANG_X.set(1)", [">", ["?", "strange(cfg)"], ["=", 3]]),
    ],
)
def test_what_is_not_translated_stays_open(body: str, guard: list[Any]) -> None:
    (step,) = actions(body)
    assert step[1] == guard


def test_another_layout_gives_nothing() -> None:
    files = {"sglang/srt/server_args.py": b"class Other: ...\n"}
    package = PackageSource("a test", "0", tuple(files), files.__getitem__, frozenset(files))
    assert resolution_steps(package) == []


def test_a_record_that_resolves_itself() -> None:
    """As before 0.5.23: fields are set where they stand, and read as they stand by then."""
    text = """
class ServerArgs:
    def __post_init__(self):
        self._handle_page_size()

    def _handle_page_size(self):
        if self.page_size is None:
            self.page_size = 64
"""
    files = {"sglang/srt/server_args.py": text.encode()}
    package = PackageSource("a test", "0", tuple(files), files.__getitem__, frozenset(files))
    let, step = resolution_steps(package)
    assert let == ["let", ["is", ["cfg", "page_size"], ["=", None]]]
    assert step == ["set", ["t", 0], "page_size", ["=", 64], "sglang/srt/server_args.py:8"]


def test_shipped_steps_are_read_back() -> None:
    for release in known_resolutions():
        found = resolution(release)
        assert found
        assert {s[0] for s in found} == {"let", "set", "env", "refuse"}
    assert resolution("0.0.1") is None
    assert encode_steps([["let", ["=", 1]], ["let", ["t", 0]]]).count("\n") == 4


def test_where_sglang_sets_a_variable() -> None:
    assert own_settings("0.5.23", "SGLANG_OPT_USE_TOPK_V2") == [
        "False on SM120 (srt/arg_groups/model_hook.py)",
        "True on ROCm (srt/arg_groups/model_hook.py)",
    ]
    assert own_settings("0.5.23", "SGLANG_NOT_KNOWN") == []


def test_a_value_is_told_with_its_condition() -> None:
    pages = own_settings("0.5.23", "page_size")
    assert "256 where --device isn't npu (srt/arg_groups/model_overrides/deepseek_v4.py)" in pages
    assert (
        "64 on ROCm where --page-size isn't given, SGLANG_AITER_KV_CACHE_LAYOUT is vectorized_5d "
        "(srt/arg_groups/overrides.py)"
    ) in pages
    assert all(" where " in page or " in some cases " in page for page in pages)
    nccl = own_settings("0.5.23", "NCCL_GRAPH_REGISTER")
    assert nccl[0].startswith("0 where NCCL_GRAPH_REGISTER isn't set and more (")


def test_a_stranger_may_ask_for_any_size() -> None:
    """Doubling calls end, and so do doubling values."""
    calls = [f"def f{n}(cfg):\n" + 3 * f"    f{n + 1}(cfg)\n" for n in range(13)]
    hook = "".join(calls)
    body = "from sglang.srt.arg_groups.hook import f0\nf0(cfg)"
    with pytest.raises(ValueError, match="more than 100,000 steps"):
        steps(body, arg_groups__hook=f"{hook}def f13(cfg):\n    cfg.x = cfg.y\n")
    for text in ("'a' * 10**9", "'%999999999d' % 1", "2 ** 99999999", "1 << 99999999"):
        assert len(str(actions(f"declare_resolution(server_args, 'x', y={text})"))) < 500


def test_values_that_double() -> None:
    found: list[Any] = [["let", ["=", "ab"]]]
    found += [["let", ["+", ["t", n], ["t", n]]] for n in range(60)]
    found += [["let", ["text", ["t", 60], ["t", 60]]], ["set", ["=", True], "x", ["t", 61], "a:1"]]
    catalogue = load("0.5.23")
    made = Evaluator(catalogue, {}, {}, {}, Resolution({}, {})).run(found)
    assert isinstance(made.fields["x"], Open) or len(str(made.fields["x"])) < 50_000


def test_a_field_of_a_table_stands_where_the_table_was_filled() -> None:
    hook = """
    from sglang.srt.arg_groups.overrides import resolving_view

    @register_post_process
    def given(view):
        if view.a:
            return {"b": 1}
        return {"b": 2,
                "c": 3}
    """
    body = """
    from sglang.srt.arg_groups.hook import given
    run_post_process_pass(server_args, given)
    """
    found = actions(body, arg_groups__hook=hook)
    lines = [(s[2], s[3], s[4].rpartition(":")[2]) for s in found]
    either = ["if", ["cfg", "a"], ["=", 1], ["=", 2]]
    assert lines == [("b", either, "7"), ("c", ["=", 3], "9")]


def test_the_value_that_a_field_ends_with_is_that_field() -> None:
    """`resolution_result` looks through all that was declared: what stands there by then."""
    fields = "class Schedule:\n    ratio: A[Optional[float], Arg(fallback=0.8)] = None\n"
    body = """
    from sglang.srt.arg_groups.overrides import resolution_result
    if not 0 < resolution_result(server_args, "ratio") <= resolution_result(server_args, "size"):
        raise ValueError("out of range")
    """
    overrides = OVERRIDES + "def resolution_result(server_args, field, default=None): ...\n"
    modules = {"arg_groups__fields__schedule": fields, "arg_groups__overrides": overrides}
    refused = actions(body, **modules)[0]
    ratio = ["if", ["is", ["cfg", "ratio"], ["=", None]], ["=", 0.8], ["cfg", "ratio"]]
    within = ["and", ["<", ["=", 0], ratio], ["<=", ratio, ["cfg", "size"]]]
    assert refused[:3] == ["refuse", ["not", within], ["=", "out of range"]]


def test_what_is_set_for_the_model() -> None:
    hook = """
    from sglang.srt.arg_groups.overrides import declare_resolution, resolving_view

    def hook(server_args, hf_config):
        cfg = resolving_view(server_args)
        declare_resolution(server_args, "hook", every=1)
        arch = hf_config.architectures[0]
        if arch == "DeepseekV4ForCausalLM":
            declare_resolution(server_args, "hook", within=1)
        if arch == "DeepseekV4ForCausalLM" and cfg.a:
            declare_resolution(server_args, "hook", also=1)
        declare_resolution(server_args, "hook", between=1)
        if arch not in ("DeepseekV4ForCausalLM",):
            return
        declare_resolution(server_args, "hook", behind=1)
    """
    body = """
    from sglang.srt.arg_groups.hook import hook
    hook(server_args, get_config())
    declare_resolution(server_args, "here", after=1)
    """
    found = {s[2]: s[5:] for s in actions(body, arg_groups__hook=hook)}
    assert found == {
        "every": [],
        "within": ["model"],
        "also": ["model"],
        "between": [],
        "behind": ["model"],
        "after": [],
    }


def test_for_whose_sake_something_is_set() -> None:
    shipped = resolution("0.5.23") or ()

    def asked(kind: str, name: str) -> set[tuple[bool, bool]]:
        return {
            depends_on(shipped, kind, name, s[4])
            for s in shipped
            if s[:1] == [kind] and s[2] == name
        }

    assert (True, True) in asked("env", "SGLANG_OPT_USE_TOPK_V2")
    assert asked("env", "GPU_PINNED_MIN_XFER_SIZE") == {(True, False)}
    assert asked("env", "SGLANG_ENABLE_TORCH_COMPILE") == {(False, False)}
    assert (False, True) in asked("set", "attention_backend")
    assert depends_on(shipped, "env", "SGLANG_NOT_KNOWN", "a.py:1") == (False, False)
