import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


def launch(other_args, env):
    """Launch with what it is given."""
    return popen_launch_server(
        MODEL,
        DEFAULT_URL_FOR_TEST,
        timeout=3600,
        other_args=other_args,
        env={**os.environ, **env},
    )


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = launch(
            ["--trust-remote-code", "--tp", "8", "--page-size", "256"],
            {"SGLANG_USE_AITER": "1", "SGLANG_DSV4_FP4_EXPERTS": "true"},
        )
