#!/bin/bash
# inputs: RUNNER_NAME=linux-mi35x-gpu-8.fabric
if [[ "$RUNNER_NAME" =~ mi3([0-9]+)x?.*gpu-([0-9]+) ]]; then
  export GPU_FAMILY="mi3${BASH_REMATCH[1]}"
  export GPU_COUNT="${BASH_REMATCH[2]}"
fi
HOSTNAME_PART="${RUNNER_NAME%%.*}"
export RUNNER_KIND="${HOSTNAME_PART#linux-}"
python3 -m sglang.launch_server --tp "${GPU_COUNT:-1}"
