class TestServer(CustomTestCase):
    def test_tp(self):
        for tp, dp in [(8, 1), (4, 2)]:
            args = ["--tp", str(tp)]
            if dp > 1:
                args += ["--dp", str(dp)]
            popen_launch_server("m", "u", 600, other_args=args)

    def test_unknown(self):
        for model in list_models():
            popen_launch_server(model, "u", 600, other_args=["--x"])
