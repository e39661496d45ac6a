import unittest


@unittest.skipIf(not torch.cuda.is_available(), "needs a GPU")
class TestServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if get_device_count() < 8:
            raise unittest.SkipTest("needs 8 GPUs")
        popen_launch_server("m", "u", 600)

    def test_it(self):
        pass


class TestSkipped(unittest.TestCase):
    @unittest.skip("broken")
    def test_it(self):
        popen_launch_server("n", "u", 600)
