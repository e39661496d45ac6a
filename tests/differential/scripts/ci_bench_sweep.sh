#!/bin/bash
LOG_DIR=logs/$(echo run)
mkdir -p "$LOG_DIR"
for tp in 4 8; do
  for backend in triton aiter; do
    [[ $tp == 4 && $backend == aiter ]] && continue
    export SGLANG_BACKEND=$backend
    timeout 1800 python3 -m sglang.launch_server \
      --tp $tp --attention-backend $backend \
      --port $((30000 + tp)) > "$LOG_DIR/tp${tp}_${backend}.log" 2>&1 || echo failed
  done
done
