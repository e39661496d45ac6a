#!/bin/bash
export SGLANG_USE_AITER=1
export SGLANG_TOPK=0 SGLANG_EMPTY= SGLANG_TEXT="two  words"
export 'SGLANG_QUOTED=a b'
export SGLANG_USE_AITER="0" # trailing comment
#export SGLANG_COMMENTED=1
PLAIN=not-exported
python3 -m sglang.launch_server --model-path /models/dsv4 --tp 8
