import asyncio
import os
import sys

import sglang as sgl
from sglang import Engine
from sglang.srt.entrypoints.http_server import launch_server
from sglang.srt.server_args import ServerArgs, prepare_server_args
from sglang.test.doc_patch import launch_server_cmd
from sglang.utils import execute_shell_command

os.environ["A"] = "1"
llm = sgl.Engine(model_path="m", tp_size=8)

server, port = launch_server_cmd(
    """
python3 -m sglang.launch_server --model-path n --tp 4
"""
)


def test_within():
    engine = Engine(server_args=prepare_server_args(["--model-path", "o", "--tp", "2"]))
    engine.shutdown()


def test_unknown():
    launch_server(ServerArgs(model_path="p"))


def test_formatted():
    execute_shell_command(f"python3 -m sglang.launch_server --model-path {MODEL} --tp 4")


def test_replaced():
    words = ["python3", "-m", "sglang.launch_server", "--tp", "1"]
    if fresh():
        os.execvpe("python3", words, {"B": "2"})
    os.execlp("sglang", "sglang", "serve", "--tp", "1")


async def test_shell():
    await asyncio.create_subprocess_shell("python3 -m sglang.launch_server --tp 6")


if __name__ == "__main__":
    launch_server(prepare_server_args(["--model-path", "q", "--tp", "8"] + sys.argv[1:]))


class TestOwn(CustomTestCase):
    def launch_server(self, words):
        return popen_launch_server("r", "u", 600, other_args=words)

    def start(self, words):
        self.launch_server(words)

    def test_own(self):
        self.start(["--tp", "7"])


def test_fields(tp):
    Engine(model_path="s", tp_size=tp, disable_radix_cache=True, trust_remote_code=False)
    sgl.Engine(cuda_graph_bs=[1, 2], page_size=None, no_field=1, mem_fraction_static=0.9, **tp)


def left_over(words):
    sgl.Engine(model_path=words)
