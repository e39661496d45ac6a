import os

from dsv4_env import load_profile

profile = load_profile("flash-fp4")


class TestMine(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server(
            profile.model_path(os.environ),
            DEFAULT_URL_FOR_TEST,
            timeout=profile.launch_timeout_seconds,
            other_args=profile.server_args,
            env=profile.launch_env(os.environ),
        )
