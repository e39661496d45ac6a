# inputs: TP=4 NODES=2
TOTAL=$((TP * NODES))
PORT=$((30000 + ${RANK:-0}))
if ((TP > 2)); then export BIG=1; fi
export HALF=$((TP / 2))
python3 -m sglang.launch_server --tp "$TOTAL" --port "$PORT"
