#!/bin/bash
if [[ -f /config/hicache_mc.env ]]; then
    set -a
    source /config/hicache_mc.env
    set +a
fi
export MORI_IO_SQ_BACKOFF_TIMEOUT_US="${MORI_IO_SQ_BACKOFF_TIMEOUT_US:-50000}"
if [[ "$ENGINE" == "vllm-disagg" ]]; then
    export VLLM_USE_V1=1
else
    export SGLANG_USE_AITER=1
    export MORI_COMBINE_DTYPE_PREFILL=""
    export MORI_COMBINE_DTYPE_DECODE=auto
    export MORI_MAX_DISPATCH_TOKENS_PREFILL=8192
    export MORI_MAX_DISPATCH_TOKENS_DECODE=64
    export SGLANG_MORI_DISPATCH_INTER_KERNEL_SWITCH_THRESHOLD=128
fi
