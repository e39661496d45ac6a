import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = os.environ.copy()
        env.update({"SGLANG_USE_AITER": "1", "SGLANG_DSV4_FP4_EXPERTS": "true"})
        other_args = [
            "--trust-remote-code",
            "--tp",
            "8",
            "--page-size",
            "256",
            "--cuda-graph-max-bs",
            "512",
        ]
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )
