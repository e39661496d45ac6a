"""Tests that run no more: what is said of a launch that nothing is asked of."""

from __future__ import annotations

import pytest

from dsv4_env.readers import python

TEST = """\
import unittest

import pytest
from sglang.test.ci.ci_register import register_amd_ci
from sglang.test.test_utils import popen_launch_server

register_amd_ci(est_time=60, suite="nightly"{registered})
{module}

class Base(unittest.TestCase):
    def test_base(self):
        pass


class Skipped(unittest.TestCase):
    @unittest.skip("why")
    def test_base(self):
        pass


{decorator}class TestV4({base}):
    {mark}
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server("m", "u", timeout=60, other_args=["--tp", "8"])

    {method}
    def {name}(self):
        "Say what it is."
        {body}
"""
USUAL = {
    "registered": "",
    "module": "",
    "decorator": "",
    "base": "unittest.TestCase",
    "mark": "",
    "method": "",
    "name": "test_a",
    "body": "pass",
}


def idle(**changed: str) -> list[str]:
    (found,) = python.read_all(TEST.format(**USUAL | changed), "t.py")
    return [n.message for n in found.notes if n.idle]


NEVER = "never runs: it is skipped"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"registered": ', disabled="flaky"'}, ["register_amd_ci is disabled: flaky"]),
        ({"registered": ", disabled=None"}, []),
        ({"decorator": '@unittest.skip("why")\n'}, [NEVER]),
        ({"decorator": "@pytest.mark.skip\n"}, [NEVER]),
        ({"mark": "pytestmark = pytest.mark.skip"}, [NEVER]),
        ({"mark": 'pytestmark = [pytest.mark.slow, pytest.mark.skip(reason="r")]'}, [NEVER]),
        ({"module": "pytestmark = [pytest.mark.skip]"}, [NEVER]),
        ({"module": "pytestmark = [pytest.mark.slow]"}, []),
        ({"method": '@unittest.skip("why")'}, [f"test_a {NEVER}"]),
        ({"method": "@unittest.skipIf(True, 'why')"}, [f"test_a {NEVER}"]),
        ({"method": "@unittest.skipUnless(False, 'why')"}, [f"test_a {NEVER}"]),
        ({"method": "@unittest.skipIf(is_hip(), 'why')"}, []),
        ({"method": "@unittest.skipUnless(True, 'why')"}, []),
        ({"body": 'self.skipTest("why")'}, [f"test_a {NEVER}"]),
        ({"body": 'raise unittest.SkipTest("why")'}, [f"test_a {NEVER}"]),
        ({"body": "if is_hip():\n            self.skipTest('why')"}, []),
        ({"base": "Skipped"}, [f"test_base {NEVER}"]),
    ],
)
def test_a_test_that_runs_no_more(changed: dict[str, str], said: list[str]) -> None:
    assert idle(**changed) == said
