# inputs: PORTS="1 2"
for p in $PORTS; do
  python3 -m sglang.launch_server --port "$p" --fixed yes
done
