"""Random scripts, judged by real bash; the run is as long as DSV4_DIFFERENTIAL_EXAMPLES says."""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from .corpus import LIBRARY
from .evaluation import check
from .grammar import Generated, made, scripts
from .grammar_words import Seeded

if TYPE_CHECKING:
    from pathlib import Path

    from .bash_oracle import Oracle
    from .judge import Mode, Shares

_FIXED = int(os.environ.get("DSV4_DIFFERENTIAL_EXAMPLES", "0"))  # CI's, the same each time
# Scripts of which a wrong answer is known and not mended yet; one that is has to leave this list.
_KNOWN: dict[Mode, frozenset[int]] = {
    "closed": frozenset(),
    "open": frozenset(),
}
_LEFT_OUT = {Phase.explain}
if os.environ.get("DSV4_DIFFERENTIAL_SHRINK") == "0":  # many finds in little time
    _LEFT_OUT.add(Phase.shrink)
_SETTINGS = settings(
    max_examples=300,
    deadline=None,
    print_blob=True,
    database=DirectoryBasedExampleDatabase(".hypothesis/differential"),
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
        HealthCheck.large_base_example,
    ],
    phases=[p for p in Phase if p not in _LEFT_OUT],
)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["closed", "open"])
def test_generated(mode: Mode, oracle: Oracle, root: Path, shares: Shares) -> None:
    """CI judges fixed scripts; where nothing is asked, each run looks for new ones."""

    def wrong(script: Generated) -> list[str]:
        runs = [oracle.run(script.text, script.inputs, script.args, files=LIBRARY)]
        if mode == "open" and (script.inputs or script.args):
            runs.append(oracle.run(script.text, files=LIBRARY))
        count = (shares, f"generated {mode}")
        return check(script.text, mode, runs, root, oracle.environ(), count)

    @_SETTINGS
    @given(scripts())
    def judged(script: Generated) -> None:
        note(script.as_seed)
        assert wrong(script) == []

    if not _FIXED:
        judged()
    failed: dict[int, str] = {}
    for number in range(_FIXED):
        script = made(Seeded(Random(f"{mode} {number}")))
        if answers := wrong(script):
            failed[number] = f"# {number}: {answers}\n{script.as_seed}"
    new = [text for number, text in failed.items() if number not in _KNOWN[mode]]
    assert not new, "\n".join(new)
    mended = {n for n in _KNOWN[mode] if n < _FIXED} - failed.keys()
    assert not mended, f"no longer wrong, so no longer known: {mended}"
