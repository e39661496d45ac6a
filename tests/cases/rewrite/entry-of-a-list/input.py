from sglang.test.accuracy_test_runner import ModelLaunchSettings

MODELS = [
    ModelLaunchSettings(
        "deepseek-ai/DeepSeek-V4-Flash",
        extra_args=["--trust-remote-code", "--tp", "8", "--page-size", "256"],
        env={"SGLANG_USE_AITER": "1", "SGLANG_DSV4_FP4_EXPERTS": "true"},
    ),
]
