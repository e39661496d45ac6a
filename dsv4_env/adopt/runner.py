"""The program that runs ``setUpClass`` of both versions of a test, with stand-ins for SGLang.

It is started by :mod:`dsv4_env.adopt.execution` with another interpreter, and imports nothing of
the package but what a rewritten test does. Standard input is a JSON object: ``path``, ``versions``
(texts), ``environs`` (what each run's environment has besides), ``folders`` (where profiles lie
for now), ``seconds`` for each run. The answer goes to the file that is its one argument.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import inspect
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import types
import unittest
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

MISSING = 3  # the exit code where there is no dsv4_env
_MEMORY = 8 << 30  # bytes of address space: what a test imports besides takes most of it
_MOST = 200_000  # characters of what one run tells
# Modules that are never imported, even where they are installed: they have stand-ins, take long,
# or would ask a server that isn't there.
_STOOD_IN = frozenset(
    "sglang sglang_router sgl_kernel torch transformers triton aiter vllm requests httpx aiohttp "
    "openai urllib3 datasets".split()
)
_PARAMETERS = ("model", "base_url", "timeout", "api_key", "other_args", "env")


class Made:
    """What stands in for a value of a module that isn't there."""

    shown = "made"

    def __init__(self, *args: Any, **keywords: Any) -> None:
        return

    def __init_subclass__(cls, **keywords: Any) -> None:
        return

    def __call__(self, *args: Any, **keywords: Any) -> Made:
        """Give the same again."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return named(f"{self.shown}.{name}")

    def __getitem__(self, key: Any) -> Made:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __str__(self) -> str:
        return f"<{self.shown}>"

    __repr__ = __str__
    __enter__ = __add__ = __radd__ = __or__ = __call__

    def __exit__(self, *args: object) -> None:
        return

    def __lt__(self, other: Any) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __bool__(self) -> bool:
        return True

    def __int__(self) -> int:
        return 1

    __index__ = __int__


def named(name: str) -> Made:
    """A stand-in that is told by a name."""
    made = Made()
    made.__dict__["shown"] = name
    return made


class Module(types.ModuleType):
    """What stands in for a module that isn't there."""

    __path__: list[str] = []  # noqa: RUF012 - as a package has it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith(("popen_launch_server", "popen_launch_pd_server")):
            return _popen_launch_server
        if name in ("CustomTestCase", "TestCase"):
            return unittest.TestCase
        shown = f"{self.__name__}.{name}"
        if name.isupper():
            if "URL" in name:
                return "http://127.0.0.1:30000"
            return 600 if "TIMEOUT" in name else f"<{shown}>"
        if name[:1].isupper():
            return type(name, (Made,), {"shown": shown})
        if name.startswith(("is_in_", "is_")):
            return lambda *args, **keywords: False
        return named(shown)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds stand-ins: of *tops* alone, or of all that nothing else finds."""

    def __init__(self, tops: frozenset[str] | None) -> None:
        self.tops = tops

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A stand-in for a module."""
        top = name.partition(".")[0]
        if self.tops is not None and top not in self.tops:
            return None
        if self.tops is None and (top in sys.stdlib_module_names or top == "dsv4_env"):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The stand-in itself."""
        return Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: all that it has is made up when it is asked for."""


launches: list[dict[str, Any]] = []
given: dict[str, str] = {}  # the environment that the run began with


def _changed(env: dict[Any, Any]) -> dict[str, str | None]:
    """How an environment differs from the one that was given; None: it isn't there."""
    found: dict[str, str | None] = {
        str(k): str(v) for k, v in sorted(env.items(), key=str) if given.get(k) != v
    }
    return found | dict.fromkeys(sorted(given.keys() - env.keys()))


def _popen_launch_server(*args: Any, **keywords: Any) -> Made:
    """Record a launch as ``sglang.test.test_utils.popen_launch_server`` would make it."""
    told = dict(zip(_PARAMETERS, args, strict=False)) | keywords
    env = told.pop("env", None)
    words = told.pop("other_args", None) or ()
    launches.append(
        {
            "words": [str(word) for word in words],
            "env": _changed({**os.environ, **(env or {})}),
            **{key: str(value) for key, value in told.items() if value is not None},
        }
    )
    return named("process")


