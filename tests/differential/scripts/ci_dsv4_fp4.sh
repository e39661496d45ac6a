#!/usr/bin/env bash
# inputs: MODEL=/models/DeepSeek-V4-Pro TP=8 CONC=64 PORT=8888 RESULT_FILENAME=r1
source lib/common.sh
check_env_vars MODEL TP CONC RESULT_FILENAME
if [[ -n "$SLURM_JOB_ID" ]]; then
  echo "JOB $SLURM_JOB_ID running on $SLURMD_NODENAME"
fi
hf download "$MODEL"
SERVER_LOG="$PWD/server.log"
PORT=${PORT:-8888}
export SGLANG_USE_AITER=1
export SGLANG_DSV4_FP4_EXPERTS=True
export ROCM_QUICK_REDUCE_QUANTIZATION=INT4
if [ "$CONC" -gt 32 ]; then
  MAX_RUNNING=$((CONC * 2))
else
  MAX_RUNNING=64
fi
set -x
python3 -m sglang.launch_server \
  --model-path "$MODEL" --host=0.0.0.0 --port "$PORT" \
  --tensor-parallel-size "$TP" --trust-remote-code \
  --max-running-requests $MAX_RUNNING --mem-fraction-static 0.9 > "$SERVER_LOG" 2>&1 &
SERVER_PID=$!
wait_for_server "$PORT"
pip install -q datasets
python3 -m sglang.bench_serving --port "$PORT" --output "$RESULT_FILENAME.json"
wait $SERVER_PID
kill $SERVER_PID 2>/dev/null || true
