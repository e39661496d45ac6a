import os


class TestServer(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = os.environ.copy()
        os.environ["LATE"] = "1"
        popen_launch_server("m", "u", 600, env=env)

    def test_it(self):
        pass
