#!/usr/bin/env bash
set -euo pipefail
eval "$(dsv4-env export pro-fp4 -f bash || echo exit 1)"
export SGLANG_DP_USE_GATHERV=0
exec python3 -m sglang.launch_server --model-path M "${ARGS[@]}" --enable-metrics
