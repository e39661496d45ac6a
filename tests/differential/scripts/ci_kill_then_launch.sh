#!/bin/bash
pkill -f sglang || true
sleep 2
lsof -ti:30000 | xargs -r kill -9
rm -rf ./cache && mkdir -p cache
export TRITON_CACHE_DIR=$(pwd)/cache
ulimit -n 1024
python3 -m sglang.launch_server --port 30000
