#!/bin/bash
# The name that --cuda-graph-max-bs had up to 0.5.19.
export SGLANG_DEFAULT_THINKING='1'
export SGLANG_DSV4_REASONING_EFFORT='max'
export SGLANG_USE_ROCM700A='0'
export SGLANG_DP_USE_GATHERV='1'
export SGLANG_HACK_FLASHMLA_BACKEND=unified_kv_triton
export AITER_BF16_FP8_MOE_BOUND='0'
export SGLANG_DSV4_FP4_EXPERTS='true'
export SGLANG_DP_USE_REDUCE_SCATTER='1'
export SGLANG_SHARED_EXPERT_TP1='1'
export SGLANG_DP_SHARED_EXPERT_LOCAL='1'
export GPU_MAX_HW_QUEUES='5'
exec python3 -m sglang.launch_server \
    --model-path deepseek-ai/DeepSeek-V4-Pro \
    --trust-remote-code \
    --tp 8 \
    --dp 8 \
    --enable-dp-attention \
    --enable-prefill-delayer \
    --enable-two-batch-overlap \
    --disable-radix-cache \
    --attention-backend dsv4 \
    --kv-cache-dtype fp8_e4m3 \
    --max-running-requests 512 \
    --cuda-graph-max-bs 512 \
    --page-size 256 \
    --mem-fraction-static 0.90 \
    --swa-full-tokens-ratio 0.15 \
    --chunked-prefill-size 65536 \
    --disable-shared-experts-fusion \
    --tool-call-parser deepseekv4 \
    --reasoning-parser deepseek-v4
