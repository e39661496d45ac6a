"""A file's own image says which release and which hardware it's for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

IMAGE = "lmsysorg/sglang:v0.5.18-rocm720-mi35x"
NOTE = f"note: the image {IMAGE} is read as SGLang 0.5.18 (--sglang)"
WORDS = "python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro --tp-size 8"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pod.json").write_text(pod(IMAGE))


def pod(image: str) -> str:
    container = {"name": "s", "image": image, "command": WORDS.split()}
    meta = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    return json.dumps({**meta, "spec": {"containers": [container]}})


def inspected(image: str) -> str:
    return json.dumps(
        [{"Id": "a1", "Name": "/s", "Config": {"Image": image, "Cmd": WORDS.split()}}]
    )


@pytest.mark.parametrize("text", [pod(IMAGE), inspected(IMAGE), inspected(f"{IMAGE}@sha256:00")])
def test_plan_takes_both_from_the_image(text: str, run: Callable[..., Result]) -> None:
    Path("one.json").write_text(text)
    result = run("plan", "one.json")
    assert " on SGLang 0.5.18, mi355x\n" in result.out
    assert "is read as SGLang 0.5.18 (--sglang)" in result.err
    assert "one.json is taken for mi355x by its image (--on)" in result.err


def test_what_is_asked_for_wins(run: Callable[..., Result]) -> None:
    asked = run("plan", "pod.json", "--sglang", "0.5.23", "--on", "b200")
    assert " on SGLang 0.5.23, b200\n" in asked.out
    assert "image" not in asked.err
    Path("pyproject.toml").write_text('[tool.dsv4_env]\nsglang = "0.5.20"\n')
    assert " on SGLang 0.5.20, mi355x\n" in run("plan", "pod.json").out
    assert "read as SGLang 0.5.20 reads it" in run("check", "pro-fp4", "--against", "pod.json").out
    assert "on SGLang 0.5.20" in run("lint", "pod.json").out


def test_an_image_that_is_asked_for_says_the_hardware(run: Callable[..., Result]) -> None:
    Path("run.sh").write_text(WORDS)
    result = run("plan", "run.sh", "--sglang", "lmsysorg/sglang:v0.5.18-rocm720-mi30x")
    assert result.out.startswith("run.sh on SGLang 0.5.18, mi300x\n")
    assert "run.sh is taken for mi300x by --sglang (--on)" in result.err


def test_check_resolves_the_profile_for_it(run: Callable[..., Result]) -> None:
    result = run("check", "pro-fp4", "--against", "pod.json")
    assert result.out.count(NOTE) == 1
    assert "read as SGLang 0.5.18 reads it" in result.out
    written = run("export", "pro-fp4", "--sglang", "0.5.18", "-f", "k8s-pod", "--image", IMAGE)
    Path("same.yaml").write_text(written.out)
    assert run("check", "pro-fp4", "--against", "same.yaml").code == 0
    assert run("check", "pro-fp4", "--against", "same.yaml", "--sglang", "0.5.12").code == 1
    pairs = '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "pod.json"\n'
    Path("pyproject.toml").write_text(pairs)
    assert NOTE in run("check", "--format", "concise").out
    Path("pyproject.toml").write_text(pairs + 'sglang = "0.5.20"\n')
    assert "read as SGLang 0.5.20 reads it" in run("check").out
    assert "on SGLang 0.5.20" in run("lint", "pod.json").out


def test_lint_reads_each_launch_as_its_image_says(run: Callable[..., Result]) -> None:
    result = run("lint", "pod.json")
    assert "on SGLang 0.5.18: " in result.out
    assert NOTE in result.err


@pytest.mark.parametrize("image", ["lmsysorg/sglang:latest", "mine/server:v0.5.18", "a/sglang"])
def test_an_image_that_says_nothing(image: str, run: Callable[..., Result]) -> None:
    Path("pod.json").write_text(pod(image))
    result = run("plan", "pod.json", "--on", "b200")
    assert " on SGLang 0.5.23, b200\n" in result.out
    assert result.err == ""
