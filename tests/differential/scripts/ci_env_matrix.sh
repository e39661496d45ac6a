#!/bin/bash
# inputs: VARIANT=b
declare -A FLAGS=(
  [a]="--tp 4"
  [b]="--tp 8 --dp 8"
)
declare -A ENVS=([a]="X=1" [b]="Y=2")
export "${ENVS[$VARIANT]}"
python3 -m sglang.launch_server ${FLAGS[$VARIANT]}
