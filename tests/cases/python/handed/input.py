import asyncio
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing import Process


def launch(model, args=(), env=None):
    return popen_launch_server(model, "u", 600, other_args=[*args, "--x"], env=env)


def test_thread():
    thread = threading.Thread(target=launch, args=("thread", ["--tp", "2"]), daemon=True)
    thread.start()


def test_process():
    env = {"A": "1"}
    Process(None, launch, "name", ("process",), {"env": env}).start()


def test_context():
    context = multiprocessing.get_context("spawn")
    context.Process(target=popen_launch_server, args=("context", "u", 600)).start()


def test_pool():
    with ThreadPoolExecutor() as pool:
        pool.submit(launch, "submit", args=["--tp", "3"])
        pool.map(launch, ["map-1", "map-2"], [["--one"], ["--two"]])
        pool.submit(lambda: launch("lambda"))


class TestServers(CustomTestCase):
    def start(self, model, unknown=None):
        self.process = launch(model, args=[unknown])

    def test_method(self):
        threading.Timer(3, self.start, args=["method"]).start()

    def test_nested(self):
        def inner():
            launch("nested")

        retry(inner, times=3)


async def test_async(loop):
    await asyncio.to_thread(launch, "to_thread")
    await loop.run_in_executor(None, partial(launch, "partial"))


def test_unknown():
    threading.Thread(target=launch, args=arguments()).start()
    threading.Thread(target=launch, kwargs={"model": "kwargs", **more()}).start()
    configure(launch)


class Server(threading.Thread):
    def run(self):
        launch("run", args=self.words)
