from sglang.test.test_utils import popen_launch_server


def make(args):
    class T:
        def test_x(self):
            popen_launch_server("m", "u", 10, other_args=args)

    return T


for n in ("A", "B"):
    globals()[f"Test{n}"] = make(["--tp", n])
