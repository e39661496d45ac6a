"""Flags that SGLang had, and what took their place, as far as no catalogue tells that.

Those from before the oldest release of the catalogue were read off ``sglang/srt/server_args.py`` of
the wheels 0.4.6, 0.4.10, 0.5.3, 0.5.5 and 0.5.10.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The last of these releases that has the flag, and what SGLang itself says to use instead.
REMOVED_FLAGS: dict[str, tuple[str, str | None]] = {
    "--debug-tensor-dump-prefill-only": ("0.5.3", None),
    "--disaggregation-decode-dp": ("0.5.5", None),
    "--disaggregation-decode-tp": ("0.5.5", None),
    "--disaggregation-prefill-pp": ("0.5.5", None),
    "--ds-channel-config-path": ("0.5.10", None),
    "--ds-heavy-channel-num": ("0.5.10", None),
    "--ds-heavy-channel-type": ("0.5.10", None),
    "--ds-heavy-token-num": ("0.5.10", None),
    "--ds-sparse-decode-threshold": ("0.5.10", None),
    "--enable-deepep-moe": ("0.5.3", "--moe-a2a-backend deepep"),
    "--enable-double-sparsity": ("0.5.10", None),
    "--enable-ep-moe": ("0.5.3", "--ep-size with the value of --tp-size"),
    "--enable-flashinfer-cutedsl-moe": ("0.5.3", "--moe-runner-backend flashinfer_cutedsl"),
    "--enable-flashinfer-cutlass-moe": ("0.5.3", "--moe-runner-backend flashinfer_cutlass"),
    "--enable-flashinfer-mla": ("0.4.6", "--attention-backend flashinfer"),
    "--enable-flashinfer-mxfp4-moe": ("0.5.3", "--moe-runner-backend flashinfer_mxfp4"),
    "--enable-flashinfer-trtllm-moe": ("0.5.3", "--moe-runner-backend flashinfer_trtllm"),
    "--enable-flashmla": ("0.4.6", "--attention-backend flashmla"),
    "--enable-triton-kernel-moe": ("0.5.3", "--moe-runner-backend triton_kernel"),
    "--kt-amx-method": ("0.5.5", None),
    "--kt-amx-weight-path": ("0.5.5", None),
    "--load-watch-interval": ("0.5.5", None),
    "--max-micro-batch-size": ("0.5.3", None),
    "--mm-max-concurrent-calls": ("0.5.5", None),
    "--mm-per-request-timeout": ("0.5.5", None),
    "--multi-item-scoring-delimiter": ("0.5.10", None),
    "--n-share-experts-fusion": ("0.4.6", None),
    "--nsa-decode": ("0.5.3", None),
    "--nsa-prefill": ("0.5.3", None),
    "--oltp-traces-endpoint": ("0.5.3", None),
    "--pdlb-url": ("0.4.10", None),
    "--speculative-ngram-branch-length": ("0.5.5", None),
    "--speculative-ngram-max-match-window-size": ("0.5.5", None),
    "--speculative-ngram-min-match-window-size": ("0.5.5", None),
}


# What a switch gives the flag that takes its place: the value that SGLang sets then, by the steps
# of 0.5.14 to 0.5.23, and by its own texts.
_GIVES: Mapping[str, str] = {
    "--disable-fast-image-processor": "--image-processor-backend=pil",
    "--elastic-ep-rejoin": "--elastic-ep-join-mode=recover",
    "--enable-flashinfer-allreduce-fusion": "--flashinfer-allreduce-fusion-backend=auto",
}

# Values that are called otherwise: sglang/srt/arg_groups of 0.5.14 to 0.5.19.
_CP = {"in-seq-split": "zigzag", "round-robin-split": "interleave"}
_CALLED: Mapping[str, Mapping[str, str]] = {
    "--dsa-prefill-cp-mode": _CP,
    "--nsa-prefill-cp-mode": _CP,
    "--prefill-cp-mode": _CP,
}

# Of a switch the flag whose value the new one takes, and which goes with it:
# handle_deprecated_dp_attention() in sglang/srt/arg_groups/parallel_hook.py of 0.5.22 and 0.5.23.
TAKES_OVER: Mapping[str, str] = {"--enable-dp-attention": "--dp-size"}


def instead(flag: str, replacement: str | None, words: Sequence[str] = ()) -> str | None:
    """Say what takes the place of a flag with its *words*: *replacement*, with its value if known.

    Spelled as SGLang does: ``--new``, ``--new=value``, ``--{one,two}-new=value``.
    """
    if replacement is None or "=" in replacement:
        return replacement
    given = _GIVES.get(flag, "")
    if given.partition("=")[0] == replacement:
        return given
    called = _CALLED.get(flag, {}) if replacement == "--cp-strategy" else {}
    if len(words) == 1 and words[0] in called:
        return f"{replacement}={called[words[0]]}"
    return replacement


def is_other(flag: str) -> bool:
    """Whether what takes a flag's place isn't given as the flag was: it's no new name of it."""
    return flag in _GIVES or flag in _CALLED or flag in TAKES_OVER
