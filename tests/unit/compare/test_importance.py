"""How bad a difference is depends on the setting, and on the user's own patterns."""

from __future__ import annotations

import pytest

from dsv4_env.compare.importance import default_severity, severity
from dsv4_env.model.finding import Severity
from dsv4_env.profile import load_all


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SGLANG_USE_AITER", "error"),
        ("AITER_BF16_FP8_MOE_BOUND", "error"),
        ("--tp", "error"),
        ("--attention-backend", "error"),
        ("--no-such-flag", "error"),
        ("(positional)", "error"),
        ("--mem-fraction-static", "warning"),
        ("--cuda-graph-max-bs", "warning"),
        ("GPU_MAX_HW_QUEUES", "warning"),
        ("NCCL_IB_HCA", "warning"),
        ("--log-level", "note"),
        ("SGLANG_LOG_MS", "note"),
        ("HF_TOKEN", "note"),
        ("OUR_OWN_VARIABLE", "note"),
        ("PATH", "note"),
    ],
)
def test_defaults(name: str, expected: str) -> None:
    assert default_severity(name) == expected


def test_the_last_pattern_that_fits_wins() -> None:
    patterns = {"SGLANG_*": Severity.NOTE, "SGLANG_USE_*": Severity.WARNING, "tp": Severity.NOTE}
    assert severity("SGLANG_USE_AITER", patterns) is Severity.WARNING
    assert severity("SGLANG_OPT_X", patterns) is Severity.NOTE
    assert severity("--tp", patterns) is Severity.NOTE
    assert severity("--dp", patterns) is Severity.ERROR


def test_every_setting_of_the_profiles_matters() -> None:
    names = {
        n
        for p in load_all().values()
        for n in (*p.env, *(a.flag or "" for a in p.config.args or ()))
    }
    # A watchdog changes no result; whose the other is, nothing tells.
    notes = {"--watchdog-timeout", "FORCE_DRAFT_MODEL_NON_QUANT"}
    assert {n for n in names if default_severity(n) is Severity.NOTE} == notes
