import os
import unittest
from pathlib import Path

from dsv4_env import load_profile

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_server,
)

PROFILE = load_profile("mine", Path(__file__).resolve().parent / "launch")


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
            PROFILE.model_path(os.environ),
            DEFAULT_URL_FOR_TEST,
            timeout=PROFILE.launch_timeout_seconds,
            other_args=PROFILE.server_args,
            env=PROFILE.launch_env(os.environ),
        )
