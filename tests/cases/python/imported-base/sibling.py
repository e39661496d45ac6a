ENV = {"A": "1"}


def flags(*words):
    return [str(word) for word in words]


class ServerBase(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        popen_launch_server("m", "u", 600, other_args=[*cls.other_args, "--base"], env=cls.env)
