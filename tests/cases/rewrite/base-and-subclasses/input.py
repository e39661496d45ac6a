import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


class Base(CustomTestCase):
    other_args: list = []
    env_vars: dict = {}

    @classmethod
    def setUpClass(cls):
        if cls is Base:
            raise unittest.SkipTest("a base")
        cls.process = popen_launch_server(
            MODEL,
            DEFAULT_URL_FOR_TEST,
            timeout=3600,
            other_args=cls.other_args,
            env={**os.environ, **cls.env_vars},
        )


class TestOne(Base):
    other_args = ["--trust-remote-code", "--tp", "8", "--page-size", "256"]
    env_vars = {"SGLANG_USE_AITER": "1", "SGLANG_DSV4_FP4_EXPERTS": "true"}

    def test_it(self):
        pass


class TestTwo(Base):
    other_args = ["--trust-remote-code", "--tp", "4"]
    env_vars = {"SGLANG_USE_AITER": "1", "MINE": "1"}

    def test_it(self):
        pass
