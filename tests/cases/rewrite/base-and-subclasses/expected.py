import os
import unittest
from pathlib import Path

from dsv4_env import load_profile

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


A_FLASH_PROFILE = load_profile("a-flash", Path(__file__).resolve().parent / "launch")


class TestOne(Base):
    other_args = A_FLASH_PROFILE.server_args
    env_vars = A_FLASH_PROFILE.env

    def test_it(self):
        pass


B_SMALL_PROFILE = load_profile("b-small", Path(__file__).resolve().parent / "launch")


class TestTwo(Base):
    other_args = B_SMALL_PROFILE.server_args
    env_vars = B_SMALL_PROFILE.env

    def test_it(self):
        pass
