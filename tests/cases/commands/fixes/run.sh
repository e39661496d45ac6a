#!/bin/bash
export SGLANG_USE_AITER=on
export SGLANG_DSV4_FP4_EXPERTS="${EXPERTS:-true}"
export MINE=1

python3 -m sglang.launch_server --model-path "$MODEL" \
    --tp 4 --disable-radix-cache \
    --page-size "$(getconf PAGESIZE)" \
    --log-requests
