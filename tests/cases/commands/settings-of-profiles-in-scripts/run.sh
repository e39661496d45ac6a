#!/usr/bin/env bash
set -euo pipefail

# Kernels
export SGLANG_USE_AITER=1
export SGLANG_HACK_FLASHMLA_BACKEND="${SGLANG_HACK_FLASHMLA_BACKEND:-triton}"

exec python3 -m sglang.launch_server \
    --model-path "${MODEL:-deepseek-ai/DeepSeek-V4-Pro}" \
    --tp 8 \
    --attention-backend dsv4 \
    --port "${PORT:-8000}"
