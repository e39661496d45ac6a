"""Before a launch: is what it needs there? Each check has a name, by which it can be skipped."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.catalogue import Catalogue, load, nearest
from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.effects import platform_of
from dsv4_env.lint import lint
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ReadError
from dsv4_env.model.finding import Severity
from dsv4_env.plan.evaluate import shown_at
from dsv4_env.plan.given import PARSER
from dsv4_env.plan.planning import Effect, plan
from dsv4_env.plan.platforms import EACH
from dsv4_env.profile import Profile
from dsv4_env.readers import process

CHECKS = ("sglang", "release", "port", "model", "lint", "plan")
_OF_PLAN = ("DSV122", "DSV123")
_LOST: tuple[Effect, ...] = ("overwritten", "no-effect")
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*t?")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(?:@[\w./-]+)?")
# The folder it runs in may hold a json.py, which is no part of Python; a package of SGLang that
# lies there counts, as a server would find it.
_ASK = """\
import sys
path = sys.path[:]
sys.path[:] = [x for x in path if x]
import importlib.metadata as m, importlib.util as u, json, os.path as p
sys.path[:] = path
try:
    v = m.version("sglang")
except m.PackageNotFoundError:
    v = None
s = u.find_spec("sglang")
f = s.submodule_search_locations or () if s else ()
print(json.dumps([v, any(p.isfile(p.join(x, "launch_server.py")) for x in f)]))
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """The SGLang that an interpreter finds: its release (None: it doesn't say) and its launcher.

    *problem* says why the interpreter couldn't be asked.
    """

    release: str | None = None
    launcher: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedLaunch:
    """A server that is about to start: *config* is what it gets, *words* its command line."""

    profile: Profile
    config: LaunchConfig
    words: Sequence[str]
    environ: Mapping[str, str]
    model: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What would keep a launch from working, and the check that found it.

    One that isn't *serious* may be none: it is only said.
    """

    check: str
    message: str
    serious: bool = True


def installed(python: str, environ: Mapping[str, str]) -> Installed:
    """Ask an interpreter for its SGLang, without importing that."""
    try:
        done = subprocess.run(  # noqa: S603
            [python, "-c", _ASK], env=environ, capture_output=True, text=True, check=False,
            timeout=60, stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Installed(problem=f"{python} doesn't answer")
    except OSError as exc:
        return Installed(problem=f"{python}: {(exc.strerror or str(exc)).lower()}")
    try:
        release, launcher = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Installed(problem=f"{python} can't be asked: {said}")
    return Installed(release, launcher)


def obstacles(launch: PlannedLaunch, skip: Collection[str], fallback: Catalogue) -> list[Obstacle]:
    """What stands in the way of a launch, in the order of the checks.

    *fallback* is the catalogue that counts where the SGLang that is installed doesn't tell.
    """
    found: list[Obstacle] = []
    catalogue = None
    if not {"sglang", "release", "lint", "plan"} <= set(skip):
        there = installed(launch.words[0], launch.environ)
        found += _sglang(there, launch.words[0])
        if there.release is not None:
            obstacle, catalogue = _release(launch, there.release)
            found += obstacle
        elif there.launcher:
            message = "the SGLang that is there doesn't say which release it is"
            found.append(Obstacle("release", message))
    catalogue = catalogue or fallback
    found += _port(launch, catalogue) if "port" not in skip else []
    found += _model(launch.model) if "model" not in skip else []
    found += _lint(launch, catalogue) if "lint" not in skip else []
    found += _plan(launch, catalogue) if "plan" not in skip else []
    return [o for o in found if o.check not in skip]


def unstarted(launch: PlannedLaunch, skip: Collection[str], fallback: Catalogue) -> list[Obstacle]:
    """What stands in the way of a launch as it's written, wherever it will be started."""
    found = _lint(launch, fallback) if "lint" not in skip else []
    return found + (_plan(launch, fallback) if "plan" not in skip else [])


def of_command(launch: PlannedLaunch, fallback: Catalogue) -> list[Obstacle]:
    """What SGLang itself makes of a server that a command starts, as its Python has it.

    *fallback* is the catalogue that counts where that isn't known.
    """
    python = launch.config.command[0] if launch.config.command else None
    catalogue = None
    if isinstance(python, str) and _PYTHON.fullmatch(python):
        release = installed(python, launch.environ).release
        catalogue = _release(launch, release)[1] if release is not None else None
    return _plan(launch, catalogue or fallback, parsed=False)


def _sglang(there: Installed, python: str) -> list[Obstacle]:
    if there.problem:
        return [Obstacle("sglang", there.problem)]
    if there.launcher:
        return []
    what = "has no module sglang.launch_server" if there.release else "has no SGLang installed"
    return [Obstacle("sglang", f"{python} {what} (another Python: --python)")]


def _release(launch: PlannedLaunch, release: str) -> tuple[list[Obstacle], Catalogue | None]:
    """What is wrong with a release, and its catalogue where there is one."""
    from packaging.specifiers import SpecifierSet  # only a launch needs it, not a TAB
    from packaging.version import InvalidVersion, Version

    found: list[Obstacle] = []
    range_ = launch.profile.sglang_range
    try:
        outside = range_ and not SpecifierSet(range_).contains(Version(release), prereleases=True)
    except InvalidVersion:
        return [Obstacle("release", f"{release!r} is no release of SGLang")], None
    if outside:
        message = f"SGLang {release} is installed; {launch.profile.name} is for {range_}"
        found.append(Obstacle("release", message))
    try:
        known, note = nearest(release)
    except ReadError as exc:
        return [*found, Obstacle("release", f"{exc.found}; nearest is {exc.hint}")], None
    if note and not outside:
        found.append(Obstacle("release", note, serious=False))
    return found, load(known)


