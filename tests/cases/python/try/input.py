try:
    import aiter

    HAS_AITER = "1"
except ImportError:
    HAS_AITER = "0"


class TestServer(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = {"SGLANG_USE_AITER": HAS_AITER}
        try:
            cls.process = popen_launch_server("m", "u", 600, env=env)
        except Exception:
            cls.tearDownClass()
            raise
        finally:
            print("done")

    def test_it(self):
        pass
