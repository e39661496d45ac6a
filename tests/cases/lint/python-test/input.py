# sglang: 0.5.18
COMMON_ENV_VARS = {
    "SGLANG_DEFAULT_THINKING": "1",
    "SGLANG_OPT_USE_FUSED_COMPRESS": "true",
    "AITER_BF16_FP8_MOE_BOUND": "0",
    "HF_TOKEN": "hf_abcdefgh",
}
FP4_ENV_VARS = {**COMMON_ENV_VARS, "SGLANG_DEFAULT_THINKING": "0", "SGLANG_USE_AITERS": "1"}


class TestV4(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        other_args = ["--tp", "8", "--max-running-request", "256", "--attention-backend", "dsv5"]
        env = os.environ.copy()
        env.update(FP4_ENV_VARS)
        cls.process = popen_launch_server(
            MODEL, URL, timeout=3600, other_args=other_args, env=env
        )
