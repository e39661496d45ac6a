#!/usr/bin/env bash
# Launch DeepSeek-V4-Pro (experts in FP4) on 8 × MI35x with SGLang.
#
# This is the reference that `dsv4-env check` holds to the profile pro-fp4. The values are those
# of sglang PR #26662 (commit 6e9bd82714cb). Host, port and model path may differ by machine:
#
#   DEEPSEEK_V4_PRO_MODEL_PATH_FP4=/models/DeepSeek-V4-Pro PORT=8000 ./run_dsv4.sh
set -euo pipefail

MODEL="${DEEPSEEK_V4_PRO_MODEL_PATH_FP4:-deepseek-ai/DeepSeek-V4-Pro}"

# Thinking and reasoning
export SGLANG_DEFAULT_THINKING=1
export SGLANG_DSV4_REASONING_EFFORT=max

# Kernels
export SGLANG_OPT_DEEPGEMM_HC_PRENORM=false
export SGLANG_USE_AITER=on
export SGLANG_OPT_USE_FUSED_COMPRESS=true
export SGLANG_OPT_USE_FUSED_COMPRESS_TRITON=true
export SGLANG_HACK_FLASHMLA_BACKEND=triton
export SGLANG_OPT_FP8_WO_A_GEMM=false
export SGLANG_OPT_USE_JIT_INDEXER_METADATA=false
export SGLANG_OPT_USE_TOPK_V2=false
export SGLANG_OPT_USE_AITER_INDEXER=true
export SGLANG_OPT_USE_TILELANG_INDEXER=false
export SGLANG_OPT_USE_TILELANG_MHC_PRE=false
export SGLANG_OPT_USE_TILELANG_MHC_POST=false
export SGLANG_FP8_PAGED_MQA_LOGITS_TORCH=1
export SGLANG_OPT_USE_MULTI_STREAM_OVERLAP=false
export SGLANG_ROCM_USE_MULTI_STREAM=false
export NEW="x y" MIDDLE=2
export AITER_BF16_FP8_MOE_BOUND=0

# The experts' weights are FP4
export SGLANG_DSV4_FP4_EXPERTS=true

exec python3 -m sglang.launch_server \
    --model-path "${MODEL}" \
    --trust-remote-code --new-flag "a b" --twice 1 --twice 2 \
    --tp=4 \
    --disable-radix-cache \
    --attention-backend dsv4 \
    --max-running-requests 256 \
    --page-size 256 \
    --mem-fraction-static 0.90 \
    --chunked-prefill-size 8192 \
    --disable-shared-experts-fusion \
    --tool-call-parser deepseekv4 \
    --reasoning-parser deepseek-v4 \
    --host "${HOST:-127.0.0.1}" \
    --port "${PORT:-8000}"
