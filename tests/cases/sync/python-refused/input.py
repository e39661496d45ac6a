import os
import unittest

from sglang.test.test_utils import popen_launch_server

PAGE = "128"
TP = "4"
if unknown():
    TP = "2"
ENV = {name: "0" for name in ("SGLANG_USE_AITER", "SGLANG_USE_ROCM700A")}


class TestV4(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        args = ["--page-size", PAGE, "--tp", TP, "--attention-backend", compute()]
        cls.process = popen_launch_server(
            "m", "u", timeout=1, other_args=args, env={**os.environ, **ENV}
        )
        print(f"page size {PAGE}")

    def test_it(self):
        pass
