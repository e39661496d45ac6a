"""Tasks of SkyPilot, and what plain YAML and a shell's words make of them."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

from ruamel.yaml import YAML

from dsv4_env.model import Unknown
from dsv4_env.readers import skypilot

CASE = Path(__file__).parents[2] / "cases" / "skypilot" / "task" / "input.yaml"


def test_it_is_what_plain_yaml_and_shlex_say() -> None:
    text = CASE.read_text()
    task = YAML(typ="safe", pure=True).load(io.StringIO(text))
    words = shlex.split(task["run"].replace("\\\n", ""))
    words = words[words.index("python") :]
    given = {**task["envs"], "SKYPILOT_NUM_GPUS_PER_NODE": "8", "SKYPILOT_NUM_NODES": "2"}
    expected = [str(given.get(w[1:], w)) if w.startswith("$") else w for w in words]
    (config,) = skypilot.read_all(text, "f.yaml")
    found = [w.text if isinstance(w, Unknown) else w for w in (*config.command, *config.argv)]
    assert found == [w.replace("$SKYPILOT_NODE_RANK", "${SKYPILOT_NODE_RANK}") for w in expected]
    assert config.image_name == "lmsysorg/sglang:v0.5.23"


def test_setup_sets_nothing() -> None:
    (config,) = skypilot.read_all(CASE.read_text(), "f.yaml")
    assert "SGLANG_LOST" not in config.effective_env


def test_what_is_set_by_hand_wins() -> None:
    text = "envs: {SKYPILOT_NUM_NODES: 4}\nrun: sglang serve --nnodes $SKYPILOT_NUM_NODES\n"
    (config,) = skypilot.read_all(text, "f.yaml")
    assert config.argv == ["--nnodes", "4"]
