"""The accelerators that DeepSeek-V4 is launched on, and the other names they go by.

Source: the hardware of SGLang's cookbook (``docs/src/snippets/configs/deepseek-ai``) and of its
CI runners; architectures are those of the vendors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

ACCELERATORS: Mapping[str, tuple[str, str]] = {
    "mi300x": ("rocm", "gfx942"),
    "mi325x": ("rocm", "gfx942"),
    "mi350x": ("rocm", "gfx950"),
    "mi355x": ("rocm", "gfx950"),
    "h100": ("cuda", "sm90"),
    "h200": ("cuda", "sm90"),
    "h20": ("cuda", "sm90"),
    "b200": ("cuda", "sm100"),
    "b300": ("cuda", "sm100"),
    "gb200": ("cuda", "sm100"),
    "gb300": ("cuda", "sm100"),
    "rtx-pro-6000": ("cuda", "sm120"),
    "rtx-5090": ("cuda", "sm120"),
}
"""Each with its family and its architecture."""

ALSO: Mapping[str, str] = {
    "rocm": "mi355x",
    "hip": "mi355x",
    "gfx950": "mi355x",
    "gfx942": "mi300x",
    "mi35x": "mi355x",
    "mi30x": "mi300x",
    "mi300": "mi300x",
    "mi325": "mi325x",
    "mi350": "mi350x",
    "mi355": "mi355x",
    "sm90": "h200",
    "hopper": "h200",
    "sm100": "b200",
    "blackwell": "b200",
    "sm120": "rtx-pro-6000",
    "rtx6000": "rtx-pro-6000",
    "rtx5090": "rtx-5090",
}


_VENDORS = {"rocm": "amd", "cuda": "cuda"}


def ci_vendor(name: str | None) -> str:
    """Whose CI runs tests on an accelerator, as ``register_*_ci`` calls it; empty: not known."""
    text = canonical(name or "")
    family, _ = ACCELERATORS.get(text, ("", ""))
    return _VENDORS.get(family, "npu" if text.startswith("npu") else "")


def canonical(name: str) -> str:
    """The one name of an accelerator; of what isn't known, the name itself in small letters."""
    text = name.strip().lower().replace("_", "-")
    return ALSO.get(text, text)


_MAKERS = {"amd": "mi355x", "rocm": "mi355x", "hip": "mi355x"}  # which say no card
_NAMES = sorted({*ACCELERATORS, *ALSO} - {*_MAKERS}, key=lambda n: (-len(n), n))
_CARD = rf"(?<![a-wyz])(?:{'|'.join(_NAMES)})(?![0-9])"  # 8xh200, but no batch20
_MAKER = rf"(?<![a-z])(?:{'|'.join(_MAKERS)})(?![a-z])"


def cards_in(texts: Iterable[str]) -> set[str]:
    """The accelerators of which texts (paths, suites, images) name a card or an architecture."""
    return {canonical(name) for text in texts for name in re.findall(_CARD, text.lower())}


def without_cards(text: str) -> str:
    """A text in small letters without the cards that it names: ``rtx-pro-6000`` is no *pro*."""
    return re.sub(_CARD, " ", text)


def makers_in(texts: Iterable[str]) -> set[str]:
    """The accelerators that stand for the makers which texts name."""
    return {_MAKERS[name] for text in texts for name in re.findall(_MAKER, text.lower())}
