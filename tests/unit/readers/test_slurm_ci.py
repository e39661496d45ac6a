"""Recipes of SGLang's Slurm CI: what the launcher stops on, and what the file beside them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.guard.files import looking
from dsv4_env.model import LaunchConfig, Unknown
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import slurm_ci

CASES = Path(__file__).parents[2] / "cases"
TEXT = (CASES / "slurm-ci/roles/input.yaml").read_text()
WIDE = (CASES / "slurm-ci/wide/input.yaml").read_text()
SLURM = CASES / "commands/slurm-ci/scripts/ci/slurm"


def args(config: LaunchConfig) -> dict[str, object]:
    return {a.flag or "": a.values for a in config.args or ()}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (TEXT, "[]", "f: no single mapping; expected a recipe of SGLang's Slurm CI"),
        (TEXT, "a: 1\n---\nb: 2", "f: no single mapping"),
        ("bench: {concurrencies: [1, 8],", "bench: {", "f:23:1: no concurrencies in bench"),
        ("prefill: {tensor-parallel-size: 8,", "prefill: {", "f: no tensor-parallel-size of"),
        ("prefill: {tensor-parallel-size: 8,", "prefill: {tensor-parallel-size: x,", "f:5:37: 'x'"),
        ("prefill: {tensor-parallel-size: 8,", "prefill: {tensor-parallel-size: on,", "f:5:37: Tr"),
        ("data-parallel-size: 4", "data-parallel-size: 1.5", "f:5:85: 1.5; expected a whole"),
    ],
)
def test_what_the_launcher_stops_on(old: str, new: str, error: str) -> None:
    with pytest.raises(ReadError) as caught:
        slurm_ci.read_all(TEXT.replace(old, new), "f")
    assert str(caught.value).startswith(error)


def test_the_configurations_beside_it_say_which_model_it_is() -> None:
    path = SLURM / "recipes/fp4/v4/1p1d.yaml"
    with looking() as looked:
        found = slurm_ci.read_all(path.read_bytes(), str(path))
    assert looked == {str(SLURM / "nightly-configs.yaml")}
    assert [c.name for c in found] == [f"{path} prefill", f"{path} decode"]
    experts = found[0].effective_env["SGLANG_DSV4_FP4_EXPERTS"]
    assert experts.value == "true"
    assert str(experts.location) == f"{SLURM / 'nightly-configs.yaml'}:6:14"
    (model,) = [a for a in found[0].args or () if a.flag == "--model-path"]
    assert isinstance(model.values[0], Unknown)
    assert str(model.location) == f"{SLURM / 'nightly-configs.yaml'}:3:15"


def test_a_recipe_of_two_configurations_is_launched_for_both() -> None:
    path = SLURM / "recipes/fp4/v4/wide.yaml"
    found = slurm_ci.read_all(path.read_bytes(), str(path))
    told = [c.name.removeprefix(f"{path} ") for c in found]
    assert told == [f"{n} {r}" for n in ("v4pro-fp4", "v4flash-fp8") for r in ("prefill", "decode")]
    experts = [c.effective_env["SGLANG_DSV4_FP4_EXPERTS"].value for c in found]
    assert experts == ["true", "true", "false", "false"]
    assert args(found[2])["--model-path"] == ("deepseek-ai/DeepSeek-V4-Flash",)


def test_the_configurations_lie_below_the_root(tmp_path: Path) -> None:
    path = SLURM / "recipes/fp4/v4/1p1d.yaml"
    (config, _) = slurm_ci.read_all(path.read_bytes(), str(path), root=tmp_path)
    assert isinstance(config.effective_env["SGLANG_DSV4_FP4_EXPERTS"].value, Unknown)


def test_the_launchers_variables_can_be_given() -> None:
    inputs = {
        "PRECISION": "fp8", "MODEL": "M", "IMAGE_OVERRIDE": "new:tag", "DIST_PORT": "1",
        "SGLANG_USE_CHECKOUT_RUNTIME": "OFF", "GPUS_PER_NODE": "4",
    }  # fmt: skip
    prefill, _ = slurm_ci.read_all(WIDE, "f", inputs=inputs)
    env = {n: e.value for n, e in prefill.effective_env.items()}
    assert env["SGLANG_DSV4_FP4_EXPERTS"] == "false"
    assert env["SGLANG_USE_CHECKOUT_RUNTIME"] == "0"
    assert "PYTHONPATH" not in env
    assert env["DIST_PORT"] == "1"
    assert prefill.image_name == "new:tag"
    assert args(prefill)["--model-path"] == ("M",)
    assert args(prefill)["--nnodes"] == ("2",)


def test_a_flag_without_its_value_takes_the_next_word_as_there() -> None:
    prefill, _ = slurm_ci.read_all(
        TEXT.replace("attention_backend: dsv4", 'attention_backend: ""'), "f"
    )
    given = args(prefill)
    assert given["--attention-backend"] == ()
    assert given["--max-running-requests"] == ("256",)
