class TestServer(CustomTestCase):
    @classmethod
    def env(cls):
        if is_hip():
            return {"A": "hip"}
        return {"A": "other", "B": "2"}

    @classmethod
    def setUpClass(cls):
        popen_launch_server("m", "u", 600, env=cls.env())

    def test_it(self):
        pass
