import os
import unittest
from pathlib import Path

from dsv4_env import load_profile

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

PROFILE = load_profile("mine", Path(__file__).resolve().parent / "launch")
# How the tests of DeepSeek-V4 are written.
MODEL = PROFILE.model_path(os.environ)
# An hour, for the weights.
SERVER_LAUNCH_TIMEOUT = PROFILE.launch_timeout_seconds


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = MODEL
        cls.base_url = DEFAULT_URL_FOR_TEST

        env = PROFILE.launch_env(os.environ)

        other_args = PROFILE.server_args

        cls.process = popen_launch_server(
            cls.model,
            cls.base_url,
            timeout=SERVER_LAUNCH_TIMEOUT,
            other_args=other_args,
            env=env,
        )

    def test_it(self):
        self.assertTrue(self.process)


if __name__ == "__main__":
    unittest.main()
