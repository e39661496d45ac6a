"""Readers: each takes text (or an environment) and gives LaunchConfigs; none runs anything."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from dsv4_env.model import LaunchConfig, Origin, Unknown, Value
from dsv4_env.model.errors import ReadError, did_you_mean, shortened
from dsv4_env.model.secrets import Code, meet


@dataclass(slots=True, eq=False, repr=False)
class Reader:
    """A kind of file: its name, what it is, and the module that has ``read_all`` for it."""

    name: str
    summary: str
    module: str

    def __call__(self, data: str | bytes, path: str, **options: Any) -> list[LaunchConfig]:
        """Every launch of a file; *options* are those of the module's ``read_all``."""
        function: Callable[..., list[LaunchConfig]] = importlib.import_module(self.module).read_all
        meet(_text(data, code=self.name == "python"))
        found = [passable(readable(config)) for config in function(data, path, **options)]
        for config in found:
            meet(config)
        return found


def _text(data: str | bytes, *, code: bool) -> object:
    if not code:
        return data
    return Code(data if isinstance(data, str) else data.decode(errors="surrogateescape"))


def readable(config: LaunchConfig) -> LaunchConfig:
    """The launch with notes of a length that is read, whatever of the file they quote."""
    notes = tuple(
        n if len(n.message) < 1000 else replace(n, message=shortened(n.message))
        for n in config.notes
    )
    return config if notes == config.notes else replace(config, notes=notes)


# What Linux gives to a process at most (execve(2)): MAX_ARG_STRLEN of one string, with the byte
# that ends it, and three quarters of _STK_LIM of all strings.
MAX_STRING = 32 * 4096 - 1
MAX_STRINGS = 6 * 1024 * 1024
_TOO_LONG = "longer than the 128 KiB that a process can be given"
_TOO_MUCH = "more than the 6 MiB that a process can be given"


def passable(config: LaunchConfig) -> LaunchConfig:
    """The launch with values unknown that no process can be given, as they are too long.

    Such a launch doesn't start; and nobody wants to read megabytes of a value.
    """
    values = [*(e.value for e in config.env), *config.argv]
    if sum(len(v if isinstance(v, str) else v.text) for v in values) <= MAX_STRING:
        return config
    total = 0

    def bounded(value: Value) -> Value:
        nonlocal total
        text = value if isinstance(value, str) else value.text
        total += len(text)
        if len(text) <= MAX_STRING and total <= MAX_STRINGS:
            return value
        why = _TOO_LONG if len(text) > MAX_STRING else _TOO_MUCH
        names, where = ((), None) if isinstance(value, str) else (value.names, value.location)
        return Unknown(shortened(text, 100), why, names, location=where)

    def origin(setter: Origin) -> Origin:
        if setter.value is None or len(setter.value) <= MAX_STRING:
            return setter
        return replace(setter, value=shortened(setter.value, 100))

    env = tuple(replace(e, value=bounded(e.value), origin=origin(e.origin)) for e in config.env)
    args = config.args and tuple(
        replace(a, values=tuple(map(bounded, a.values)), origin=origin(a.origin))
        for a in config.args
    )
    return replace(config, env=env, args=args)


READERS: dict[str, Reader] = {
    name: Reader(name, summary, f"dsv4_env.readers.{name}")
    for name, summary in (
        ("bash", "bash launch scripts"),
        ("python", "Python test files and launchers"),
        ("workflow", "the run blocks of GitHub workflows"),
        ("compose", "the services of Docker Compose files"),
        ("kubernetes", "the containers of Kubernetes manifests"),
        ("dockerfile", "the environment and command of Dockerfiles"),
        ("dotenv", "files of variables: .env, --env-file, EnvironmentFile"),
    )
}


def label(config: LaunchConfig, path: str) -> str:
    """What a launch is called within its file: ``TestV4.setUpClass``, ``job t``, or nothing."""
    return config.symbol or config.name.removeprefix(path).strip()


def choose(
    launches: list[LaunchConfig],
    path: str,
    *,
    launch: int | None = None,
    line: int | None = None,
    symbol: str | None = None,
) -> LaunchConfig:
    """The launch that a number (from 1), a line or a symbol names; the only one without any.

    A symbol may be a shell pattern. Raises ReadError where there is no such launch, or several.
    """
    if symbol is not None and launches:
        labels = [label(c, path) for c in launches]
        named = [c for c, n in zip(launches, labels, strict=True) if n == symbol]
        named = named or [
            c for c, n in zip(launches, labels, strict=True) if fnmatchcase(n, symbol)
        ]
        if not named:
            raise ReadError(
                f"no launch is called {symbol}",
                where=path,
                expected=_one_of(list(dict.fromkeys(filter(None, labels))) or ["no name at all"]),
                hint=did_you_mean(symbol, labels),
            )
        launches = named
    if not launches:
        raise ReadError(
            "no launch of SGLang found",
            where=path,
            expected="python3 -m sglang.launch_server … or sglang serve …",
        )
    places = [f"{path}#{i} (line {_line(c)})" for i, c in enumerate(launches, 1)]
    if launch is not None:
        if not 1 <= launch <= len(launches):
            raise ReadError(f"there is no launch #{launch}", where=path, expected=_one_of(places))
        return launches[launch - 1]
    if line is not None:
        for config in launches:
            if config.end_line and _line(config) <= line <= config.end_line:
                return config
        raise ReadError(f"no launch at line {line}", where=path, expected=_one_of(places))
    if len(launches) > 1:
        raise ReadError(f"{len(launches)} launches", where=path, expected=_one_of(places))
    return launches[0]


def _line(config: LaunchConfig) -> int:
    return config.location.line or 0 if config.location else 0


_SHOWN = 40  # places in one message


def _one_of(places: list[str]) -> str:
    if len(places) == 1:
        return places[0]
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    return "one of " + ", ".join(places[:_SHOWN]) + more
