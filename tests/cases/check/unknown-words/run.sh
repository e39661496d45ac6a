#!/bin/bash
source ./library.sh
export SGLANG_USE_AITER=1
python3 -m sglang.launch_server --model-path m --tp 8 $EXTRA_ARGS
