import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

import pathlib
from pathlib import Path

from dsv4_env import load_profile

PROFILE = "of something else"
PROFILE_2 = load_profile("mine", Path(__file__).resolve().parent / "launch")
MODEL = PROFILE_2.model_path(os.environ)


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = PROFILE_2.launch_env(os.environ)
        other_args = PROFILE_2.server_args
        cls.process = popen_launch_server(
            MODEL,
            DEFAULT_URL_FOR_TEST,
            timeout=PROFILE_2.launch_timeout_seconds,
            other_args=other_args,
            env=env,
        )

    def test_it(self):
        print(PROFILE, pathlib.Path.cwd())
