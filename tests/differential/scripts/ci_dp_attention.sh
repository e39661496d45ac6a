#!/bin/bash
# inputs: DP_ATTENTION=true EP_SIZE=8 TP=8 ISL=8192
set -euo pipefail
ARGS=(
  --model-path "${MODEL:-/models/dsv4}"
  --tp "$TP"
  # --dp 4
  --trust-remote-code
)
if [[ "${DP_ATTENTION}" == "true" ]]; then
  ARGS+=(--dp "$TP" --enable-dp-attention --enable-dp-lm-head)
  export SGLANG_DP_SCHEDULE=1
else
  ARGS+=(--dp 1)
fi
if (( ${EP_SIZE:-1} > 1 )); then
  ARGS+=(--ep-size "$EP_SIZE" --moe-a2a-backend deepep)
fi
case "$ISL" in
  1024) CHUNK=8192 ;;
  8192) CHUNK=32768 ;;
  *) CHUNK=16384 ;;
esac
ARGS+=(--chunked-prefill-size "$CHUNK")
printf 'Launching with:'; printf ' %s' "${ARGS[@]}"; echo
exec python3 -m sglang.launch_server "${ARGS[@]}" 2>&1
