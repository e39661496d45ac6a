"""A small test file and a layer for it, as the tests of adopting put them together."""

from __future__ import annotations

from pathlib import Path

from dsv4_env.adopt.rewriting import Folder, Use, rewritten
from dsv4_env.profile import load_profile
from dsv4_env.readers import python
from dsv4_env.readers.taken import KnownProfiles

CASES = Path(__file__).parents[2] / "cases" / "rewrite"
LAYER = """\
description = "Of a test"

[model]
path = "m"
path-variable = "THE_MODEL"

[launch]
timeout-seconds = 3600

[env]
SGLANG_USE_AITER = "1"
SGLANG_HACK_FLASHMLA_BACKEND = {default = "unified_kv_triton"}

[args]
--tp = "8"
--trust-remote-code = true
"""
TEST = """\
import os
import unittest

from sglang.test.test_utils import DEFAULT_URL_FOR_TEST, CustomTestCase, popen_launch_server

MODEL = os.environ.get("THE_MODEL", "m")
BACKEND = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND", "unified_kv_triton")
ENV_VARS = {"SGLANG_USE_AITER": "1", "SGLANG_HACK_FLASHMLA_BACKEND": BACKEND}


class TestIt(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = os.environ.copy()
        env.update(ENV_VARS)
        cls.process = popen_launch_server(
            MODEL,
            DEFAULT_URL_FOR_TEST,
            timeout=3600,
            other_args=["--tp", "8", "--trust-remote-code"],
            env=env,
        )
"""


def place(folder: Path, text: str = TEST, layer: str = LAYER) -> Path:
    """A test below *folder*, and the layer ``mine`` in its folder ``launch``."""
    (folder / "launch").mkdir(exist_ok=True)
    (folder / "launch" / "mine.toml").write_text(layer)
    path = folder / "test_it.py"
    path.write_bytes(text.encode())
    return path


def put(path: Path, text: str | None = None) -> str:
    """The text of a test of :func:`place` put onto ``mine``."""
    text = path.read_bytes().decode() if text is None else text
    root = path.parent
    launches = python.read_all(text, str(path), root=root, known=KnownProfiles(root))
    profile = load_profile("mine", root / "launch")
    uses = [Use(c, profile, "mine", Folder(0, "launch")) for c in launches]
    return rewritten(text, str(path), uses)
