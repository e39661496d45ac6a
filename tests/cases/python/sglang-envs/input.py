import os
from contextlib import ExitStack

from sglang.srt import environ
from sglang.srt.environ import envs as fields, envs

envs.AT_ONCE.set("x")


class TestA(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        envs.A.set(True)
        fields.B.set(value=4)
        environ.envs.C.set(None)
        envs.D.set(os.environ.get("FROM", "y"))
        envs.AT_ONCE.clear()
        cls.process = popen_launch_server("m", "u", 600, other_args=[])

    def test_blocks(self):
        with envs.A.override(False), envs.E.override(value="1,2"):
            popen_launch_server("n", "u", 600, other_args=[])
        popen_launch_server("o", "u", 600, other_args=[])


@envs.F.override(0.5)
def test_decorated():
    with ExitStack() as stack:
        stack.enter_context(envs.G.override(7))
        popen_launch_server("p", "u", 600, other_args=[])


def test_called():
    options.envs.set("A", "1")
    popen_launch_server("q", "u", 600, other_args=[])
