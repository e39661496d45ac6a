export A=1
B=2 exec python3 -m sglang.launch_server --exec "$@"
python3 -m sglang.launch_server --never
