import os

from dsv4_env import load_profile

profile = load_profile("flash-fp8")


def test_other():
    env = {**profile.launch_env(os.environ), "SGLANG_USE_AITER": "0"}
    args = [*profile.server_args, "--tp", "4"]
    popen_launch_server("m", DEFAULT_URL_FOR_TEST, timeout=1, other_args=args, env=env)
