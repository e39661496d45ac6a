"""Variables that SGLang reads at its start and uses only where the launch asks for more.

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


def dormant(catalogue: Catalogue, name: str, launches: Iterable[Resolution]) -> str | None:
    """Where a variable is used, if in none of the launches; None where it's used or may be."""
    use = USES.get(name)
    if use is None or catalogue.release not in use.releases:
        return None
    return use.where if all(use.asleep(found.fields) for found in launches) else None
