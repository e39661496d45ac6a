readonly A=1
A=2 2>/dev/null || true
python3 -m sglang.launch_server --a "$A"
