"""What an operand names: a file of any kind with its launches, or running servers."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.cli.common import Inputs, tell
from dsv4_env.guard.files import read_stream
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ProfileError, ReadError, UsageError
from dsv4_env.profile import Profile, layer_files, load_profile

RUNNING = re.compile(r"(pid|port|process):(.+)")
_PART = re.compile(r"(.+?)(?:#(\d+)|::(.+)|:(\d+))", re.DOTALL)
_ENV_FILE = re.compile(r"\.env(?:\.[^/]+)?$")  # also one that sets nothing of SGLang's
HELP = (
    "PATH, PATH#2 for the second launch in it, PATH:34 for the one at line 34, PATH::NAME for "
    "the one of that name (TestV4.setUpClass, job t), - for a script on standard input, pid:N, "
    "port:N or process:TEXT for a running server"
)


@dataclass(slots=True, eq=False, repr=False)
class Operand:
    """A file (``-``: standard input), and which of its launches is meant."""

    path: str
    launch: int | None = None
    line: int | None = None
    symbol: str | None = None

    @property
    def name(self) -> str:
        """What reports call the file."""
        return "<stdin>" if self.path == "-" else self.path

    @property
    def chosen(self) -> bool:
        """Whether it names a launch."""
        return (self.launch, self.line, self.symbol) != (None, None, None)


@dataclass(slots=True, eq=False, repr=False)
class Opened:
    """A launch with the file that it was read from, and that file's text."""

    config: LaunchConfig
    path: Path | None = None
    text: str = ""


def split(text: str) -> Operand:
    """An operand as its file and its launch; a file of that very name comes first."""
    if text != "-" and not os.path.lexists(text):
        match = _PART.fullmatch(text)
        if match and (match[1] == "-" or Path(match[1]).exists()):
            path, launch, symbol, line = match.groups()
            return Operand(
                path, int(launch) if launch else None, int(line) if line else None, symbol
            )
    return Operand(text)


def file_launches(operand: Operand, inputs: Inputs) -> tuple[str, str, list[LaunchConfig]]:
    """(name of the reader, text, every launch) of a file of any kind that dsv4-env reads.

    A file that looks like nothing else is a bash script. Raises ReadError.
    """
    from dsv4_env.drift import sources
    from dsv4_env.readers.detect import detect

    if operand.path == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed", expected="a script on standard input")
        data, reader = read_stream(sys.stdin.buffer, "<stdin>"), "bash"
    else:
        data = sources.named(operand.path)
        reader = detect(str(Path(operand.path).absolute()), data) or ""
        if not reader and Path(operand.path).suffix.lower() in (".yml", ".yaml"):
            raise ReadError(
                "it has nothing to do with SGLang, as far as can be seen",
                where=operand.path,
                expected="a GitHub workflow, a Compose file or a Kubernetes manifest",
            )
        reader = reader or ("dotenv" if _ENV_FILE.search(operand.path) else "")
    reading = sources.Reading(
        reader or "bash", None, inputs.variables, inputs.args, inputs.closed, inputs.root
    )
    if inputs.variables and not {"inputs", "environ"} & reading.options(reader or "bash").keys():
        tell(f"dsv4-env: note: {operand.name}: --set and --env-file don't reach it")
    launches = sources.read(data, operand.name, reading)
    return reader or "bash", data.decode("utf-8", "surrogateescape"), launches


def launches_of(text: str, inputs: Inputs) -> list[LaunchConfig]:
    """The launches that an operand names: every one of a file, or the one that it chooses."""
    from dsv4_env.readers import choose

    if match := RUNNING.fullmatch(text):
        return running(match[1], match[2])
    operand = split(text)
    _, _, launches = file_launches(operand, inputs)
    if launches and not operand.chosen:
        return launches
    return [
        choose(
            launches,
            operand.path,
            launch=operand.launch,
            line=operand.line,
            symbol=operand.symbol,
        )
    ]


