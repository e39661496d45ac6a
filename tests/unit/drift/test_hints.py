"""What the names of folders, files and launches say of a launch."""

from __future__ import annotations

import pytest

from dsv4_env.drift.family import family_names
from dsv4_env.drift.hints import Hints
from dsv4_env.profile import load_all, load_profile

USUAL = load_all(None)
FURTHER = """
    pro-fp4@b200 pro-fp4@h200 flash-fp4@gb300 pro-fp8@h200 flash-fp8@h200 flash-fp4@rtx-pro-6000
    flash-fp4+mtp pro-nvfp4@b300 flash-fp8@mi300x
"""
NAMES = (*USUAL, *FURTHER.split())
PROFILES = [load_profile(name) for name in NAMES]
HINTS = Hints(PROFILES, family_names(p.default_model_path for p in PROFILES))


def least(*names: str, model: str | None = None) -> set[str]:
    """The profiles that contradict names the least."""
    said = HINTS.said(names, model)
    against = {n: HINTS.against(p, said) for n, p in zip(NAMES, PROFILES, strict=True)}
    return {n for n, counted in against.items() if counted == min(against.values())}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["recipes/dsv4-pro/b200-fp4/low.yaml"], {"pro-fp4@b200", "pro-nvfp4"}),
        (["recipes/dsv4-pro/b200-fp4/on-h200.yaml"], {"pro-fp4@h200"}),
        (["decode", "dsv4-pro/b200-nvfp4/x.yaml"], {"pro-nvfp4"}),
        (["dsv4flash/gb300/low.yaml"], {"flash-fp4@gb300", "flash-official-fp4"}),
        (["dsv4_fp8_h200.sh"], {"pro-fp8@h200", "flash-fp8@h200"}),
        (["dsv4-flash-rtx-pro-6000.sh"], {"flash-fp4@rtx-pro-6000"}),
        (["dsv4-flash-fp8-mi300x", "master.yaml"], {"flash-fp8@mi300x"}),
        (["DeepSeek_V4_Pro_MI355X_FP8/run.sh"], {"pro-fp8"}),
        (["dsv4/pro/h200-or-b200/mi355x-mxfp4/x.sh"], {"pro-fp4"}),
        (["flash-mtp-rtx-5090.sh"], {"flash-fp4@rtx-pro-6000"}),
    ],
)
def test_what_names_say(names: list[str], expected: set[str]) -> None:
    """The nearest name counts first for hardware; cards of an architecture are near each other."""
    assert least(*names) == expected


def test_the_model_says_it_too() -> None:
    """A launch's own model counts as a name does; what no profile is called says nothing."""
    assert least(model="/models/DeepSeek-V4-Flash-NVFP4") == {"flash-nvfp4"}
    assert least("run-b200.sh", model="org/DeepSeek-V4-Pro") == {"pro-fp4@b200", "pro-nvfp4"}
    assert least("flashinfer/profile/production.sh") == set(NAMES)
    assert least("") == set(NAMES)
