#!/bin/bash
# odd quoting, comments, arrays
export SGLANG_USE_AITER="0"  # aiter
export SGLANG_OPT_USE_TOPK_V2='tr'ue SGLANG_USE_ROCM700A=0
export SGLANG_HACK_FLASHMLA_BACKEND=$'tor\x63h'
export EXTRA=1 # not the profile's
BACKEND=compressed
TP=4
ARGS=(
  --tp "$TP"               # tensor
  --attention-backend $BACKEND
  --page-size "128"        # pages
  --mem-fraction-static=0.8
  --dp 2
  --disable-radix-cache )
SGLANG_DSV4_FP4_EXPERTS=false exec python3 -m sglang.launch_server --model-path m "${ARGS[@]}" \
    --chunked-prefill-size "${CHUNK:-4096}" \
    --max-total-tokens 9 \
    --tool-call-parser '' "$@"
