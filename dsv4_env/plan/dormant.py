"""Variables that SGLang reads and uses only where the launch asks for more, or on some hardware.

No catalogue tells that: it knows where a variable is read, not what becomes of its value. So each
use is written down here, for the releases whose source was read for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.plan.evaluate import Resolution
    from dsv4_env.plan.platforms import Platform


@dataclass(frozen=True, slots=True)
class Use:
    """Where a variable is used, in words; *asleep* says of a launch's fields that it isn't."""

    where: str
    releases: frozenset[str]
    asleep: Callable[[Mapping[str, Any]], bool]


def _attention_tp(fields: Mapping[str, Any]) -> bool:
    """Whether attention isn't data-parallel over all of the tensor-parallel group."""
    tp, dp = fields.get("tp_size"), fields.get("attn_dp_size")
    if dp is None:  # up to 0.5.21 two fields say it
        dp = 1 if fields.get("enable_dp_attention") is False else fields.get("dp_size")
    return isinstance(tp, int) and isinstance(dp, int) and tp != dp


USES = {
    # is_dp_gatherv_active() in sglang/srt/layers/dp_attention.py, which alone reads it.
    "SGLANG_DP_USE_GATHERV": Use(
        "attention is data-parallel over all of --tp",
        frozenset(
            "0.5.14 0.5.15 0.5.15.post1 0.5.16 0.5.17 0.5.18 0.5.19 0.5.20 0.5.21 0.5.22 "
            "0.5.23".split()
        ),
        _attention_tp,
    ),
}


@dataclass(frozen=True, slots=True)
class Hardware:
    """On which *family* of platforms alone a variable is used, *name* in words."""

    family: str
    name: str
    releases: frozenset[str]


ONLY_ON = {
    # sglang/srt/layers/attention/hip_flash_mla.py and deepseek_v4_backend_hip_radix.py, which
    # ROCm alone has, and is_unified_kv_triton() in dsv4/, which asks for ROCm.
    "SGLANG_HACK_FLASHMLA_BACKEND": Hardware(
        "rocm",
        "ROCm",
        frozenset(
            "0.5.13 0.5.13.post1 0.5.14 0.5.15 0.5.15.post1 0.5.16 0.5.17 0.5.18 0.5.19 0.5.20 "
            "0.5.21 0.5.22 0.5.23".split()
        ),
    ),
}


def elsewhere(catalogue: Catalogue, name: str, places: Iterable[Platform]) -> str | None:
    """On what hardware alone a variable is used, if that's none of the platforms'; else None."""
    only = ONLY_ON.get(name)
    if only is None or catalogue.release not in only.releases:
        return None
    return None if any(p.family == only.family for p in places) else only.name


def dormant(catalogue: Catalogue, name: str, launches: Iterable[Resolution]) -> str | None:
    """Where a variable is used, if in none of the launches; None where it's used or may be."""
    use = USES.get(name)
    if use is None or catalogue.release not in use.releases:
        return None
    return use.where if all(use.asleep(found.fields) for found in launches) else None
