"""The pytest plugin: profiles as fixtures, a server for tests, and the drift check as tests.

Nothing else of the package is imported before a test asks for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

    from _pytest.nodes import Node

    from dsv4_env.profile import Profile
    from dsv4_env.pytest.session import LaunchServer, ServerCommand, SessionProfiles
    from dsv4_env.server.process import Server

    Scope = Literal["session", "module", "class", "function"]

FIXTURE, NAME = "dsv4_profile", "dsv4_profile_name"
_MARKS = (
    "dsv4_profile(name or profile, ...): those of a test, class or module; it runs once with each",
    "dsv4_drift: the tests that --dsv4-drift adds",
)
_SCOPES: dict[type, Scope] = {
    pytest.Module: "module",
    pytest.Class: "class",
    pytest.Function: "function",
}
_SETUP_CLASS = "_unittest_setUpClass_fixture"  # what pytest calls its fixture for setUpClass


def pytest_addoption(parser: pytest.Parser) -> None:
    """Our options and settings."""
    group = parser.getgroup("dsv4-env", "DeepSeek-V4 launch profiles")
    group.addoption(
        "--dsv4-profile",
        action="append",
        default=[],
        metavar="NAME",
        help="The profile of tests that name none; several times: they run with each.",
    )
    group.addoption(
        "--dsv4-profiles",
        metavar="DIR",
        help="A folder of your own profiles. Default: the one in [tool.dsv4_env].",
    )
    group.addoption(
        "--dsv4-server-timeout",
        type=float,
        metavar="SECONDS",
        help="How long a server may take until it answers. Default: what its profile says.",
    )
    group.addoption(
        "--dsv4-drift",
        action="store_true",
        help="Add a test for every pair and file that `dsv4-env check` holds to a profile.",
    )
    parser.addini("dsv4_profile", "as --dsv4-profile, which wins", type="args", default=[])
    parser.addini("dsv4_server_timeout", "as --dsv4-server-timeout, which wins", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known, and refuse options that can't be meant."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    _timeout(config)
    if config.getoption("dsv4_profile") or config.getoption("dsv4_profiles"):
        problem = _known(config).problem(config.getoption("dsv4_profile"))
        if problem:
            raise pytest.UsageError(problem)


# Profiles


_KNOWN = pytest.StashKey["SessionProfiles"]()


def _known(config: pytest.Config) -> SessionProfiles:
    """The profiles that a session knows."""
    if _KNOWN not in config.stash:
        # Only a test that asks for a profile pays for it.
        from dsv4_env.pytest.session import SessionProfiles

        config.stash[_KNOWN] = SessionProfiles(config)
    return config.stash[_KNOWN]


def _wanted(node: pytest.Item | pytest.Collector) -> tuple[list[Any], Scope, bool]:
    """The profiles that a test or class is meant for, their scope, whether a marker says so."""
    for level in reversed(node.listchain()):
        marks = _marks(level)
        if marks:
            names = _once(n for mark in marks for n in mark.args)
            kinds = (kind for kind in _SCOPES if isinstance(level, kind))
            return names, _SCOPES[next(kinds, pytest.Module)], True
    config = node.config
    default: list[str] = config.getoption("dsv4_profile") or config.getini("dsv4_profile")
    return _once(default), "module", False


def _once(profiles: Iterable[Any]) -> list[Any]:
    """Each once, in order; a profile that a test has changed is only itself, and has no hash."""
    found = {p if isinstance(p, str) else id(p): p for p in profiles}
    return list(found.values())


def _called(profile: Any) -> str:
    """The name of a profile, which may be a profile itself."""
    return str(getattr(profile, "name", profile))


def _marks(node: Node) -> list[pytest.Mark]:
    """Our marks of a node itself; a class's own ones go before those it inherits."""
    for owner in node.obj.__mro__ if isinstance(node, pytest.Class) else ():
        own = owner.__dict__.get("pytestmark", [])
        own = [getattr(m, "mark", m) for m in (own if isinstance(own, list) else [own])]
        if found := [m for m in own if m.name == FIXTURE]:
            return found
    return [m for m in node.own_markers if m.name == FIXTURE]


