import os

COMMON = {"A": "1", "B": "2"}
LATER = dict(COMMON, C="3", **{"D": "4"})
BOTH = COMMON | {"B": "5"}
ALL = {**LATER, **BOTH, "E": "6"}


class TestServer(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = os.environ.copy()
        env.update(ALL, F="7")
        env.update({f"G{i}": str(i) for i in range(2)})
        env["H"] = env["A"] + "!"
        env.setdefault("A", "9")
        env.setdefault("I", "9")
        del env["C"]
        env.pop("D", None)
        env["NUMBER"] = 1
        popen_launch_server("m", "u", 600, env=env)

    def test_it(self):
        pass
