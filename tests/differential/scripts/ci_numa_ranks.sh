#!/bin/bash
# inputs: LOCAL_RANKS=2
set -o errexit -o nounset -o pipefail
NODE_OF=(0 0 1 1)
for rank in 0 1 2 3; do
  export LOCAL_RANK=$rank
  numactl --cpunodebind="${NODE_OF[$rank]}" --membind="${NODE_OF[rank]}" \
    python3 -m sglang.launch_server --base-gpu-id "$rank" --port "3000$rank"
done
