set -euo pipefail

export SGLANG_DEFAULT_THINKING='1'
export SGLANG_DSV4_REASONING_EFFORT='max'
export SGLANG_OPT_DEEPGEMM_HC_PRENORM='false'
export SGLANG_USE_AITER='1'
export SGLANG_USE_ROCM700A='1'
export SGLANG_OPT_USE_FUSED_COMPRESS='true'
export SGLANG_OPT_USE_FUSED_COMPRESS_TRITON='true'
export SGLANG_HACK_FLASHMLA_BACKEND='triton'
export SGLANG_OPT_FP8_WO_A_GEMM='false'
export SGLANG_OPT_USE_JIT_INDEXER_METADATA='false'
export SGLANG_OPT_USE_TOPK_V2='false'
export SGLANG_OPT_USE_AITER_INDEXER='true'
export SGLANG_OPT_USE_TILELANG_INDEXER='false'
export SGLANG_OPT_USE_TILELANG_MHC_PRE='false'
export SGLANG_OPT_USE_TILELANG_MHC_POST='false'
export SGLANG_FP8_PAGED_MQA_LOGITS_TORCH='1'
export SGLANG_OPT_USE_MULTI_STREAM_OVERLAP='false'
export SGLANG_ROCM_USE_MULTI_STREAM='false'
export AITER_BF16_FP8_MOE_BOUND='0'
export SGLANG_DSV4_FP4_EXPERTS='true'

exec python3 -m sglang.launch_server \
    --model-path deepseek-ai/DeepSeek-V4-Pro \
    --trust-remote-code \
    --tp 8 \
    --disable-radix-cache \
    --attention-backend dsv4 \
    --max-running-requests 256 \
    --page-size 256 \
    --mem-fraction-static 0.90 \
    --swa-full-tokens-ratio 0.1 \
    --chunked-prefill-size 8192 \
    --disable-shared-experts-fusion \
    --tool-call-parser deepseekv4 \
    --reasoning-parser deepseek-v4 \
    "$@"
