import os

COMMON = {"A": "1"}
if is_hip():
    COMMON["B"] = "hip"
else:
    COMMON["B"] = "cuda"
FAST = False


class TestServer(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        args = ["--tp", "8" if is_hip() else "4"]
        if FAST:
            args.append("--never")
        if os.environ.get("MTP", "0") == "1" and not FAST:
            args += ["--mtp"]
            if is_hip():
                COMMON["A"] = "2"
        popen_launch_server("m", "u", 600, other_args=args, env=COMMON)
        if is_in_ci():
            print("launched")

    def test_it(self):
        pass
