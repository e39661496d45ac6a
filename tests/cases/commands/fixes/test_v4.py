class TestV4(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        popen_launch_server(
            "sgl-project/DeepSeek-V4-Flash",
            URL,
            timeout=60,
            other_args=["--tp", "4", "--trust-remote-code"],
        )
