"""Whatever a file holds, it is read or refused with one message; and twice the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.property.hostile_files import Maker, corpus, outcome, readable

TEXTS = corpus()


@pytest.mark.parametrize("kind", sorted(TEXTS))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_odd_files(tmp_path: Path, kind: str, seed: int) -> None:
    """``python -m tests.property.hostile_files`` does the same for as long as one likes."""
    text = Maker(TEXTS, seed).make(kind)
    found = outcome(kind, text, tmp_path)
    assert list(readable(found)) == []
    assert outcome(kind, text, tmp_path) == found
