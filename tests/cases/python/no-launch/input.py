import unittest


class Base(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        popen_launch_server(cls.model, "u", 600)


class TestNothing(unittest.TestCase):
    def test_it(self):
        self.assertEqual(popen_launch_servers(), None)