def _profile(request: pytest.FixtureRequest, name: object = None) -> Profile:
    """The profile *name*; without one, as in a test of unittest, that of the marker or option."""
    names, _, _ = _wanted(request.node) if name is None else ([name], "", True)
    if len(names) != 1:
        several = f"several profiles ({', '.join(map(_called, names))})" if names else "no profile"
        pytest.fail(
            f"{several} for {request.node.nodeid}; expected @pytest.mark.dsv4_profile(NAME) "
            "or --dsv4-profile NAME",
            pytrace=False,
        )
    if problem := _known(request.config).problem(names):
        pytest.fail(problem, pytrace=False)
    return _known(request.config).profile(names[0])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once with each of its profiles."""
    if NAME not in metafunc.fixturenames:
        return
    for mark in metafunc.definition.iter_markers("parametrize"):
        given = mark.kwargs.get("argnames", mark.args[0] if mark.args else ())
        if {FIXTURE, NAME} & {
            *(given.replace(",", " ").split() if isinstance(given, str) else given)
        }:
            return
    profiles, scope, _ = _wanted(metafunc.definition)
    if profiles:
        metafunc.parametrize(
            NAME, profiles, ids=list(map(_called, profiles)), indirect=True, scope=scope
        )


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse profiles that aren't there, as any error of collection; add the drift check."""
    report = yield
    if isinstance(collector, pytest.Session):
        if collector.config.getoption("dsv4_drift"):
            from dsv4_env.pytest.drift import DriftCheck  # only --dsv4-drift pays for it

            report.result.append(DriftCheck.from_parent(collector, known=_known(collector.config)))
        return report
    problems: dict[str, None] = {}
    for item in report.result or ():
        if isinstance(item, pytest.Function) and (problem := _refused(item)):
            path, line, _ = item.location
            problems.setdefault(f"{path}:{(line or 0) + 1}: {problem}")
    if problems:
        report.outcome, report.result = "failed", []
        report.longrepr = "\n".join(problems)
    return report


def _refused(item: pytest.Function) -> str | None:
    """What is wrong with the profiles of a test; one of unittest gets its class prepared."""
    if FIXTURE not in item.fixturenames and item.get_closest_marker(FIXTURE) is None:
        return None
    unittest = sys.modules.get("unittest")
    in_case = bool(unittest and item.cls and issubclass(item.cls, unittest.TestCase))
    names, _, marked = _wanted(item)
    if any(mark.kwargs or not mark.args for mark in item.iter_markers(FIXTURE)):
        return "@pytest.mark.dsv4_profile takes names of profiles, or profiles, and nothing else"
    params = getattr(getattr(item, "callspec", None), "params", {})
    given = [params[name] for name in (FIXTURE, NAME) if isinstance(params.get(name), str)]
    if given:
        names = given
    elif not marked and not in_case:
        return None
    if in_case and len(names) > 1:
        several = ", ".join(map(_called, names))
        return (
            f"a unittest.TestCase runs with one profile, not with {several}; "
            "expected a subclass for each"
        )
    if in_case and item.parent is not None and len(_wanted(item.parent)[0]) == 1:
        at = (n for n, name in enumerate(item.fixturenames) if name.startswith(_SETUP_CLASS))
        item.fixturenames.insert(next(at, 0), "_dsv4_class")
    return _known(item.config).problem(names)


@pytest.fixture(scope="session")
def dsv4_profile_name(request: pytest.FixtureRequest) -> str | None:
    """The name of the test's profile, for fixtures of a wider scope; None in unittest's tests."""
    name: str | None = getattr(request, "param", None)
    return name


@pytest.fixture
def dsv4_profile(request: pytest.FixtureRequest, dsv4_profile_name: str | None) -> Profile:
    """The profile of the test: its marker's, its parameter's or that of --dsv4-profile."""
    return _profile(request, getattr(request, "param", dsv4_profile_name))


