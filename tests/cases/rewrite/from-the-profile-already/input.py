import os
import unittest

from dsv4_env import load_profile

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")
PROFILE = load_profile("mine", "launch")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = PROFILE.launch_env(os.environ)
        other_args = PROFILE.server_args
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )
