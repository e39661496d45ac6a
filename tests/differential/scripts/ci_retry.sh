#!/bin/bash
MAX=3
attempt=1
while [ $attempt -le $MAX ]; do
  if python3 -m sglang.launch_server --attempt $attempt; then
    break
  fi
  attempt=$((attempt + 1))
done
export ATTEMPTS=$attempt
python3 -m sglang.launch_server --done $attempt
