"""Real bash for the tests, and the share of values that the evaluator knows."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .bash_oracle import BASH, SCRIPT, Oracle, Real
from .corpus import CORPUS, LIBRARY, Script
from .judge import Shares

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARES = Shares()


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    """Real bash; skips where there is none, unless REQUIRE_SHELLS=1."""
    if BASH is None or not Path("/proc/self/environ").exists():
        if os.environ.get("REQUIRE_SHELLS") == "1":
            pytest.fail("REQUIRE_SHELLS=1, but there is no bash with a /proc here")
        pytest.skip("needs bash and a /proc")
    return Oracle(tmp_path_factory.mktemp("oracle"))


@pytest.fixture(autouse=True)
def _ends(request: pytest.FixtureRequest) -> Iterator[None]:
    """An evaluator that doesn't come to an end fails its test instead of holding up the run."""

    def stop(*_: object) -> None:
        pytest.fail("the evaluator doesn't come to an end")

    # The random scripts share one limit: they are many. So do programs, where more are asked for.
    # SGLang itself takes its time, and what asks it has a limit of its own.
    name = request.node.name
    many = "generated" in name or "itself" in name or "DSV4_PYTHON_EXAMPLES" in os.environ
    limit = 3600 if many else 60
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def shares() -> Shares:
    """Where tests count known values; shown at the end of the run."""
    return _SHARES


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which every script stands, for the evaluator."""
    folder = tmp_path_factory.mktemp("root")
    (folder / SCRIPT).touch()
    for name, text in LIBRARY.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def corpus_runs(oracle: Oracle) -> dict[str, tuple[Real, ...]]:
    """Every script of the corpus run with its inputs and, if it has any, without."""
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        runs = pool.map(lambda script: run_script(oracle, script), CORPUS)
        return {script.name: run for script, run in zip(CORPUS, runs, strict=True)}


def run_script(oracle: Oracle, script: Script) -> tuple[Real, ...]:
    """Run a script with its inputs and arguments first and, if it has any, then without."""
    given = [(script.inputs, script.args)]
    if script.inputs or script.args:
        given.append(({}, ()))
    return tuple(
        oracle.run(script.text, inputs, args, files=LIBRARY, any_order=script.any_order)
        for inputs, args in given
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what share of the values was known, per mode."""
    for kind, (known, total) in sorted(_SHARES.counts.items()):
        share = _SHARES.share(kind)
        terminalreporter.write_line(f"bash evaluator, {kind}: {known}/{total} = {share:.1%} known")
