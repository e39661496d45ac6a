import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

BACKEND = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND", "unified_kv_triton")
MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = {
            **os.environ,
            "SGLANG_USE_AITER": "1",
            "SGLANG_DSV4_FP4_EXPERTS": "true",
            "SGLANG_HACK_FLASHMLA_BACKEND": BACKEND,
        }
        other_args = ["--trust-remote-code", "--tp", "8", "--page-size", "256"]
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )
