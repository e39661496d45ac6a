alias python3='python3 -X dev'
python3 -m sglang.launch_server --alias