@contextlib.contextmanager
def _applied(patch: pytest.MonkeyPatch, env: Mapping[str, str]) -> Iterator[None]:
    """Variables set for a while; they are as before even where the patch was undone meanwhile."""
    before = {name: os.environ.get(name) for name in env}
    for name, value in env.items():
        patch.setenv(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is not None:
                os.environ[name] = old
            else:
                os.environ.pop(name, None)


@pytest.fixture
def dsv4_env(
    request: pytest.FixtureRequest, dsv4_profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The profile's variables, set in os.environ for the test; they are what was set before then.

    Of a unittest.TestCase with ``usefixtures("dsv4_env")`` they are set in setUpClass, too.
    """
    env = _profile(request, dsv4_profile).env
    with _applied(monkeypatch, env):
        yield env


@pytest.fixture
def dsv4_server_args(request: pytest.FixtureRequest, dsv4_profile: Profile) -> list[str]:
    """The profile's server arguments, as ``other_args`` holds them."""
    return _profile(request, dsv4_profile).server_args


@pytest.fixture(scope="class")
def _dsv4_class(request: pytest.FixtureRequest) -> Iterator[None]:
    """Before setUpClass of a TestCase: ``cls.dsv4_profile``, and the variables where asked for."""
    profile = _profile(request)
    used = {name for mark in request.node.iter_markers("usefixtures") for name in mark.args}
    with pytest.MonkeyPatch.context() as patch:
        if not hasattr(request.cls, FIXTURE):
            patch.setattr(request.cls, FIXTURE, profile, raising=False)
        with _applied(patch, profile.env if "dsv4_env" in used else {}):
            yield


# Servers

_SERVERS = pytest.StashKey["list[Server]"]()


def _timeout(config: pytest.Config, otherwise: float | None = None) -> float:
    """The seconds that a server has to come up. Raises UsageError."""
    given: Any = config.getoption("dsv4_server_timeout")
    given = config.getini("dsv4_server_timeout") if given is None else given
    try:
        seconds = float(given) if given != "" else otherwise or 600.0
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise pytest.UsageError(f"dsv4_server_timeout is {given!r}; expected seconds, more than 0")
    return seconds


@pytest.fixture(scope="session")
def dsv4_server_command() -> ServerCommand:
    """What starts a server: a function of the profile and the port. Override it with your own."""

    def command(profile: Profile, port: int) -> Sequence[str]:
        model = profile.model_path(os.environ)
        return profile.command(model=model, host="127.0.0.1", port=port, python=sys.executable)

    return command


@pytest.fixture(scope="session")
def dsv4_launch(
    request: pytest.FixtureRequest,
    dsv4_server_command: ServerCommand,
    tmp_path_factory: pytest.TempPathFactory,
) -> LaunchServer:
    """Starts servers, in fixtures of your own: ``with dsv4_launch(profile) as server: …``."""
    from dsv4_env.pytest.session import server_launcher  # only a test with a server pays for it

    config, running = request.config, request.config.stash.setdefault(_SERVERS, [])
    return server_launcher(
        profile=lambda profile: _profile(request, profile),
        command=dsv4_server_command,
        timeout=lambda otherwise: _timeout(config, otherwise),
        log=lambda: tmp_path_factory.mktemp("dsv4_server") / "server.log",
        running=running,
    )


def _server(
    request: pytest.FixtureRequest, dsv4_profile_name: str | None, dsv4_launch: LaunchServer
) -> Iterator[Server]:
    """A server of the profile that answers; with the scope it ends, and all its processes do."""
    with dsv4_launch(_profile(request, dsv4_profile_name)) as server:
        yield server


dsv4_server = pytest.fixture(name="dsv4_server")(_server)
dsv4_class_server = pytest.fixture(name="dsv4_class_server", scope="class")(_server)
dsv4_module_server = pytest.fixture(name="dsv4_module_server", scope="module")(_server)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the log of each server that runs while a test fails."""
    if call.excinfo is not None:
        for server in item.config.stash.get(_SERVERS, ()):
            end = "" if server.alive() else "\n(the server has ended)"
            item.add_report_section(call.when, f"{server.url} {server.log}", server.tail() + end)
    return (yield)
