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
MODEL = PROFILE.model_path(os.environ)
DRAFT = os.environ.get("DRAFT")


class TestFlash(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = PROFILE.launch_env(os.environ)
        other_args = [
            *PROFILE.server_args,
            "--speculative-draft-model-path",
            DRAFT,
        ]
        cls.process = popen_launch_server(
            MODEL,
            DEFAULT_URL_FOR_TEST,
            timeout=PROFILE.launch_timeout_seconds,
            other_args=other_args,
            env=env,
        )
