import subprocess as sp, threading
from functools import partial
from cfg import ARGS
from sglang.test.test_utils import popen_launch_server as go, popen_launch_server
import sglang.test.test_utils as tu

start = partial(popen_launch_server, "m1", "u", timeout=1, env={"P": "1"})
other = popen_launch_server
run = sp.Popen

def test_partial():
    start(other_args=["--tp", "1"])

def test_alias():
    go("m2", "u", 1, other_args=["--tp", "2"])

def test_alias2():
    other("m3", "u", 1, other_args=["--tp", "3"])

def test_alias3():
    tu.popen_launch_server("m4", "u", 1, other_args=["--tp", "4"])

def test_alias4():
    run(["python3", "-m", "sglang.launch_server", "--tp", "5"])

def test_thread():
    threading.Thread(target=partial(start, other_args=["--tp", "6"])).start()

def test_cmd_list_join():
    cmd = ["python3", "-m", "sglang.launch_server"] + ARGS
    sp.run(" ".join(cmd), shell=True)

def test_bash():
    sp.run(["bash", "-c", "A=1 python3 -m sglang.launch_server --tp 9"])

class Test(CustomTestCase):
    launcher = staticmethod(popen_launch_server)
    def test_x(self):
        self.launcher("m5", "u", 1, other_args=["--tp", "7"])
    def test_dict(self):
        ways = {"a": popen_launch_server}
        ways["a"]("m6", "u", 1, other_args=["--tp", "8"])
    def test_loop(self):
        for f in (popen_launch_server,):
            f("m7", "u", 1, other_args=["--tp", "9"])
    def test_getattr(self):
        getattr(tu, "popen_launch_server")("m8", "u", 1, other_args=["--tp", "10"])


def test_shell_sets():
    sp.run("export A=1; python3 -m sglang.launch_server --tp 11", shell=True)


def test_shell_before():
    sp.run(f"{PREFIX} python3 -m sglang.launch_server --tp 12", shell=True)


def test_shell_after():
    sp.run(f"python3 -m sglang.launch_server {WORDS}", shell=True)