def open_launch(text: str, inputs: Inputs) -> Opened:
    """The one launch that an operand names. Raises ReadError where there is none or several."""
    from dsv4_env.drift.sources import titles
    from dsv4_env.readers import choose

    if match := RUNNING.fullmatch(text):
        return Opened(_one_running(text, running(match[1], match[2])))
    operand = split(text)
    _, source, launches = file_launches(operand, inputs)
    config = choose(
        launches, operand.path, launch=operand.launch, line=operand.line, symbol=operand.symbol
    )
    title = titles(launches, operand.name)[launches.index(config)]
    path = None if operand.path == "-" else Path(operand.path)
    return Opened(replace(config, name=title), path, source)


def open_launches(text: str, inputs: Inputs) -> list[Opened]:
    """Every launch that an operand names: all of a file or a port, or the one that it chooses."""
    from dsv4_env.drift.sources import titles

    if match := RUNNING.fullmatch(text):
        return [Opened(c) for c in running(match[1], match[2])]
    operand = split(text)
    if operand.chosen:
        return [open_launch(text, inputs)]
    _, source, launches = file_launches(operand, inputs)
    path = None if operand.path == "-" else Path(operand.path)
    named = zip(titles(launches, operand.name), launches, strict=True)
    found = [Opened(replace(config, name=title), path, source) for title, config in named]
    return found or [open_launch(text, inputs)]  # which says that there is none


def running(kind: str, text: str) -> list[LaunchConfig]:
    """The running servers that ``pid:N``, ``port:N`` or ``process:TEXT`` means."""
    from dsv4_env.readers import process

    if kind == "process":
        return process.read(name=text)
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"{kind}:{text}", expected=f"{kind}:NUMBER")
    return process.read(pid=int(text)) if kind == "pid" else process.read(port=int(text))


def _one_running(text: str, found: list[LaunchConfig]) -> LaunchConfig:
    if len(found) == 1:
        return found[0]
    names = ", ".join(c.name.replace("process ", "pid:") for c in found)
    raise ReadError(
        f"{len(found)} servers" if found else "no server is running",
        where=text,
        expected=f"one of {names}" if found else "a running server",
    )


def current(names: Collection[str]) -> LaunchConfig:
    """The current environment: *names*, and the variables of SGLang and its kin."""
    from dsv4_env.readers import environment

    return environment.read(os.environ, names)


def relevant(config: LaunchConfig, names: Collection[str]) -> LaunchConfig:
    """A process's launch with the variables that are compared: *names*, and SGLang's and kin.

    The rest of an environment (``HOME``, ``LS_COLORS``) says nothing about a launch.
    """
    from dsv4_env.readers.environment import PREFIXES

    if config.reader != "process":
        return config
    env = tuple(e for e in config.env if e.name in names or e.name.startswith(PREFIXES))
    return replace(config, env=env)


def is_source(text: str) -> bool:
    """Whether an operand names a file or a running server rather than a profile."""
    path = split(text).path
    return bool(
        RUNNING.fullmatch(text) or "/" in path or "." in path or path == "-" or Path(path).is_file()
    )


def named_profile(text: str, folder: Path | None) -> Profile | None:
    """The profile that an operand names, or that a file NAME.toml is; None for a script."""
    path = Path(text)
    if text in layer_files(folder):
        if path.is_file():
            tell(f"dsv4-env: note: {text} is the profile; ./{text} is the file")
    else:
        if path.suffix == ".toml" and path.is_file():
            return load_profile(path.stem, path.parent)
        if is_source(text):
            return None
    return load_profile(text, folder)


def operand(text: str, folder: Path | None, inputs: Inputs) -> tuple[LaunchConfig, str | None]:
    """What an operand of ``diff`` names (a profile, its file, another file, a running server).

    With it the range of releases that a profile is meant for. A word with a slash or a dot, or
    that a file has for its name, is a file.
    """
    try:
        profile = named_profile(text, folder)
    except ProfileError as exc:
        if exc.where is None:  # no profile has this name
            exc.expected = f"{exc.expected}, a file or env:"
        raise
    if profile is None:
        return open_launch(text, inputs).config, None
    from dsv4_env.compare.normalise import with_model

    return with_model(profile), profile.sglang_range
