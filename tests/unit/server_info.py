"""A stand-in for a server that answers as SGLang's ``/server_info`` does, and for hostile ones."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dsv4_env.catalogue import load
from dsv4_env.plan.evaluate import Open
from dsv4_env.plan.planning import resolved
from dsv4_env.plan.platforms import platform
from dsv4_env.profile import load_profile
from dsv4_env.readers import served

# What SGLang itself gives for pro-fp4; of other launches and releases, what a plan says.
RECORDED = json.loads(
    (Path(__file__).parents[1] / "data" / "server_info-0.5.23.json").read_text("utf-8")
)
# What only a run decides, where it's a plan that says.
DECIDED = {
    "random_seed": 831271563,
    "served_model_name": "deepseek-ai/DeepSeek-V4-Pro",
    "tokenizer_path": "deepseek-ai/DeepSeek-V4-Pro",
    "model_path": "deepseek-ai/DeepSeek-V4-Pro",
    "load_format": "auto",
    "quantization": "fp8",
    "cuda_graph_config": {"decode": {"backend": "full", "bs": [1, 2, 4, 8]}},
}


def answer(
    profile: str = "pro-fp4", release: str = "0.5.23", on: str = "mi355x", **changed: Any
) -> dict[str, Any]:
    """The answer of a server that was launched from a profile, with some fields *changed*.

    The shape is that of http_server.py: the record, the command line, the scheduler's own, the
    internal states of each rank, and the version.
    """
    found, catalogue = load_profile(profile), load(release)
    if (profile, release, on) == ("pro-fp4", RECORDED["release"], "mi355x"):
        record = dict(RECORDED["fields"])
    else:
        became = resolved(found.config, catalogue, platform(on), model=found.default_model_path)
        record = {
            name: DECIDED.get(name) if isinstance(value, Open) else value
            for name, value in became.fields.items()
            if name in {a.dest for a in catalogue.arguments.values()}
        }
    for field, parsed in served._FIELDS.items():
        if parsed in record:
            record[field] = record.pop(parsed)
    said: dict[str, Any] = {**record, "host": "0.0.0.0", "port": 30000}
    if release >= "0.5.20":
        words = [str(w) for w in found.config.argv]
        said["launch_command"] = " ".join(["--model-path", str(said["model_path"]), *words])
    said |= {"status": "ready", "max_total_num_tokens": 1048576, "max_req_input_len": 163834}
    said["kv_events"] = None
    said["internal_states"] = [{"last_gen_throughput": 0.0, "memory_usage": {"weight": 93.2}}]
    said["version"] = release
    if release >= "0.5.20":
        said["frontend"] = "python"
    return said | changed


Handler = http.server.BaseHTTPRequestHandler
Route = Callable[[Handler], None]


def json_route(said: object, status: int = 200) -> Route:
    """A route that answers with JSON."""
    return bytes_route(json.dumps(said).encode(), status)


def bytes_route(data: bytes, status: int = 200, **headers: str) -> Route:
    """A route that answers with bytes."""

    def route(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(data)

    return route


class StandIn(http.server.ThreadingHTTPServer):
    """The server: *url*, and what each request asked for, with its headers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        stand_in = self

        class Answering(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stand_in.asked.append((self.path, dict(self.headers)))
                routes.get(self.path, bytes_route(b'{"detail":"Not Found"}', 404))(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def serving(routes: Mapping[str, Route] | object) -> Iterator[StandIn]:
    """A server with such routes, or that answers ``/server_info`` with this."""
    mapped = isinstance(routes, dict) and all(str(k).startswith("/") for k in routes)
    server = StandIn(routes if mapped else {"/server_info": json_route(routes)})  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
