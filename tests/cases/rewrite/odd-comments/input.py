import os
import unittest

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

# A comment of the whole block:

# of the arguments
ARGS = [  # why not
    "--trust-remote-code",  # code of the model

    # how many
    "--tp", "8",
    "--page-size", "256"  # no comma
]  # the end
# fmt: off
ENV = { "SGLANG_USE_AITER": "1", "SGLANG_DSV4_FP4_EXPERTS": "true" }
# fmt: on
LIMIT = 7
MODEL = os.environ.get("FLASH_MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        # first the environment
        env = os.environ.copy()
        # then what is set
        env.update(ENV)
        cls.process = popen_launch_server(
            MODEL, DEFAULT_URL_FOR_TEST, timeout=3600, other_args=ARGS, env=env
        )
