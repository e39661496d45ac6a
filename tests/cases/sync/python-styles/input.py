"""A test."""
import os
from sglang.test.test_utils import popen_launch_server
TP = 4
KEPT = 1
PAGE = "128"
ENV = {"SGLANG_USE_AITER": "0", 'SGLANG_USE_ROCM700A': "0"}
HACK = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND") or "torch"

class TestV4:
    backend = 'compressed'

    @classmethod
    def setUpClass(cls):
        env = {**os.environ, **ENV, "SGLANG_HACK_FLASHMLA_BACKEND": HACK}
        env["SGLANG_OPT_USE_TOPK_V2"] = "true"  # computed
        os.environ["SGLANG_DSV4_FP4_EXPERTS"] = "false"
        env.update(SGLANG_OPT_FP8_WO_A_GEMM="true")
        cls.process = popen_launch_server(
            "m",
            "u",
            timeout=1,
            other_args=[
                "--tp",
                str(TP),  # ranks
                "--attention-backend", cls.backend,
                f"--page-size={PAGE}",
                "--mem-fraction-static",
                0.8,
                "--swa-full-tokens-ratio", "0.5", "--dp=2"],
            env=env,
        )
    def test_x(self): pass
