import os
import unittest
from pathlib import Path

from dsv4_env import load_profile

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

TIMEOUT = 3600
MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")

A_FLASH_PROFILE = load_profile("a-flash", Path(__file__).resolve().parent / "launch")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = A_FLASH_PROFILE.launch_env(os.environ)
        other_args = A_FLASH_PROFILE.server_args
        cls.process = popen_launch_server(
            MODEL,
            DEFAULT_URL_FOR_TEST,
            timeout=A_FLASH_PROFILE.launch_timeout_seconds,
            other_args=other_args,
            env=env,
        )


B_FLASH_FP8_PROFILE = load_profile(
    "b-flash-fp8", Path(__file__).resolve().parent / "launch"
)


class TestFlashFp8(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = B_FLASH_FP8_PROFILE.launch_env(os.environ)
        other_args = B_FLASH_FP8_PROFILE.server_args
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )
