"""What all tests share: the command line run in process, and the facts of upstream."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from dsv4_env import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# No test depends on how fast the machine is; CI judges the same commit by the same examples.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="DSV4_SAME_EXAMPLES" in os.environ,
)
settings.load_profile("any machine")

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files of tests/cases"
    )


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Result]:
    """Run one command line in this process."""

    def call(*argv: str) -> Result:
        capfdbinary.readouterr()
        code = cli.run(argv)
        out, err = capfdbinary.readouterr()
        return Result(code, out.decode(errors="surrogateescape"), err.decode())

    return call


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """What ends a process that writes to nobody, as a command that is started has it, stays out."""
    found = {s: signal.getsignal(s) for s in (signal.SIGPIPE, signal.SIGXFSZ)}
    yield
    for each, handler in found.items():
        signal.signal(each, handler)


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test may depend on what is set or kept where it runs, or leave something there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
    for name in os.environ:
        if name.startswith(("DSV4_ENV_", "SGLANG_", "AITER_", "DEEPSEEK_V4_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def may(monkeypatch: pytest.MonkeyPatch, _clean_environment: None) -> str:
    """SGLang 0.5.13 is set, for which the shipped profiles are PR #26662 and its script."""
    monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.13")
    return "0.5.13"


def amd_tests() -> list[dict[str, Any]]:
    """The four AMD test files at several commits: name to value, arguments, constants."""
    found: list[dict[str, Any]] = json.loads((DATA / "amd_tests.json").read_text())
    return found


def run_dsv4() -> list[dict[str, Any]]:
    """The 22 versions of the launch script, as ordered settings and arguments."""
    found: list[dict[str, Any]] = json.loads((DATA / "run_dsv4.json").read_text())
    return found


def need(program: str) -> str:
    """The path of a program that a test needs; skips without it unless REQUIRE_SHELLS is set."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} isn't installed"
        if os.environ.get("REQUIRE_SHELLS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return path
