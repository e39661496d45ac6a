#!/bin/bash
export SGLANG_PORT=30000
nohup python3 -m sglang.launch_server --port $SGLANG_PORT > s.log 2>&1 &
SERVER=$!
for i in $(seq 1 30); do
  if curl -s localhost:$SGLANG_PORT/health; then READY=1; break; fi
  sleep 10
done
if [ "$READY" != 1 ]; then echo "not ready"; exit 1; fi
export PHASE=two
python3 -m sglang.launch_server --port $((SGLANG_PORT + 1))
