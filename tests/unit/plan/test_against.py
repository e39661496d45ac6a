"""A plan held to a running server: what agrees, what differs, and what nobody tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import dsv4_env.plan
from dsv4_env.catalogue import load
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import UsageError
from dsv4_env.plan.against import HeldPlan, HeldSetting, alike, held
from dsv4_env.plan.formats import held_json, held_markdown, held_text
from dsv4_env.plan.platforms import platform
from dsv4_env.profile import load_profile
from dsv4_env.readers import bash, served
from tests.unit.server_info import answer

PROFILE = load_profile("pro-fp4")
CATALOGUE = load("0.5.23")


def plan(on: str = "mi355x", launch: LaunchConfig = PROFILE.config, **changed: Any) -> HeldPlan:
    said = {k: v for k, v in answer(**changed).items() if v != "gone"}
    server = served.launch(json.dumps(said).encode(), "http://h", "http://h/server_info")
    model = PROFILE.default_model_path
    return held(launch, server, CATALOGUE, platform(on), title="pro-fp4", model=model)


def differing(found: HeldPlan) -> dict[str, HeldSetting]:
    return {s.name: s for s in found.having("differs")}


def test_sglangs_own_answer_agrees() -> None:
    """Every argument that anything is known of; what only a run decides is told as such."""
    found = plan()
    assert not found.differs
    assert found.having("differs") == []
    agreed = {s.name: s for s in found.having("agreed")}
    assert {s.given for s in agreed.values()} >= {"8", "256", "0.90", None}
    assert agreed["--page-size"].running == "256"
    assert agreed["--kv-cache-dtype"].at == "srt/arg_groups/overrides.py:912"
    assert {s.name for s in found.having("unknown")} == {
        "--cuda-graph-config",
        "--random-seed",
    }
    assert {s.section for s in found.having("not-told")} == {"env"}


def test_what_differs() -> None:
    found = plan(page_size=128, kv_cache_dtype="auto", log_requests=True, trust_remote_code=False)
    assert found.differs
    said = {n: (s.given, s.expected, s.running) for n, s in differing(found).items()}
    assert said == {
        "--kv-cache-dtype": (None, "fp8_e4m3", "auto"),
        "--log-requests": (None, "false", "true"),
        "--page-size": ("256", "256", "128"),
        "--trust-remote-code": ("", "true", "false"),
    }


def test_on_another_platform() -> None:
    assert "--sampling-backend" in differing(plan("b200"))


def test_what_the_machine_decides_is_not_held() -> None:
    names: dict[str, Any] = dict.fromkeys(("model_path", "tokenizer_path"), "/models/v4")
    names |= {"served_model_name": "/models/v4", "host": "::", "port": 1, "device": "xpu"}
    assert not plan(**names, api_key="canary").differs


def test_a_default_that_nobody_gave() -> None:
    """Where the command line doesn't have it, SGLang fell back to it; else somebody wants it."""
    assert not plan(chat_template="t").differs
    asked = answer()["launch_command"] + " --chat-template t"
    assert "--chat-template" in differing(plan(chat_template="t", launch_command=asked))


def test_what_the_answer_does_not_have() -> None:
    found = plan(page_size="gone", sampling_backend="gone")
    assert [s.name for s in found.having("not-told") if s.section == "args"] == ["--page-size"]
    assert not found.differs


def test_a_launch_that_should_have_been_refused() -> None:
    (launch,) = bash.read_all("sglang serve m --cuda-graph-max-bs 4\n", "run.sh")
    found = plan(launch=launch)
    assert found.differs
    assert "x refused" in held_text(found)
    assert ", and yet it runs" in held_text(found)


def test_a_secret_is_held_and_masked() -> None:
    (launch,) = bash.read_all("sglang serve m --api-key canary-1\n", "run.sh")
    for key, verdict in (("canary-1", "agreed"), ("canary-2", "differs")):
        found = plan(launch=launch, api_key=key)
        (said,) = (s for s in found.settings if s.name == "--api-key")
        assert said.verdict == verdict
        assert "canary" not in repr(found)


def test_what_is_no_server() -> None:
    with pytest.raises(UsageError, match="doesn't say what its arguments are"):
        held(PROFILE.config, PROFILE.config, CATALOGUE, platform("rocm"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (256, 256, True),
        (0.9, 0.90, True),
        (1, True, False),
        (None, False, False),
        (None, [], True),
        ("", None, True),
        ("16384", 16384, True),
        ("true", True, False),
        ('{"a": 1}', {"a": 1}, True),
        ('{"a": 1}', '{"a":1}', True),
        (("a", "b"), ["a", "b"], True),
        ("a", "b", False),
        ("[" * 100_000, "[", False),
    ],
)
def test_alike(one: object, other: object, same: bool) -> None:
    assert alike(one, other) is same
    assert alike(other, one) is same


def test_text() -> None:
    said = held_text(plan(page_size=128))
    lines = said.splitlines()
    assert lines[0] == "pro-fp4 on SGLang 0.5.23, mi355x, against http://h"
    assert lines[1].split()[:7] == "~ --page-size 256, but runs with 128".split()
    assert lines[-1].startswith("1 of 34 arguments differ: 33 agree, 2 that only a run decides")
    assert "--kv-cache-dtype" not in said
    assert "= --kv-cache-dtype" in held_text(plan(), every=True)
    assert "SGLANG_DEFAULT_THINKING" in held_text(plan(), every=True)
    assert "All that is known agrees: 34 arguments, 2 that only a run decides" in held_text(plan())
    assert "\x1b" not in said
    assert "\x1b[33m" in held_text(plan(page_size=128), color=True)
    assert "\x1b" not in held_text(plan(chat_template="\x1b[31m", launch_command="--chat-template"))


def test_json_is_of_its_schema() -> None:
    folder = Path(dsv4_env.plan.__file__).parent
    schema = json.loads((folder / "against.schema.json").read_text())
    for found in (plan(), plan(page_size=128)):
        data = json.loads(held_json(found))
        jsonschema.validate(data, schema)
        assert data["differs"] is found.differs


def test_markdown() -> None:
    said = held_markdown(plan(page_size=128, chat_template="a|b", launch_command="--chat-template"))
    assert "| ~ | `--page-size` | `256` | `128` |" in said
    assert "| ~ | `--chat-template` | `unset` | `a\\|b` |" in said
