"""Flags that SGLang had before the oldest release of the catalogue, and what took their place.

Read off ``sglang/srt/server_args.py`` of the wheels 0.4.6, 0.4.10, 0.5.3, 0.5.5 and 0.5.10.
"""

from __future__ import annotations

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
