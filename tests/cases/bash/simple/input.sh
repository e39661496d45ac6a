#!/bin/bash
export A=1 B="two words"  # a comment
# export C=3
MODEL=/models/x
python3 -m sglang.launch_server \
    --model-path "${MODEL}" \
    --tp 8 > server.log 2>&1 &
