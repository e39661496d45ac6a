#!/bin/bash
# sglang: 0.5.23
export SGLANG_ENABLE_THINKING=1
export SGLANG_OPT_USE_FUSED_COMPRESS=true
export SGLANG_USE_AITERS=1
export SGLANG_FORCE_TRITON_MOE_FP8=1
export AITER_WHATEVER=1 HIP_VISIBLE_DEVICES=0
export SGLANG_USE_AITER=on
export HF_TOKEN=hf_abcdefgh
python3 -m sglang.launch_server --model-path $MODEL --tp 8 --attention-backend compressed \
    --max-running-request 256 --disable-c --no-such-flag 1 --page-size many \
    --disable-cuda-graph --tp-size 4
export SGLANG_DSV4_FP4_EXPERTS=true
