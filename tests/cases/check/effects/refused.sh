#!/bin/bash
export SGLANG_USE_AITER=1
python3 -m sglang.launch_server --trust-remote-code --tp 8 --enable-prefill-cp \
  --attention-backend dsv4 --enable-two-batch-overlap --cuda-graph-max-bs-decode 64
