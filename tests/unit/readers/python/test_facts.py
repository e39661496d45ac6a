"""All versions of the AMD tests: files of our own around their facts."""

from __future__ import annotations

from typing import Any

import pytest

from dsv4_env.model import Unknown
from dsv4_env.readers import python
from tests.conftest import amd_tests


def spelled(value: Any) -> str:
    return str(value["expr"]) if isinstance(value, dict) else repr(value)


def written(fact: dict[str, Any]) -> str:
    """A test file around the facts of one version."""
    flash = "flash" in fact["path"]
    lines = [
        "import os",
        "import unittest",
        "from sglang.srt.utils import kill_process_tree",
        "from sglang.test.ci.ci_register import register_amd_ci",
        "from sglang.test.test_utils import CustomTestCase, popen_launch_server",
        "register_amd_ci(",
        f"    est_time={7200 if flash else 14400},",
        f"    suite='nightly-amd-8-gpu-mi35x-deepseek-v4-{'flash' if flash else 'pro'}',",
        "    nightly=True,",
        ")",
    ]
    lines += [f"{name} = {value}" for name, value in fact["consts"].items()]
    for name, pairs in fact["env_dicts"].items():
        lines.append(f"{name} = {{")
        lines += [f"    {key!r}: {spelled(value)}," for key, value in pairs]
        lines.append("}")
    model = next(n for n in fact["consts"] if n.endswith("MODEL_PATH"))
    words = ", ".join(spelled(w) for w in fact["other_args"][0])
    lines += [
        f"class {fact['classes'][0]}(CustomTestCase):",
        "    @classmethod",
        "    def setUpClass(cls):",
        f"        cls.model = {model}",
        "        env = os.environ.copy()",
        *(f"        {op}" for op in fact["env_ops"]),
        f"        other_args = [{words}]",
        "        cls.process = popen_launch_server(",
        "            cls.model, 'u', timeout=SERVER_LAUNCH_TIMEOUT, other_args=other_args, env=env",
        "        )",
        "    @classmethod",
        "    def tearDownClass(cls):",
        "        kill_process_tree(cls.process.pid)",
        "    def test_gsm8k(self):",
        "        if unknown():",
        "            self.assertGreater(1, 0)",
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("fact", amd_tests(), ids=lambda f: f"{f['path'][-8:-3]}-{f['commit'][:8]}")
def test_every_version(fact: dict[str, Any]) -> None:
    (launch,) = python.read_all(written(fact), "test_v4.py")
    assert launch.symbol == f"{fact['classes'][0]}.setUpClass"
    assert (launch.notes, launch.condition, launch.partial) == ((), None, False)
    expected = [tuple(pair) for pairs in fact["env_dicts"].values() for pair in pairs]
    assert [e.name for e in launch.env] == [name for name, _ in expected]
    for setting, (_, value) in zip(launch.env, expected, strict=True):
        if isinstance(value, dict):
            assert isinstance(setting.value, Unknown)
            assert setting.value.names == ("SGLANG_HACK_FLASHMLA_BACKEND",)
            assert setting.value.default == "unified_kv_triton"
        else:
            assert setting.value == value
        assert setting.condition is None
    flag, model, *words = launch.argv
    assert flag == "--model-path"
    assert isinstance(model, Unknown)
    path = next(v for k, v in fact["consts"].items() if k.endswith("MODEL_PATH"))
    assert model.text == path
    assert path == f"os.environ.get({model.names[0]!r}, {model.default!r})"
    assert words == fact["other_args"][0]


@pytest.mark.parametrize("fact", amd_tests()[:1], ids=["first"])
def test_the_environment_decides(fact: dict[str, Any]) -> None:
    name = next(k for k in fact["consts"] if k.endswith("MODEL_PATH"))
    (launch,) = python.read_all(written(fact), inputs={name: "/models/v4"})
    assert launch.argv[1] == "/models/v4"
    assert launch.unknowns == []


@pytest.mark.parametrize("number", ["1" * 400, "0x" + "f" * 9000, "1e999", "-1e999"])
def test_a_number_that_nothing_takes_is_unknown(number: str) -> None:
    text = (
        "from sglang.test.test_utils import popen_launch_server\n"
        f"register_amd_ci(est_time={number}, suite='x', nightly=True)\n"
        "class TestX(CustomTestCase):\n"
        "    @classmethod\n"
        "    def setUpClass(cls):\n"
        f"        popen_launch_server('m', 'u', timeout={number}, other_args=['--tp', '8'])\n"
        "    def test_gsm8k(self):\n"
        f"        self.assertGreater(run_eval(ARGS)['accuracy'], {number})\n"
    )
    (found,) = python.read_all(text, "test_x.py")
    told = {f.key: f.value for f in found.facts}
    assert isinstance(told["timeout-seconds"], Unknown)
    assert isinstance(told["estimated-seconds"], Unknown)
    assert not any(isinstance(v, int | float) for k, v in told.items() if "threshold" in k)
