import os


def arguments(tp, *flags, graph=True):
    args = ["--tp", str(tp), *flags]
    if not graph:
        args.append("--disable-cuda-graph")
    return args


def launch(model, args, env=None, **more):
    merged = dict(os.environ)
    merged.update(env or {"DEFAULT": "1"})
    return popen_launch_server(model, "u", timeout=600, other_args=args, env=merged, **more)


class TestServer(CustomTestCase):
    def test_one(self):
        launch("one", arguments(8, "--x", graph=False))

    def test_two(self):
        launch("two", arguments(tp=4), {"A": "1"}, api_key="secret")
