"""``upgrade`` on files and trees: one table, safe edits in place, and nothing the second time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

    Run = Callable[..., Result]

RECIPE = """\
name: v4   # ours
model: {path: hf:org/Model, container: "lmsysorg/sglang:v0.5.13", precision: fp4}
resources: {prefill_nodes: 1, prefill_workers: 1, decode_nodes: 1, decode_workers: 1}
backend:
  prefill_environment:
    SGLANG_ENABLE_SPEC_V2: "1"
    SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK: "True"   # as it is uneven
    SGLANG_NOBODYS: "1"
  sglang_config:
    prefill: &flags
      tp-size: 8
      # few are enough
      cuda_graph_max_bs: 64   # for prefill
      prefill-round-robin-balance: true
    decode:
      <<: *flags
"""
SCRIPT = """\
#!/bin/bash
export SGLANG_ENABLE_SPEC_V2=1
python3 -m sglang.launch_server --model-path m --tp 8 \\
  --cuda-graph-max-bs "$CONC" --page-size 64
"""
MANIFEST = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
  - name: c
    image: lmsysorg/sglang:v0.5.13
    env:
    - name: SGLANG_ENABLE_SPEC_V2   # once
      value: "1"
    - name: SGLANG_USE_AITER
      value: "1"
    command: ["sglang", "serve"]
    args: [--model-path, m, --cuda-graph-max-bs=8]
"""
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "source": ["!sglang serve --model-path m \\\n", "  --cuda-graph-max-bs 8"],
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
WANTED = ["upgrade", "tree", "--to", "0.5.23"]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "run.sh").write_text(SCRIPT)
    (folder / "pod.yaml").write_text(MANIFEST)
    (folder / "n.ipynb").write_text(json.dumps(NOTEBOOK, indent=1))
    (folder / "other.yaml").write_text("a: b\n")
    return folder


def rows(result: Result) -> set[tuple[str, str, str, bool]]:
    found = json.loads(result.out)["settings"]
    return {(Path(r["path"]).name, r["setting"], r["action"], r["edit"]) for r in found}


EDITS = {
    ("recipe.yaml", "SGLANG_ENABLE_SPEC_V2", "drop", True),
    ("recipe.yaml", "SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK", "rename", True),
    ("recipe.yaml", "--cuda-graph-max-bs", "rename", True),
    ("run.sh", "SGLANG_ENABLE_SPEC_V2", "drop", True),
    ("run.sh", "--cuda-graph-max-bs", "rename", True),
    ("pod.yaml", "SGLANG_ENABLE_SPEC_V2", "drop", True),
    ("pod.yaml", "--cuda-graph-max-bs", "rename", True),
    ("n.ipynb", "--cuda-graph-max-bs", "rename", True),
}
LEFT = {
    ("recipe.yaml", "SGLANG_NOBODYS", "decide", False),
    ("recipe.yaml", "--prefill-round-robin-balance", "decide", False),
}


def test_the_table_and_what_is_left(run: Run, tree: Path) -> None:
    before = {p: p.read_bytes() for p in tree.iterdir()}
    result = run(*WANTED, "--format", "json")
    assert result.code == 1
    assert rows(result) == EDITS | LEFT
    assert {p: p.read_bytes() for p in tree.iterdir()} == before
    (shared,) = [
        r for r in json.loads(result.out)["settings"]
        if r["setting"] == "--cuda-graph-max-bs" and "recipe" in r["path"]
    ]  # fmt: skip
    assert shared["launches"] == ["prefill", "decode"]
    assert [p["line"] for p in shared["places"]] == [13]
    text = run(*WANTED).out
    assert "8 to edit in 4 files, 2 left to decide" in text
    assert "what it did is gone with it" in text
    table = run(*WANTED, "--format", "markdown").out.splitlines()
    assert table[0] == "| Place | Launches | Setting | State | Action | What |"
    assert len([line for line in table if line.startswith("| tree/")]) == len(EDITS | LEFT)


