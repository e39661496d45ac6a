"""Run by an interpreter that has SGLang: its own resolution of arguments, without a GPU.

Reads ``{"facts": {…}, "card": {…}, "launches": [{"model": folder, "env": {…}, "args": […]}, …]}``
on standard input and writes one ``{"release", "error", "at", "env", "set_at", "args",
"declared_at"}`` for each launch: the error that SGLang stops with, the environment and the
arguments in the end, and the line that changed each. The platform is overridden through SGLang's
own ``override_platform``; releases before 0.5.23 have none: there, what they ask PyTorch of the
card is answered, and they resolve while they parse. Native modules that are missing are stood in
for. Several launches get a fork of the process each. Imports nothing of dsv4-env, so that any
interpreter can run it.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import os
import sys
import traceback
import types
from typing import Any
from unittest.mock import MagicMock

# What SGLang imports and its resolution never runs: kernels, servers, codecs.
STOOD_IN = frozenset(
    "sgl_kernel flashinfer cutlass deep_gemm torchao compressed_tensors outlines gguf decord "
    "sentencepiece tiktoken aiter flash_attn torchvision kernels cuda nvtx quack einops llguidance "
    "partial_json_parser openai_harmony anthropic prometheus_client uvicorn uvloop fastapi "
    "setproctitle soundfile torchaudio blobfile interegular modelscope hf_transfer pynvml "
    "torch_memory_saver nvidia_cutlass_dsl mistral_common scipy av torchcodec timm grpc "
    "smg_grpc_proto smg_grpc_servicer py_spy datasets ninja watchfiles".split()
)


class _AnyClass(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=name)


class _StandIn(types.ModuleType):
    """A module that has whatever is asked of it, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value: Any = MagicMock(name=name)
        if name[:1].isupper():
            value = _AnyClass(name, (), {"__module__": self.__name__, "__init__": _nothing})
        setattr(self, name, value)
        return value


def _nothing(*_: object, **__: object) -> None:
    return None


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stand-ins for the modules that aren't there."""

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.split(".", 1)[0] in self.missing:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def __init__(self) -> None:
        self.missing = {n for n in STOOD_IN if importlib.util.find_spec(n) is None}

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = _StandIn(spec.name)
        module.__dict__.update(__version__="9.9.9", __path__=[], __file__="<stands in>")
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing: there is nothing in it."""


def _ask_transformers() -> None:
    """Have transformers look for what it may use, and remember: it can't do with stand-ins."""
    with contextlib.suppress(ImportError):
        from transformers.utils import import_utils

        for name in dir(import_utils):
            if name.startswith("is_") and name.endswith("_available"):
                with contextlib.suppress(Exception):
                    getattr(import_utils, name)()


def _line(frame: types.FrameType | None, *beside: str) -> str | None:
    """The file and line of SGLang's that a frame comes from, some files left out."""
    while frame is not None:
        path = frame.f_code.co_filename.replace("\\", "/")
        if "/sglang/" in path and not path.endswith(beside):
            return f"sglang/{path.rpartition('/sglang/')[2]}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _stand_in_for(card: dict[str, Any]) -> None:
    """Have PyTorch say that such a card is there, before SGLang asks."""
    import torch

    torch.version.hip = card.get("hip")
    torch.version.cuda = card.get("cuda")
    properties = types.SimpleNamespace(
        name=card["name"],
        gcnArchName=card["arch"],
        total_memory=card["memory"],
        major=card["major"],
        minor=card["minor"],
        multi_processor_count=128,
        warp_size=64 if card.get("hip") else 32,
    )
    told: dict[str, Any] = {
        "get_device_properties": properties,
        "get_device_capability": (card["major"], card["minor"]),
        "get_device_name": card["name"],
        "get_arch_list": [card["arch"]],
        "device_count": 8,
        "is_available": True,
        "current_device": 0,
        "mem_get_info": (card["memory"], card["memory"]),
    }
    for name, value in told.items():
        setattr(torch.cuda, name, lambda *_, __value=value, **__: __value)


def prepare(facts: dict[str, Any], card: dict[str, Any]) -> tuple[str, Any]:
    """Have SGLang take the machine for another: its release, and what parses words to a record."""
    with contextlib.suppress(ImportError):
        import tvm_ffi  # noqa: F401  # before stand-ins that it would take for the real thing
    finder = _Finder()
    everything, finder.missing = finder.missing, finder.missing & {"torchvision"}
    sys.meta_path.append(finder)
    _ask_transformers()
    finder.missing = everything
    _stand_in_for(card)
    from sglang.srt.utils import common
    from sglang.version import __version__

    common.get_device_memory_capacity = lambda *_: card["memory"] / 2**20  # asks a program
    with contextlib.suppress(ImportError, AttributeError):
        from sglang.srt import runtime_context

        known = {*runtime_context._PLATFORM_PROBES, *runtime_context._PLATFORM_VALUES}
        answers = {k: v for k, v in facts.items() if k in known}
        runtime_context.override_platform(**answers).install()
    from sglang.srt.server_args import prepare_server_args

    return __version__, prepare_server_args


