"""For SGLang 0.5.13 the shipped profiles are PR #26662, to the letter."""

from __future__ import annotations

import pytest

from dsv4_env import load_profile, profile_names
from dsv4_env.profile import Profile, layer_files, lock, locked_all, shipped_dir
from tests.conftest import amd_tests

COMMIT = "6e9bd82714cbb663e1da2902180fde8e73edbd40"
NAMES = ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"]
FACTS = {
    fact["path"].split("deepseek_v4_")[1].removesuffix(".py").replace("_", "-"): fact
    for fact in amd_tests()
    if fact["commit"] == COMMIT
}


MAY = "0.5.13"


def test_they_are_there() -> None:
    assert set(NAMES) == set(FACTS) <= set(profile_names())


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_test_file(name: str) -> None:
    fact, profile = FACTS[name], load_profile(name, sglang=MAY)
    pairs = [tuple(pair) for part in fact["env_dicts"].values() for pair in part]
    assert list(profile.env.items()) == pairs
    assert profile.server_args == fact["other_args"][0]
    assert "0.90" in profile.server_args


@pytest.mark.parametrize("name", NAMES)
def test_model_path_and_timeout_are_those_of_the_test_file(name: str) -> None:
    consts, profile = FACTS[name]["consts"], load_profile(name, sglang=MAY)
    expression = next(v for k, v in consts.items() if k.endswith("MODEL_PATH"))
    variable, default = profile.model_path_variable, profile.default_model_path
    assert expression == f"os.environ.get({variable!r}, {default!r})"
    assert variable is not None
    assert profile.model_path({}) == default
    assert profile.model_path({variable: "/models/x"}) == "/models/x"
    assert profile.launch_timeout_seconds == int(consts["SERVER_LAUNCH_TIMEOUT"])


@pytest.mark.parametrize(
    ("name", "suite", "seconds", "threshold", "timeout"),
    [
        ("flash-fp4", "nightly-amd-8-gpu-mi35x-deepseek-v4-flash", 7200, 0.91, 3600),
        ("flash-fp8", "nightly-amd-8-gpu-mi35x-deepseek-v4-flash", 7200, 0.91, 3600),
        ("pro-fp4", "nightly-amd-8-gpu-mi35x-deepseek-v4-pro", 14400, 0.92, 5400),
        ("pro-fp8", "nightly-amd-8-gpu-mi35x-deepseek-v4-pro", 14400, 0.92, 5400),
    ],
)
def test_what_ci_needs(name: str, suite: str, seconds: int, threshold: float, timeout: int) -> None:
    profile = load_profile(name, sglang=MAY)
    assert profile.ci_suite == suite
    assert profile.ci_estimated_seconds == seconds
    assert profile.gsm8k_threshold == threshold
    assert profile.launch_timeout_seconds == timeout
    assert profile.hardware == {"accelerator": "MI35x", "count": 8, "rocm": "7.2"}
    assert profile.sglang_range == ">=0.5.13"
    assert profile.source["pull-request"] == 26662
    assert profile.source["commit"] == COMMIT
    assert profile.source["path"] == FACTS[name]["path"]


def test_what_a_profile_is_shown_as_fits_a_failed_assertion() -> None:
    shown = repr(load_profile("pro-fp4"))
    assert shown.startswith("Profile(name='pro-fp4', description=")
    assert len(shown) < 500


def test_layers_lowest_first() -> None:
    below = ("dsv4", "nvidia-ci", "cookbook", "cookbook-pro", "common")
    assert load_profile("pro-fp8").layers == (*below, "fp8", "pro", "pro-fp8")


def test_every_value_knows_its_layer_and_line() -> None:
    profile = load_profile("flash-fp8")
    settings = [(e.name, e.origin) for e in profile.config.env]
    settings += [(a.flag or "", a.origin) for a in profile.config.args or ()]
    for name, origin in settings:
        assert origin.location is not None
        assert origin.location.line is not None
        lines = layer_files()[origin.name].read_text().splitlines()
        line = lines[origin.location.line - 1]
        assert line.removeprefix("env.").removeprefix("args.").startswith(f"{name} = ")


def test_the_lock_is_what_the_layers_say() -> None:
    files = layer_files()
    path = lock.lock_path(shipped_dir())
    assert path.read_text() == lock.dump_lock(locked_all(files), files), "run: dsv4-env lock"


def test_launch_env_is_a_copy() -> None:
    profile = load_profile("flash-fp4", sglang=MAY)
    environ = {"SGLANG_USE_AITER": "0", "HOME": "/root"}
    merged = profile.launch_env(environ)
    assert merged["SGLANG_USE_AITER"] == "1"
    assert merged["HOME"] == "/root"
    assert environ == {"SGLANG_USE_AITER": "0", "HOME": "/root"}


def test_env_and_server_args_are_new_each_time() -> None:
    profile = load_profile("flash-fp4")
    profile.env["X"] = "1"
    profile.server_args.append("--x")
    assert "X" not in profile.env
    assert "--x" not in profile.server_args


def test_command() -> None:
    profile: Profile = load_profile("flash-fp4")
    words = profile.command(model="/m", host="0.0.0.0", port=30000)
    assert words[:5] == ["python3", "-m", "sglang.launch_server", "--model-path", "/m"]
    assert words[5:-4] == profile.server_args
    assert words[-4:] == ["--host", "0.0.0.0", "--port", "30000"]
    assert profile.command()[4] == "deepseek-ai/DeepSeek-V4-Flash"
