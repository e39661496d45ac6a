"""Which launches use a flag or a variable, under which name, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dsv4_env.drift.uses import sought
from dsv4_env.readers import HowRead, read as read_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

    Run = Callable[..., Result]

LAUNCH = "python3 -m sglang.launch_server --model-path m"
FILES = {
    "a/exact.sh": f"{LAUNCH} --cuda-graph-max-bs 8\n",
    "a/new.sh": f"{LAUNCH} --cuda-graph-max-bs-decode=8\n",
    "b/short.sh": f"export SGLANG_USE_AITER=1\n{LAUNCH} --cuda-graph-max 8 --page-s 4\n",
    "b/other.sh": f"{LAUNCH} --cuda-graph-bs 8\n",
    "b/sourced.sh": f'. "$(dirname "$0")/common.sh"\n{LAUNCH} $EXTRA\n',
    "b/common.sh": "EXTRA='--cuda-graph-max-bs 16'\nexport SGLANG_USE_AITER=0\n",
    "README": "--cuda-graph-max-bs\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(result: Result) -> list[tuple[str, str, bool]]:
    uses = json.loads(result.out)["uses"]
    return sorted((u["path"], u["words"], u["stops"]) for u in uses)


@pytest.mark.usefixtures("tree")
def test_a_flag_under_every_name(run: Run) -> None:
    result = run("uses", "--cuda-graph-max-bs", "--json", "--sglang", "0.5.23")
    assert result.code == 0
    assert found(result) == [
        ("a/exact.sh", "--cuda-graph-max-bs 8", True),
        ("a/new.sh", "--cuda-graph-max-bs-decode=8", False),
        ("b/short.sh", "--cuda-graph-max 8", True),
        ("b/sourced.sh", "--cuda-graph-max-bs 16", True),
    ]
    older = run("uses", "--cuda-graph-max-bs", "a", "--json", "--sglang", "0.5.13")
    assert found(older) == [
        ("a/exact.sh", "--cuda-graph-max-bs 8", False),
        ("a/new.sh", "--cuda-graph-max-bs-decode=8", True),
    ]


@pytest.mark.usefixtures("tree")
def test_a_variable(run: Run) -> None:
    result = run("uses", "SGLANG_USE_AITER", "b", "--sglang", "0.5.23")
    assert result.out.splitlines()[-1] == "2 launches use SGLANG_USE_AITER in 2 files"
    assert "SGLANG_USE_AITER=1" in result.out


@pytest.mark.usefixtures("tree")
def test_text_says_what_the_release_makes_of_it(run: Run) -> None:
    result = run("uses", "--cuda-graph-max-bs", "a", "--sglang", "0.5.23")
    assert (
        "0.5.23: ambiguous: --cuda-graph-max-bs-decode, --cuda-graph-max-bs-prefill" in result.out
    )
    assert result.out.splitlines()[-1] == (
        "2 launches use --cuda-graph-max-bs in 2 files; 1 of them does not start with it"
    )


@pytest.mark.usefixtures("tree")
def test_wrong_names(run: Run) -> None:
    result = run("uses", "--page-sizee")
    assert result.code == 2
    assert "no known release of SGLang has --page-sizee" in result.err
    assert "Did you mean --page-size?" in result.err


def test_a_renamed_flag_is_one() -> None:
    one, other = sought("--cuda-graph-max-bs"), sought("--cuda-graph-max-bs-decode")
    assert one is not None
    assert other is not None
    assert "--cuda-graph-max-bs-decode" in one.names
    assert one.pattern().search("x --cuda-graph-max 3")
    assert not one.pattern().search("x --cuda-graph-max-bs-prefill 3")
    assert sought("SGLANG_NOTHING_OF_ANYONES") is None


RECIPE = """\
name: r
model: {path: m, container: c, precision: fp4}
resources: {gpu_type: gb200, prefill_workers: 1, prefill_nodes: 1}
backend:
  sglang_config:
    prefill:
      %s: 8