def address(config: LaunchConfig, catalogue: Catalogue) -> tuple[str, str]:
    """Where a server will listen: host and port, as its arguments or their defaults say."""
    found = []
    for flag, usual in (("--host", "127.0.0.1"), ("--port", "30000")):
        given = [a.values[-1] for a in config.args or () if a.flag == flag and a.values]
        match = catalogue.argument(flag)
        default = match.argument.default if match and match.argument else None
        found.append(str(given[-1]) if given else default or usual)
    return found[0], found[1]


def _port(launch: PlannedLaunch, catalogue: Catalogue) -> list[Obstacle]:
    host, port = address(launch.config, catalogue)
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        return [Obstacle("port", f"{port} is no port")]
    problem = _unusable(host, int(port))
    return [Obstacle("port", problem)] if problem else []


def _unusable(host: str, port: int) -> str | None:
    """Why a server can't listen there; None where it can."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return f"the host {host} isn't known here"
    for family, kind, protocol, _, place in places:
        try:
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "posix":  # as the server does, so that an ended one is no obstacle
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                return f"port {port} of {host} is taken{_holder(port)}"
            if exc.errno == errno.EADDRNOTAVAIL:
                return f"this machine doesn't have the address {host}"
            if exc.errno == errno.EACCES:
                return f"port {port} may not be used by this user"
    return None


def _holder(port: int) -> str:
    try:
        return " by " + ", ".join(c.name for c in process.read(port=port)) + ", an SGLang server"
    except ReadError as exc:
        match = re.fullmatch(r"(process \d+) is (`.*`)", exc.found)
        return f" by {match[1]}, {match[2]}" if match else ""


def _model(model: str) -> list[Obstacle]:
    path = Path(model)
    try:
        empty = path.is_dir() and not any(path.iterdir())
        there = path.exists()
    except OSError as exc:
        return [Obstacle("model", f"{model}: {(exc.strerror or str(exc)).lower()}")]
    if empty:
        return [Obstacle("model", f"the folder {model} is empty")]
    if there or _HUB_NAME.fullmatch(model) or "://" in model:
        return []
    what = "no such folder or file, and no org/name of the hub"
    return [Obstacle("model", f"{model}: {what} (another model: --model)")]


def _lint(launch: PlannedLaunch, catalogue: Catalogue) -> list[Obstacle]:
    own = launch.profile.sglang_range
    said = lint(launch.config, catalogue, range_=own, ignore=_OF_PLAN)
    return [
        Obstacle("lint", f"{f.text} [{f.rule.id}]") for f in said if f.severity is Severity.ERROR
    ]


def _plan(launch: PlannedLaunch, catalogue: Catalogue, *, parsed: bool = True) -> list[Obstacle]:
    """What SGLang's own work makes of a launch; what its parser refuses, lint has told if *parsed*.

    Without a platform in the profile, what holds on one of each kind. Nothing where it isn't
    known what the release makes of launches.
    """
    if steps_of(catalogue) is None:
        return []
    on = platform_of(launch.profile.hardware)
    model = launch.profile.default_model_path
    places = EACH if on is None else (on,)
    made = [plan(launch.config, catalogue, p, model=model, redundant=False) for p in places]
    where = " and ".join(p.name for p in places)
    found: list[Obstacle] = []
    if all(p.refused for p in made):
        refused = dict.fromkeys(r for p in made for r in p.refused)
        for refusal in (r for r in refused if not parsed or r.at != PARSER):
            at = shown_at(refusal.at)
            message = f"{catalogue.name} refuses it on {where}: {refusal.message} ({at})"
            found.append(Obstacle("plan", message))
        return found
    lost = [{s.name for e in _LOST for s in p.having(e)} for p in made]
    if names := set.intersection(*lost):
        what = "1 setting has" if len(names) == 1 else f"{len(names)} settings have"
        ask = f"dsv4-env plan {launch.profile.name} --sglang {catalogue.release}"
        message = f"{what} no or another effect on {where}; `{ask}` shows them"
        found.append(Obstacle("plan", message, serious=False))
    return found


def of_process(config: LaunchConfig) -> Installed:
    """The SGLang that a running server's interpreter has, as far as it may be asked.

    Only a program of the same user is run again, and only where the same files are seen: nobody
    may make another's doctor run something.
    """
    folder = Path(config.location.path).parent if config.location else Path()
    python = str(config.command[0])
    try:
        mine = Path("/proc/self/ns/mnt").readlink() == (folder / "ns" / "mnt").readlink()
        if folder.stat().st_uid != os.geteuid() or not mine:
            return Installed(problem="it is another user's, or in a container")
        if "/" in python:
            python = str((folder / "cwd").readlink() / python)
    except OSError as exc:
        return Installed(problem=f"it can't be seen: {(exc.strerror or str(exc)).lower()}")
    if not _PYTHON.fullmatch(python):
        return Installed(problem=f"{python} is no Python")
    environ = {e.name: e.value for e in config.effective_env.values() if isinstance(e.value, str)}
    return installed(python, environ)
