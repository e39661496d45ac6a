import os
from os import environ

MODEL = os.environ.get("MODEL_PATH", "deepseek-ai/DeepSeek-V4-Flash")
BACKEND = os.getenv("BACKEND", "triton")
TP = int(os.environ.get("TP", "8"))
os.environ["EARLY"] = "1"


class TestServer(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        environ["LATE"] = "2"
        popen_launch_server(
            MODEL,
            "u",
            600,
            other_args=["--tp", str(TP), f"--backend={BACKEND}", os.environ.get("NO_DEFAULT")],
            env={**os.environ, "MUST": os.environ["MUST"], "OR": os.environ.get("OR") or "else"},
        )

    def test_it(self):
        pass
