import os
import unittest

from sglang.test.test_utils import popen_launch_server

ENV = {
    "SGLANG_DEFAULT_THINKING": "1",
    "SGLANG_DSV4_REASONING_EFFORT": "max",
    "SGLANG_OPT_DEEPGEMM_HC_PRENORM": "0",
    # dsv4-env: allow SGLANG_USE_AITER reason="slower here, sglang #1" until=2026-12-31
    "SGLANG_USE_AITER": "0",
    "SGLANG_OPT_USE_FUSED_COMPRESS": "true",
    "SGLANG_OPT_USE_FUSED_COMPRESS_TRITON": "true",
    "SGLANG_HACK_FLASHMLA_BACKEND": "tilelang",  # dsv4-env: allow SGLANG_HACK_FLASHMLA_BACKEND
    "SGLANG_OPT_FP8_WO_A_GEMM": "0",
    "SGLANG_OPT_USE_JIT_INDEXER_METADATA": "0",
    "SGLANG_OPT_USE_TOPK_V2": "0",
    "SGLANG_OPT_USE_AITER_INDEXER": "true",
    "SGLANG_OPT_USE_TILELANG_INDEXER": "0",
    "SGLANG_OPT_USE_TILELANG_MHC_PRE": "0",
    "SGLANG_OPT_USE_TILELANG_MHC_POST": "0",
    "SGLANG_FP8_PAGED_MQA_LOGITS_TORCH": "1",
    "SGLANG_OPT_USE_MULTI_STREAM_OVERLAP": "0",
    "AITER_BF16_FP8_MOE_BOUND": "0",
    "SGLANG_DSV4_FP4_EXPERTS": "true",
}  # dsv4-env: allow HIP_VISIBLE_DEVICES reason="not set any more"


class TestFlash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(
            "deepseek-ai/DeepSeek-V4-Flash",
            "http://127.0.0.1:30000",
            timeout=3600,
            other_args=[
                "--trust-remote-code",
                "--tp",
                "8",
                "--disable-radix-cache",
                "--attention-backend",
                "compressed",
                "--max-running-requests",
                "128",
                "--page-size",
                "256",
                "--mem-fraction-static",
                "0.9",
                "--chunked-prefill-size",
                "8192",
                "--disable-shared-experts-fusion",
                "--tool-call-parser",
                "deepseekv4",
                "--reasoning-parser",
                "deepseek-v4",
                "--log-level",
                "debug",
            ],
            env={**os.environ, **ENV},
        )
