import os
from unittest.mock import patch

from sglang.srt.environ import envs


class TestServer(CustomTestCase):
    def test_patch(self):
        with patch.dict(os.environ, {"A": "1"}, clear=False):
            popen_launch_server("m", "u", 600)
        popen_launch_server("n", "u", 600)

    @patch.dict("os.environ", {"C": "3"})
    def test_decorator(self):
        popen_launch_server("p", "u", 600)

    def test_fields(self):
        with envs.SGLANG_USE_AITER.override(True):
            popen_launch_server("o", "u", 600)