def test_edits_in_place_and_nothing_the_second_time(run: Run, tree: Path) -> None:
    assert run(*WANTED, "--write").code == 1  # two are left
    recipe = RECIPE.replace('    SGLANG_ENABLE_SPEC_V2: "1"\n', "")
    recipe = recipe.replace("SGLANG_DISABLE_TP", "SGLANG_ENABLE_TP").replace('"True"', '"false"')
    recipe = recipe.replace("cuda_graph_max_bs", "cuda_graph_max_bs_decode")
    assert (tree / "recipe.yaml").read_text() == recipe
    script = SCRIPT.replace("export SGLANG_ENABLE_SPEC_V2=1\n", "")
    script = script.replace("--cuda-graph-max-bs", "--cuda-graph-max-bs-decode")
    assert (tree / "run.sh").read_text() == script
    manifest = MANIFEST.replace("-max-bs=8", "-max-bs-decode=8")
    gone = '    - name: SGLANG_ENABLE_SPEC_V2   # once\n      value: "1"\n'
    assert (tree / "pod.yaml").read_text() == manifest.replace(gone, "")
    cell = json.loads((tree / "n.ipynb").read_text())["cells"][0]
    assert cell["source"][1] == "  --cuda-graph-max-bs-decode 8"
    before = {p: p.read_bytes() for p in tree.iterdir()}
    again = run(*WANTED, "--write", "--format", "json")
    assert rows(again) == LEFT
    assert {p: p.read_bytes() for p in tree.iterdir()} == before


def test_what_an_edit_would_change_besides_is_left(run: Run, tree: Path) -> None:
    recipe = tree / "recipe.yaml"
    recipe.write_text(
        "base:\n"
        "  name: v4\n"
        "  model: {path: m, container: c, precision: fp4}\n"
        "  resources: {agg_nodes: 1, agg_workers: 1}\n"
        "  backend:\n"
        '    aggregated_environment: {SGLANG_A: "1"}\n'
        "    sglang_config: {aggregated: {tp-size: 8}}\n"
        "override_one:\n"
        "  backend:\n"
        "    aggregated_environment:\n"
        '      SGLANG_ENABLE_SPEC_V2: "1"\n'
    )
    before = recipe.read_bytes()
    result = run("upgrade", str(recipe), "--to", "0.5.23", "--write", "--format", "json")
    found = [r for r in json.loads(result.out)["settings"] if r["setting"].endswith("SPEC_V2")]
    assert [(r["edit"], r["left"]) for r in found] == [
        (False, "the edit would change SGLANG_A as well")
    ]
    assert recipe.read_bytes() == before


def test_a_file_that_cannot_be_read_costs_one_line(run: Run, tree: Path) -> None:
    (tree / "recipe.yaml").write_text(RECIPE + "  - x\n")
    result = run(*WANTED)
    assert result.code == 2
    assert "tree/recipe.yaml:" in result.err
    assert "error: YAML syntax" in result.err
    assert "run.sh" in result.out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["upgrade", "pro-fp4", "tree", "--to", "0.5.23"], "pro-fp4 is a profile"),
        (["upgrade", "pro-fp4", "flash-fp4", "--to", "0.5.23"], "one profile, or files"),
        (["upgrade", "tree/none.yaml", "--to", "0.5.23"], "there is no such file"),
        (["upgrade", "tree", "--to", "0.5.23", "--write", "x.toml"], "--write behind them"),
        (
            ["upgrade", "tree", "--from", "0.5.23", "--to", "0.5.13"],
            "expected an older release, then a newer one",
        ),
    ],
)
@pytest.mark.usefixtures("tree")
def test_wrong_usage(run: Run, argv: list[str], message: str) -> None:
    result = run(*argv)
    assert result.code == 2
    assert message in result.err


def test_a_profile_in_other_formats(run: Run) -> None:
    argv = ["upgrade", "pro-fp4", "--from", "0.5.13", "--to", "0.5.23"]
    told = json.loads(run(*argv, "-f", "json").out)
    assert told["from"] == "0.5.13"
    assert any(s["setting"] == "--page-size" for s in told["settings"])
    assert run(*argv, "-f", "markdown").out.startswith("| Action | Setting | What |\n")


def test_lint_of_a_folder_tells_equal_findings_once(run: Run, tree: Path) -> None:
    (tree / "again.sh").write_text(SCRIPT)
    (tree / "none.sh").write_text("echo 'sglang serve is what starts it'\n")
    result = run("lint", "tree", "--sglang", "0.5.23")
    assert result.code == 1
    assert result.out.count("DSV109 --cuda-graph-max-bs is short for several") == 1
    assert "    5 places in 5 files: tree/again.sh:4:3, tree/n.ipynb:" in result.out
    assert "5 files, 6 launches: problems" in result.out
    every = run("lint", "tree", "--sglang", "0.5.23", "--all")
    assert every.out.count("--cuda-graph-max-bs is short for several") == 5
    assert "tree/again.sh:4:3: error" in every.out


