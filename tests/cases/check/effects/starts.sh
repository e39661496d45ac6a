#!/bin/bash
# On ROCm SGLang sets most of what the profile has by itself, and one of them to the opposite.
export SGLANG_DEFAULT_THINKING=1 SGLANG_DSV4_REASONING_EFFORT=max SGLANG_USE_AITER=1
export SGLANG_USE_ROCM700A=1 SGLANG_HACK_FLASHMLA_BACKEND=triton AITER_BF16_FP8_MOE_BOUND=0
export SGLANG_OPT_USE_TOPK_V2=true SGLANG_DSV4_FP4_EXPERTS=true
python3 -m sglang.launch_server --trust-remote-code --tp 8 --disable-radix-cache \
  --mem-fraction-static 0.90 --chunked-prefill-size 8192 --disable-shared-experts-fusion \
  --tool-call-parser deepseekv4 --reasoning-parser deepseek-v4 --page-size 256
