MODEL = "deepseek-ai/DeepSeek-V4-Pro"
TP: int = 8
PORT = 30_000
FLAGS, (LEVEL, RATIO) = ["--trust-remote-code"], ("debug", 0.90)


class TestServer(CustomTestCase):
    model = MODEL
    tp = TP

    @classmethod
    def setUpClass(cls):
        port: str = str(PORT)
        cls.process = popen_launch_server(
            cls.model,
            "http://127.0.0.1:" + port,
            timeout=600,
            other_args=[
                "--tp",
                str(TestServer.tp),
                "--dp",
                cls.tp // 2,
                *FLAGS,
                f"--log-level={LEVEL}",
                "--mem-fraction-static",
                RATIO,
                "--port",
                "%s" % port,
                "--name",
                "{}-{x}".format("a", x="b"),
                "--not-text",
                True,
                None,
            ],
        )

    def test_it(self):
        pass
