import os
from config import EXTRA, flags


class TestServer(CustomTestCase):
    def test_spread(self):
        env = {"A": "1", **EXTRA, "B": "2"}
        popen_launch_server("m", "u", 600, other_args=["--tp", "8", *flags()], env=env)

    def test_whole(self):
        popen_launch_server(pick(), "u", 600, other_args=flags(), env=make_env())

    def test_changed(self):
        env = {"A": "1"}
        args = ["--a"]
        configure(env, args)
        popen_launch_server("m", "u", 600, other_args=args, env=env)

    def test_keywords(self):
        popen_launch_server("m", "u", 600, other_args=["--a"], **EXTRA)

    def test_name(self):
        popen_launch_server("m", "u", 600, env={"A": "1", pick(): "2"})
