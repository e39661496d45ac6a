import os
import subprocess
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
        command = [
            "python3",
            "-m",
            "sglang.launch_server",
            "--model-path",
            MODEL,
            "--trust-remote-code",
            "--tp",
            "8",
            "--page-size",
            "256",
            "--host",
            "127.0.0.1",
        ]
        cls.process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "SGLANG_USE_AITER": "1",
                "SGLANG_DSV4_FP4_EXPERTS": "true",
            },
        )
