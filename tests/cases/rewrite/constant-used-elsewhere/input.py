import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

FLASHMLA_BACKEND = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND", "unified_kv_triton")
ENV_VARS_OF_IT = {
    "SGLANG_USE_AITER": "1",
    "SGLANG_DSV4_FP4_EXPERTS": "true",
    "SGLANG_HACK_FLASHMLA_BACKEND": FLASHMLA_BACKEND,
}
MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = {**os.environ, **ENV_VARS_OF_IT}
        other_args = ["--trust-remote-code", "--tp", "8", "--page-size", "256"]
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=other_args, env=env
        )

    def test_it(self):
        print(f"{FLASHMLA_BACKEND=}")