"""


@pytest.mark.usefixtures("tree")
def test_keys_of_a_recipe_are_flags_and_each_file_is_read_once(
    run: Run, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, key in (("a", "cuda_graph_max_bs"), ("b", "cuda-graph-m"), ("c", "page-size")):
        (tree / f"{name}.yaml").write_text(RECIPE % key)
    seen: list[str] = []

    def read(data: bytes, path: Path, how: HowRead) -> object:
        seen.append(path.name)
        return read_file(data, path, how)

    monkeypatch.setattr("dsv4_env.drift.discover.read", read)
    result = run("uses", "--cuda-graph-max-bs", "--json", "--sglang", "0.5.23", "--jobs", "0")
    assert [f for f in found(result) if ".yaml" in f[0]] == [
        ("a.yaml", "--cuda-graph-max-bs 8", True),
        ("b.yaml", "--cuda-graph-m 8", True),
    ]
    assert sorted(n for n in seen if n.endswith(".yaml")) == ["a.yaml", "b.yaml"]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("text", "there"),
    [
        (b"cuda_graph_max_bs: 8", True),
        (b"  --cuda-graph-ma 8", True),
        (b"cuda-graph-max-bs-prefill: 8", False),
        (b"config: /etc/a.yaml", True),
        (b"tp: 8", False),
    ],
)
def test_what_may_mention_a_flag(text: bytes, there: bool) -> None:
    flag = sought("--cuda-graph-max-bs")
    assert flag is not None
    assert (flag.mention().search(text) is not None) is there


NIGHTLY = """\
on: push
jobs:
  nightly:
    runs-on: mi35x
    strategy:
      matrix: {backend: [triton, unified_kv_triton]}
    steps:
      - run: |
          docker exec -e SGLANG_HACK_FLASHMLA_BACKEND=triton ci python3 run_suite.py --suite amd-v4
          docker exec -e SGLANG_HACK_FLASHMLA_BACKEND=$B ci pytest test/test_v4.py
          docker exec -e SGLANG_USE_AITER=1 ci pytest test/test_v4.py
"""


@pytest.mark.parametrize("where", [".", ".github", ".github/workflows/nightly.yml"])
def test_what_workflows_set_for_tests(run: Run, tree: Path, where: str) -> None:
    path = tree / ".github/workflows/nightly.yml"
    path.parent.mkdir(parents=True)
    path.write_text(NIGHTLY)
    (tree / "nightly.yml").write_text(NIGHTLY)  # which GitHub doesn't run
    words = ("uses", "SGLANG_HACK_FLASHMLA_BACKEND", where, "--sglang", "0.5.23")
    runs = json.loads(run(*words, "--json").out)["runs"]
    name = ".github/workflows/nightly.yml"
    assert [(r["path"], r["at"]["line"], r["job"], r["tests"], r["words"]) for r in runs] == [
        (name, 9, "nightly", "amd-v4", "SGLANG_HACK_FLASHMLA_BACKEND=triton"),
        (name, 10, "nightly", "test/test_v4.py", "SGLANG_HACK_FLASHMLA_BACKEND=<$B>"),
    ]
    text = run(*words).out
    assert "for amd-v4" in text
    assert text.splitlines()[-1].endswith("; 2 runs of tests in 1 workflow get it")


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("name", "given", "says", "stops"),
    [
        (
            "--piecewise-cuda-graph-max-tokens",
            "--piecewise-cuda-graph-max-tokens 8192",
            "calls --piecewise-cuda-graph-max-tokens deprecated: use --cuda-graph-max-bs-prefill",
            False,
        ),
        (
            "SGLANG_EPLB_ROCM_P2P_BATCH_CHUNK_SIZE",
            "SGLANG_EPLB_ROCM_P2P_BATCH_CHUNK_SIZE=32",
            "SGLANG_EPLB_ROCM_P2P_BATCH_CHUNK_SIZE is an old name: use "
            "SGLANG_EPLB_P2P_BATCH_CHUNK_SIZE",
            False,
        ),
        ("SGLANG_DSV4_FP4_EXPERTS", "SGLANG_DSV4_FP4_EXPERTS=off", "write true, 1", False),
        ("--page-size", "--page-size many", "--page-size", True),
        ("--page-size", "--page-size 8", "read as it is", False),
    ],
)
def test_what_lint_says_of_a_setting_is_told(
    run: Run, tree: Path, name: str, given: str, says: str, stops: bool
) -> None:
    line = f"export {given}\n{LAUNCH}" if "=" in given else f"{LAUNCH} {given}"
    (tree / "one.sh").write_text(f"{line}\n")
    release = "0.5.18" if "piecewise" in name else "0.5.23"
    result = run("uses", name, "one.sh", "--json", "--sglang", release)
    (use,) = json.loads(result.out)["uses"]
    assert says in use["says"]
    assert use["stops"] is stops
