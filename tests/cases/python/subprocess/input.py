import os
import subprocess
import sys

COMMAND = [sys.executable, "-m", "sglang.launch_server", "--model-path", "m"]
os.environ["OUTSIDE"] = "1"


class TestServer(CustomTestCase):
    def test_list(self):
        subprocess.Popen(COMMAND + ["--port", str(30000)], env={"A": "1"})

    def test_inherits(self):
        subprocess.run(["sglang", "serve", "--model-path=m", 8])

    def test_env(self):
        subprocess.run(["env", "B=2", *COMMAND], env=os.environ)

    def test_other(self):
        subprocess.run(["rocm-smi", "--showmeminfo"])

    def test_text(self):
        subprocess.run("C=3 python3 -m sglang.launch_server --model-path m", shell=True)

    def test_shell(self):
        subprocess.run("python3 -m sglang.launch_server --model-path $M | tee log", shell=True)
