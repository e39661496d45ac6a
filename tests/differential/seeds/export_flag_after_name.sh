export B=4 -p
python3 -m sglang.launch_server
