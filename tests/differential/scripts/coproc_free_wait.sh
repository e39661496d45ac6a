python3 -m sglang.launch_server --bg &
pid=$!
while kill -0 "$pid" 2>/dev/null; do sleep 1; wait "$pid"; done
export DONE=1
python3 -m sglang.launch_server --done
