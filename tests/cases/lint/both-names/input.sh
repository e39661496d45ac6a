# sglang: 0.5.18
export SGLANG_REASONING_EFFORT=high SGLANG_DSV4_REASONING_EFFORT=max
export SGLANG_FORWARD_TIMEOUT_MS=1500
export SGLANG_DISABLE_TP_MEMORY_INBALANCE_CHECK=1
SGLANG_DSV4_FP4_EXPERTS=true python3 -m sglang.launch_server --model-path A \
    --enable-hierarchical-cache --disable-radix-cache --nsa-decode-backend tilelang
