"""How much a setting matters: what decides results is an error, what decides speed a warning.

Prior art for the split: InferenceX's check of major arguments only (PRs #1701, #2108), in which
ports and tuning inform.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache

from dsv4_env.catalogue.owners import SGLANG, owner
from dsv4_env.model.finding import Severity

# Variables of others that decide what is computed, not only how fast.
_DECISIVE = ("AITER_*", "VLLM_ROCM_*", "TORCH_ALLOW_TF32*", "NVIDIA_TF32_*", "PYTORCH_ROCM_ARCH")
_INFORMATIONAL = """
    *LOG_* *_LOG *LOGGING* *_DEBUG *DEBUG_* *_VERBOSE *PROFILER* *_TRACE_* --*log* --*metrics*
    --*trace* --show-time-cost --served-model-name --crash-dump-folder --api-key
    --admin-api-key --dist-init-addr --nccl-port --download-dir --watchdog-timeout
    --*-watchdog-timeout --skip-server-warmup
""".split()
_TUNING = """
    SGLANG_*_TIMEOUT* SGLANG_*_INTERVAL* SGLANG_*_NUM_* SGLANG_*NUMA* SGLANG_*CACHE_DIR*
    --mem-fraction-static --max-running-requests --max-queued-requests --max-total-tokens
    --max-prefill-tokens --chunked-prefill-size --prefill-max-requests --swa-full-tokens-ratio
    --schedule-* --stream-interval --num-continuous-decode-steps --cuda-graph-*
    --disable-cuda-graph* --tokenizer-worker-num --detokenizer-worker-num --numa-node* --gc-*
    --*-timeout
""".split()


@lru_cache(maxsize=4096)
def default_severity(name: str) -> Severity:
    """What a difference of this variable or flag counts as, where nobody says otherwise."""
    if any(fnmatchcase(name, p) for p in _INFORMATIONAL):
        return Severity.NOTE
    if any(fnmatchcase(name, p) for p in _TUNING):
        return Severity.WARNING
    if name.startswith(("-", "(")) or any(fnmatchcase(name, p) for p in _DECISIVE):
        return Severity.ERROR
    whose = owner(name)
    if whose == SGLANG:
        return Severity.ERROR
    return Severity.NOTE if whose in _BYSTANDERS or whose is None else Severity.WARNING


_BYSTANDERS = frozenset(
    {
        "AWS",
        "Docker",
        "GitHub Actions",
        "HTTP clients",
        "Hugging Face",
        "Kubernetes",
        "ModelScope",
        "OpenAI",
        "OpenTelemetry",
        "Prometheus",
        "Slurm",
        "the C library",
        "the XDG base directories",
        "the shell",
        "tqdm",
    }
)


def severity(name: str, overrides: Mapping[str, Severity] | None = None) -> Severity:
    """What a difference counts as; of several patterns in *overrides* the last that fits wins.

    Patterns are shell patterns; a flag may be named without its dashes.
    """
    found = asked(name, overrides)
    return found if found is not None else default_severity(name)


def asked(name: str, overrides: Mapping[str, Severity] | None) -> Severity | None:
    """What the user's own patterns say that a difference counts as; None where they don't."""
    found = None
    for pattern, value in (overrides or {}).items():
        if fnmatchcase(name, pattern) or fnmatchcase(name.lstrip("-"), pattern):
            found = value
    return found
