# What the AMD test of August gives: ENV_VARS and other_args of test_deepseek_v4_pro_fp4.py.
import os

from sglang.test.test_utils import popen_launch_server

FLASHMLA_BACKEND = os.environ.get("SGLANG_HACK_FLASHMLA_BACKEND", "unified_kv_triton")
ENV_VARS = {
    "SGLANG_DEFAULT_THINKING": "1",
    "SGLANG_DSV4_REASONING_EFFORT": "max",
    "SGLANG_USE_ROCM700A": "0",
    "SGLANG_DP_USE_GATHERV": "1",
    "SGLANG_HACK_FLASHMLA_BACKEND": FLASHMLA_BACKEND,
    "AITER_BF16_FP8_MOE_BOUND": "0",
    "SGLANG_DSV4_FP4_EXPERTS": "true",
}


def setup():
    env = os.environ.copy()
    env.update(ENV_VARS)
    popen_launch_server(
        "deepseek-ai/DeepSeek-V4-Pro",
        "http://127.0.0.1:30000",
        timeout=5400,
        other_args=[
            "--trust-remote-code",
            "--tp",
            "8",
            "--disable-radix-cache",
            "--attention-backend",
            "dsv4",
            "--max-running-requests",
            "256",
            "--page-size",
            "256",
            "--mem-fraction-static",
            "0.90",
            "--swa-full-tokens-ratio",
            "0.1",
            "--chunked-prefill-size",
            "8192",
            "--disable-shared-experts-fusion",
            "--tool-call-parser",
            "deepseekv4",
            "--reasoning-parser",
            "deepseek-v4",
        ],
        env=env,
    )
