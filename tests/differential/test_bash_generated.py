"""Random scripts, judged by real bash; the run is as long as DSV4_DIFFERENTIAL_EXAMPLES says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from .corpus import LIBRARY
from .evaluation import check
from .grammar import Generated, scripts

if TYPE_CHECKING:
    from pathlib import Path

    from .bash_oracle import Oracle
    from .judge import Mode, Shares

_EXAMPLES = int(os.environ.get("DSV4_DIFFERENTIAL_EXAMPLES", "300"))
_LEFT_OUT = {Phase.explain}
if os.environ.get("DSV4_DIFFERENTIAL_SHRINK") == "0":  # many finds in little time
    _LEFT_OUT.add(Phase.shrink)
_SETTINGS = settings(
    max_examples=_EXAMPLES,
    # CI judges the same scripts each time; where nothing is asked, each run looks at new ones.
    derandomize="DSV4_DIFFERENTIAL_EXAMPLES" in os.environ,
    deadline=None,
    print_blob=True,
    database=None
    if "DSV4_DIFFERENTIAL_EXAMPLES" in os.environ
    else DirectoryBasedExampleDatabase(".hypothesis/differential"),
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
        HealthCheck.large_base_example,
    ],
    phases=[p for p in Phase if p not in _LEFT_OUT],
)


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_generated(mode: Mode, oracle: Oracle, root: Path, shares: Shares) -> None:
    @_SETTINGS
    @given(scripts())
    def judged(script: Generated) -> None:
        note(script.as_seed)
        runs = [oracle.run(script.text, script.inputs, script.args, files=LIBRARY)]
        if mode == "open" and (script.inputs or script.args):
            runs.append(oracle.run(script.text, files=LIBRARY))
        count = (shares, f"generated {mode}")
        wrong = check(script.text, mode, runs, root, oracle.environ(), count)
        assert wrong == []

    judged()
