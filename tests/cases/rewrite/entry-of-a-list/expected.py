from pathlib import Path

from dsv4_env import load_profile

from sglang.test.accuracy_test_runner import ModelLaunchSettings

PROFILE = load_profile("mine", Path(__file__).resolve().parent / "launch")
MODELS = [
    ModelLaunchSettings(
        "deepseek-ai/DeepSeek-V4-Flash",
        extra_args=PROFILE.server_args,
        env=PROFILE.env,
    ),
]
