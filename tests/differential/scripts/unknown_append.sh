# inputs: EXTRA="--x 1" DP=true
ARGS=(--tp 8)
if [ "$DP" = true ]; then ARGS+=(--dp 8 --enable-dp-attention); fi
if [[ -n "$SPEC" ]]; then ARGS+=(--speculative-algorithm EAGLE); fi
ARGS+=(--port 30000)
python3 -m sglang.launch_server "${ARGS[@]}" $EXTRA
