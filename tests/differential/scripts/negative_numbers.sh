python3 -m sglang.launch_server --priority -1 --ratio -0.5 - -- --after
