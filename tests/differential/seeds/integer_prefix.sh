declare -i B
B=2+3 python3 -m sglang.launch_server
