"""Engines and routers that Python starts, against Python itself, with an SGLang that only records.

What an engine is given is told as fields; the reader's words are put back into fields here by
their spelling alone, ``--tp-size 8`` as ``tp_size = "8"``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.model import LaunchConfig
from dsv4_env.readers import READERS

CASES = Path(__file__).parent.parent / "cases" / "python"

STUB = """
import dataclasses, json, multiprocessing, os, subprocess, sys, types, unittest
told = []
def fields(given):
    told.append({k: v for k, v in given.items() if v is not None and v is not False})
@dataclasses.dataclass
class ServerArgs:
    model_path: object = None
    tp_size: object = None
    port: object = None
    log_level: object = None
    mem_fraction_static: object = None
    trust_remote_code: object = None
    disable_radix_cache: object = None
def prepare_server_args(words):
    return ServerArgs(**{f[2:].replace("-", "_"): v for f, v in zip(words[::2], words[1::2])})
class Engine:
    def __init__(self, server_args=None, **given):
        fields(vars(server_args) if server_args is not None else given)
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def generate(self): return None
class Process:
    def __init__(self, target, args): self.start = lambda: target(*args)
def started(words, shell=False, **_):
    told.append(words.split() if shell else [str(w) for w in words])
def launcher(model, base_url, timeout=None, api_key=None, other_args=(), env=None):
    told.append(["--model-path", model, *map(str, other_args)])
made = {
    "sglang": {"Engine": Engine},
    "sglang.srt": {}, "sglang.test": {}, "sglang.srt.entrypoints": {},
    "sglang.srt.entrypoints.http_server": {"launch_server": Engine},
    "sglang.srt.server_args": {
        "ServerArgs": ServerArgs, "prepare_server_args": prepare_server_args,
    },
    "sglang.test.test_utils": {
        "popen_launch_pd_server": launcher, "popen_with_error_check": started,
        "CustomTestCase": unittest.TestCase, "DEFAULT_URL_FOR_TEST": "u",
    },
}
for name, held in made.items():
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(held)
subprocess.Popen = subprocess.run = started
multiprocessing.Process = Process
path, *functions = sys.argv[1:]
module = types.ModuleType("test_file")
module.free_port = lambda: 1
module.settings = dict
exec(compile(open(path).read(), path, "exec"), module.__dict__)
found = {}
for name in functions:
    told.clear()
    owner, _, method = name.rpartition(".")
    getattr(getattr(module, owner), method)() if owner else getattr(module, name)()
    found[name] = list(told)
print(json.dumps(found))
"""


def ran(path: Path, names: list[str]) -> dict[str, list[Any]]:
    words = [sys.executable, "-c", STUB, str(path), *names]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, list[Any]] = json.loads(done.stdout)
    return found


def given_fields(config: LaunchConfig) -> dict[str, Any]:
    """The fields that a launch's words set, the last one of each."""
    found: dict[str, Any] = {}
    for arg in config.args or ():
        assert arg.flag is not None
        found[arg.flag.removeprefix("--").replace("-", "_")] = list(map(str, arg.values)) or [True]
    return found


def as_words(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [str(v) for v in value]
    return [value if value is True else str(value)]


def read(name: str) -> dict[str, list[LaunchConfig]]:
    """The launches of a case by what makes them, in its order."""
    path = CASES / name / "input.py"
    found: dict[str, list[LaunchConfig]] = {}
    for config in READERS["python"](path.read_bytes(), str(path)):
        found.setdefault((config.symbol or "").partition("[")[0], []).append(config)
    return found


# What takes a word back, what words make as a dict, and what a function isn't seen to be given.
UNSURE = ("test_words_taken_back", "test_of_words_as_a_dict", "test_of_what_is_not_known")


def test_engines() -> None:
    told = read("arguments")
    true = ran(CASES / "arguments" / "input.py", sorted(told))
    assert len(told) == 12
    for symbol, configs in told.items():
        assert len(configs) == len(true[symbol]), symbol
        for config, fields in zip(configs, true[symbol], strict=True):
            if config.unknowns:
                assert symbol in UNSURE
                continue
            assert given_fields(config) == {k: as_words(v) for k, v in fields.items()}, symbol


@pytest.mark.parametrize("symbol", ["TestFlash.setUpClass", "test_other_routers"])
def test_disaggregated_sets(symbol: str) -> None:
    configs = read("disaggregated")[symbol]
    true = ran(CASES / "disaggregated" / "input.py", [symbol])[symbol]
    launched = [w for w in true if w != ["which", "smg"]]
    routers = [w for w in launched if any("launch_router" in x or x == "smg" for x in w)]
    servers = [w for w in launched if w not in routers]
    assert [c.router for c in configs] == [False] * len(servers) + [True] * len(routers)
    for config, words in zip(configs, servers + routers, strict=True):
        if config.unknowns:
            assert config.argv or config.command
            continue
        said = [str(w) for w in (*config.command, *config.argv)]
        if config.command and not isinstance(config.command[0], str):
            said, words = said[1:], words[1:]  # Python's own path
        # Dynamo's and the router's own words stand beside the command
        assert sorted(said) == sorted(words)
        assert all(a in pairwise(words) for a in pairwise(map(str, config.argv)))
