#!/bin/bash
# order: any
set -u
MODEL=/models/dsv4
COMMON="--model-path $MODEL --trust-remote-code --disaggregation-ib-device mlx5_0"
launch() {
  local mode=$1 port=$2 gpus=$3
  shift 3
  HIP_VISIBLE_DEVICES=$gpus SGLANG_ROLE=$mode \
    nohup python3 -m sglang.launch_server $COMMON \
    --disaggregation-mode "$mode" --port "$port" "$@" \
    > "$mode.log" 2>&1 &
  PIDS+=($!)
}
PIDS=()
trap 'kill "${PIDS[@]}" 2>/dev/null' EXIT
launch prefill 30000 0,1,2,3 --tp 4
launch decode 30001 4,5,6,7 --tp 4 --dp 4
wait
