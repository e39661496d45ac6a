#!/usr/bin/env bash
source "${INFMAX_CONTAINER_WORKSPACE:-/workspace}/benchmarks/lib.sh"
CACHE=()
offloads && CACHE=(--enable-hierarchical-cache --hicache-size "$((TOTAL_CPU_DRAM_GB / TP))")
if [ "$CONC" -ge 16 ]; then
    export SGLANG_LARGE=1
fi
sglang serve --model-path "$MODEL" --tp $TP --max-running-requests $((2 * CONC)) "${CACHE[@]}" \
    --chat-template "${INFMAX_CONTAINER_WORKSPACE:-/workspace}/v4.jinja"
