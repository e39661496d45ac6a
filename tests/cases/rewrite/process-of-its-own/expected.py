import os
import subprocess
import unittest
from pathlib import Path

from dsv4_env import load_profile

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")

PROFILE = load_profile("mine", Path(__file__).resolve().parent / "launch")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        command = [
            "python3",
            "-m",
            "sglang.launch_server",
            "--model-path",
            MODEL,
            *PROFILE.server_args,
            "--host",
            "127.0.0.1",
        ]
        cls.process = subprocess.Popen(
            command,
            env=PROFILE.launch_env(os.environ),
        )
