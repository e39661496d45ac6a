"""popen_launch_server("never", "u", 600)"""
# popen_launch_server("never", "u", 600)
ENV = {
    "é": "ü", "A": "1",  # columns count characters
    # "B": "2",
}


class TestServer(CustomTestCase):
    def test_it(self):
        popen_launch_server("m", "u", 600, other_args=["--é", "--b"], env=ENV)
