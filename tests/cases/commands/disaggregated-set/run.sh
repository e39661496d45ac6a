#!/bin/bash
# Prefill, decode and the router before them.
export SGLANG_USE_AITER=1
COMMON=(--model-path deepseek-ai/DeepSeek-V4-Flash --tp 8 --trust-remote-code)
python3 -m sglang_router.launch_router --pd-disaggregation \
  --prefill http://10.0.0.1:30000 8998 --decode http://10.0.0.2:30000 --policy cache_aware &
~/venv/bin/sglang serve "${COMMON[@]}" --disaggregation-mode prefill --port 30000 &
~/venv/bin/sglang serve "${COMMON[@]}" --disaggregation-mode decode --port 30001
