#!/bin/bash
# inputs: MTP=3
KV='{"kv_connector": "Moon", "kv_role": "both"}'
read -r -d '' SPEC <<EOF || true
{"num_steps": ${MTP:-1}, "algo": "EAGLE"}
EOF
CMD="python3 -m sglang.launch_server --kv-transfer-config '$KV'"
CMD="$CMD --spec '$SPEC'"
echo "$CMD"
eval "$CMD"
