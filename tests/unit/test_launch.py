"""A launch as SGLang's own tests do it: a profile's values arrive at the server's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dsv4_env import Profile, load_profile
from tests.ports import free_port

STAND_IN = Path(__file__).parent / "stand_in_server.py"


def popen_launch_server(
    model: str,
    base_url: str,
    timeout: float,
    other_args: list[str],
    env: dict[str, str],
    record: Path,
) -> subprocess.Popen[bytes]:
    """What sglang.test.test_utils does: start the server, then ask /health until it answers.

    Source of the order of arguments: sglang 0.5.13, sglang/test/test_utils.py.
    """
    _, host, port = base_url.split(":")
    words = ["--model-path", model, *other_args, "--host", host[2:], "--port", port]
    process = subprocess.Popen([sys.executable, str(STAND_IN), str(record), *words], env=env)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{base_url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return process
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    process.kill()
    process.wait()
    raise TimeoutError("the server doesn't answer")


class Launched(unittest.TestCase):
    folder: ClassVar[tempfile.TemporaryDirectory[str]]
    record: ClassVar[Path]
    profile: ClassVar[Profile]
    process: ClassVar[subprocess.Popen[bytes]]

    @classmethod
    def launch(cls, profile: Profile, env: dict[str, str]) -> None:
        port = free_port()
        cls.folder = tempfile.TemporaryDirectory()
        cls.record = Path(cls.folder.name) / "record.json"
        cls.profile = profile
        cls.process = popen_launch_server(
            profile.model_path(os.environ) or "",
            f"http://127.0.0.1:{port}",
            timeout=30,
            other_args=profile.server_args,
            env=env,
            record=cls.record,
        )

    @classmethod
    def tearDownClass(cls) -> None:
        cls.process.terminate()
        cls.process.wait()
        cls.folder.cleanup()

    def arrived(self) -> dict[str, Any]:
        arrived: dict[str, Any] = json.loads(self.record.read_text())
        self.assertEqual(arrived["argv"][2:-4], self.profile.server_args)
        found = {name: arrived["environ"].get(name) for name in self.profile.env}
        self.assertEqual(found, self.profile.env)
        self.assertEqual(arrived["environ"]["PATH"], os.environ["PATH"])
        return arrived


class TestDeepseekV4FlashFp4(Launched):
    @classmethod
    def setUpClass(cls) -> None:
        profile = load_profile("flash-fp4")
        cls.launch(profile, profile.launch_env({**os.environ, "SGLANG_USE_AITER": "0"}))

    def test_what_arrived(self) -> None:
        arrived = self.arrived()
        self.assertEqual(arrived["argv"][1], "deepseek-ai/DeepSeek-V4-Flash")


@pytest.mark.dsv4_profile("pro-fp8")
@pytest.mark.usefixtures("dsv4_env")
class TestDeepseekV4ProFp8WithThePlugin(Launched):
    dsv4_profile: ClassVar[Profile]

    @classmethod
    def setUpClass(cls) -> None:
        cls.launch(cls.dsv4_profile, dict(os.environ))

    def test_what_arrived(self) -> None:
        arrived = self.arrived()
        self.assertEqual(arrived["argv"][1], "sgl-project/DeepSeek-V4-Pro-FP8")
        self.assertEqual(os.environ["SGLANG_DSV4_FP4_EXPERTS"], "false")
