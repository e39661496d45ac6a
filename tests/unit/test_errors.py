"""The nearest name."""

from __future__ import annotations

import pytest

from dsv4_env.errors import did_you_mean


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
