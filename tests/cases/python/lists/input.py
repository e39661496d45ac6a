import shlex

BASE = ["--a", "1"]


class TestServer(CustomTestCase):
    def test_it(self):
        args = BASE + ["--b"]
        args += ("--c", "3")
        args.extend(["--d"])
        args.append("--e")
        args.insert(0, "--first")
        args = [*args[:-1], *"--f 4".split(), *shlex.split("--g '5 6'")]
        args += ["--h"] * 2
        args += [w.upper() for w in ("x", "y") if w != "x"]
        copy = args.copy()
        copy.append("--never")
        popen_launch_server("m", "u", 600, other_args=list(args))
