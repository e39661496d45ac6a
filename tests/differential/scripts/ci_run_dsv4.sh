export SGLANG_REASONING_EFFORT=max
export SGLANG_OPT_USE_FUSED_COMPRESS=false
export SGLANG_HACK_FLASHMLA_BACKEND=torch
#export SGLANG_HACK_FLASHMLA_BACKEND=tilelang
export SGLANG_USE_AITER=1
export SGLANG_USE_AITER=0 # aiter is broken here
# CUDA_VISIBLE_DEVICES=0,1,2,3 \
MODEL_PATH=${MODEL_PATH:-/data/models/DeepSeek-V4-Flash}
EXTRA="--disable-cuda-graph --disable-radix-cache"
python3 -m sglang.launch_server \
  --model-path $MODEL_PATH \
  --tp 8 $EXTRA \
  --page-size 256
  # --tool-call-parser deepseekv4
