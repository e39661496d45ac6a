"""What a test says beside its settings: each fact, its place, and what can't be known."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsv4_env.model import Fact, LaunchConfig, Location, Unknown
from dsv4_env.readers import python

HEAD = """\
import os
import unittest
from sglang.test.ci.ci_register import register_amd_ci, register_cuda_ci
from sglang.test.few_shot_gsm8k import run_eval as run_few_shot
from sglang.test.kits.eval_accuracy_kit import GSM8KMixin
from sglang.test.test_utils import CustomTestCase, popen_launch_server
"""
SERVER = """
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(MODEL, "u", timeout=TIMEOUT, other_args=["--tp", "8"])
"""
CONSTANTS = "MODEL = 'org/m'\nTIMEOUT = 3600\n"


def told(launch: LaunchConfig) -> dict[str, object]:
    """The facts of a launch by their keys, unknown ones by their reasons."""
    return {
        f.key or "left out": f.value.reason if isinstance(f.value, Unknown) else f.value
        for f in launch.facts
    }


def quality(body: str, *, bases: str = "CustomTestCase", more: str = "") -> dict[str, object]:
    text = f"{HEAD}{CONSTANTS}{more}\nclass TestV4({bases}):\n{SERVER}\n{body}"
    (launch,) = python.read_all(text, "t.py")
    return {f.key: f.value for f in launch.facts if f.table == "quality"}


def test_what_a_test_carries_with_its_places() -> None:
    text = (
        f"{HEAD}"
        "register_amd_ci(est_time=7200, suite='nightly-amd-8-gpu', nightly=True)\n"
        "MODEL = os.environ.get('V4_MODEL_PATH', 'deepseek-ai/DeepSeek-V4-Pro')\n"
        "TIMEOUT = 5400\n"
        f"class TestV4(CustomTestCase):{SERVER}"
        "    def test_a_gsm8k(self):\n"
        "        metrics = run_few_shot(None)\n"
        "        self.assertGreater(metrics['accuracy'], 0.92)\n"
    )
    (launch,) = python.read_all(text, "t.py")
    assert launch.timeout == 5400
    assert launch.facts == (
        Fact("model", "path", "deepseek-ai/DeepSeek-V4-Pro", Location("t.py", 8, 9)),
        Fact("model", "path-variable", "V4_MODEL_PATH", Location("t.py", 8, 9)),
        Fact("launch", "timeout-seconds", 5400, Location("t.py", 9, 11)),
        Fact("quality", "gsm8k-threshold", 0.92, Location("t.py", 16, 49)),
        Fact("ci", "suite", "nightly-amd-8-gpu", Location("t.py", 7, 38), "amd"),
        Fact("ci", "estimated-seconds", 7200, Location("t.py", 7, 26), "amd"),
        Fact("ci", "nightly", True, Location("t.py", 7, 67), "amd"),
    )


def test_registrations() -> None:
    text = (
        f"{HEAD}"
        'register_amd_ci(est_time=3600, suite="nightly-amd", nightly=True)\n'
        'ci_register.register_cuda_ci(60.5, "stage-b")\n'
        "register_amd_ci(suite=SUITE, disabled='broken')\n"
        'register_cuda_ci(est_time=9, stage="base-c", runner_config="4-gpu-b200")\n'
        'register_model("x")\n'
    )
    found = python.read_ci(text, "t.py")
    assert [(r.function, r.suite, r.est_time, r.location.line) for r in found] == [
        ("register_amd_ci", "nightly-amd", 3600.0, 7),
        ("register_cuda_ci", "stage-b", 60.5, 8),
        ("register_amd_ci", None, None, 9),
        ("register_cuda_ci", "base-c-test-4-gpu-b200", 9.0, 10),
    ]
    assert [f.key for f in found[3].facts] == ["suite", "estimated-seconds"]
    assert [f.value for f in found[1].facts] == ["stage-b", 60.5, False]
    assert isinstance(found[2].facts[0].value, Unknown)
    assert found[2].disabled == "broken"


def test_a_disabled_registration_is_told() -> None:
    text = f"{HEAD}register_amd_ci(60, 's', disabled='see #1')\npopen_launch_server('m', 'u', 60)\n"
    (launch,) = python.read_all(text, "t.py")
    assert [n.message for n in launch.notes] == ["register_amd_ci is disabled: see #1"]


@pytest.mark.parametrize(
    "body",
    [
        "        self.assertGreater(metrics['accuracy'], 0.92)\n",
        "        self.assertGreaterEqual(metrics['score'], LIMIT)\n",
        "        self.assertLess(0.92, metrics['accuracy'])\n",
        "        self.assertLessEqual(LIMIT_THRESHOLD, metrics['accuracy'])\n",
        "        assert metrics['accuracy'] >= 0.92\n",
        "        assert LIMIT_THRESHOLD < metrics['accuracy'], 'too low'\n",
        "        score = metrics['accuracy']\n        self.assertGreater(score, self.limit)\n",
        "        self.held(metrics['accuracy'], 0.92)\n",
        "        held(self, metrics['accuracy'], limit=LIMIT)\n",
    ],
)
def test_how_a_threshold_is_spelled(body: str) -> None:
    more = (
        "LIMIT = 0.92\nLIMIT_THRESHOLD = LIMIT\n"
        "def held(case, value, limit):\n    case.assertGreater(value, limit)\n"
    )
    helper = (
        "    limit = 0.92\n    def held(self, value, limit):\n"
        "        self.assertGreater(value, limit)\n"
    )
    test = f"    def test_gsm8k(self):\n        metrics = run_few_shot(None)\n{body}"
    assert quality(helper + test, more=more) == {"gsm8k-threshold": 0.92}


def test_other_metrics_are_left_out_with_what_they_are() -> None:
    body = (
        "    def test_b_speed(self):\n"
        "        acc_length, speed = send_one_prompt(None)\n"
        "        self.assertGreater(acc_length, 2.8)\n"
        "        self.assertGreater(speed, 60)\n"
        "        self.assertGreater(len(text), 0)\n"
        "    def test_mmlu(self):\n"
        "        metrics = run_eval(SimpleNamespace(eval_name='mmlu'))\n"
        "        self.assertGreater(metrics['score'], 0.8)\n"
    )
    text = f"{HEAD}{CONSTANTS}\nclass TestV4(CustomTestCase):\n{SERVER}\n{body}"
    (launch,) = python.read_all(text, "t.py")
    found = [(f.key, f.value) for f in launch.facts if f.table == "quality"]
    assert found[0] == ("accept-length-threshold", 2.8)
    left_out = [v for k, v in found[1:] if not k and isinstance(v, Unknown)]
    assert [v.text for v in left_out] == ["speed: 60", "metrics['score']: 0.8"]
    assert {v.reason for v in left_out} == {"no key of a layer is for it"}


def test_a_mixins_attributes() -> None:
    body = "    gsm8k_accuracy_thres = 0.93\n    accept_length_thres = 2.8\n"
    assert quality(body, bases="GSM8KMixin, CustomTestCase") == {
        "gsm8k-threshold": 0.93,
        "accept-length-threshold": 2.8,
    }
    assert quality(body) == {}  # nothing says that anybody looks at them


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["self.assertGreater(metrics['score'], limit())"], "not a number that stands there"),
        (
            [f"self.assertGreater(metrics['{m}'], 0.{n})" for n, m in ((9, "score"), (8, "acc"))],
            "tests that share a server accept different values",
        ),
        (
            ["n = 0.9", "if amd():", "    n = 0.8", "self.assertGreater(metrics['acc'], n)"],
            "not a number that stands there",
        ),
    ],
)
def test_what_cannot_be_known(lines: list[str], reason: str) -> None:
    body = "    def test_gsm8k(self):\n" + "".join(f"        {line}\n" for line in lines)
    found = quality(body)["gsm8k-threshold"]
    assert isinstance(found, Unknown)
    assert found.reason == reason


def test_each_class_has_its_own_and_what_it_inherits(tmp_path: Path) -> None:
    (tmp_path / "base.py").write_text(
        "class Base:\n    least = 0.9\n    def test_gsm8k(self):\n"
        "        self.assertGreater(score(), self.least)\n"
    )
    path = tmp_path / "test_v4.py"
    text = (
        f"{HEAD}from base import Base\n{CONSTANTS}"
        f"class TestOne(Base, CustomTestCase):\n    least = 0.91\n{SERVER}"
        f"class TestTwo(Base, CustomTestCase):\n{SERVER}"
    )
    path.write_text(text)
    one, two = python.read_all(text, str(path), root=tmp_path)
    assert (told(one)["gsm8k-threshold"], told(two)["gsm8k-threshold"]) == (0.91, 0.9)


def test_the_parameters_of_sglangs_own_runner() -> None:
    text = (
        f"{HEAD}def test_v4():\n"
        "    run_combined_tests(models=[ModelLaunchSettings('org/m', extra_args=['--tp', '8'], "
        "launch_timeout=900)],\n"
        "        accuracy_params=AccuracyTestParams(dataset='gsm8k', baseline_accuracy=0.935))\n"
    )
    (launch,) = python.read_all(text, "t.py")
    assert told(launch) == {"path": "org/m", "timeout-seconds": 900, "gsm8k-threshold": 0.935}


def test_a_model_that_may_be_on_the_machine() -> None:
    text = "M = 'org/m'\npopen_launch_server(try_cached_model(M), 'u', timeout=60)\n"
    (launch,) = python.read_all(text, "t.py")
    assert told(launch) == {"path": "org/m", "timeout-seconds": 60}


def test_a_model_that_depends() -> None:
    text = "popen_launch_server('a' if slow() else 'b', 'u', timeout=60)\n"
    (launch,) = python.read_all(text, "t.py")
    assert str(told(launch)["path"]).startswith("it depends on ")


def test_a_timeout_that_depends_or_is_computed() -> None:
    text = (
        f"{HEAD}MODEL = 'm'\nTIMEOUT = 60 if slow() else 30\nclass TestV4(CustomTestCase):{SERVER}"
        "    def test_a(self):\n        pass\n"
    )
    (launch,) = python.read_all(text, "t.py")
    assert launch.timeout is None
    assert "timeout-seconds" in told(launch)


def test_classes_that_share_their_bases_cost_no_more_than_there_are() -> None:
    chain = "class C0:\n    least = 0.9\n    def test_gsm8k(self):\n"
    chain += "        self.assertGreater(score(), self.least)\n"
    for i in range(1, 40):
        chain += f"class C{i}(C{i - 1}, C{max(i - 2, 0)}):\n    pass\n"
    text = f"{HEAD}{CONSTANTS}{chain}class TestV4(C39, C38, CustomTestCase):\n{SERVER}"
    (launch,) = python.read_all(text, "t.py")
    assert told(launch)["gsm8k-threshold"] == 0.9


def test_helpers_without_end_are_told() -> None:
    calls = "".join("    one()\n    two()\n" for _ in range(30))
    text = (
        f"def one():\n{calls}def two():\n{calls}"
        "def test_gsm8k():\n    popen_launch_server('m', 'u', timeout=60)\n    one()\n"
    )
    (launch,) = python.read_all(text, "t.py")
    assert told(launch)["left out"] == "too many helpers to look through"
