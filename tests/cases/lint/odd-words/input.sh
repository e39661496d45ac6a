#!/bin/bash
# sglang: 0.5.23
# Pasted from a chat: quotes that are none, a file that nobody reads, a variable that stays here.
SGLANG_USE_AITER=1
python3 -m sglang.launch_server --model-path “M” --config=flash.yaml
