import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

FROM_OUTSIDE = os.environ.get("SGLANG_UNUSED")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        other_args = ["--trust-remote-code", "--tp", "8", "--page-size", "256"]
        cls.process = popen_launch_server(
            "deepseek-ai/DeepSeek-V4-Flash",
            DEFAULT_URL_FOR_TEST,
            timeout=3600,
            other_args=other_args,
        )
