"""The hardware that DeepSeek-V4 is launched on, and what SGLang's questions to it answer.

Source: ``sglang/srt/runtime_context.py`` (``PlatformContext``) and ``sglang/srt/utils/common.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dsv4_env.model.errors import Dsv4Error, did_you_mean
from dsv4_env.model.hardware import ACCELERATORS, ALSO, canonical, cards_in, makers_in


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of card: its *name*, its *family* (``rocm`` or ``cuda``), its architecture.

    *memory* is what it may have, least and most, in GiB: cards of one name differ, and drivers keep
    some of it. From the vendors' data sheets, the least from what ``nvidia-smi`` and ``rocminfo``
    tell.
    """

    name: str
    family: str
    architecture: str
    memory: tuple[int, int]

    @property
    def answers(self) -> Mapping[str, object]:
        """What SGLang's questions to the platform answer on it, by the name of the question."""
        found: dict[str, object] = {**dict.fromkeys(_ELSEWHERE, False), **dict.fromkeys(_NONE)}
        found["get_device_memory_capacity"] = [size * 1024 for size in self.memory]
        if self.family == "cuda":
            return {**found, **_CUDA, **_CARDS[self.architecture]}
        new = self.architecture == "gfx950"
        if not new:  # aiter's kernel is for gfx950: sglang/srt/models/deepseek_common/amd
            found["_rocm_fp8_wo_a_supported"] = False
        return {**found, **_ROCM, "is_gfx95_supported": new}

    @property
    def card(self) -> Mapping[str, object]:
        """What PyTorch says of such a card, for a machine that has none; memory in bytes."""
        found: dict[str, object] = {"name": self.name, "memory": self.memory[1] * 2**30}
        if self.family == "rocm":
            major, minor = (9, 5) if self.architecture == "gfx950" else (9, 4)
            return {
                **found,
                "hip": "7.2.0",
                "arch": self.architecture,
                "major": major,
                "minor": minor,
            }
        major, minor = divmod(int(self.architecture[2:]), 10)
        return {**found, "cuda": "13.0", "arch": self.architecture, "major": major, "minor": minor}


_ELSEWHERE = (
    "is_cpu is_npu is_xpu is_hpu is_mps is_musa is_mlu is_hip is_cuda is_sm90 is_sm100 is_sm110 "
    "is_sm120 is_blackwell is_sm100_or_sm110 is_hopper_with_cuda_12_3 has_flashinfer "
    "is_sm90_supported is_sm100_supported is_sm120_supported is_blackwell_supported "
    "is_gfx95_supported is_flashinfer_available is_host_cpu_arm64 use_mlx is_port_available "
    "cpu_has_amx_support is_cpu_amx is_wsl is_remote_url is_ampere_with_cuda_12_3 is_out_of_tree"
).split()
_NONE = ("parse_connector_type", "get_linear_attn_spec")  # of a repository; of its layers
_ROCM = {"is_hip": True, "ENABLE_JIT_DEEPGEMM": False, "DEEPGEMM_SCALE_UE8M0": False}
_CUDA = {
    "is_cuda": True,
    "has_flashinfer": True,
    "is_flashinfer_available": True,
}
_CARDS: dict[str, dict[str, object]] = {
    "sm90": {
        "is_sm90": True,
        "is_sm90_supported": True,
        "is_hopper_with_cuda_12_3": True,
        "DEEPGEMM_SCALE_UE8M0": False,  # of Blackwell: sglang/srt/layers/deep_gemm_wrapper
        "device_sm": 90,
    },
    "sm100": {
        "is_sm100": True,
        "is_sm100_supported": True,
        "is_blackwell": True,
        "is_blackwell_supported": True,
        "is_sm100_or_sm110": True,
        "device_sm": 100,
    },
    "sm120": {
        "is_sm120": True,
        "is_sm120_supported": True,
        "is_blackwell": True,
        "is_blackwell_supported": True,
        "device_sm": 120,
    },
}
_MEMORY = {  # GiB that SGLang may count, least and most
    "mi300x": (188, 192),
    "mi325x": (250, 256),
    "mi350x": (280, 288),
    "mi355x": (280, 288),
    "h100": (79, 94),
    "h200": (138, 141),
    "h20": (95, 141),
    "b200": (178, 192),
    "b300": (260, 288),
    "gb200": (180, 192),
    "gb300": (260, 288),
    "rtx-pro-6000": (95, 96),
    "rtx-5090": (31, 32),
}
PLATFORMS = {name: Platform(name, *kind, _MEMORY[name]) for name, kind in ACCELERATORS.items()}
EACH = tuple(PLATFORMS[name] for name in ("mi355x", "h200", "b200"))  # where nothing names one


def hinted(texts: Mapping[str, str | None]) -> tuple[Platform, str] | None:
    """The platform that paths or names of images speak of, and which of them: by its key.

    The first that names a card counts, else the first that names a maker; one that names several
    says none. None where none does.
    """
    for named in (cards_in, makers_in):
        for key, text in texts.items():
            found = named([text]) if text else set()
            if len(found) == 1:
                return PLATFORMS[found.pop()], key
    return None


class PlatformError(Dsv4Error):
    """A platform that isn't known."""


def platform(name: str) -> Platform:
    """The platform of a name or of an architecture. Raises PlatformError for any other."""
    text = canonical(name)
    found = PLATFORMS.get(text)
    if found is None:
        names = sorted({*PLATFORMS, *ALSO})
        raise PlatformError(
            f"no platform {name!r}",
            expected=f"one of {', '.join(PLATFORMS)}, or rocm, sm90, sm100, sm120",
            hint=did_you_mean(text, names),
        )
    return found
