import subprocess
import sys

from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    popen_launch_pd_server,
    popen_with_error_check,
)


class PDBase(CustomTestCase):
    model = None
    prefill_args = []
    decode_args = []
    prefill_env = {}

    @classmethod
    def setUpClass(cls):
        cls.lb_url = DEFAULT_URL_FOR_TEST
        cls.start("prefill", cls.prefill_args, dict(cls.prefill_env))
        cls.start("decode", cls.decode_args, None)
        cls.launch_lb()

    @classmethod
    def start(cls, role, args, env):
        words = ["--trust-remote-code", "--disaggregation-mode", role] + list(args)
        process = popen_launch_pd_server(
            cls.model, f"http://{role}:30000", timeout=600, other_args=words, env=env
        )
        setattr(cls, f"process_{role}", process)

    @classmethod
    def launch_lb(cls):
        command = [
            "python3",
            "-m",
            "sglang_router.launch_router",
            "--pd-disaggregation",
            "--prefill",
            "http://prefill:30000",
            "--decode",
            "http://decode:30000",
            "--port",
            "8000",
        ]
        cls.process_lb = popen_with_error_check(command)


class TestFlash(PDBase):
    model = "deepseek-ai/DeepSeek-V4-Flash"
    prefill_args = ["--tp", "4"]
    decode_args = ["--tp", "8", "--max-running-requests", str(256)]
    prefill_env = {"SGLANG_USE_AITER": "1"}

    def test_answers(self):
        self.assertTrue(self.lb_url)


def test_other_routers():
    subprocess.Popen([sys.executable, "-m", "sglang_router.launch_router", "--policy", "random"])
    subprocess.run("smg launch --worker-urls http://a", shell=True)
    subprocess.Popen(f"python3 -m sglang_router.launch_router --port {free_port()}", shell=True)
    subprocess.Popen(
        ["python3", "-m", "sglang_router.launch_server", "--model-path", "m", "--router-policy", "p"]
    )
    subprocess.Popen(["python3", "-m", "dynamo.sglang", "--model-path", "m", "--endpoint", "e"])
    subprocess.run(["which", "smg"])
