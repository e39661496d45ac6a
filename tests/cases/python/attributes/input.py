class TestServer(CustomTestCase):
    args = ["--class"]

    def setUp(self):
        self.args = self.args + ["--object"]
        self.env = {"A": "1"}

    def build(self):
        self.env["B"] = "2"
        return self.args

    @property
    def model(self):
        return "m"

    @staticmethod
    def url():
        return "u"

    def test_it(self):
        args = self.build()
        popen_launch_server(self.model, self.url(), 600, other_args=args, env=self.env)
