"""InferenceX's master configurations: which entries count, and what of a point is looked up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dsv4_env.guard.files import looking
from dsv4_env.model import LaunchConfig, Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.model.errors import ReadError
from dsv4_env.readers import inferencex

CASE = Path(__file__).parents[2] / "cases/commands/inferencex"
ENTRY = """\
v4-fp4-mi355x-sglang:
  image: lmsysorg/sglang-rocm:v1
  model: deepseek-ai/DeepSeek-V4-Pro
  model-prefix: v4
  runner: mi355x
  precision: fp4
  framework: sglang
  scenarios:
    fixed-seq-len:
    - isl: 1024
      osl: 1024
      search-space:
      - {tp: 8, conc-list: [4, 8]}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CASE, tmp_path / "inferencex"))


def read(text: str, checkout: Path) -> list[LaunchConfig]:
    path = checkout / "configs/amd-master.yaml"
    path.write_text(text)
    return inferencex.read_all(text, str(path))


def argument(config: LaunchConfig, flag: str) -> tuple[Value, ...]:
    (found,) = [a.values for a in config.args or () if a.flag == flag]
    return found


def test_a_launcher_may_set_a_variable_itself(checkout: Path) -> None:
    found = read(ENTRY, checkout)
    assert [argument(c, "--served-model-name") for c in found] == [
        ("deepseek-ai/DeepSeek-V4-Pro",)
    ] * 2
    assert [argument(c, "--port") for c in found] == [("8890",)] * 2
    launcher = checkout / "runners/launch_mi355x-amds.sh"
    launcher.write_text(launcher.read_text().replace("MODEL_PATH=", 'MODEL="$MODEL_PATH" TP='))
    (value,) = argument(read(ENTRY, checkout)[0], "--served-model-name")
    assert isinstance(value, Unknown)
    assert value.names == ("MODEL",)


def test_a_script_of_the_frameworks_own_comes_first(checkout: Path) -> None:
    folder = checkout / "benchmarks/single_node/fixed_seq_len"
    (folder / "v4_fp4_mi355x.sh").write_text("sglang serve --page-size 1\n")
    assert {len(c.args or ()) for c in read(ENTRY, checkout)} != {1}
    (folder / "v4_fp4_mi355x_sglang.sh").unlink()
    (config,) = read(ENTRY, checkout)
    assert config.argv == ["--page-size", "1"]
    assert config.name.endswith("v4-fp4-mi355x-sglang 1k1k tp8 conc4-8")


def test_what_was_looked_for_is_told(checkout: Path) -> None:
    with looking() as looked:
        read(ENTRY, checkout)
    folder = checkout / "benchmarks"
    for name in ("lib.sh", "single_node/fixed_seq_len/v4_fp4_mi355x_sglang.sh"):
        assert str(folder / name) in looked
    assert str(checkout / "configs/runners.yaml") in looked


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("framework: sglang", "framework: vllm"),
        ("framework: sglang", "framework: sglang-next"),
        ("DeepSeek-V4-Pro", "Qwen3.5"),
        ("scenarios:", "seq-len-configs:"),
    ],
)
def test_what_is_no_launch_of_deepseek_v4_by_sglang(old: str, new: str, checkout: Path) -> None:
    assert read(ENTRY.replace(old, new), checkout) == []


@pytest.mark.parametrize("merged", [False, True])
def test_the_lines_are_those_of_the_whole_file(merged: bool, checkout: Path) -> None:
    other = "other: &o\n  framework: vllm\n" if merged else "other:\n  framework: vllm # é\n"
    found = read(other + ENTRY, checkout)
    assert {str(c.location).rpartition("yaml:")[2] for c in found} == {"15:9"}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("[4, 8]", "[4, x]", "13:32: 'x'; expected a whole number"),
        ("conc-list: [4, 8]", "conc-start: 8, conc-end: 4", "13:29: 8 to 4; expected a range"),
        ("tp: 8", "tp: eight", "13:14: 'eight'; expected a whole number"),
        ("precision: fp4", "precision: fp8", "13:9: benchmarks/single_node/fixed_seq_len/v4_fp8_"),
        ("framework: sglang", "framework: dynamo-sglang", "13:9: a point without CONFIG_FILE"),
        ("tp: 8, ", "", "13:9: a point without tp"),
    ],
)
def test_what_cannot_be_read(old: str, new: str, error: str, checkout: Path) -> None:
    with pytest.raises(ReadError) as caught:
        read(ENTRY.replace(old, new), checkout)
    assert str(caught.value).partition("amd-master.yaml:")[2].startswith(error)


def test_the_checkout_lies_below_the_root(checkout: Path, tmp_path: Path) -> None:
    path = checkout / "configs/amd-master.yaml"
    path.write_text(ENTRY)
    for root in (None, checkout, tmp_path):
        assert len(inferencex.read_all(ENTRY, str(path), root=root)) == 2
    with pytest.raises(ReadError, match="isn't there"):
        inferencex.read_all(ENTRY, str(path), root=checkout / "configs")
    elsewhere = tmp_path / "amd-master.yaml"
    elsewhere.write_text(ENTRY)
    assert len(inferencex.read_all(ENTRY, str(elsewhere), root=checkout)) == 2


def test_a_recipe_lies_among_the_recipes(checkout: Path) -> None:
    text = ENTRY.replace("framework: sglang", "framework: dynamo-sglang").replace(
        "tp: 8,", 'prefill: {additional-settings: ["CONFIG_FILE=recipes/../../../../secret.yaml"]},'
    )
    (checkout.parent / "secret.yaml").write_text("backend: {sglang_config: {prefill: {a: 1}}}")
    with pytest.raises(ReadError, match="isn't there"):
        read(text, checkout)


def test_a_model_that_the_table_has_not(checkout: Path) -> None:
    text = ENTRY.replace("framework: sglang", "framework: sglang-disagg").replace(
        "DeepSeek-V4-Pro", "DeepSeek-V4-Prp"
    )
    with pytest.raises(ReadError) as caught:
        read(text, checkout)
    assert "no DeepSeek-V4-Prp-DI in" in str(caught.value)
    assert "Did you mean DeepSeek-V4-Pro?" in str(caught.value)


def test_the_budgets_end_keeps_what_was_found(checkout: Path) -> None:
    path = checkout / "configs/amd-master.yaml"
    path.write_text(ENTRY + ENTRY.replace("v4-fp4", "b").replace("tp: 8", "tp: 4"))
    budget = Budget()
    inferencex.read_all(path.read_bytes(), str(path), budget=budget)
    less = Budget(budget.spent_steps - 20)
    found = inferencex.read_all(path.read_bytes(), str(path), budget=less)
    assert found
    assert all(c.partial for c in found)
