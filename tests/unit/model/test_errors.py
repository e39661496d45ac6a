"""The nearest name."""

from __future__ import annotations

import re

import pytest

from dsv4_env.model.errors import Dsv4Error, did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("exprot", ["export", "check"], "export"),
        ("SGLANG_USE_AITRE", ["SGLANG_USE_AITER"], "SGLANG_USE_AITER"),
        ("ENV", ["env", "args"], "env"),
        ("enviroment", ["env", "args"], "env"),
        ("timeout", ["timeout-seconds", "path"], "timeout-seconds"),
        ("gpu", ["gpu-memory-share", "gpu-count-per-node"], None),
        ("tpx", ["tp"], "tp"),
        ("tp-for-all", ["tp"], None),
        ("nope", ["flash-fp4"], None),
        ("nope", [], None),
    ],
)
def test_did_you_mean(name: str, known: list[str], hint: str | None) -> None:
    assert did_you_mean(name, known) == hint


def test_a_long_list_is_cut_at_the_end_of_an_item() -> None:
    """3,000 launches in a file were an error of 130 KB."""
    places = ", ".join(f"run.sh#{n} (line {n})" for n in range(3000))
    text = str(Dsv4Error("3000 launches", where="run.sh", expected=f"one of {places}"))
    assert len(text) < 1200
    assert text.startswith("run.sh: 3000 launches; expected one of run.sh#0 (line 0), run.sh#1 (")
    assert re.search(r"\(line \d+\), … \([0-9,]+ more characters\)$", text)
    assert len(str(Dsv4Error("x" * 10**6))) < 1100
