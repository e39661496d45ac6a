import dataclasses
import multiprocessing
from dataclasses import asdict

import sglang as sgl
from sglang.srt.entrypoints.http_server import launch_server
from sglang.srt.server_args import ServerArgs, prepare_server_args

COMMON = dict(tp_size=8, mem_fraction_static=0.9)


def test_spread():
    sgl.Engine(model_path="a", **COMMON)


def test_changed():
    args = ServerArgs(model_path="b", tp_size=4)
    args.tp_size = 2
    args.disable_radix_cache = True
    launch_server(args)


def test_taken_back():
    args = ServerArgs(model_path="c", disable_radix_cache=True)
    args.disable_radix_cache = False
    launch_server(args)


def test_of_words():
    args = prepare_server_args(["--model-path", "d"])
    args.port = 1
    launch_server(server_args=args)


def test_words_taken_back():
    args = prepare_server_args(["--disable-radix-cache", "True"])
    args.disable_radix_cache = False
    args.unheard_of = 3
    launch_server(args)


def test_as_a_dict():
    args = ServerArgs(model_path="e", trust_remote_code=True)
    args.log_level = "error"
    sgl.Engine(**asdict(args))
    sgl.Engine(**vars(args), dtype="auto")


def test_replaced():
    args = ServerArgs(model_path="f", tp_size=1)
    launch_server(dataclasses.replace(args, tp_size=3))
    launch_server(args)


def test_of_words_as_a_dict():
    sgl.Engine(**asdict(prepare_server_args(["--model-path", "g"])))


def never_called():
    args = (ServerArgs(model_path="h"),)
    process = multiprocessing.Process(target=launch_server, args=args)
    process.start()


def test_updated():
    kwargs = {"model_path": "i"}
    kwargs.update(tp_size=7, cuda_graph_bs=[1, 2])
    with sgl.Engine(**kwargs) as engine:
        engine.generate()


class Service:
    def __init__(self, **kwargs):
        self.engine = sgl.Engine(**kwargs)


@dataclasses.dataclass
class Settings:
    model_path: str = "j"
    tp_size: int = 4


def test_of_what_is_not_known():
    Service(**settings())
    made = Settings(**settings())
    sgl.Engine(model_path=made.model_path, tp_size=made.tp_size)


def serve(**kwargs):
    sgl.Engine(**kwargs)


def test_served():
    serve(model_path="k")