def resolve(asked: dict[str, Any], release: str, prepare_server_args: Any) -> dict[str, Any]:
    """What SGLang makes of a launch."""
    os.environ.update(asked["env"])
    answer: dict[str, Any] = {"release": release, "error": None, "at": None}
    declared_at = _watch_declarations()
    set_at: dict[str, str] = {}
    plain = os._Environ.__setitem__

    def told(self: Any, name: str, value: str) -> None:
        at = _line(sys._getframe(1), "environ.py", "os.py")
        if at is not None:
            set_at[name] = at
        plain(self, name, value)

    os._Environ.__setitem__ = told  # type: ignore[method-assign, assignment]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            words = ["--model-path", asked["model"], "--device", "cuda", *asked["args"]]
            record = prepare_server_args(words)  # before 0.5.23, it's resolved by then
            if hasattr(record, "resolve_once"):
                record.resolve_once()
        resolved = getattr(record, "resolved_dict", lambda: dict(vars(record)))()
        answer["args"] = {k: _told(v) for k, v in resolved.items() if not k.startswith("_")}
    except SystemExit:
        lines = said.getvalue().strip().splitlines() or ["it ends"]
        answer |= {"error": lines[-1].rpartition(" error: ")[2], "at": "argparse"}
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        path = last.filename.replace("\\", "/")
        at = f"sglang/{path.rpartition('/sglang/')[2]}:{last.lineno}" if "/sglang/" in path else ""
        answer |= {"error": str(error) or type(error).__name__, "at": at}
    finally:
        os._Environ.__setitem__ = plain  # type: ignore[method-assign]
    env = {n: v for n, v in os.environ.items() if n in set_at or n in asked["env"]}
    return answer | {"env": env, "set_at": set_at, "declared_at": declared_at}


def _watch_declarations() -> dict[str, str]:
    """Have each change of a field say where it stands; the table of that, by field."""
    found: dict[str, str] = {}
    with contextlib.suppress(ImportError, AttributeError):
        from sglang.srt.arg_groups import overrides

        plain = overrides.declare_resolution

        def told(server_args: Any, source: str, **fields: Any) -> None:
            at = _line(sys._getframe(1), "/overrides.py")
            if at is not None:
                found.update(dict.fromkeys(fields, at))
            plain(server_args, source, **fields)

        for module in list(sys.modules.values()):
            if getattr(module, "declare_resolution", None) is plain:
                module.declare_resolution = told  # type: ignore[attr-defined]
        return found
    from sglang.srt.server_args import ServerArgs

    set_plainly = ServerArgs.__setattr__

    def assigned(self: Any, name: str, value: Any) -> None:
        frame = sys._getframe(1)
        if frame.f_code.co_name != "__init__":  # as it's given
            at = _line(frame)
            if at is not None:
                found[name] = at
        set_plainly(self, name, value)

    ServerArgs.__setattr__ = assigned
    return found


def _told(value: Any) -> Any:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
    return value


def answers_to(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """What SGLang makes of each launch."""
    launches = asked["launches"]
    if len(launches) == 1:  # what is imported may read it, too
        os.environ.update(launches[0]["env"])
    release, parse = prepare(asked["facts"], asked["card"])
    if len(launches) == 1:
        return [resolve(launches[0], release, parse)]
    for name in _forked(launches[0], release, parse)["imported"]:  # not again in each fork
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return [_forked(launch, release, parse) for launch in launches]


def _forked(launch: dict[str, Any], release: str, parse: Any) -> dict[str, Any]:
    """The answer of a process of its own: nothing of one launch is left for the next."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            before = set(sys.modules)
            answer = resolve(launch, release, parse)
            answer["imported"] = [n for n in sys.modules if n not in before]
            with os.fdopen(theirs, "w") as out:
                json.dump(answer, out, default=str)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as into:
        text = into.read()
    os.waitpid(pid, 0)
    found: dict[str, Any] = json.loads(text) if text else {"error": "it ends", "at": "unsupported"}
    return found


if __name__ == "__main__":
    answer_to = json.load(sys.stdin)
    real_out, sys.stdout = sys.stdout, sys.stderr
    json.dump(answers_to(answer_to), real_out, default=str)
