"""The hardware that DeepSeek-V4 is launched on, and what SGLang's questions to it answer.

Source: ``sglang/srt/runtime_context.py`` (``PlatformContext``) and ``sglang/srt/utils/common.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dsv4_env.model.errors import Dsv4Error, did_you_mean
from dsv4_env.model.hardware import ACCELERATORS, ALSO, canonical


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of card: its *name*, its *family* (``rocm`` or ``cuda``), its architecture."""

    name: str
    family: str
    architecture: str

    @property
    def answers(self) -> Mapping[str, object]:
        """What SGLang's questions to the platform answer on it, by the name of the question."""
        found = {**dict.fromkeys(_ELSEWHERE, False), **dict.fromkeys(_NONE)}
        if self.family == "rocm":
            return {**found, **_ROCM, "is_gfx95_supported": self.architecture == "gfx950"}
        return {**found, **_CUDA, **_CARDS[self.architecture]}


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
PLATFORMS = {name: Platform(name, *kind) for name, kind in ACCELERATORS.items()}
EACH = tuple(PLATFORMS[name] for name in ("mi355x", "h200", "b200"))  # where nothing names one


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