class Process(Made):
    """What stands in for a process: one that serves is recorded, and none is started."""

    shown = "process"
    returncode = 0
    stdout = stderr = ""

    def __init__(self, args: Any = (), *_: Any, env: Any = None, **__: Any) -> None:
        words = args.split() if isinstance(args, str) else [str(word) for word in args]
        text = " ".join(words)
        if "sglang.launch_server" in text or "sglang serve" in text:
            whole = dict(os.environ) if env is None else dict(env)
            launches.append({"words": words, "env": _changed(whole)})

    def __class_getitem__(cls, item: Any) -> Any:
        return cls


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _refused(*_: Any, **__: Any) -> NoReturn:
    raise ConnectionRefusedError("no network here")


def _cut_off() -> None:
    """Let nothing start a process, end one or reach another machine."""
    for name in ("Popen", "run", "call", "check_call", "check_output"):
        setattr(subprocess, name, Process)
    starting = ("exec", "spawn", "posix_spawn")
    for name in dir(os):
        if name.startswith(starting) or name in ("system", "popen", "kill", "killpg"):
            setattr(os, name, _nothing)
    socket.socket.connect = _refused  # type: ignore[method-assign]
    socket.socket.connect_ex = _refused  # type: ignore[method-assign]
    time.sleep = lambda seconds: None


def _repeatable() -> None:
    """Let what differs from run to run be the same in both versions."""
    random.seed(0)
    os.getpid = lambda: 4242


def _stop(*_: Any) -> NoReturn:
    raise TimeoutError("it takes too long")


def run(text: str, path: str, seconds: int) -> dict[str, Any]:
    """What a version of the test launches: of each class its launches, and how it ended."""
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(seconds)
    _repeatable()
    module = types.ModuleType("test_file")
    sys.modules["test_file"] = module
    module.__file__ = path
    found: dict[str, Any] = {"error": None, "classes": {}}
    try:
        exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - this is what it is for
        for name in ("setUpModule", "setup_module"):
            set_up = getattr(module, name, None)
            if inspect.isfunction(set_up):
                set_up()
    except BaseException as exc:
        found["error"] = _told(exc)
    found["classes"][""] = {"launches": launches[:], "error": found["error"]}
    classes = [c for c in vars(module).values() if isinstance(c, type)]
    for cls in dict.fromkeys(classes):
        if cls.__module__ != "test_file" or not issubclass(cls, unittest.TestCase):
            continue
        launches.clear()
        os.environ.clear()
        os.environ.update(given)
        error = None
        try:
            cls.setUpClass()
        except BaseException as exc:
            error = _told(exc)
        found["classes"][cls.__name__] = {"launches": launches[:], "error": error}
    signal.alarm(0)
    return found


def _told(exc: BaseException) -> str:
    return f"{type(exc).__name__}: {exc}"[:500]


def _forked(action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a function gives in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            text = json.dumps(action())
        except BaseException as exc:
            text = json.dumps({"error": _told(exc), "classes": {}})
        with os.fdopen(writer, "w") as file:
            file.write(text if len(text) <= _MOST else json.dumps({"error": "it tells too much"}))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"error": "it ended at once", "classes": {}}


def main() -> None:
    """Run each version in each environment, and write what they launch."""
    try:
        import dsv4_env
    except ImportError:
        os._exit(MISSING)
    asked = json.load(sys.stdin)
    load, folders = dsv4_env.load_profile, asked["folders"]
    loaded: dict[Any, Any] = {}  # before a run's process is forked: it takes longer than all else

    def load_profile(name: str, folder: Any = None, **keywords: Any) -> Any:
        """Load a profile of a folder that may lie elsewhere for now."""
        place = str(Path(folder).resolve()) if folder is not None else None
        key = (name, place, *sorted(keywords.items()))
        if key not in loaded:
            loaded[key] = load(name, folders.get(place, folder), **keywords)
        return loaded[key]

    for name in set(re.findall(r"""load_profile\(\s*["']([^"']+)""", asked["versions"]["new"])):
        for folder in (None, *folders):
            with contextlib.suppress(Exception):
                load_profile(name, folder)
    dsv4_env.load_profile = load_profile
    sys.meta_path.insert(0, Finder(_STOOD_IN))
    sys.meta_path.append(Finder(None))
    sys.path.insert(0, str(Path(asked["path"]).parent))
    _cut_off()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    before = dict(os.environ)
    answer = []
    for environ in asked["environs"]:
        given.clear()
        given.update(before | environ)
        os.environ.clear()
        os.environ.update(given)
        answer.append({
            version: _forked(lambda text=text: run(text, asked["path"], asked["seconds"]))  # type: ignore[misc]
            for version, text in asked["versions"].items()
        })  # fmt: skip
    Path(sys.argv[1]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