def test_lint_of_a_folder_without_launches(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    result = run("lint", str(tmp_path), "--sglang", "0.5.23")
    assert (result.code, result.err) == (0, "")
    assert "0 files, 0 launches" in result.out


def test_a_flag_of_another_server_stays(run: Run, tmp_path: Path) -> None:
    """SGLang Diffusion has one of the same name, which takes a value, and more of its own."""
    (tmp_path / "h3.sh").write_text(
        "sglang serve --model-path m --num-gpus 8 --enable-breakable-cuda-graph true\n"
    )
    result = run("upgrade", str(tmp_path), "--to", "0.5.23", "--format", "json")
    assert rows(result) == {
        ("h3.sh", "--num-gpus", "decide", False),
        ("h3.sh", "--enable-breakable-cuda-graph", "decide", False),
    }
    text = run("upgrade", str(tmp_path), "--to", "0.5.23").out
    assert "no known release of SGLang's server has it: another program may" in text
    assert "before it takes no value" in text


def test_a_file_for_config_is_told_once_where_it_is_edited(run: Run, tmp_path: Path) -> None:
    (tmp_path / "serve.sh").write_text("python3 -m sglang.launch_server --config c.yaml --tp 4\n")
    (tmp_path / "c.yaml").write_text(
        "model-path: m\ntp: 8\ntrust-remote-code: true\ncuda-graph-max-bs: 64  # few\n"
    )
    both = [str(tmp_path / name) for name in ("serve.sh", "c.yaml")]
    wanted = ("upgrade", *both, "--to", "0.5.23")
    assert rows(run(*wanted, "--format", "json")) == {
        ("c.yaml", "--cuda-graph-max-bs", "rename", True)
    }
    result = run("upgrade", str(tmp_path / "serve.sh"), "--to", "0.5.23")
    assert "c.yaml, which `upgrade` edits where it is named itself" in result.out
    assert run(*wanted, "--write").code == 0
    assert (tmp_path / "c.yaml").read_text().endswith("cuda-graph-max-bs-decode: 64  # few\n")
    assert run(*wanted).code == 0


def test_a_line_goes_with_its_end_whatever_that_is(run: Run, tmp_path: Path) -> None:
    """An empty ``Environment=`` would take back all variables before it."""
    lines = ("[Service]", "Environment=A=1", "Environment=SGLANG_ENABLE_SPEC_V2=1",
             "ExecStart=/usr/bin/sglang serve --model-path m --tp 4", "")  # fmt: skip
    unit = tmp_path / "v4.service"
    unit.write_bytes("\r\n".join(lines).encode())
    assert run("upgrade", str(unit), "--from", "0.5.16", "--to", "0.5.23", "--write").code == 0
    assert unit.read_bytes().decode().split("\r\n") == [*lines[:2], *lines[3:]]


REFUSED = """\
sglang serve --model-path deepseek-ai/DeepSeek-V4-Pro --tp-size 8 --enable-prefill-cp \\
  --cp-strategy interleave --enable-two-batch-overlap
"""


def test_what_the_release_refuses_is_to_be_decided(run: Run, tree: Path) -> None:
    for path in tree.iterdir():
        path.unlink()
    (tree / "run.sh").write_text(REFUSED)
    result = run(*WANTED, "--on", "mi355x")
    assert result.code == 1
    first, summary = result.out.splitlines()
    assert first.split()[:5] == ["tree/run.sh:1:1", "-", "launch", "left", "decide"]
    assert "prefill CP on HIP does not support --enable-two-batch-overlap" in first
    assert summary == "1 file, 1 launch to SGLang 0.5.23: 0 to edit in 0 files, 1 left to decide"
    (row,) = json.loads(run(*WANTED, "--on", "mi355x", "-f", "json").out)["settings"]
    assert (row["setting"], row["action"], row["edit"]) == ("launch", "decide", False)
    there = run(*WANTED, "--on", "b200")
    assert (there.code, there.out.splitlines()[1:]) == (0, [])
    unsaid = run(*WANTED)
    assert unsaid.code == 0
    assert "refuses 1 launch on some hardware (--on PLATFORM tells which)" in unsaid.out


OTHERS = """\
from sglang.test.test_utils import popen_launch_server


class TestOther:
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(
            "org/Llama", "http://localhost", timeout=60, other_args=["--no-such-flag"]
        )
"""


@pytest.mark.parametrize("words", [("lint", "--sglang"), ("upgrade", "--to")])
def test_launches_that_a_folder_leaves_out_are_told(
    run: Run, tree: Path, words: tuple[str, str]
) -> None:
    for path in tree.iterdir():
        path.unlink()
    (tree / "test_other.py").write_text(OTHERS)
    command, option = words
    result = run(command, "tree", option, "0.5.23")
    assert result.code == 0
    told = "1 other launch in 1 file left out, of other models by the names in them (--follow-all"
    assert told in result.out
    assert "nothing to do" not in result.out
    every = run(command, "tree", option, "0.5.23", "--follow-all")
    assert "left out" not in every.out
    assert "1 file, 1 launch" in every.out
