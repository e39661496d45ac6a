"""Launches that an operand names: those of a file of any kind, or of running servers."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.cli.names import RUNNING, Operand, named_profile, split_operand
from dsv4_env.cli.options import Inputs
from dsv4_env.cli.output import tell
from dsv4_env.cli.settings import settings
from dsv4_env.cli.wanted import wanted
from dsv4_env.compare.normalise import WHOLE, with_model
from dsv4_env.drift.files import expand_globs
from dsv4_env.guard.files import check_narrow, read_named, read_stream
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ProfileError, ReadError, UsageError
from dsv4_env.readers import (
    EXPECTED,
    READERS,
    HowRead,
    candidates,
    detect,
    detect_document,
    environment,
    foreign,
    is_related,
    meant,
    only,
    process,
    read,
    titles,
)

_MAGIC = re.compile(r"[*?\[]")
_ENV_FILE = re.compile(r"\.env(?:\.[^/]+)?$")  # also one that sets nothing of SGLang's
HELP = (
    "PATH, PATH#2 for the second launch in it, PATH:34 for the one at line 34, PATH::NAME for "
    "the one of that name (TestV4.setUpClass, job t), - for standard input (a script, or what "
    "`kubectl get pods -o json` or `docker inspect` prints), pid:N, port:N or process:TEXT for a "
    "running server, url:http://HOST:PORT for one by what it says of itself"
)


# Arguments of a server, as a file of any kind may spell them.
_FLAGS = re.compile(
    rb"\b(?:tensor[-_]parallel|disaggregation[-_]mode|mem[-_]fraction[-_]static|cuda[-_]graph[-_]"
    rb"|chunked[-_]prefill|served[-_]model[-_]name|moe[-_]runner|attention[-_]backend)"
)


@dataclass(slots=True, eq=False, repr=False)
class OpenedLaunch:
    """A launch with the file that it was read from, and that file's text."""

    config: LaunchConfig
    path: Path | None = None
    text: str = ""


def file_launches(
    operand: Operand, inputs: Inputs, *, routers: bool = False
) -> tuple[str, str, list[LaunchConfig]]:
    """(name of the reader, text, every launch) of a file of any kind that dsv4-env reads.

    A file that looks like nothing else is a bash script. Without *routers* it is those of servers
    alone. Raises ReadError.
    """
    if operand.path == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed", expected="a script on standard input")
        data = read_stream(sys.stdin.buffer, "<stdin>")
        check_narrow(data, "<stdin>", "a file")
        reader = _by_bytes(operand, data)
    else:
        data = read_named(operand.path, expected=EXPECTED)
        check_narrow(data, operand.path, "a file")
        reader = detect(str(Path(operand.path).absolute()), data) or ""
        if not reader and (kinds := [k.summary or k.one for k in candidates(operand.path)]):
            nothing = "it has nothing to do with SGLang, as far as can be seen"
            raise ReadError(
                "of no kind that is read" if is_related(data) or _FLAGS.search(data) else nothing,
                where=operand.path,
                expected=f"{', '.join(kinds[:-1])} or {kinds[-1]}",
            )
        reader = reader or _by_bytes(operand, data)
        if not reader and (what := foreign(operand.path, data)):
            raise ReadError(f"{what}, which isn't read", where=operand.path, expected=EXPECTED)
        reader = reader or ("dotenv" if _ENV_FILE.search(operand.path) else "")
    reading = HowRead(
        reader or "bash",
        None,
        inputs.variables,
        inputs.args,
        inputs.closed,
        inputs.root,
        profiles=settings().profiles,
        sglang=wanted().sglang,
        routers=routers,
    )
    if inputs.variables and "inputs" not in READERS[reader or "bash"].takes:
        tell(f"dsv4-env: note: {operand.name}: --set and --env-file don't reach it")
    launches = read(data, operand.name, reading)
    return reader or "bash", data.decode("utf-8", "surrogateescape"), launches


def _by_bytes(operand: Operand, data: bytes) -> str:
    """The reader for a text whose name tells nothing, empty where its bytes don't either."""
    try:
        return detect_document(data) or ""
    except ReadError as exc:
        exc.where = operand.name
        raise


def chosen_launch(operand: Operand, launches: list[LaunchConfig]) -> LaunchConfig:
    """The launch that an operand means. Raises ReadError where there is none, or several."""
    return only(meant_launches(operand, launches), operand.path, operand.name)


