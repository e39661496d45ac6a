import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)


class TestFlash(CustomTestCase):
    """A base elsewhere may read these."""

    # what it is launched with
    other_args = [
        "--trust-remote-code",
        "--tp",
        "8",
        "--page-size",
        "256",
    ]
    env_vars = {
        "SGLANG_USE_AITER": "1",
        "SGLANG_DSV4_FP4_EXPERTS": "true",
    }

    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(
            "deepseek-ai/DeepSeek-V4-Flash",
            DEFAULT_URL_FOR_TEST,
            timeout=60 * 60,
            other_args=cls.other_args,
            env={**os.environ, **cls.env_vars},
        )
