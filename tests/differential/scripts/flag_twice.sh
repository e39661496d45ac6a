python3 -m sglang.launch_server --tp 8 --port 1 --tp 4 --port=2 --multi a b c
