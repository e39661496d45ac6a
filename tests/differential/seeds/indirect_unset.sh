python3 -m sglang.launch_server --first
python3 -m sglang.launch_server "${!P-}"
