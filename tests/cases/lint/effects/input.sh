#!/bin/bash
# sglang: 0.5.23
# On every hardware SGLang has a page size of its own, and EAGLE has one branch.
python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro --tp-size 8 --page-size 64
python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro --tp-size 8 \
  --speculative-algorithm EAGLE --speculative-num-steps 3 --speculative-eagle-topk 4 \
  --speculative-num-draft-tokens 4
