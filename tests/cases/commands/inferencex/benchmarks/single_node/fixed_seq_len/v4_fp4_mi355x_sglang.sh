#!/usr/bin/env bash
source "$(dirname "$0")/../../lib.sh"
export SGLANG_USE_AITER=1
ARGS=(--tp "$TP")
CHUNK=$ISL
if [ "$DP_ATTENTION" = "true" ]; then
    export SGLANG_DP_USE_GATHERV=1
    ARGS+=(--dp "$TP" --enable-dp-attention)
    CHUNK=$((ISL * TP))
fi
[ "${EP_SIZE:-1}" -gt 1 ] && ARGS+=(--ep-size "$EP_SIZE")
sglang serve --model-path "$MODEL_PATH" --served-model-name "$MODEL" --port $PORT "${ARGS[@]}" \
    --max-running-requests "$CONC" --context-length $MAX_MODEL_LEN --chunked-prefill-size $CHUNK
