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
MODEL = PROFILE.model_path(os.environ)


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        other_args = PROFILE.server_args
        os.environ["SGLANG_USE_AITER"] = "1"
        os.environ["SGLANG_DSV4_FP4_EXPERTS"] = "true"
        cls.process = popen_launch_server(
            MODEL,
            DEFAULT_URL_FOR_TEST,
            timeout=PROFILE.launch_timeout_seconds,
            other_args=other_args,
        )
