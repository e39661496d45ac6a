E=$(exit 3); F=$?
export F
python3 -m sglang.launch_server
