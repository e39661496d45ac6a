"""What workflows set for tests that are adopted."""

from __future__ import annotations

from pathlib import Path

from dsv4_env.adopt.planning import Adoption, Wish, adopt
from dsv4_env.adopt.workflows import leg_lines
from tests.unit.adopt.test_planning import THEN, sources

SUITE = "nightly-amd-8-gpu-mi35x-deepseek-v4-pro"
WORKFLOW = f"""\
on: push
jobs:
  pro:
    runs-on: gpu
    steps:
      - name: as it is
        run: |
          bash scripts/ci/amd_ci_exec.sh -e SGLANG_HACK_FLASHMLA_BACKEND=triton \\
            -e SGLANG_OTHER=1 python3 run_suite.py --suite {SUITE}
      - name: another suite
        run: docker exec -e SGLANG_USE_ROCM700A=1 ci python3 run_suite.py --suite nothing-of-ours
      - name: a file
        run: |
          docker exec -e SGLANG_USE_ROCM700A=1 -e DEEPSEEK_V4_PRO_MODEL_PATH_FP8=/m ci \\
            python3 test/registered/amd/test_deepseek_v4_pro_fp8.py
"""


def adopted(root: Path) -> Adoption:
    return adopt(sources(root), Wish(root / "launch", THEN))


def test_each_variable_of_a_leg_is_told_with_what_it_does(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "nightly.yml").write_text(WORKFLOW)
    (folder / "broken.yml").write_text(f"{SUITE}: [")
    assert [
        (line.location.line, line.name, line.value, line.told)
        for line in leg_lines(adopted(tmp_path), tmp_path)
    ] == [
        (
            8,
            "SGLANG_HACK_FLASHMLA_BACKEND",
            "triton",
            "pro-fp4, pro-fp4+tbo, pro-fp8: taken from the environment",
        ),
        (
            8,
            "SGLANG_HACK_FLASHMLA_BACKEND",
            "triton",
            "pro-fp4+cp, pro-fp4+cp+tbo: no effect, as the profile sets it",
        ),
        (14, "SGLANG_USE_ROCM700A", "1", "pro-fp8: no effect, as the profile sets it"),
        (14, "DEEPSEEK_V4_PRO_MODEL_PATH_FP8", "/m", "pro-fp8: the model is taken from it"),
    ]


def test_without_workflows_there_are_none(tmp_path: Path) -> None:
    assert leg_lines(adopted(tmp_path), tmp_path) == []