def meant_launches(operand: Operand, launches: list[LaunchConfig]) -> list[LaunchConfig]:
    """All launches that an operand means. Raises ReadError where there is none."""
    return meant(
        launches,
        operand.path,
        launch=operand.launch,
        line=operand.line,
        symbol=operand.symbol,
        name=operand.name,
    )


def launches_of(text: str, inputs: Inputs) -> list[LaunchConfig]:
    """The launches that an operand names: every one of a file, or the one that it chooses.

    Routers are among them.
    """
    if (found := running_launches(text, inputs)) is not None:
        return found
    operand = split_operand(text)
    _, _, launches = file_launches(operand, inputs, routers=True)
    return launches if launches and not operand.chosen else [chosen_launch(operand, launches)]


def open_launch(text: str, inputs: Inputs, *, routers: bool = False) -> OpenedLaunch:
    """The one launch that an operand names, with *routers* it may be one.

    Raises ReadError where there is none or several.
    """
    if (running := running_launches(text, inputs)) is not None:
        return OpenedLaunch(_one_running(text, running))
    (found,) = _opened(text, inputs, one=True, routers=routers)
    return found


def expanded(texts: Sequence[str]) -> list[str]:
    """The operands, where patterns in quotes stand for the files that they name.

    A shell can't expand ``--against *.sh``: it makes one option and further words of it. Raises
    ReadError where no file fits.
    """
    found: list[str] = []
    for text in texts:
        named = RUNNING.fullmatch(text) or "://" in text or split_operand(text).chosen
        if not _MAGIC.search(text) or named or os.path.lexists(text):
            found.append(text)
        else:
            files = expand_globs(Path.cwd(), [text])
            if not files:
                raise ReadError(
                    "no file fits this pattern", where=text, expected="files that are there"
                )
            found += [str(p) if Path(text).is_absolute() else os.path.relpath(p) for p in files]
    return found


def open_launches(text: str, inputs: Inputs) -> list[OpenedLaunch]:
    """Every launch that an operand names: all of a file or a port, or the one that it chooses."""
    if (running := running_launches(text, inputs)) is not None:
        return list(map(OpenedLaunch, running))
    return _opened(text, inputs)


def _opened(
    text: str, inputs: Inputs, *, one: bool = False, routers: bool = False
) -> list[OpenedLaunch]:
    operand = split_operand(text)
    _, source, launches = file_launches(operand, inputs, routers=routers)
    path = None if operand.path == "-" else Path(operand.path)
    several = launches and not (one or operand.chosen)
    wanted = launches if several else [chosen_launch(operand, launches)]
    return [
        OpenedLaunch(replace(config, name=title), path, source)
        for title, config in zip(titles(launches, operand.name), launches, strict=True)
        if any(config is c for c in wanted)
    ]


def running_launches(text: str, inputs: Inputs) -> list[LaunchConfig] | None:
    """The running servers that an operand names; None where it names a file. Raises UsageError."""
    if match := RUNNING.fullmatch(text):
        return running(match[1], match[2], inputs.headers)
    if re.match(r"https?://", text):
        raise UsageError(f"{text} is no file", expected="a file", hint=f"url:{text}")
    return None


def running(kind: str, text: str, headers: Mapping[str, str]) -> list[LaunchConfig]:
    """The running servers that ``pid:N``, ``port:N``, ``process:TEXT`` or ``url:…`` means."""
    if not text:
        whole = {"url": "url:http://HOST:PORT", "process": "process:TEXT"}
        raise UsageError(f"{kind}: names no server", expected=whole.get(kind, f"{kind}:NUMBER"))
    if kind == "url":
        from dsv4_env.readers import served  # http.client and ssl: 40 ms, for those who ask

        return [served.read(text, headers)]
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


def current_environment(names: Collection[str]) -> LaunchConfig:
    """The current environment: *names*, and the variables of SGLang and its kin."""
    return environment.read(os.environ, names)


def relevant(config: LaunchConfig, names: Collection[str]) -> LaunchConfig:
    """A process's launch with the variables that are compared: *names*, and SGLang's and kin.

    The rest of an environment (``HOME``, ``LS_COLORS``) says nothing about a launch; a container's
    has what its image sets, too.
    """
    if config.reader not in WHOLE:
        return config
    env = tuple(e for e in config.env if e.name in names or e.name.startswith(environment.PREFIXES))
    return replace(config, env=env)


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
        return open_launch(text, inputs, routers=True).config, None

    return with_model(profile), profile.sglang_range
