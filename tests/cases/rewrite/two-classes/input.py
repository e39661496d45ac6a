import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

COMMON_ENV = {"SGLANG_USE_AITER": "1"}
TIMEOUT = 3600
MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = {**os.environ, **COMMON_ENV, "SGLANG_DSV4_FP4_EXPERTS": "true"}
        other_args = ["--trust-remote-code", "--tp", "8", "--page-size", "256"]
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )


class TestFlashFp8(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = {**os.environ, **COMMON_ENV, "SGLANG_DSV4_FP4_EXPERTS": "false"}
        other_args = ["--trust-remote-code", "--tp", "8"]
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )
