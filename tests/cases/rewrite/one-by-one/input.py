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
        env = dict(os.environ)
        env["SGLANG_USE_AITER"] = "1"  # kernels of AMD
        env["SGLANG_DSV4_FP4_EXPERTS"] = "true"
        env["MINE"] = str(os.getpid())
        other_args = []
        other_args.append("--trust-remote-code")
        # Eight of them.
        other_args += ["--tp", "8"]
        other_args.extend(["--page-size", "256"])
        other_args.append("--enable-metrics")
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )
